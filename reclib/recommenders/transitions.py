"""Linear transitions: what comes next as a weighted sum of what came before, in closed form."""

from __future__ import annotations

import math
from typing import Self

import numpy as np
import numpy.typing as npt
import pandas as pd
import scipy.sparse as sp
import torch

from reclib.errors import DataError
from reclib.memory import require
from reclib.recommenders.base import FloatArray, IntArray, Recommender
from reclib.splits import Split

Floats = npt.NDArray[np.float32]
Integers = npt.NDArray[np.integer]
SMALLEST = 0.05
"""A past interaction that weighs less is left out of the equations."""
PEAK_BYTES = 24
"""Of each pair of items while the transitions are solved: six matrices in single precision."""
CHUNK = 50_000
FEW = 0.05
"""Share of all pairs of items below which those that follow each other are few."""


class Transitions(Recommender):
    """Scores items by the linear map from a decayed history to its next item.

    The transition part of Choi et al., "Session-aware linear item-item models for session-based
    recommendation", WWW 2021, with the next item alone as the future.

    Parameters
    ----------
    decay : float
        What is left of an interaction's weight after each later one, in (0, 1).
    reg_weight : float
        The ridge.
    """

    def __init__(self, decay: float = 0.9, reg_weight: float = 500.0) -> None:
        self.decay, self.reg_weight = decay, reg_weight

    def fit(self, split: Split) -> Self:
        """Solve for the weights, and keep the decayed histories.

        Raises
        ------
        reclib.errors.DataError
            If the weights do not fit into memory; see `reclib.memory.limit`.
        """
        frame, self.n_items = split.train, split.n_items
        require(
            PEAK_BYTES * self.n_items**2,
            f"the matrix of transitions between {self.n_items:,} items",
            "Choose 'rnn', which learns what follows what without a matrix of all pairs, or leave "
            "rare items out (min_item).",
        )
        sums = gram(*_columns(frame), self.n_items, self.decay)
        self.weights = solve(*sums, self.reg_weight)
        users, items = _columns(split.history)
        last = np.flatnonzero(np.diff(users, append=-1))
        self.row = np.full(split.n_users, len(last))
        self.row[users[last]] = np.arange(len(last))
        known = decayed(items, starts_of(users), last, self.decay, self.n_items)
        self.histories = sp.vstack([known, sp.csr_matrix((1, self.n_items), dtype=np.float32)])
        return self

    def scores(self, users: IntArray) -> FloatArray:
        """Return float32 scores ``[len(users), n_items]``; 0 where there is no history."""
        found: FloatArray = self.histories.tocsr()[self.row[users]] @ self.weights
        return found


def _columns(frame: pd.DataFrame) -> tuple[Integers, Integers]:
    return frame["user"].to_numpy(), frame["item"].to_numpy()


def gram(
    users: Integers, items: Integers, n_items: int, decay: float
) -> tuple[Floats, sp.csr_matrix]:
    """Return the two sums that the weights are solved from.

    Parameters
    ----------
    users, items : numpy.ndarray of int
        Interactions in the order of users and time.
    n_items : int
    decay : float
        In (0, 1).

    Returns
    -------
    tuple of numpy.ndarray and scipy.sparse.csr_matrix
        ``A'A`` and ``A'T``, float32 ``[n_items, n_items]``: a row of A is the decayed history up
        to one interaction, the same row of T the item that follows it.
    """
    followed, starts = np.flatnonzero(users[1:] == users[:-1]), starts_of(users)
    total = np.zeros((n_items, n_items), np.float32)
    cross = sp.csr_matrix((n_items, n_items), dtype=np.float32)
    for rows in np.array_split(followed, max(1, math.ceil(len(followed) / CHUNK))):
        past = decayed(items, starts, rows, decay, n_items)
        place = (np.arange(len(rows)), items[rows + 1])
        after = sp.csr_matrix((np.ones(len(rows), np.float32), place), (len(rows), n_items))
        total += (past.T @ past).toarray()
        cross += past.T @ after
    return total, cross


def solve(total: Floats, cross: sp.csr_matrix, l2: float) -> Floats:
    """Return the weights ``(A'A + l2 I)^-1 A'T``, float32 ``[n_items, n_items]``."""
    matrix = torch.from_numpy(total).clone()
    matrix.diagonal().add_(l2)
    root = torch.linalg.cholesky(matrix)
    if cross.nnz < FEW * total.size:  # then a sparse product costs less than solving
        return np.ascontiguousarray((cross.T @ torch.cholesky_inverse(root).numpy()).T)
    found: Floats = torch.cholesky_solve(torch.from_numpy(cross.toarray()), root).numpy()
    return found


def starts_of(users: Integers) -> Integers:
    """Return where the history of each interaction's user begins, int64 ``[n_interactions]``."""
    first = np.diff(users, prepend=-1) != 0
    return np.maximum.accumulate(np.where(first, np.arange(len(users)), 0))


def decayed(
    items: Integers, starts: Integers, rows: Integers, decay: float, n_items: int
) -> sp.csr_matrix:
    """Return the decayed histories up to and with some interactions, ``[len(rows), n_items]``.

    Raises
    ------
    reclib.errors.DataError
        For a decay outside (0, 1).
    """
    if not 0 < decay < 1:
        raise DataError(f"the decay {decay:g} is not between 0 and 1", "Choose one between.")
    ages = np.arange(1 + math.floor(math.log(SMALLEST) / math.log(decay)))
    place = rows[:, None] - ages
    inside = place >= starts[rows, None]
    weights = np.broadcast_to((decay**ages).astype(np.float32), place.shape)[inside]
    ends = np.concatenate([[0], np.cumsum(inside.sum(1))])
    return sp.csr_matrix((weights, items[place[inside]], ends), shape=(len(rows), n_items))
