from __future__ import annotations

import time
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reclib.datasets import Dataset, load
from reclib.errors import DataError
from reclib.inclusion import include
from reclib.inclusion.checks import RELEVANT_FROM
from reclib.splits import protocols

DAY = 10**9
NAMES = [
    "completeness",
    "data quality",
    "participation",
    "context",
    "scalability",
    "comparative evaluation",
    "metrics",
    "compute",
    "robustness",
]


def small(rows: list[tuple[str, str, float, float]]) -> Dataset:
    frame = pd.DataFrame(rows, columns=["user_id", "item_id", "rating", "timestamp"])
    return Dataset("small", "Small", frame, scale=(1, 5))


def test_the_nine_criteria_on_ml_100k() -> None:
    data = load("ml-100k")
    found = include(data)
    assert found.dataset is data
    frame = found.frame()
    assert frame.index.tolist() == NAMES
    assert frame.columns.tolist() == ["question", "finding", "removed", "kept", "met"]
    assert frame["removed"].sum() == 0
    assert set(frame["kept"]) == {100_000}
    assert set(frame["met"]) == {"yes"}
    assert "55,375 of 100,000" in frame.loc["metrics", "finding"]
    assert all(criterion.why.endswith(".") for criterion in found.criteria)


def test_every_fault_is_counted_under_its_cause() -> None:
    future = time.time() + 10**7
    data = small(
        [
            ("u", "a", 3, DAY + 20),
            ("u", "a", 5, DAY + 10),  # earlier than the one above
            ("u", "b", 4, DAY + 30),
            ("u", "b", 1, DAY + 30),  # a tie: the later in the file stays
            ("", "a", 3, DAY),
            ("u", "", 3, DAY),
            ("v", "a", 6, DAY),
            ("v", "b", 0, DAY),
            ("w", "a", 3, 0),
            ("w", "b", 3, future),
        ]
    )
    found = include(data)
    assert found.dataset.interactions.to_numpy().tolist() == [
        ["u", "a", 3, DAY + 20], ["u", "b", 1, DAY + 30],
    ]  # fmt: skip
    quality = found.criteria[1]
    assert (quality.removed, quality.kept) == (8, 2)
    assert quality.finding == (
        "Left out: 2 without user or item, 2 off the rating scale, "
        "2 at time zero or in the future, 2 repeated."
    )


def test_a_faulty_repetition_never_displaces_a_good_one() -> None:
    found = include(small([("u", "a", 3, 20), ("u", "a", 9, 30)]))
    assert found.dataset.interactions["rating"].tolist() == [3]


def test_who_took_every_item_is_left_out_if_others_did_not() -> None:
    pairs = ["ua", "ub", "uc", "va", "vb", "wa"]
    found = include(small([(*pair, 3, DAY + n) for n, pair in enumerate(pairs)]))
    assert found.dataset.interactions["user_id"].tolist() == ["w"], "without u, v took all"
    assert "2 users had every item" in found.criteria[2].finding
    assert found.criteria[2].removed == 5
    everybody = include(small([(*pair, 3, DAY) for pair in ("ua", "ub", "va", "vb")]))
    assert everybody.dataset.n_users == 2


def test_without_ratings_the_first_visit_stays() -> None:
    visits = [("u", "a", DAY + 9), ("u", "a", DAY + 1), ("u", "b", DAY), ("u", "a", DAY + 1)]
    data = Dataset("d", "D", pd.DataFrame(visits, columns=["user_id", "item_id", "timestamp"]))
    found = include(data)
    kept = found.dataset.interactions.to_numpy().tolist()
    assert kept == [["u", "a", DAY + 1], ["u", "b", DAY]]
    assert "the first one stays" in found.criteria[1].why
    scaled = include(replace(data, scale=(1, 5))).criteria[1]
    assert scaled.question == "Is every interaction named and timed, and there only once?"


@pytest.mark.parametrize(("shift", "left"), [(0, 4), (DAY, 3)])
def test_time_zero_is_unknown_only_on_a_clock(shift: int, left: int) -> None:
    """An order that counts from zero loses nobody's first interaction."""
    rows = [("u", "a", 3, 0), *[("u", item, 3, shift + place) for place, item in enumerate("bcd")]]
    assert len(include(small(rows)).dataset.interactions) == left


def test_what_was_said_of_the_reading_is_found_in_the_table() -> None:
    data = replace(small([("u", "a", 3, DAY)]), notes=("2 lines were broken.",))
    assert include(data).criteria[1].finding.endswith("2 lines were broken.")


def test_without_a_declared_scale_no_rating_is_judged() -> None:
    frame = pd.DataFrame({"user_id": ["u", "v"], "item_id": ["a", "b"], "rating": [0.0, 99.0]})
    found = include(Dataset("own", "Own", frame))
    assert len(found.dataset.interactions) == 2
    assert "ratings run from 0 to 99" in found.criteria[1].finding


def test_implicit_data_without_times_keeps_the_first_in_the_file_and_says_what_is_absent() -> None:
    frame = pd.DataFrame({"user_id": ["u", "v", "u"], "item_id": ["a", "b", "a"]})
    found = include(Dataset("own", "Own", frame))
    assert found.dataset.interactions["user_id"].tolist() == ["u", "v"]
    met = found.frame()["met"]
    unmet = ["completeness", "context", "scalability", "comparative evaluation", "robustness"]
    assert met[met == "no"].index.tolist() == unmet
    assert "Absent: ratings and times" in found.criteria[0].finding


def test_nothing_usable_is_an_error_with_the_counts() -> None:
    with pytest.raises(DataError, match="2 at time zero"):
        include(small([("u", "a", 3, 0), ("v", "a", 3, 0)]))


def test_k_core_goes_on_until_nothing_changes() -> None:
    # z leaves first, then its item c has one user left, then y has one item left.
    pairs = ["ua", "ub", "va", "vb", "ya", "yc", "zc"]
    found = include(
        small([(*pair, 3, 10 + n) for n, pair in enumerate(pairs)]), min_user=2, min_item=2
    )
    kept = (found.dataset.interactions["user_id"] + found.dataset.interactions["item_id"]).tolist()
    assert kept == ["ua", "ub", "va", "vb"]
    participation = found.criteria[2]
    assert (participation.removed, participation.kept) == (3, 4)
    assert participation.finding == "2 users and 1 items had too few and were left out."


@pytest.mark.parametrize(
    ("asked", "offered"), [((9, 9), (2, 2)), ((9, 1), (3, 1)), ((1, 9), (1, 2))]
)
def test_an_empty_core_names_thresholds_that_work(
    asked: tuple[int, int], offered: tuple[int, int]
) -> None:
    data = small([(*pair, 3, 10) for pair in ("ua", "ub", "uc", "va", "vb")])
    with pytest.raises(DataError, match=f"min_user={asked[0]} and min_item={asked[1]}") as caught:
        include(data, min_user=asked[0], min_item=asked[1])
    assert f"min_user={offered[0]} and min_item={offered[1]}." in caught.value.remedy
    assert len(include(data, min_user=offered[0], min_item=offered[1]).dataset.interactions)


@pytest.mark.parametrize("name", ["min_user", "min_item"])
def test_a_threshold_below_one_is_refused(name: str) -> None:
    with pytest.raises(DataError, match=f"{name} is 0"):
        include(small([("u", "a", 3, 10)]), **{name: 0})


ROWS = st.lists(
    st.tuples(
        st.sampled_from(["", "u", "v", "w"]),
        st.sampled_from(["", "a", "b", "c"]),
        st.sampled_from([0.0, 1.0, 4.0, 5.0]),
        st.sampled_from([0.0, 1e9, 2e9 - 1e9 / 2]),
    ),
    min_size=1,
    max_size=30,
)


@given(ROWS, st.integers(1, 3), st.integers(1, 3))
def test_what_is_left_is_clean_and_everything_is_accounted_for(
    rows: list[tuple[str, str, float, float]], min_user: int, min_item: int
) -> None:
    data = small(rows)
    try:
        found = include(data, min_user=min_user, min_item=min_item)
    except DataError:
        return
    frame = found.dataset.interactions
    assert len(rows) == len(frame) + sum(criterion.removed for criterion in found.criteria)
    assert not frame.duplicated(["user_id", "item_id"]).any()
    assert frame["rating"].between(1, 5).all()
    assert (frame["timestamp"] > 0).all()
    assert not frame.isin([""]).to_numpy().any()
    assert frame["user_id"].value_counts().min() >= min_user
    assert frame["item_id"].value_counts().min() >= min_item
    again = include(found.dataset, min_user=min_user, min_item=min_item)
    assert again.dataset is found.dataset
    assert np.array_equal(frame.index, np.arange(len(frame)))


def test_relevance_means_the_same_here_as_in_the_protocols() -> None:
    assert RELEVANT_FROM == protocols.RELEVANT_FROM
