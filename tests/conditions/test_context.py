from __future__ import annotations

from dataclasses import replace

import pandas as pd
import pytest
from small_data import random_split

from reclib.conditions import Condition
from reclib.splits import Split, make_split

KINDS = ("users", "items", "times")


@pytest.fixture
def split() -> Split:
    plain = random_split("leave-last-out").dataset
    ids = {key: sorted(plain.interactions[key].unique()) for key in ("user_id", "item_id")}
    users = pd.DataFrame({"user_id": ids["user_id"], "age": "old"})
    items = pd.DataFrame({"item_id": ids["item_id"], "genre": "noir"})
    return make_split(replace(plain, users=users, items=items, checksum=""), "leave-last-out")


@pytest.mark.parametrize("kind", KINDS)
def test_one_kind_of_context_is_there_and_the_others_are_not(split: Split, kind: str) -> None:
    found = Condition.of("context", **{kind: True})(split)
    there = {
        "users": found.dataset.users is not None,
        "items": found.dataset.items is not None,
        "times": "timestamp" in found.train,
    }
    assert there == {name: name == kind for name in KINDS}
    assert found.dataset.checksum == split.dataset.checksum


def test_order_and_ratings_stay(split: Split) -> None:
    found = Condition.of("context")(split)
    kept = ["user", "item", "rating", "part"]
    pd.testing.assert_frame_equal(found.interactions[kept], split.interactions[kept])


def test_each_combination_has_a_checksum_of_its_own(split: Split) -> None:
    made = [Condition.of("context", users=u, items=i) for u in (True, False) for i in (True, False)]
    assert len({each(split).checksum for each in made}) == 4
