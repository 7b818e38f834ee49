"""What every test of a condition asks of the split that comes out."""

from __future__ import annotations

from typing import Any

import pandas as pd
from hypothesis import strategies as st

from reclib.conditions import Condition
from reclib.splits import Split

SHARES = st.floats(0.01, 1.0)
SEEDS = st.integers(0, 3)


def part(split: Split, name: str) -> pd.DataFrame:
    """Return a part of the interactions with identifiers in place of indices, in order."""
    frame = split.interactions[split.interactions["part"].eq(name)]
    named = frame.assign(user=split.user_ids[frame["user"]], item=split.item_ids[frame["item"]])
    return named.drop(columns="part").reset_index(drop=True)


def pairs(split: Split, name: str) -> set[tuple[Any, Any]]:
    found = part(split, name)
    return set(zip(found["user"], found["item"], strict=True))


def assert_ordered(split: Split) -> None:
    """Every condition hands on interactions in the order of users and time."""
    frame = split.interactions
    keys = ["user", "timestamp"] if "timestamp" in frame else ["user"]
    pd.testing.assert_frame_equal(frame[keys], frame[keys].sort_values(keys, kind="stable"))
    assert set(frame["item"]) == set(range(split.n_items)), "RecBole has to find every item"
    assert set(frame["user"]) == set(range(split.n_users))


def assert_repeatable(name: str, split: Split, **parameters: Any) -> None:
    """Parameters alone decide what comes out, and each their own."""
    first, again = (Condition.of(name, **parameters)(split) for _ in range(2))
    assert first.checksum == again.checksum != split.checksum
    pd.testing.assert_frame_equal(first.interactions, again.interactions)
    other = Condition.of(name, **parameters | {"seed": parameters.get("seed", 2026) + 1})(split)
    assert other.checksum != first.checksum
