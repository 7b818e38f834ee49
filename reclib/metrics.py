"""Metrics of rankings, vectorized over users; definitions follow trec_eval where it has them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd
import scipy.sparse as sp

from reclib.ranking import BLOCK_MB, Ranking, rank
from reclib.recommenders.base import IntArray, Recommender
from reclib.splits import Split

CUTOFFS = (5, 10, 20)
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Evaluation:
    """What the lists of one run are worth.

    Attributes
    ----------
    per_user : pandas.DataFrame
        One row a ranked user (index ``user``), one column a metric and cutoff: ``recall@10``.
    summary : dict of str to float
        Means over users, and the metrics of all lists together (``coverage@10``).
    top : numpy.ndarray
        int32 ``[n_users_ranked, k]``, the lists.
    """

    per_user: pd.DataFrame
    summary: dict[str, float]
    top: IntArray


def evaluate(
    recommender: Recommender,
    split: Split,
    cutoffs: Sequence[int] = CUTOFFS,
    block_mb: float = BLOCK_MB,
) -> Evaluation:
    """Rank every user once and measure the lists at each cutoff.

    Parameters
    ----------
    recommender : Recommender
        Fitted on the split.
    split : Split
    cutoffs : sequence of int
        Those above the size of the catalogue are left out.
    block_mb : float
        Most memory for a batch of users; see `rank`. What is kept grows with the number of users
        and the largest cutoff, not with the catalogue.
    """
    usable = sorted(k for k in cutoffs if k <= split.n_items) or [split.n_items]
    ranking = rank(recommender, split, k=usable[-1], block_mb=block_mb)
    relevant = split.relevant()[ranking.users]
    hits = hits_of(ranking.items, relevant)
    n_relevant = relevant.getnnz(axis=1)
    popularity = np.bincount(split.train["item"], minlength=split.n_items)
    values: dict[str, Floats] = {}
    for k in usable:
        found = at_cutoff(hits[:, :k], n_relevant, ranking.n_candidates)
        found["novelty"] = novelty(ranking.items[:, :k], popularity, split.n_users)
        values |= {f"{name}@{k}": column for name, column in found.items()}
    per_user = pd.DataFrame(values, index=pd.Index(ranking.users, name="user"))
    summary = {str(name): float(value) for name, value in per_user.mean().items()}
    summary |= {f"coverage@{k}": coverage(ranking, k, split.n_items) for k in usable}
    return Evaluation(per_user, summary, ranking.items)


def hits_of(items: IntArray, relevant: sp.csr_matrix) -> npt.NDArray[np.bool_]:
    """Return whether each place of each list holds something relevant, bool ``[n, k]``."""
    rows = np.repeat(np.arange(len(items)), items.shape[1])
    found = relevant[rows, np.maximum(items, 0).ravel()]
    return np.asarray(found, dtype=bool).reshape(items.shape) & (items >= 0)


def at_cutoff(
    hits: npt.NDArray[np.bool_],
    n_relevant: npt.NDArray[np.integer],
    n_candidates: npt.NDArray[np.integer] | None = None,
) -> dict[str, Floats]:
    """Return the metrics of lists that are cut off at k, one value a user.

    Parameters
    ----------
    hits : numpy.ndarray
        bool ``[n, k]``, whether each place holds something relevant.
    n_relevant : numpy.ndarray
        int ``[n]``, how much there was to find; at least 1.
    n_candidates : numpy.ndarray, optional
        int ``[n]``, how many items were ranked; any number of at least k by default.

    Returns
    -------
    dict of str to numpy.ndarray
        With r relevant items, c candidates and hits h_1 ... h_k:

        - ``precision``: ``sum h / min(k, c)``. A list cannot be longer than its candidates;
          with a full catalogue this is trec_eval's ``P_k``.
        - ``recall``: ``sum h / r``.
        - ``map``: ``sum_j h_j (h_1 + ... + h_j) / j``, over ``min(k, r)`` as in Dacrema et al.
          (2021) and RecBole, so that a perfect list scores 1. trec_eval's ``map_cut`` divides
          by r.
        - ``ndcg``: binary gains ``1 / log2(j + 1)`` over those of the ideal list.
        - ``mrr``: one over the place of the first hit, 0 without one.
        - ``hit``: 1 with at least one hit.

    Examples
    --------
    One user, the first and the third of three places hit, of four relevant items:

    >>> found = at_cutoff(np.array([[True, False, True]]), np.array([4]))
    >>> [round(float(found[name][0]), 3) for name in ("precision", "recall", "map", "ndcg")]
    [0.667, 0.5, 0.556, 0.704]
    """
    k = hits.shape[1]
    places = np.arange(1, k + 1)
    gains = 1 / np.log2(places + 1)
    length = k if n_candidates is None else np.minimum(k, n_candidates)
    reachable = np.minimum(k, n_relevant)
    n_hits = hits.sum(axis=1)
    return {
        "precision": n_hits / length,
        "recall": n_hits / n_relevant,
        "map": (hits * hits.cumsum(axis=1) / places).sum(axis=1) / reachable,
        "ndcg": hits @ gains / gains.cumsum()[reachable - 1],
        "mrr": np.where(n_hits > 0, 1 / (hits.argmax(axis=1) + 1), 0.0),
        "hit": (n_hits > 0).astype(float),
    }


def novelty(items: IntArray, popularity: npt.NDArray[np.integer], n_users: int) -> Floats:
    """Return the mean self-information of each list in bits, float64 ``[n]``.

    ``log2(n_users / interactions of the item)``: Zhou et al., "Solving the apparent
    diversity-accuracy dilemma of recommender systems", PNAS 2010. An item without interactions
    counts as one with one.
    """
    information = np.log2(n_users / np.maximum(popularity, 1))
    filled = items >= 0
    total = np.where(filled, information[np.maximum(items, 0)], 0.0).sum(axis=1)
    return np.asarray(total / np.maximum(filled.sum(axis=1), 1))


def coverage(ranking: Ranking, k: int, n_items: int) -> float:
    """Return the share of the catalogue that appears in the first k of anybody's list."""
    shown = np.unique(ranking.items[:, :k])
    return float((shown >= 0).sum() / n_items)
