"""Top-k lists for all ranked users, a batch of users at a time."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch

from reclib.errors import DataError
from reclib.memory import rows_at_once
from reclib.recommenders.base import IntArray, Recommender
from reclib.splits import Split

USERS_AT_ONCE = 512
BLOCK_MB = 1000.0
CELL_BYTES = 32
"""Of a user and item at the peak of `rank`: the score and its copies, the candidates, the order."""
SMALL = 64
"""A list so many times shorter than the catalogue is found by PyTorch in a third of the time."""


@dataclass(frozen=True)
class Ranking:
    """The first k items for each user.

    Attributes
    ----------
    users : numpy.ndarray
        int32 ``[n]``.
    items : numpy.ndarray
        int32 ``[n, k]``, best first; -1 where there are fewer candidates.
    n_candidates : numpy.ndarray
        int64 ``[n]``, how many items were ranked for each user.
    """

    users: IntArray
    items: IntArray
    n_candidates: npt.NDArray[np.int64]


def rank(
    recommender: Recommender,
    split: Split,
    k: int = 20,
    batch_size: int = USERS_AT_ONCE,
    block_mb: float = BLOCK_MB,
) -> Ranking:
    """Rank the candidates of every user, as many users at a time as fit into a block.

    Parameters
    ----------
    recommender : Recommender
        Fitted on the split.
    split : Split
        Gives the users and the candidates of each.
    k : int
        Length of the lists.
    batch_size : int
        Most users scored at a time.
    block_mb : float
        Most memory, in MB (10**6 bytes), that the scores of a batch of users and what is done to
        them may take; a single user's takes 32 bytes an item. What the recommender takes to come
        to its scores is not counted.

    Raises
    ------
    reclib.errors.DataError
        If ``k`` is larger than the catalogue, or a score is not a number.
    """
    check_cutoff(k, split.n_items)
    users = split.users()
    items = np.empty((len(users), k), dtype=np.int32)
    n_candidates = np.empty(len(users), dtype=np.int64)
    at_once = users_at_once(split.n_items, batch_size, block_mb)
    for start in range(0, len(users), at_once):
        rows = slice(start, start + at_once)
        allowed = split.candidates(users[rows])
        scores = recommender.scores(users[rows])
        if np.isnan(scores).any():
            name = type(recommender).__name__
            raise DataError(f"{name} gave scores that are not numbers", "Check its settings.")
        items[rows] = top_k(np.where(allowed, scores, -np.inf), k)
        n_candidates[rows] = allowed.sum(axis=1)
    return Ranking(users, items, n_candidates)


def users_at_once(n_items: int, most: int = USERS_AT_ONCE, block_mb: float = BLOCK_MB) -> int:
    """Return how many users are ranked together over a catalogue of some size."""
    return rows_at_once(CELL_BYTES * n_items, block_mb, most)


def check_cutoff(k: int, n_items: int) -> None:
    """Refuse a cutoff that no list can reach.

    Raises
    ------
    reclib.errors.DataError
        If ``k`` is not between 1 and ``n_items``.
    """
    if not 1 <= k <= n_items:
        raise DataError(
            f"the cutoff k = {k} does not fit a catalogue of {n_items} items",
            f"Choose k from 1 to {n_items}.",
        )


def top_k(scores: npt.NDArray[np.floating], k: int) -> IntArray:
    """Return the k best columns of each row, best first, int32 ``[n, k]``.

    Of equal scores the lower index ranks first, so that a list does not depend on the machine.
    Columns with a score of ``-inf`` are never taken; -1 stands in their place.
    """
    threshold = _kth_best(scores, k)
    chosen = scores >= threshold
    tied = np.flatnonzero(np.count_nonzero(chosen, axis=1) > k)
    above, equal = scores[tied] > threshold[tied], scores[tied] == threshold[tied]
    room = k - above.sum(axis=1, keepdims=True)
    chosen[tied] = above | (equal & (equal.cumsum(axis=1, dtype=np.int32) <= room))
    items = np.flatnonzero(chosen).reshape(len(scores), k) % scores.shape[1]
    found = np.take_along_axis(scores, items, axis=1)
    order = np.argsort(-found, axis=1, kind="stable")
    items = np.take_along_axis(np.where(np.isneginf(found), -1, items), order, axis=1)
    return items.astype(np.int32)


def _kth_best(scores: npt.NDArray[np.floating], k: int) -> npt.NDArray[np.floating]:
    """Return the k-th largest of each row ``[n, 1]``; what is no number counts as the smallest."""
    if SMALL * k <= scores.shape[1] and not np.isnan(scores).any():  # for PyTorch it is the largest
        best = torch.topk(torch.from_numpy(scores), k, dim=1, sorted=False).values
        return np.asarray(best.amin(dim=1, keepdim=True).numpy())
    negated = -scores
    negated.partition(k - 1, axis=1)
    return -negated[:, k - 1 : k]
