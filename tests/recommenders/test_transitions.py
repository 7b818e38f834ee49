"""Linear transitions against their definition, and against a planted chain."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reclib.datasets import Dataset
from reclib.errors import DataError
from reclib.recommenders import build
from reclib.recommenders import transitions as module
from reclib.recommenders.transitions import decayed, gram, solve, starts_of
from reclib.splits import make_split

HISTORIES = st.lists(st.lists(st.integers(0, 5), min_size=1, max_size=8), min_size=1, max_size=5)


def flat(histories: list[list[int]]) -> tuple[np.ndarray, np.ndarray]:
    users = np.repeat(np.arange(len(histories)), [len(items) for items in histories])
    return users, np.array([item for items in histories for item in items])


def past(items: list[int], decay: float) -> np.ndarray:
    row = np.zeros(6)
    for age, item in enumerate(reversed(items)):
        row[item] += decay**age
    return row


@given(HISTORIES, st.floats(0.7, 0.9), st.integers(1, 4))
def test_sums_and_weights_are_those_of_ridge_regression(
    histories: list[list[int]], decay: float, chunk: int
) -> None:
    pairs = [(past(h[:n], decay), h[n]) for h in histories for n in range(1, len(h))]
    rows = np.array([row for row, _ in pairs]).reshape(-1, 6)
    after = np.eye(6)[[item for _, item in pairs]].reshape(-1, 6)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "CHUNK", chunk)
        total, cross = gram(*flat(histories), 6, decay)
    np.testing.assert_allclose(total, rows.T @ rows, atol=1e-4)
    np.testing.assert_allclose(cross.toarray(), rows.T @ after, atol=1e-4)
    expected = np.linalg.solve(rows.T @ rows + 2.0 * np.eye(6), rows.T @ after)
    for few in (0.0, 2.0):  # as for many and for few that follow each other
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(module, "FEW", few)
            np.testing.assert_allclose(solve(total, cross, 2.0), expected, atol=1e-4)


@given(HISTORIES, st.floats(0.7, 0.9))
def test_a_decayed_history_ends_with_its_own_item(histories: list[list[int]], decay: float) -> None:
    users, items = flat(histories)
    found = decayed(items, starts_of(users), np.arange(len(users)), decay, 6).toarray()
    expected = [past(h[: n + 1], decay) for h in histories for n in range(len(h))]
    np.testing.assert_allclose(found, expected, rtol=1e-5)


def test_what_weighs_next_to_nothing_is_left_out() -> None:
    users, items = flat([[0, 1, 1, 1, 1, 1]])
    row = decayed(items, starts_of(users), np.array([5]), 0.5, 6).toarray()[0]
    assert row[0] == 0, "0.5 ** 5 is below 0.05"
    assert row[1] == pytest.approx(1 + 0.5 + 0.25 + 0.125 + 0.0625)


@pytest.mark.parametrize("decay", [0.0, 1.0, -0.5, 1.5])
def test_a_decay_that_cannot_be_is_refused(decay: float) -> None:
    with pytest.raises(DataError, match="not between 0 and 1"):
        gram(*flat([[0, 1]]), 6, decay)


def test_the_next_item_of_a_chain_comes_first_also_for_users_unseen_in_training() -> None:
    """Everybody walks round a ring of 12 items; a held-out user is asked for the next one."""
    rows = [(user, step, (user + step) % 12) for user in range(40) for step in range(8)]
    frame = pd.DataFrame(rows, columns=["user_id", "timestamp", "item_id"])
    frame = frame.astype({"user_id": str, "item_id": str, "timestamp": float})
    split = make_split(Dataset("ring", "Ring", frame), "leave-last-out", seed=1)
    found = build("transitions", {"reg_weight": 1.0}).fit(split)
    users = split.users()
    last = split.history.groupby("user")["item"].last().to_numpy()[users]
    best = found.scores(users).argmax(1)
    answer = {item: str((int(item) + 1) % 12) for item in split.item_ids}
    assert [split.item_ids[i] for i in best] == [answer[split.item_ids[i]] for i in last]


def test_without_a_history_nothing_is_said() -> None:
    columns = {"user_id": [*"aaabbbbbca"], "item_id": [*"xyzxyzwvxw"]}
    frame = pd.DataFrame(columns | {"timestamp": [float(time) for time in range(10)]})
    split = make_split(Dataset("d", "D", frame), "temporal", seed=1)
    found = build("transitions", {"reg_weight": 1.0}).fit(split)
    known = np.bincount(split.history["user"], minlength=split.n_users) > 0
    scores = found.scores(np.arange(split.n_users, dtype=np.int32))
    assert not known.all()
    assert (scores[~known] == 0).all()
    assert scores[known].any()
    assert scores.dtype == np.float32
