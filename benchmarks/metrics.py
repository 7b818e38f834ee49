"""What given lists are worth: our metrics, RecBole's evaluator and ranx on the same lists.

Six metrics at three cutoffs. RecBole's evaluator starts from the hits, which its collector finds
while it ranks, so ours is given them there, too. Beside ranx ours starts from item indices and
looks every item up; ranx is given its own objects, and once more what they are made from,
dictionaries. It compiles itself on its first call, which is a row of its own. Its MAP divides by
everything relevant, ours and RecBole's by what a list can hold: that metric is compared after ours
is divided so, too.
"""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from importlib.metadata import version
from typing import Any
from unittest import mock

import numpy as np
import numpy.typing as npt
import pandas as pd
import scipy.sparse as sp

from benchmarks.origin import BUILD, origin
from benchmarks.timing import Call, best_of
from reclib import recommenders
from reclib.metrics import CUTOFFS, at_cutoff, hits_of
from reclib.ranking import rank
from reclib.scaling import limited_threads
from reclib.splits import Split
from reclib.study import Study

METRICS = ("precision", "recall", "map", "ndcg", "mrr", "hit")
PEERS = {
    "recbole": "RecBole, given the hits",
    "ranx": "ranx, given its objects",
    "ranx dictionaries": "ranx, given dictionaries",
    "ranx first": "ranx, first call",
}

Values = dict[str, float]


@dataclass
class Lists:
    """The lists of many users and what is relevant to each.

    Attributes
    ----------
    items : numpy.ndarray
        int32 ``[n_users, k]``, best first.
    relevant : scipy.sparse.csr_matrix
        bool ``[n_users, n_items]``.
    """

    items: npt.NDArray[np.int32]
    relevant: sp.csr_matrix

    @classmethod
    def of(cls, split: Split) -> Lists:
        """Return the lists of item-based CF with its default settings."""
        ranking = rank(recommenders.build("item-knn").fit(split), split, max(CUTOFFS))
        return cls(ranking.items, split.relevant()[ranking.users])

    @cached_property
    def hits(self) -> npt.NDArray[np.bool_]:
        """Which places of the lists hold something relevant, bool ``[n_users, k]``."""
        return hits_of(self.items, self.relevant)

    def ours(self, hits: npt.NDArray[np.bool_] | None = None) -> Values:
        """Measure them with `reclib.metrics`, given the hits or not."""
        hits = hits_of(self.items, self.relevant) if hits is None else hits
        n_relevant = self.relevant.getnnz(axis=1)
        found = {k: at_cutoff(hits[:, :k], n_relevant) for k in CUTOFFS}
        return {
            f"{name}@{k}": float(values.mean())
            for k, metrics in found.items() for name, values in metrics.items()
        }  # fmt: skip

    def trec_map(self) -> Values:
        """Return our MAP with the denominator that trec_eval and ranx have."""
        n_relevant = self.relevant.getnnz(axis=1)
        return {
            f"map@{k}": float(
                (at_cutoff(self.hits[:, :k], n_relevant)["map"] * np.minimum(k, n_relevant)
                 / n_relevant).mean()
            )
            for k in CUTOFFS
        }  # fmt: skip

    @cached_property
    def recbole_input(self) -> Any:
        """What RecBole's collector would hand to its evaluator."""
        import torch
        from recbole.evaluator.collector import DataStruct

        columns = np.column_stack([self.hits, self.relevant.getnnz(axis=1)])
        struct = DataStruct()
        struct.set("rec.topk", torch.from_numpy(columns.astype(int)))
        return struct

    @cached_property
    def dictionaries(self) -> tuple[dict[str, dict[str, int]], dict[str, dict[str, float]]]:
        """What is relevant, and the lists with falling scores, in the form of ranx."""
        relevant, lists = {}, {}
        for row, items in enumerate(self.items):
            relevant[str(row)] = {str(i): 1 for i in self.relevant[row].indices}
            lists[str(row)] = {str(i): float(-place) for place, i in enumerate(items) if i >= 0}
        return relevant, lists


def compare_all(dataset: str, threads: int, *, repeats: int = 5) -> pd.DataFrame:
    """Measure all and write a row for each peer to ``build/benchmarks``."""
    study = Study.open(dataset, build_dir=str(BUILD))
    path = BUILD / "benchmarks" / f"metrics.{study.dataset.name}.csv"
    path.parent.mkdir(parents=True, exist_ok=True)
    with limited_threads(threads):
        rows = compare(Lists.of(study.split("holdout")), threads, repeats)
    table = pd.DataFrame([row | {"threads": threads} | origin() for row in rows])
    table.to_csv(path, index=False)
    return table


def compare(
    lists: Lists, threads: int, repeats: int, *, afresh: bool = True
) -> list[dict[str, Any]]:
    """Return one row for each peer: seconds of both, their ratio and how far values differ.

    Unless ``afresh``, what numba compiled at some other time may be used in the first call, too.
    """
    with _prepared(afresh):
        calls = _calls(lists, threads)
        first, _ = best_of(1, {"ranx": calls["ranx"]})
        seconds, results = best_of(repeats, calls)
    seconds["ranx first"], results["ranx first"] = first["ranx"], results["ranx"]
    return [_row(lists, peer, seconds, results) for peer in PEERS]


def _calls(lists: Lists, threads: int) -> dict[str, Call]:
    from ranx import Qrels, Run, evaluate

    names, (relevant, given) = _ranx_names(), lists.dictionaries
    objects = Qrels(relevant), Run(given)

    def ranx(qrels: Any, run: Any) -> Values:
        found = evaluate(qrels, run, list(names), threads=threads, save_results_in_run=False)
        return {names[name]: float(value) for name, value in found.items()}

    evaluator, struct = _recbole(), lists.recbole_input
    return {
        "ours": lists.ours,
        "ours, given the hits": lambda: lists.ours(lists.hits),
        "recbole": lambda: evaluator.evaluate(struct),
        "ranx": lambda: ranx(*objects),
        "ranx dictionaries": lambda: ranx(Qrels(relevant), Run(given)),
    }


def _row(
    lists: Lists, peer: str, seconds: dict[str, float], results: dict[str, Values]
) -> dict[str, Any]:
    ours = results["ours"] | (lists.trec_map() if peer.startswith("ranx") else {})
    theirs = results[peer]
    spent = seconds["ours, given the hits" if peer == "recbole" else "ours"]
    return {
        "peer": PEERS[peer], "release": version(peer.split()[0]), "users": len(lists.items),
        "seconds": round(spent, 5), "peer seconds": round(seconds[peer], 5),
        "ratio": round(seconds[peer] / spent, 1),
        "values": len(ours), "largest difference": max(abs(ours[n] - theirs[n]) for n in ours),
    }  # fmt: skip


def _ranx_names() -> dict[str, str]:
    """Return our name of each metric and cutoff by ranx's."""
    renamed = {"hit": "hit_rate"}
    return {f"{renamed.get(n, n)}@{k}": f"{n}@{k}" for n in METRICS for k in CUTOFFS}


def _recbole() -> Any:
    """Return RecBole's evaluator of the same metrics, which rounds late."""
    from recbole.evaluator import Evaluator  # once its bridge has mended what it imports

    options = {"topk": list(CUTOFFS), "metrics": list(METRICS), "metric_decimal_place": 12}
    return Evaluator(options)


@contextlib.contextmanager
def _prepared(afresh: bool) -> Iterator[None]:
    """Let numba find no compiled code, and RecBole the ``float`` that NumPy gave up."""
    with tempfile.TemporaryDirectory() as folder:
        place = {"NUMBA_CACHE_DIR": folder} if afresh else {}
        with (
            mock.patch.dict(os.environ, place),
            mock.patch.object(np, "float", float, create=True),
        ):
            yield
