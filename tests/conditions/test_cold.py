from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from conditioned import SEEDS, assert_ordered, assert_repeatable, pairs
from hypothesis import given, settings
from hypothesis import strategies as st
from small_data import Fixed, datasets, random_split

from reclib import recommenders
from reclib.conditions import Condition, Conditioned
from reclib.datasets import Dataset
from reclib.errors import ProtocolUnsupported
from reclib.metrics import evaluate
from reclib.splits import Split, make_split

KNOWN = (0, 1, 3)
NAMES = ["random", "popularity", "user-knn", "item-knn", "ease", "transitions"]


def cold(split: Split, **options: object) -> Conditioned:
    return Condition.of("cold-users", **{"known": KNOWN, "share": 0.25} | options)(split)


@settings(deadline=None)
@given(datasets(least=40), st.sampled_from(["first", "last"]), SEEDS)
def test_each_copy_knows_so_many_and_is_asked_for_the_same(
    data: Dataset, end: str, seed: int
) -> None:
    try:
        split = make_split(data, "leave-last-out")
        found = cold(split, end=end, seed=seed)
    except ProtocolUnsupported:
        return
    assert found.groups is not None
    people = pd.DataFrame({
        "id": [name.partition("\x1f")[0] for name in found.user_ids[found.users()]],
        "known": found.groups[found.users()],
        "length": found.matrix("history").getnnz(axis=1)[found.users()],
        "target": [tuple(row.indices) for row in found.relevant()[found.users()]],
    })  # fmt: skip
    assert (people["known"] == people["length"]).all()
    assert (people.groupby("id")["target"].nunique() == 1).all()
    assert people.groupby("known")["id"].agg(tuple).nunique() == 1, "the same users every time"
    assert not set(found.users()) & set(found.train["user"])
    assert_ordered(found)


@pytest.mark.parametrize("end", ["first", "last"])
def test_what_is_known_is_one_end_of_the_history(end: str) -> None:
    split = random_split("leave-last-out")
    found = cold(split, end=end)
    user = int(found.users()[found.groups[found.users()] == 3][0])
    own = split.history.loc[split.history["user"] == user, "item"].tolist()
    known = found.history.loc[found.history["user"] == user, "item"].tolist()
    assert known == (own[-3:] if end == "last" else own[:3])


def test_candidates_are_the_same_however_much_is_known() -> None:
    split = random_split("leave-last-out")
    found = cold(split)
    by_name: dict[str, list[np.ndarray]] = {}
    for user, allowed in zip(found.users(), found.candidates(found.users()), strict=True):
        by_name.setdefault(found.user_ids[user].partition("\x1f")[0], []).append(allowed)
    for name, rows in by_name.items():
        index = split.user_ids.tolist().index(name)
        for allowed in rows:
            np.testing.assert_array_equal(allowed, split.candidates(np.array([index]))[0])


def test_copies_have_the_attributes_of_their_user() -> None:
    plain = random_split("leave-last-out").dataset
    ids = sorted(plain.interactions["user_id"].unique())
    data = replace(plain, users=pd.DataFrame({"user_id": ids, "age": ids}), checksum="")
    found = cold(make_split(data, "leave-last-out"))
    users = found.dataset.users.set_index("user_id")["age"]
    copies = [name for name in found.user_ids if "\x1f" in name]
    assert len(copies) == 2 * round(0.25 * (len(found.user_ids) - len(copies)))
    assert all(users[name] == name.partition("\x1f")[0] for name in copies)
    assert found.dataset.checksum == data.checksum


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("condition", ["cold-users", "cold-items"])
def test_who_and_what_is_unknown_never_raises(name: str, condition: str) -> None:
    split = Condition.of(condition)(random_split("leave-last-out"))
    done = evaluate(recommenders.build(name).fit(split), split, (5,))
    assert np.isfinite(done.per_user.to_numpy()).all()
    assert len(done.per_user) == len(split.users())
    if condition == "cold-users":
        assert 0 in split.groups[split.users()]


def test_the_row_has_the_means_of_each_number() -> None:
    found = cold(random_split("leave-last-out"))
    scores = np.zeros((found.n_users, found.n_items))
    strangers = np.flatnonzero(found.groups == 0)
    targets = found.targets.set_index("user")["item"]
    scores[strangers, targets[strangers]] = 1.0
    done = evaluate(Fixed(scores), found, (5,))
    groups = found.found(done.per_user, done.top)["groups"]
    assert list(groups) == ["0", "1", "3"]
    assert groups["0"]["hit@5"] == 1.0
    assert groups["0"]["n_users"] == len(strangers)
    assert groups["3"]["hit@5"] < 1.0


def test_numbers_that_few_users_reach_are_left_out() -> None:
    found = cold(random_split("leave-last-out"), known=(0, 2, 500))
    assert set(found.groups[found.users()]) == {0, 2}


@settings(deadline=None)
@given(datasets(least=40), st.floats(0.1, 0.5), SEEDS)
def test_unseen_items_are_asked_for_and_nowhere_else(
    data: Dataset, share: float, seed: int
) -> None:
    try:
        split = make_split(data, "leave-last-out")
        found = Condition.of("cold-items", share=share, seed=seed)(split)
    except ProtocolUnsupported:
        return
    asked = set(found.targets["item"])
    assert not asked & set(found.history["item"])
    assert not asked & set(found.train["item"])
    assert pairs(found, "train") <= pairs(split, "train")
    everything = {*zip(split.user_ids[split.interactions["user"]],
                       split.item_ids[split.interactions["item"]], strict=True)}  # fmt: skip
    names = set(found.item_ids[sorted(asked)])
    assert pairs(found, "test") == {pair for pair in everything if pair[1] in names}
    assert_ordered(found)


def test_unseen_items_are_ranked_among_themselves_or_with_the_rest() -> None:
    split = random_split("leave-last-out")
    alone, among = (Condition.of("cold-items", among=each)(split) for each in ("unseen", "all"))
    assert set(alone.candidates(alone.users()).sum(axis=1)) == {6}
    assert among.candidates(among.users()).sum(axis=1).min() > 6
    valid = alone.validation
    assert valid.candidates(valid.users()).sum(axis=1).min() > 6, "training is not told"


def test_equal_scores_say_nothing_of_unseen_items() -> None:
    """Popular items often come first in a file, and equal scores rank by place."""
    data = random_split("leave-last-out").dataset
    split = Condition.of("cold-items", share=0.5)(make_split(data, "leave-last-out"))
    names = split.item_ids.tolist()
    assert names != sorted(names)
    assert sorted(names) == make_split(data, "leave-last-out").item_ids.tolist()


def test_the_seed_decides_who_and_what_is_cold() -> None:
    split = random_split("leave-last-out")
    assert_repeatable("cold-users", split, known=KNOWN)
    assert_repeatable("cold-items", split)
