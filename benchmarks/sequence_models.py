"""Our sequence models and RecBole's: quality at equal data, and time to get there.

Both learn from the same split (``leave-last-out``), stop early on the same valid part, and are
ranked by the same evaluator. Ours is timed first; RecBole's model may then train for ``ratio``
times as long, and is taken at the best epoch of that time. Nothing comes from the ledger: both
times are of this run.
"""

from __future__ import annotations

from typing import Any

import pandas as pd

from benchmarks.origin import BUILD, origin
from reclib import statistics
from reclib.experiment import Measured, measure_run
from reclib.progress import track
from reclib.scaling import limited_threads
from reclib.study import Study

PAIRS = {"rnn": "gru4rec", "attention": "sasrec"}
METRIC = "ndcg@10"


def compare_all(dataset: str, ratio: float, threads: int) -> pd.DataFrame:
    """Compare every pair; each row is written to ``build/benchmarks`` as soon as it is there."""
    study = Study.open(dataset, build_dir=str(BUILD))
    path = BUILD / "benchmarks" / f"sequence_models.{study.dataset.name}.csv"
    path.parent.mkdir(parents=True, exist_ok=True)
    rows: list[dict[str, Any]] = []
    with limited_threads(threads):
        for ours, theirs in track(PAIRS.items(), total=len(PAIRS), label="benchmark"):
            rows.append(compare(study, ours, theirs, ratio) | {"threads": threads} | origin())
            pd.DataFrame(rows).to_csv(path, index=False)
    return pd.DataFrame(rows)


def compare(study: Study, ours: str, theirs: str, ratio: float) -> dict[str, Any]:
    """Train ours, give theirs ``ratio`` times as long, and test the difference over users."""
    mine = _measure(study, ours, study.settings(ours, "leave-last-out"))
    budget = ratio * mine.fit_seconds
    peer = _measure(study, theirs, {"budget_seconds": budget})
    pair = pd.concat([each.evaluation.per_user[METRIC] for each in (mine, peer)], axis=1)
    tested = statistics.compare(*pair.to_numpy().T, seed=study.seed)
    curve = peer.recommender.curve
    return {
        "ours": ours,
        "peer": theirs,
        METRIC: round(mine.evaluation.summary[METRIC], 4),
        f"peer {METRIC}": round(peer.evaluation.summary[METRIC], 4),
        "verdict": tested.verb,
        "p": round(tested.p, 4),
        "seconds": round(mine.fit_seconds, 3),
        "peer seconds": round(peer.fit_seconds, 3),
        "peer epochs": 0 if curve is None else len(curve),
        "time ratio": round(peer.fit_seconds / mine.fit_seconds, 1),
    }


def _measure(study: Study, name: str, settings: dict[str, Any]) -> Measured:
    return measure_run(name, study.split("leave-last-out"), settings=settings, seed=study.seed)
