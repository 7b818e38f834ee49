"""The closed-form branch, against loops over histories."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import scipy.sparse as sp
import torch
from networks import histories_of
from torch import Tensor

from reclib.recommenders.deep.cf import CFWeights
from reclib.recommenders.deep.sequences import Histories
from reclib.recommenders.ease import ease
from reclib.recommenders.transitions import gram, solve


def taken(n_users: int = 12, n_items: int = 9, seed: int = 0) -> sp.csr_matrix:
    return sp.csr_matrix((np.random.default_rng(seed).random((n_users, n_items)) < 0.5), dtype="f4")


def weights(matrix: sp.csr_matrix, **changes: Any) -> CFWeights:
    options: dict[str, Any] = {
        "l2": 2.0, "n_folds": 3, "max_items": 99, "decays": (0.5, 1.0), "seed": 1,
        "transition": 0.7, "transition_l2": 3.0,
    }  # fmt: skip
    return CFWeights(histories_of(matrix), **options | changes)


def transitions_of(matrix: sp.csr_matrix, users: np.ndarray | None = None) -> Tensor:
    """Return the transitions of some users, or of all, as `weights` asks for them."""
    histories = histories_of(matrix)
    owner = np.repeat(np.arange(histories.n_users), histories.lengths)
    kept = np.isin(owner, owner if users is None else users)
    sums = gram(owner[kept], histories.items.numpy()[kept], matrix.shape[1], 0.7)
    return torch.from_numpy(solve(*sums, 3.0))


def test_a_user_trains_on_weights_that_have_not_seen_him() -> None:
    matrix, size = taken(), 9
    cf = weights(matrix)
    users = torch.arange(12)
    for user, table in zip(users.tolist(), cf.table_of(users, training=True), strict=True):
        others = cf.folds != cf.folds[user]
        assert not others[user]
        known = np.flatnonzero(others.numpy())
        expected = torch.from_numpy(ease(matrix[known], 2.0))
        torch.testing.assert_close(cf.tables[table * size :][:size], expected)
        torch.testing.assert_close(
            cf.tables[(table + 4) * size :][:size], transitions_of(matrix, known)
        )
    for table in cf.table_of(users, training=False):
        expected = torch.from_numpy(ease(matrix, 2.0))
        torch.testing.assert_close(cf.tables[table * size :][:size], expected)
        torch.testing.assert_close(cf.tables[(table + 4) * size :][:size], transitions_of(matrix))


def test_weights_cover_each_kind_and_fold_once() -> None:
    assert len(weights(taken()).tables) == 2 * 4 * 9
    alone = weights(taken(), transition=0.0)
    assert len(alone.tables) == 4 * 9
    assert alone.decays.tolist() == [0.5, 1.0]


def test_levels_are_the_mean_of_the_largest_scores_out_of_fold() -> None:
    cf, histories = weights(taken()), histories_of(taken())
    largest = []
    for user in range(12):
        items = histories.items[histories.offsets[user] : histories.offsets[user + 1]]
        table = int(cf.table_of(torch.tensor([user]), training=True))
        largest.append(naive_cf(cf, items.tolist(), table).max(1))
    np.testing.assert_allclose(cf.levels, np.mean(largest, axis=0), rtol=1e-5)


def test_own_history_moves_the_scoring_weights_but_not_the_training_weights() -> None:
    matrix = taken()
    other = matrix.toarray()
    other[4] = 1 - other[4]
    before, after = weights(matrix), weights(sp.csr_matrix(other))
    user = torch.tensor([4])
    for training, same in ((True, True), (False, False)):
        for kind in (0, 1):
            start = (before.table_of(user, training)[0] + 4 * kind) * 9
            near = torch.allclose(before.tables[start:][:9], after.tables[start:][:9], atol=1e-6)
            assert near is same


def test_folds_are_even_and_cover_everybody() -> None:
    assert torch.bincount(weights(taken(13)).folds).tolist() == [5, 4, 4]


def test_only_the_most_popular_items_are_covered() -> None:
    matrix = taken()
    cf = weights(matrix, max_items=4)
    counts = np.asarray(matrix.sum(0)).ravel()
    assert min(counts[cf.covered]) >= max(np.delete(counts, cf.covered))
    wide = cf.spread(torch.ones(2, 4))
    assert wide.nonzero()[:, 1].unique().tolist() == cf.covered.tolist()


def naive_cf(cf: CFWeights, items: list[int], table: int) -> np.ndarray:
    """Return the decayed sums of the rows of a history, oldest first, ``[n_scores, n_items]``."""
    result = np.zeros((len(cf.decays), cf.n_items))
    for d, (kind, decay) in enumerate(zip(cf.kinds, cf.decays.tolist(), strict=True)):
        start = (table + kind * (cf.n_folds + 1)) * cf.size
        for age, item in enumerate(reversed(items)):
            place = int(cf.place[item])
            if place >= 0:
                result[d, cf.covered] += decay**age * cf.tables[start + place].numpy()
    return result


HISTORIES = [[3, 1, 4, 0, 5, 2], [2, 6, 5], [8]]


@pytest.mark.parametrize("max_items", [99, 5])
def test_bag_is_the_decayed_sum_over_the_history(max_items: int) -> None:
    cf = weights(taken(), max_items=max_items)
    flat = Histories(
        torch.tensor([item for items in HISTORIES for item in items]),
        torch.zeros(10, 0, dtype=torch.int64),
        torch.tensor([0, 6, 9, 10]), 9,
    )  # fmt: skip
    bag = flat.flat(flat.offsets[:-1], flat.offsets[1:])
    tables = torch.tensor([0, 3, 1])
    found = cf.bag(*bag, tables)
    for user, items in enumerate(HISTORIES):
        expected = naive_cf(cf, items, int(tables[user]))
        np.testing.assert_allclose(found[:, user], expected, atol=1e-5)


@pytest.mark.parametrize("max_items", [99, 5])
@pytest.mark.parametrize("size", [1, 2, 32])
def test_blocks_are_the_decayed_sums_at_every_position(size: int, max_items: int) -> None:
    cf = weights(taken(), max_items=max_items)
    rows = torch.full((3, 6), 9)
    for user, items in enumerate(HISTORIES):
        rows[user, : len(items)] = torch.tensor(items)
    tables, lengths = torch.tensor([0, 3, 1]), torch.tensor([6, 3, 1])
    bags = [[7, 0], [1], []]
    before = torch.stack([
        torch.from_numpy(naive_cf(cf, bag, int(t))).float()
        for bag, t in zip(bags, tables, strict=True)
    ], dim=1)  # fmt: skip
    blocks = list(cf.blocks(rows, before, tables, lengths, size))
    for user, items in enumerate(HISTORIES):
        for step in range(len(items)):
            found = blocks[step // size][:, user, step % size]
            expected = naive_cf(cf, bags[user] + items[: step + 1], int(tables[user]))
            np.testing.assert_allclose(found, expected, atol=1e-5)


def test_blocks_of_some_items_are_columns_of_those_of_all() -> None:
    cf = weights(taken(), max_items=5)
    rows, tables, lengths = torch.tensor(HISTORIES[:1]), torch.tensor([1]), torch.tensor([6])
    before, asked = torch.rand(len(cf.decays), 1, 9), torch.tensor([0, 3, 4, 8])
    whole = cf.blocks(rows, before, tables, lengths, 2)
    some = cf.blocks(rows, before[..., asked], tables, lengths, 2, asked)
    for all_of_them, chosen in zip(whole, some, strict=True):
        torch.testing.assert_close(chosen, all_of_them[..., asked])


def test_without_folds_there_are_the_weights_of_all_users_alone() -> None:
    whole, cf = weights(taken()), weights(taken(), n_folds=0)
    users = torch.arange(12)
    for training in (True, False):
        assert cf.table_of(users, training=training).tolist() == [0] * 12
    for kind, table in enumerate(cf.tables.split(9)):
        start = (whole.n_folds + kind * (whole.n_folds + 1)) * 9
        torch.testing.assert_close(table, whole.tables[start : start + 9])
    assert len(cf.tables) == 2 * 9
