from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from small_data import Fixed, random_split

from reclib import ranking, recommenders
from reclib.errors import DataError
from reclib.meter import Meter
from reclib.ranking import check_cutoff, rank, top_k, users_at_once

SCORES = hnp.arrays(
    np.float32,
    hnp.array_shapes(min_dims=2, max_dims=2, max_side=9),
    elements=st.sampled_from([-np.inf, -1.5, 0.0, 0.5, 0.5, 2.0, np.inf]),  # many ties
)


@pytest.mark.parametrize("small", [0, 1, ranking.SMALL])
@settings(deadline=None)
@given(scores=SCORES, data=st.data())
def test_top_k_is_what_a_plain_sort_gives(
    small: int, scores: np.ndarray, data: st.DataObject
) -> None:
    k = data.draw(st.integers(1, scores.shape[1]))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ranking, "SMALL", small)
        found = top_k(scores, k)
    for row, items in zip(scores.tolist(), found.tolist(), strict=True):
        best = sorted(range(len(row)), key=lambda item: (-row[item], item))[:k]
        assert items == [item if row[item] > -np.inf else -1 for item in best]
    assert found.dtype == np.int32


def test_of_equal_scores_the_lower_index_is_first_and_kept() -> None:
    scores = np.array([[1.0, 3.0, 1.0, 3.0, 1.0], [0.0, 0.0, 0.0, 0.0, 0.0]])
    assert top_k(scores, 3).tolist() == [[1, 3, 0], [0, 1, 2]]


def test_places_without_a_candidate_are_empty_and_last() -> None:
    scores = np.array([[-np.inf, 2.0, -np.inf, 1.0], [-np.inf] * 4])
    assert top_k(scores, 4).tolist() == [[1, 3, -1, -1], [-1, -1, -1, -1]]


@pytest.mark.parametrize("small", [1, 99])
def test_what_is_no_number_is_the_worst(small: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ranking, "SMALL", small)
    assert top_k(np.array([[np.nan, 1.0, 3.0, 2.0]]), 2).tolist() == [[2, 3]]


@pytest.mark.parametrize("protocol", ["holdout", "rated-only", "strong"])
def test_the_batch_size_changes_nothing(protocol: str) -> None:
    split = random_split(protocol)
    random = recommenders.build("random").fit(split)
    whole = rank(random, split, k=10)
    for batch_size in (1, 7, len(split.users())):
        part = rank(random, split, k=10, batch_size=batch_size)
        np.testing.assert_array_equal(part.items, whole.items)
        np.testing.assert_array_equal(part.n_candidates, whole.n_candidates)


def test_the_block_is_bounded_in_bytes_and_changes_nothing() -> None:
    split, asked = random_split(), []

    class Noted(Fixed):
        def scores(self, users: np.ndarray) -> np.ndarray:
            asked.append(len(users))
            return super().scores(users)

    fixed = Noted(np.random.default_rng(1).integers(0, 5, (split.n_users, split.n_items)))
    whole = rank(fixed, split, k=10)
    assert asked == [len(split.users())]
    asked.clear()
    part = rank(fixed, split, k=10, block_mb=7.5 * ranking.CELL_BYTES * split.n_items / 1e6)
    assert set(asked[:-1]) == {7}
    np.testing.assert_array_equal(part.items, whole.items)
    assert users_at_once(1_000_000, block_mb=64) == 2
    assert users_at_once(10_000_000, block_mb=64) == 1, "one user at least"
    assert users_at_once(20_000) == 512


def test_the_memory_of_a_block_is_what_is_said_of_it() -> None:
    """One block of 40 users over 100,000 items: 4 million cells."""
    n_users, n_items = 40, 100_000
    scores = np.random.default_rng(0).random((n_users, n_items), dtype=np.float32)
    allowed = scores > 0.1
    with Meter(0.0005) as meter:
        top_k(np.where(allowed, scores, -np.inf), 20)
    known = 4 + 1 + 4 + 1  # scores, candidates, the matrix they come from, what is not a number
    assert meter.peak_memory_mb < (ranking.CELL_BYTES - known) * n_users * n_items / 1e6


def test_nobody_is_shown_what_is_already_in_the_history() -> None:
    split = random_split()
    found = rank(Fixed(split.matrix("history").toarray()), split, k=split.n_items)
    known = split.matrix("history").toarray() > 0
    for user, items, n in zip(found.users, found.items, found.n_candidates, strict=True):
        assert sorted(items[:n]) == np.flatnonzero(~known[user]).tolist()
        assert (items[n:] == -1).all()


def test_rated_only_ranks_nothing_but_the_users_test_items() -> None:
    split = random_split("rated-only")
    found = rank(recommenders.build("random").fit(split), split, k=20)
    own = split.targets.groupby("user")["item"].agg(set)
    for user, items in zip(found.users, found.items.tolist(), strict=True):
        assert set(items) - {-1} == own[user]


def test_the_oracle_puts_everything_relevant_first() -> None:
    split = random_split()
    found = rank(recommenders.build("oracle").fit(split), split, k=20)
    relevant = split.relevant()[found.users].toarray()
    for items, wanted in zip(found.items, relevant, strict=True):
        assert set(items[: wanted.sum()]) == set(np.flatnonzero(wanted))


@pytest.mark.parametrize("k", [0, 31])
def test_a_cutoff_that_no_list_can_reach_is_refused(k: int) -> None:
    split = random_split()
    with pytest.raises(DataError, match="Choose k from 1 to 30"):
        rank(recommenders.build("popularity").fit(split), split, k=k)
    check_cutoff(30, 30)


def test_scores_that_are_not_numbers_are_refused_with_the_recommenders_name() -> None:
    split = random_split()
    values = np.zeros((split.n_users, split.n_items))
    values[split.users()[-1], 3] = np.nan
    with pytest.raises(DataError, match="Fixed gave scores that are not numbers"):
        rank(Fixed(values), split)
