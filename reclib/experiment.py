"""One run: fit, rank, measure, and write it to the ledger."""

from __future__ import annotations

import hashlib
import json
import platform
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pandas as pd

from reclib import provenance, recommenders
from reclib.ledger import Ledger, Run
from reclib.meter import Meter
from reclib.metrics import CUTOFFS, Evaluation, evaluate
from reclib.recommenders import pictures
from reclib.recommenders.base import Recommender
from reclib.splits import Split

EVALUATOR = ("splits/*.py", "ranking.py", "metrics.py")


@dataclass(frozen=True)
class Measured:
    """What one fit and one evaluation cost and brought; see `Meter` for the units."""

    recommender: Recommender
    evaluation: Evaluation
    fit_seconds: float
    rank_seconds: float
    peak_memory_mb: float

    @property
    def summary(self) -> dict[str, float]:
        """Means of all metrics."""
        return self.evaluation.summary


def measure_run(
    name: str,
    split: Split,
    *,
    settings: Mapping[str, Any] | None = None,
    seed: int = 2026,
    cutoffs: Sequence[int] = CUTOFFS,
) -> Measured:
    """Fit and evaluate a recommender on a split, and measure both."""
    recommender = recommenders.build(name, settings, seed=seed)
    with Meter() as fitting:
        recommender.fit(split)
    with Meter() as ranking:
        evaluation = evaluate(recommender, split, cutoffs)
    memory = max(fitting.peak_memory_mb, ranking.peak_memory_mb)
    return Measured(recommender, evaluation, fitting.seconds, ranking.seconds, memory)


def run(name: str, split: Split, *, ledger: Ledger, **options: Any) -> Run:
    """Make one run, or fetch it from the ledger; for the options see `run_with_twins`."""
    return run_with_twins(name, split, ledger=ledger, **options)[0]


def run_with_twins(
    name: str,
    split: Split,
    *,
    ledger: Ledger,
    settings: Mapping[str, Any] | None = None,
    seed: int = 2026,
    kind: str = "run",
    cutoffs: Sequence[int] = CUTOFFS,
    twins: Sequence[Split] = (),
) -> list[Run]:
    """Return the run from the ledger if nothing that it depends on has changed; else make it.

    Parameters
    ----------
    name : str
        A name in ``recommenders.CATALOGUE``.
    split : Split
        At the stage that is measured.
    ledger : Ledger
    settings : mapping, optional
        Deviations from the recommender's defaults.
    seed : int
    kind : {"run", "trial"}
        A trial belongs to a search for settings.
    cutoffs : sequence of int
    twins : sequence of Split
        Splits into the same parts under another protocol: what was fitted once is ranked under
        each.

    Returns
    -------
    list of Run
        Of the split, then of its twins.
    """
    splits = [split, *twins]
    origins = [origin_of(name, each, settings or {}, seed, cutoffs) for each in splits]
    for origin in origins[1:]:
        origin["fitted_under"] = split.protocol
    keys = [key_of(origin) for origin in origins]
    known = [run for run in map(ledger.find, keys) if run is not None]
    if len(known) == len(keys):
        return known
    done = measure_run(name, split, settings=settings, seed=seed, cutoffs=cutoffs)
    measured = [done.evaluation, *(evaluate(done.recommender, twin, cutoffs) for twin in twins)]
    curve = done.recommender.curve
    return [
        ledger.add(
            {"key": key, "kind": kind, **origin, **_row(done, evaluation)},
            per_user=evaluation.per_user, top=evaluation.top, curve=curve,
            gate=gate_of(done.recommender, evaluation.per_user.index),
        )
        for key, origin, evaluation in zip(keys, origins, measured, strict=True)
    ]  # fmt: skip


def gate_of(recommender: Recommender, users: pd.Index) -> pd.DataFrame | None:
    """Return the shares of a recommender's branches, None if it has no gate or nothing to weigh.

    Returns
    -------
    pandas.DataFrame
        float32; index ``user``, a column a branch, summing to 1.
    """
    shares = getattr(recommender, "gate", None)
    found: pd.DataFrame | None = None if shares is None else shares(users.to_numpy(np.int32))
    return None if found is None or found.shape[1] < 2 else found


def key_of(origin: Mapping[str, Any]) -> str:
    """Return the name of a run: a hash of everything that it depends on."""
    return hashlib.sha256(json.dumps(origin, sort_keys=True).encode()).hexdigest()[:16]


def _row(done: Measured, evaluation: Evaluation) -> dict[str, Any]:
    return {
        **{metric: round(value, 6) for metric, value in evaluation.summary.items()},
        "n_users": len(evaluation.per_user),
        "found": dict(done.recommender.found),
        "fit_seconds": round(done.fit_seconds, 3),
        "rank_seconds": round(done.rank_seconds, 3),
        "peak_memory_mb": round(done.peak_memory_mb, 1),
        "device": done.recommender.device,
        "machine": platform.machine(),
        "commit": provenance.commit(),
        "finished": datetime.now(UTC).isoformat(timespec="seconds"),
    }


def origin_of(
    name: str, split: Split, settings: Mapping[str, Any], seed: int, cutoffs: Sequence[int]
) -> dict[str, Any]:
    """Return everything that a run's result depends on, and that its key is made from."""
    entry = recommenders.CATALOGUE[name]
    chosen = dict(entry.defaults) | dict(settings)
    return {
        "dataset": split.dataset.name,
        "dataset_checksum": split.dataset.checksum,
        "protocol": split.protocol,
        "fold": split.fold,
        "stage": split.stage,
        "split_checksum": split.checksum,
        "recommender": name,
        "settings": chosen,
        "seed": seed if entry.seeded else split.seed,
        "cutoffs": list(cutoffs),
        "code": provenance.fingerprint(*EVALUATOR, *entry.modules),
        "versions": provenance.versions(*entry.libraries),
        **pictures.origin(split, chosen),
    }
