from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from conditioned import SEEDS, assert_ordered, assert_repeatable, part
from hypothesis import given, settings
from hypothesis import strategies as st
from small_data import Fixed, datasets, random_split

from reclib.conditions import Condition, Conditioned
from reclib.datasets import Dataset
from reclib.metrics import evaluate
from reclib.splits import make_split

KINDS = ["average", "bandwagon"]


@settings(deadline=None)
@given(datasets(least=30), st.floats(0.2, 1.0), SEEDS, st.sampled_from(KINDS))
def test_an_attack_adds_only_new_users(data: Dataset, share: float, seed: int, kind: str) -> None:
    try:
        split = make_split(data, "leave-last-out")
    except ValueError:
        return
    attacked = Condition.of("shilling", share=share, seed=seed, kind=kind)(split)
    added = attacked.interactions["user"] >= split.n_users
    pd.testing.assert_frame_equal(
        attacked.interactions[~added].astype({"part": str}),
        split.interactions.astype({"part": str}),
    )
    assert attacked.n_users == split.n_users + round(share * split.n_users)
    np.testing.assert_array_equal(attacked.users(), split.users())
    assert_ordered(attacked)


@pytest.mark.parametrize("kind", KINDS)
def test_each_fake_profile_has_the_pushed_item_once_at_the_highest_rating(kind: str) -> None:
    split = random_split("leave-last-out")
    attacked = Condition.of("shilling", share=0.25, kind=kind)(split)
    fake = attacked.train[attacked.train["user"] >= split.n_users]
    pushed = fake[fake["item"] == attacked.pushed]
    assert pushed["user"].tolist() == list(range(40, 50))
    assert set(pushed["rating"]) == {5.0}
    assert not fake.duplicated(["user", "item"]).any()
    length = split.train.groupby("user").size().median()
    assert set(fake.groupby("user").size()) == {int(length)}
    counts = split.train["item"].value_counts()
    assert counts[attacked.pushed] <= counts.median(), "it needs a push"


def test_fillers_have_the_mean_rating_of_their_item() -> None:
    split = random_split("leave-last-out")
    attacked = Condition.of("shilling", share=1.0)(split)
    fake = attacked.train[attacked.train["user"] >= split.n_users]
    fillers = fake[fake["item"] != attacked.pushed].drop_duplicates("item")
    mean = fillers["item"].map(split.train.groupby("item")["rating"].mean())
    assert (fillers["rating"] - mean).abs().max() <= 0.5
    assert len(fillers) > 15


def test_a_bandwagon_takes_the_most_popular_along() -> None:
    split = random_split("leave-last-out")
    attacked = Condition.of("shilling", share=0.25, kind="bandwagon")(split)
    fake = attacked.train[attacked.train["user"] >= split.n_users]
    best = split.train["item"].value_counts(sort=True).index[0]
    assert (fake["item"] == best).sum() == 10


def test_how_many_lists_hold_the_pushed_item_is_counted_by_hand() -> None:
    split = random_split("leave-last-out")
    attacked = Condition.of("shilling", share=0.1)(split)
    assert isinstance(attacked, Conditioned)
    scores = np.zeros((attacked.n_users, attacked.n_items))
    lucky = attacked.users()[::2]
    scores[lucky, attacked.pushed] = 1.0
    done = evaluate(Fixed(scores), attacked, (5,))
    had = set(split.history.query(f"item == {attacked.pushed}")["user"])
    free = [user for user in attacked.users() if user not in had]
    expected = np.mean([user in lucky or attacked.pushed in (done.top[i]) for i, user in
                        enumerate(attacked.users()) if user in free])  # fmt: skip
    found = attacked.found(done.per_user, done.top)
    assert found["pushed"]["5"] == pytest.approx(expected, abs=1e-6)
    assert 0.3 < found["pushed"]["5"] < 0.9


def test_the_seed_decides_item_and_profiles() -> None:
    assert_repeatable("shilling", random_split("leave-last-out"), share=0.1)


def test_without_times_and_ratings_there_are_none_in_the_profiles() -> None:
    plain = random_split("holdout").dataset
    bare = plain.with_interactions(plain.interactions[["user_id", "item_id"]])
    attacked = Condition.of("shilling", share=0.1)(make_split(bare, "holdout"))
    assert list(attacked.interactions.columns) == ["user", "item", "part"]
    assert len(part(attacked, "train")) > len(part(make_split(bare, "holdout"), "train"))
