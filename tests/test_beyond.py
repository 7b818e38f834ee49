"""Traits of lists on examples that a person can work out."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
from small_data import Fixed, dataset, random_frame

from reclib import beyond
from reclib.datasets import Dataset
from reclib.ledger import Ledger, Run
from reclib.metrics import evaluate
from reclib.splits import make_split

# items 0: action, 1: action and comedy, 2: comedy, 3: nothing
FEATURES = sp.csr_matrix(np.array([[1, 0], [1, 1], [0, 1], [0, 0]], dtype=np.float32))


def lists(*rows: list[int]) -> np.ndarray:
    return np.array(rows, dtype=np.int32)


def test_diversity_is_the_mean_jaccard_distance_of_the_pairs() -> None:
    # action and both: 1 - 1/2; action and comedy: 1; both and comedy: 1 - 1/2
    found = beyond.diversity(lists([0, 1, 2], [0, 0, 0], [0, 2, -1]), FEATURES)
    np.testing.assert_allclose(found, [2 / 3, 0.0, 1.0])


def test_a_list_of_one_has_no_diversity_and_two_of_nothing_are_alike() -> None:
    found = beyond.diversity(lists([0, -1], [3, 3], [0, 3]), FEATURES)
    np.testing.assert_allclose(found, [np.nan, 0.0, 1.0])


def test_popularity_is_the_mean_count_of_a_list() -> None:
    rows = beyond.rows_of(lists([0, 1], [2, -1], [-1, -1]), 4)
    found = beyond.mean_popularity(rows, np.array([10, 20, 5, 1]))
    np.testing.assert_allclose(found, [15.0, 5.0, np.nan])


def test_categories_of_an_item_share_its_weight() -> None:
    rows = beyond.rows_of(lists([0, 1], [2, 3], [3, -1]), 4)
    found = beyond.distribution(rows, FEATURES)
    np.testing.assert_allclose(found, [[0.75, 0.25], [0.0, 1.0], [0.0, 0.0]])


def test_miscalibration_is_stecks_divergence() -> None:
    profile = np.array([[0.5, 0.5], [1.0, 0.0], [0.5, 0.5]])
    shown = np.array([[0.5, 0.5], [0.0, 1.0], [1.0, 0.0]])
    expected = [0.0, np.log(1 / 0.01), 0.5 * np.log(0.5 / 0.995) + 0.5 * np.log(0.5 / 0.005)]
    np.testing.assert_allclose(beyond.miscalibration(profile, shown), expected)


def with_genres() -> Dataset:
    """Return the small dataset, its items being of one genre or of both, and users of two ages."""
    data = dataset(random_frame())
    items = sorted(data.interactions["item_id"].unique())
    users = sorted(data.interactions["user_id"].unique())
    genres = [("noir", "noir western", "western")[int(item) % 3] for item in items]
    return replace(
        data,
        items=pd.DataFrame({"item_id": items, "title": "A B", "genre": genres}),
        users=pd.DataFrame({
            "user_id": users, "age": [str(10 + n // 2) for n in range(len(users))],
            "sex": ["F", "M"] * (len(users) // 2), "zip": users,
        }),
        kinds={"title": "token_seq", "genre": "token_seq", "age": "token", "sex": "token",
               "zip": "token"},
        checksum="",
    )  # fmt: skip


def test_categories_are_the_words_of_an_attribute_that_is_no_title() -> None:
    data = with_genres()
    ids = np.array(["0", "1", "2", "99"], dtype=object)
    found = beyond.categories(data, ids)
    assert found is not None
    assert found.toarray().tolist() == [[1, 0], [1, 1], [0, 1], [0, 0]]
    assert beyond.categories(replace(data, items=None), ids) is None
    assert beyond.categories(replace(data, kinds={"title": "token_seq"}), ids) is None


def test_a_run_is_described_user_by_user(tmp_path: Path) -> None:
    split = make_split(with_genres(), "leave-last-out")
    counts = np.bincount(split.train["item"], minlength=split.n_items)
    popular = np.tile(counts, (split.n_users, 1))
    done = evaluate(Fixed(popular), split, (5,))
    run: Run = Ledger(tmp_path).add({"key": "k"}, per_user=done.per_user, top=done.top)
    table = beyond.beyond_accuracy(run, split, 5)
    assert list(table) == ["novelty@5", "lift@5", "diversity@5", "miscalibration@5"]
    user = int(table.index[0])
    own = split.history.loc[split.history["user"] == user, "item"]
    expected = counts[done.top[0, :5]].mean() / counts[own].mean() - 1
    assert table["lift@5"].iloc[0] == pytest.approx(expected)
    pd.testing.assert_series_equal(table["novelty@5"], done.per_user["novelty@5"])


def test_groups_are_made_of_few_values_and_of_quarters_of_many() -> None:
    split = make_split(with_genres(), "leave-last-out")
    found = beyond.demographics(split, split.users())
    assert list(found) == ["age", "sex"], "a postcode for each makes no groups"
    assert found["age"].nunique() == 4
    assert found["age"].value_counts().max() <= 11
    bare = make_split(dataset(random_frame()), "leave-last-out")
    assert beyond.demographics(bare, bare.users()).empty


def test_a_group_that_is_served_worse_is_found_and_chance_is_not() -> None:
    random = np.random.default_rng(0)
    groups = pd.DataFrame({"sex": ["F", "M"] * 200, "half": ["a"] * 200 + ["b"] * 200})
    values = pd.Series(random.normal(0.5, 0.1, 400) - 0.1 * (groups["sex"] == "F"))
    found = beyond.gaps(values, groups).set_index("group")
    assert found.loc["F", "verb"] == "falls behind"
    assert found.loc["M", "verb"] == "beats"
    assert found.loc["a", "verb"] == found.loc["b", "verb"] == "is level with"
    difference = values[::2].mean() - values[1::2].mean()
    assert found.loc["F", "mean"] == pytest.approx(difference)
    assert found.loc["F", "low"] < difference < found.loc["F", "high"] < 0
    assert set(found["users"]) == {200}


def test_small_groups_are_not_compared() -> None:
    groups = pd.DataFrame({"job": ["doctor"] * 5 + ["writer"] * 95})
    assert beyond.gaps(pd.Series(np.arange(100.0)), groups).empty


def test_the_summary_has_coverage_without_and_the_rest_with_an_interval() -> None:
    table = pd.DataFrame({"diversity@5": [0.1, 0.3, np.nan]})
    found = beyond.summarized({"ease": table}, {"ease": 0.4}, 5).set_index("metric")
    assert found.loc["coverage@5", ["mean", "low", "high"]].tolist() == [0.4, 0.4, 0.4]
    assert found.loc["diversity@5", "mean"] == pytest.approx(0.2)
    assert found.loc["diversity@5", "low"] < 0.2 < found.loc["diversity@5", "high"]
