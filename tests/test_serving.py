"""Speed of answers: what is timed, and of how many users."""

from __future__ import annotations

import time

import numpy as np
import pytest
from small_data import Fixed, random_split

from reclib import serving
from reclib.study import Study

WAIT = 0.004


class Slow(Fixed):
    """Answers after a while, whoever asks, and after a longer one for the last of some."""

    def __init__(self, values: np.ndarray) -> None:
        super().__init__(values)
        self.asked: list[int] = []

    def scores(self, users: np.ndarray) -> np.ndarray:
        self.asked.append(len(users))
        rare = len(users) == 1 and len(self.asked) % 10 == 0
        time.sleep(5 * WAIT if rare else WAIT)
        return super().scores(users)


def test_throughput_and_latency_are_those_of_the_recommender(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    split = random_split()
    monkeypatch.setattr(serving, "users_at_once", lambda n_items: 50)
    slow = Slow(np.zeros((split.n_users, split.n_items)))
    found = serving.serve(slow, split, n_users=120, n_single=30)
    assert slow.asked == [50, 50, 50, 20] + [1] * 31, "warm-up, blocks, one by one"
    assert 0.2 * 120 / (3 * WAIT) < found["users a second"] < 120 / (3 * WAIT)
    assert found["median ms"] >= 1000 * WAIT
    assert found["95 % ms"] >= 5000 * WAIT, "one answer in ten is slow"
    assert found["median ms"] < found["95 % ms"]


def test_a_list_longer_than_the_catalogue_is_the_catalogue() -> None:
    split = random_split()
    fixed = Fixed(np.zeros((split.n_users, split.n_items)))
    assert serving.serve(fixed, split, k=99, n_users=5, n_single=2)["users a second"] > 0


def test_each_recommender_is_measured_on_each_catalogue(study: Study) -> None:
    found = serving.measure_serving(
        study, ["popularity", "item-knn"], fractions=(0.5, 1.0), n_users=20, n_single=5
    )
    assert found["title"].tolist() == ["Popularity", "Item-based CF"] * 2
    assert found["items"].tolist() == [15, 15, 30, 30]
    assert (found[["users a second", "median ms", "95 % ms"]] > 0).all(axis=None)
    assert (found["median ms"] <= found["95 % ms"]).all()
