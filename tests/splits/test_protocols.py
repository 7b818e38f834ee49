from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, reject, settings
from hypothesis import strategies as st
from small_data import dataset, datasets

from reclib.datasets import Dataset
from reclib.errors import DataError, ProtocolUnsupported, UnknownName
from reclib.splits import PROTOCOLS, Split, make_split

WHOLE_CATALOGUE = ["holdout", "leave-last-out", "temporal", "strong", "rated-only"]
PAIR = ["user", "item"]
quickly = settings(max_examples=25, deadline=None)


def split_or_reject(data: Dataset, protocol: str, **options: int) -> Split:
    try:
        return make_split(data, protocol, **options)
    except ProtocolUnsupported:  # a draw that leaves nobody to rank
        reject()


def pairs(frame: pd.DataFrame) -> set[tuple[int, int]]:
    return set(zip(frame["user"], frame["item"], strict=True))


def wide(seed: int = 0) -> Dataset:
    """130 items, all of them taken, and 30 by the busiest users: a hundred are left to them."""
    random = np.random.default_rng(seed)
    histories = [random.choice(130, random.integers(1, 25), replace=False) for _ in range(8)]
    histories += [np.arange(start, min(start + 30, 130)) for start in range(0, 130, 30)]
    rows = [(user, item) for user, items in enumerate(histories) for item in items]
    frame = pd.DataFrame(rows, columns=["user_id", "item_id"])
    return dataset(frame.assign(timestamp=random.integers(0, 99, len(frame)).astype(float)))


@pytest.mark.parametrize("protocol", WHOLE_CATALOGUE)
@quickly
@given(data=datasets(n_users=15, least=40), fold=st.integers(0, 4), seed=st.integers(0, 3))
def test_parts_hold_every_interaction_once_and_unchanged(
    protocol: str, data: Dataset, fold: int, seed: int
) -> None:
    split = split_or_reject(data, protocol, fold=fold, seed=seed)
    frame = split.interactions
    back = pd.DataFrame(
        {
            "user_id": split.user_ids[frame["user"]],
            "item_id": split.item_ids[frame["item"]],
            "rating": frame["rating"].astype(float),
            "timestamp": frame["timestamp"],
        }
    )
    order = ["user_id", "item_id"]
    expected = data.interactions.sort_values(order, ignore_index=True)
    pd.testing.assert_frame_equal(
        back.sort_values(order, ignore_index=True), expected, check_dtype=False
    )
    known = {"train", "valid", "test"} | (
        {"valid-input", "test-input"} if protocol == "strong" else set()
    )
    assert set(frame["part"]) <= known


@pytest.mark.parametrize("protocol", WHOLE_CATALOGUE)
@quickly
@given(data=datasets(n_users=15, least=40), fold=st.integers(0, 4))
def test_nothing_that_is_asked_for_was_learned_or_known(
    protocol: str, data: Dataset, fold: int
) -> None:
    test = split_or_reject(data, protocol, fold=fold)
    valid = test.at("valid")
    part = test.interactions["part"]
    for split, hidden in ((valid, ["valid", "test", "test-input"]), (test, ["test"])):
        later = pairs(test.interactions[part.isin(hidden)])
        assert not later & pairs(split.train)
        assert not later & pairs(split.history)
        assert pairs(split.targets) == pairs(test.interactions[part == split.stage])
    assert test.refits == PROTOCOLS[protocol].refits
    assert not valid.refits
    taken_in = pairs(test.interactions[part == "valid"]) & pairs(test.train)
    assert bool(taken_in) == (test.refits and (part == "valid").any())


@pytest.mark.parametrize("protocol", WHOLE_CATALOGUE)
@quickly
@given(data=datasets(n_users=15, least=40))
def test_ranked_users_have_a_history_and_something_to_find(protocol: str, data: Dataset) -> None:
    split = split_or_reject(data, protocol)
    users = split.users()
    allowed, relevant = split.candidates(users), split.relevant()[users].toarray()
    assert set(users) <= set(split.history["user"])
    assert relevant.any(axis=1).all()
    assert not (relevant & ~allowed).any(), "something relevant cannot be ranked"
    assert not (allowed & (split.matrix("history")[users].toarray() > 0)).any()


@quickly
@given(data=datasets(n_users=16, least=65))  # so that somebody is tested in every fold
def test_five_folds_of_holdout_share_out_the_interactions_of_each_user(data: Dataset) -> None:
    splits = [split_or_reject(data, "holdout", fold=fold) for fold in range(5)]
    folds = [
        split.targets.groupby("user")["item"].agg(list).reindex(range(split.n_users))
        for split in splits
    ]
    for user, everything in splits[0].interactions.groupby("user")["item"]:
        tested = [fold[user] if isinstance(fold[user], list) else [] for fold in folds]
        together = sorted(item for items in tested for item in items)
        size = len(everything)
        if size == 1:
            assert together == [], "a lone interaction is left to train on"
        else:
            assert together == sorted(everything)
            assert {len(items) for items in tested} <= {size // 5, -(-size // 5)}


@quickly
@given(data=datasets(least=33), fold=st.integers(0, 4))
def test_an_eighth_of_the_rest_is_valid_under_holdout(data: Dataset, fold: int) -> None:
    split = split_or_reject(data, "holdout", fold=fold)
    for _, parts in split.interactions.groupby("user")["part"]:
        rest = int((parts != "test").sum())
        assert (parts == "valid").sum() in {rest // 8, -(-rest // 8)}


@quickly
@given(data=datasets(least=17))
def test_leave_last_out_takes_the_last_two_and_ties_by_file_order(data: Dataset) -> None:
    split = split_or_reject(data, "leave-last-out")
    parts = {
        (split.user_ids[row.user], split.item_ids[row.item]): row.part
        for row in split.interactions.itertuples()
    }
    for user, rows in data.interactions.groupby("user_id"):
        ordered = sorted(rows.itertuples(), key=lambda row: row.timestamp)  # stable
        names = ["train"] * (len(ordered) - 2) + ["valid", "test"]
        expected = names if len(ordered) > 2 else ["train"] * len(ordered)
        assert [parts[user, row.item_id] for row in ordered] == expected


def test_of_equal_times_the_last_line_of_the_file_is_tested() -> None:
    frame = pd.DataFrame({"user_id": list("abababab"), "item_id": list("zzaayyxx")})
    data = dataset(frame.assign(timestamp=7.0))
    split = make_split(data, "leave-last-out")
    assert [split.item_ids[item] for item in split.targets["item"]] == ["x", "x"]
    assert [split.item_ids[item] for item in split.at("valid").targets["item"]] == ["y", "y"]


@quickly
@given(data=datasets(n_items=20, least=20))
def test_temporal_never_learns_from_the_future(data: Dataset) -> None:
    split = split_or_reject(data, "temporal")
    for stage in (split, split.at("valid")):
        if len(stage.targets):
            cut = stage.targets["timestamp"].min()
            assert stage.train["timestamp"].max() < cut
            assert stage.history["timestamp"].max() < cut


def test_temporal_cuts_off_the_last_fifth_when_all_times_differ(small: Dataset) -> None:
    frame = small.interactions.assign(timestamp=np.arange(500.0))
    parts = make_split(dataset(frame), "temporal").interactions["part"].value_counts()
    assert parts.to_dict() == pytest.approx({"train": 350, "valid": 50, "test": 100}, abs=1)


@quickly
@given(data=datasets(n_users=25, least=50), fold=st.integers(0, 9))
def test_strong_never_trains_on_the_users_it_asks(data: Dataset, fold: int) -> None:
    split = split_or_reject(data, "strong", fold=fold)
    by_part = split.interactions.groupby("part", observed=True)["user"].agg(set)
    groups = [
        by_part.get("train", set()),
        by_part.get("valid", set()) | by_part.get("valid-input", set()),
        by_part.get("test", set()) | by_part.get("test-input", set()),
    ]
    assert sum(map(len, groups)) == split.n_users, "a user is in two groups"
    assert abs(len(groups[2]) - split.n_users / 10) <= 1
    assert not set(split.users()) & set(split.train["user"])
    valid = split.at("valid")
    assert not set(valid.users()) & set(valid.train["user"])
    assert pairs(valid.train) == pairs(split.train)


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 1000))
def test_sampled_negatives_are_a_hundred_items_the_user_never_took(seed: int) -> None:
    split = make_split(wide(seed=seed), "sampled", seed=seed)
    assert split.negatives is not None
    assert split.negatives.shape == (split.n_users, 100)
    own = split.interactions.groupby("user")["item"].agg(set)
    for user, drawn in enumerate(split.negatives.tolist()):
        assert len(set(drawn)) == 100
        assert not set(drawn) & own[user]
    for stage in (split, split.at("valid")):
        users = stage.users()
        assert (stage.candidates(users).sum(axis=1) == 101).all()


def test_a_user_for_whom_just_a_hundred_items_are_left_gets_all_of_them() -> None:
    data = wide()
    most = data.interactions["user_id"].value_counts().max()
    assert data.n_items - most == 100, "the dataset of this test is not what it should be"
    assert make_split(data, "sampled").negatives is not None


def test_sampled_needs_a_hundred_items_beyond_those_taken(small: Dataset) -> None:
    with pytest.raises(ProtocolUnsupported, match="draws 100 items"):
        make_split(small, "sampled")


@quickly
@given(data=datasets(n_users=15, least=40), fold=st.integers(0, 4))
def test_rated_only_ranks_ones_own_test_items_and_wants_four_or_more(
    data: Dataset, fold: int
) -> None:
    split = split_or_reject(data, "rated-only", fold=fold)
    users = split.users()
    allowed, relevant = split.candidates(users), split.relevant()[users].toarray()
    targets = split.targets
    for row, user in enumerate(users):
        own = targets[targets["user"] == user]
        assert np.flatnonzero(allowed[row]).tolist() == sorted(own["item"])
        liked = own.loc[own["rating"] >= 4, "item"]
        assert np.flatnonzero(relevant[row]).tolist() == sorted(liked)


def test_rated_only_cuts_as_holdout_does(small: Dataset) -> None:
    frames = [make_split(small, name).interactions for name in ("holdout", "rated-only")]
    pd.testing.assert_frame_equal(*frames)


@pytest.mark.parametrize(
    ("protocol", "missing"),
    [("leave-last-out", "timestamp"), ("temporal", "timestamp"), ("sampled", "timestamp"),
     ("rated-only", "rating")],
)  # fmt: skip
def test_a_protocol_says_what_the_data_lacks(small: Dataset, protocol: str, missing: str) -> None:
    poor = small.with_interactions(small.interactions.drop(columns=missing))
    with pytest.raises(ProtocolUnsupported, match=f"{missing[:4]}.* has none") as caught:
        make_split(poor, protocol)
    assert missing in caught.value.remedy
    assert len(make_split(poor, "holdout").users()) > 0


def test_an_unknown_protocol_suggests_the_nearest(small: Dataset) -> None:
    with pytest.raises(UnknownName, match="Did you mean 'holdout'"):
        make_split(small, "hold-out")


@pytest.mark.parametrize("fold", [-1, 5])
def test_there_are_five_folds(small: Dataset, fold: int) -> None:
    with pytest.raises(DataError, match=f"no fold {fold}"):
        make_split(small, "holdout", fold=fold)


def test_lonely_users_leave_nobody_to_rank() -> None:
    frame = pd.DataFrame({"user_id": list("abc"), "item_id": list("xyz"), "timestamp": 1.0})
    for protocol in ("holdout", "leave-last-out", "temporal"):
        with pytest.raises(ProtocolUnsupported, match="leaves nobody to rank"):
            make_split(dataset(frame), protocol)


def test_the_matrix_holds_ones_or_ratings(small: Dataset) -> None:
    split = make_split(small, "holdout")
    assert set(split.matrix().data) == {1.0}
    row = split.train.iloc[7]
    assert split.matrix(values="rating")[row["user"], row["item"]] == row["rating"]
    assert split.matrix().nnz == len(split.train)
    assert split.matrix("history").nnz == len(split.history)
