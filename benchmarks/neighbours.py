"""Item-based CF from interactions in memory to everybody's list: ours, RecBole's, implicit's.

Plain cosine over binary interactions, the same number of neighbours, one split (``holdout``),
what a user has had left out of the list. All three are given their data ready-made, as a matrix
or as RecBole's dataset, so that no files are timed. RecBole ranks within its evaluation, and is
compared with ours; it may rank as many users at a time as we do. implicit lets the neighbours of
the history's items vote, where the others ask each candidate for its own neighbours: it is timed
as it comes, and once more with its matrix turned, which is the same model.
"""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from functools import cached_property
from importlib.metadata import version
from pathlib import Path
from typing import Any

import implicit.nearest_neighbours as peers
import numpy as np
import numpy.typing as npt
import pandas as pd
import scipy.sparse as sp

from benchmarks.origin import BUILD, origin
from benchmarks.timing import Call, best_of
from reclib import recommenders
from reclib.metrics import at_cutoff, evaluate, hits_of
from reclib.ranking import rank, top_k
from reclib.recommenders import recbole_bridge as bridge
from reclib.recommenders.neighbours import ItemKNN
from reclib.scaling import limited_threads
from reclib.splits import Split
from reclib.study import Study

PLAIN = {"similarity": "cosine", "weighting": "none", "shrink": 0.0, "locality": 1.0}
CUTOFFS = (10, 100)
USERS_AT_ONCE = 512
PEERS = {"recbole": "RecBole", "implicit": "implicit", "turned": "implicit, turned"}

IntArray = npt.NDArray[np.int32]


def compare_all(
    dataset: str, threads: int, *, neighbours: int = 100, repeats: int = 3
) -> pd.DataFrame:
    """Measure all three and write a row for each peer and cutoff to ``build/benchmarks``."""
    study = Study.open(dataset, build_dir=str(BUILD))
    path = BUILD / "benchmarks" / f"neighbours.{study.dataset.name}.csv"
    path.parent.mkdir(parents=True, exist_ok=True)
    with limited_threads(threads):
        rows = compare(study.split("holdout"), neighbours, threads, repeats)
    table = pd.DataFrame([row | {"threads": threads} | origin() for row in rows])
    table.to_csv(path, index=False)
    return table


def compare(split: Split, neighbours: int, threads: int, repeats: int) -> list[dict[str, Any]]:
    """Return one row for each peer and cutoff: seconds of both, their ratio, and what agrees."""
    neighbours = min(neighbours, split.n_items - 1)
    ours = _fitted(split, neighbours)
    theirs = Implicit(split, neighbours, threads)
    cutoffs = [k for k in CUTOFFS if k < split.n_items]
    recbole = RecBoleKNN(split, neighbours, cutoffs)
    calls: dict[str, Call] = {
        "ours fit": lambda: ItemKNN(ours.prepared.config, ours.prepared.train_data.dataset),
        "recbole fit": recbole.fit,
        "implicit fit": theirs.fit,
        "turned fit": lambda: theirs.fit(turned=True),
    }
    for k in cutoffs:
        calls |= {
            f"ours rank {k}": lambda k=k: rank(ours, split, k, USERS_AT_ONCE).items,
            f"ours evaluate {k}": lambda k=k: evaluate(ours, split, (k,)).top,
            f"recbole rank {k}": lambda k=k: recbole.evaluate(k),
            f"implicit rank {k}": lambda k=k: theirs.recommend(k),
            f"turned rank {k}": lambda k=k: theirs.recommend(k, turned=True),
        }
    seconds, results = best_of(repeats, calls)
    for k in cutoffs:
        results[f"recbole rank {k}"] = recbole.lists(k)
    return [_row(split, peer, k, seconds, results) for peer in PEERS for k in cutoffs]


def _fitted(split: Split, neighbours: int) -> Any:
    return recommenders.build("item-knn", PLAIN | {"n_neighbours": neighbours}).fit(split)


def _row(
    split: Split, peer: str, k: int, seconds: dict[str, float], results: dict[str, Any]
) -> dict[str, Any]:
    mine = f"ours {'evaluate' if peer == 'recbole' else 'rank'} {k}"
    ours = seconds["ours fit"], seconds[mine]
    theirs = seconds[f"{peer} fit"], seconds[f"{peer} rank {k}"]
    lists = results[f"ours rank {k}"], results[f"{peer} rank {k}"]
    values = [_ndcg(split, items) for items in lists]
    library = peer if peer == "recbole" else "implicit"
    return {
        "peer": PEERS[peer], "release": version(library), "k": k,
        "fit seconds": round(ours[0], 4), "rank seconds": round(ours[1], 4),
        "peer fit seconds": round(theirs[0], 4), "peer rank seconds": round(theirs[1], 4),
        "ratio": round(sum(theirs) / sum(ours), 2),
        "overlap": round(overlap(*lists), 4),
        "ndcg": round(values[0], 4), "peer ndcg": round(values[1], 4),
    }  # fmt: skip


def overlap(one: IntArray, other: IntArray) -> float:
    """Return the mean share of a list's items that the other list has, too."""
    shared = [len(np.intersect1d(a[a >= 0], b[b >= 0])) for a, b in zip(one, other, strict=True)]
    return float(np.mean(shared / np.maximum((one >= 0).sum(axis=1), 1)))


def _ndcg(split: Split, items: IntArray) -> float:
    relevant = split.relevant()[split.users()]
    return float(at_cutoff(hits_of(items, relevant), relevant.getnnz(axis=1))["ndcg"].mean())


@dataclass
class Implicit:
    """implicit's item-based CF; one neighbour more, since an item is the first of its own."""

    split: Split
    neighbours: int
    threads: int

    @cached_property
    def _matrices(self) -> tuple[sp.csr_matrix, sp.csr_matrix]:
        train, history = (self.split.matrix(part) for part in ("train", "history"))
        return train.astype(np.float64), history[self.split.users()].astype(np.float64)

    def fit(self, *, turned: bool = False) -> None:
        """Find the neighbours of every item; turned, they are asked by the candidate."""
        model = peers.CosineRecommender(self.neighbours + 1, num_threads=self.threads)
        model.fit(self._matrices[0], show_progress=False)
        if turned:
            model.similarity = model.similarity.T.tocsr()
            model.scorer = peers.NearestNeighboursScorer(model.similarity)
        setattr(self, "turned" if turned else "plain", model)

    def recommend(self, k: int, *, turned: bool = False) -> IntArray:
        """Return everybody's list."""
        model = self.turned if turned else self.plain
        found, _ = model.recommend(self.split.users(), self._matrices[1], N=k)
        return np.asarray(found, dtype=np.int32)


class RecBoleKNN:
    """RecBole's ItemKNN with its trainer's full-sort evaluation."""

    def __init__(self, split: Split, neighbours: int, cutoffs: list[int]) -> None:
        from recbole.model.general_recommender import ItemKNN as TheirKNN

        self.split, self.kind = split, TheirKNN
        with tempfile.TemporaryDirectory() as folder, bridge.quiet():
            bridge.write_benchmark(split, Path(folder) / bridge.NAME)
            options = bridge.options_for(split, folder, self._options(neighbours), split.seed, 0)
            self.config = bridge.Config(model="ItemKNN", dataset=bridge.NAME, config_dict=options)
            self.dataset = bridge.create_dataset(self.config)
            self.train, _, self.test = bridge.data_preparation(self.config, self.dataset)
        self.fit()
        self.trainers = {k: self._trainer(k) for k in cutoffs}

    def _options(self, neighbours: int) -> dict[str, Any]:
        return {
            "k": neighbours, "shrink": 0.0, "topk": [10], "valid_metric": "NDCG@10",
            "eval_batch_size": USERS_AT_ONCE * (self.split.n_items + 1),
            "metrics": ["Precision", "Recall", "MAP", "NDCG", "MRR", "Hit"],
        }  # fmt: skip

    def fit(self) -> None:
        """Compare all items and predict every score, which RecBole does when it builds a model."""
        self.model = self.kind(self.config, self.train.dataset)

    def _trainer(self, k: int) -> Any:
        self.config["topk"] = [k]
        prepared = bridge.Prepared(self.config, self.train, self.model, *(np.empty(0, int),) * 2)
        trainer = bridge.open_trainer(prepared)
        trainer.eval_collector.data_collect(self.train)
        return trainer

    def evaluate(self, k: int) -> Any:
        """Rank all users and measure their lists."""
        self.trainers[k].model = self.model
        return self.trainers[k].evaluate(self.test, load_best_model=False)

    def lists(self, k: int) -> IntArray:
        """Return everybody's list in our indices."""
        users = self.split.users()
        rows = bridge.index_of(self.dataset, "user_id", self.split.n_users)[users]
        columns = bridge.index_of(self.dataset, "item_id", self.split.n_items)
        scores = self.model.pred_mat.tocsr()[rows].toarray()[:, columns]
        return top_k(np.where(self.split.candidates(users), scores, -np.inf), k)
