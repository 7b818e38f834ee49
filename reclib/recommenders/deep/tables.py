"""Closed-form item-item weights without each fold of users, and with all."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain
from typing import NamedTuple

import numpy as np
import scipy.sparse as sp
import torch
from torch import Tensor

from reclib.memory import require
from reclib.recommenders import transitions
from reclib.recommenders.ease import ease, peak_bytes
from reclib.recommenders.transitions import gram, solve

EASE, TRANSITIONS = 0, 1
"""The kinds of weights, in the order of their tables."""


class Taken(NamedTuple):
    """The interactions with the covered items in the order of users and time, and the folds."""

    users: np.ndarray
    items: np.ndarray
    folds: np.ndarray
    n_items: int
    n_folds: int


def out_of_fold(
    taken: Taken, transition: float, transition_l2: float, options: dict[str, float]
) -> Tensor:
    """Return the tables below each other, each written in its place as soon as it is there.

    Parameters
    ----------
    taken : Taken
    transition, transition_l2 : float
        Decay and ridge of the linear transitions; 0 for none.
    options : dict
        Of `reclib.recommenders.ease.ease`.

    Returns
    -------
    Tensor
        float32 ``[n_kinds * (n_folds + 1) * n_items, n_items]``.

    Raises
    ------
    reclib.errors.DataError
        If they do not fit into memory; see `reclib.memory.limit`.
    """
    n_items, n_tables = taken.n_items, (taken.n_folds + 1) * (2 if transition else 1)
    solving = peak_bytes(len(taken.folds), n_items)
    if transition:
        solving = max(solving, transitions.PEAK_BYTES * n_items**2)
    require(
        4 * (n_tables + taken.n_folds) * n_items**2 + solving,
        f"the CF branch over {n_items:,} items in {taken.n_folds} folds",
        "Set cf_items or cf_folds lower, or leave 'cf' out of the branches.",
    )
    tables = torch.empty(n_tables * n_items, n_items)
    found = _ease_tables(taken, options)
    if transition:
        found = chain(found, _transition_tables(taken, transition, transition_l2))
    for part, table in zip(tables.split(n_items), found, strict=True):
        part.copy_(table)
    return tables


def _ease_tables(taken: Taken, options: dict[str, float]) -> Iterator[Tensor]:
    """Yield EASE without each fold and with all users."""
    ones = np.ones(len(taken.users), np.float32)
    shape = (len(taken.folds), taken.n_items)
    matrix = sp.csr_matrix((ones, (taken.users, taken.items)), shape=shape)
    for fold in range(taken.n_folds):
        yield torch.from_numpy(ease(matrix[np.flatnonzero(taken.folds != fold)], **options))
    yield torch.from_numpy(ease(matrix, **options))


def _transition_tables(taken: Taken, decay: float, l2: float) -> Iterator[Tensor]:
    """Yield the transitions without each fold and with all users."""
    fold_of = taken.folds[taken.users]
    parts = [fold_of == fold for fold in range(max(taken.n_folds, 1))]
    sums = [gram(taken.users[p], taken.items[p], taken.n_items, decay) for p in parts]
    past, after = (sum(each) for each in zip(*sums, strict=True))
    for one, other in sums[: taken.n_folds]:
        yield torch.from_numpy(solve(past - one, after - other, l2))
    yield torch.from_numpy(solve(past, after, l2))
