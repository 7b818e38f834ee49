"""The parts that stages are made of, on rows that a person can check."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from reclib.prepare import buckets, histories, identifiers
from reclib.prepare.plan import Plan
from reclib.prepare.settings import Settings
from reclib.splits.protocols import holdout

U = np.uint64


def test_of_repeated_pairs_the_last_by_time_then_file_order_stays() -> None:
    users, items = np.array([1, 1, 1, 2, 2, 3], U), np.array([7, 7, 7, 7, 7, 7], U)
    times = np.array([5.0, 9.0, 5.0, 4.0, 4.0, 1.0])
    found = buckets.repeated(users, items, times)
    assert found.tolist() == [True, False, True, True, False, False]
    untimed = buckets.repeated(users, items, None)
    assert untimed.tolist() == [True, True, False, True, False, False]


def test_several_repeated_items_of_a_user_are_told_apart() -> None:
    users, items = np.array([1, 1, 1, 1], U), np.array([7, 8, 7, 8], U)
    assert buckets.repeated(users, items, None).tolist() == [True, True, False, False]


def test_pairs_whose_numbers_collide_are_no_repetitions() -> None:
    """A pair becomes one number, and another pair may have the same."""
    users = np.array([0, 1], U)
    items = np.array([int(buckets.ODD), 0], U)
    assert (users * buckets.ODD ^ items).tolist() == [int(buckets.ODD)] * 2
    assert not buckets.repeated(users, items, None).any()


def test_codes_are_places_among_the_sorted() -> None:
    values = np.array([9, 3, 9, 2**64 - 1, 0], U)
    hashes, places = buckets.codes(values)
    assert hashes.tolist() == [0, 3, 9, 2**64 - 1]
    np.testing.assert_array_equal(hashes[places], values)


@pytest.mark.parametrize("times", [[3.0, 1.0, 3.0, 1.0], [3.5, 1.5, 3.5, 1.5], [1e18, 0, 1e18, 0]])
def test_ties_in_time_keep_file_order(times: list[float]) -> None:
    assert histories.time_order(np.array(times), 4).tolist() == [1, 3, 0, 2]


def test_files_end_with_a_user() -> None:
    rows = np.array([3, 3, 3, 1, 9, 1], np.int32)
    found = identifiers.file_bounds(rows, 5)
    assert found.tolist() == [[0, 0], [2, 6], [4, 10], [5, 19], [6, 20]]


def test_a_slice_draws_what_the_whole_would(tmp_path: Path) -> None:
    settings = Settings(("a",), "b", protocol="holdout", seed=3)
    plan = Plan(settings, tmp_path, (), 0)
    users = np.repeat(np.arange(50, dtype=np.int32), 7)
    whole = holdout(pd.DataFrame({"user": users}), 1, np.random.default_rng([3, 0]))
    histories.draw_offsets(plan, len(users), 50)
    part = pd.DataFrame({"user": users[7 * 20 : 7 * 33] - 20})
    found = holdout(part, 1, histories.Slice(plan, 7 * 20, 20, 33))  # type: ignore[arg-type]
    assert found.tolist() == whole[7 * 20 : 7 * 33].tolist()


def test_buckets_are_ranges_of_hashes() -> None:
    hashes = np.sort(np.random.default_rng(0).integers(0, 2**64, 1000, dtype=U))
    for bits in (0, 1, 3):
        plan = Plan(Settings(("a",), "b"), Path(), (), bits)
        bounds = plan.bounds(hashes)
        assert len(bounds) == plan.n_buckets + 1
        bucket = ((hashes >> U(1)) >> U(63 - bits)).astype(int)
        assert np.diff(bounds).tolist() == np.bincount(bucket, minlength=1 << bits).tolist()
