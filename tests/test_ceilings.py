"""What a ranking by expected ratings reaches at a given error, and the error of a recommender."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reclib.ceilings import (
    Known,
    error_curve,
    error_needed,
    error_within,
    rating_errors,
    reached_at,
)
from reclib.datasets import Dataset
from reclib.metrics import evaluate
from reclib.splits import Split, make_split
from reclib.study import Study

METRICS = ["precision@10", "map@10"]


@pytest.fixture(scope="module")
def split(movielens: Dataset) -> Split:
    return make_split(movielens, "rated-only")


def ratings(n_users: int = 200, each: int = 40, seed: int = 0) -> pd.DataFrame:
    random = np.random.default_rng(seed)
    users = np.repeat(np.arange(n_users), each)
    return pd.DataFrame({"user": users, "rating": random.normal(3 + users % 3, 1.2)})


@given(scale=st.floats(0.01, 100), level=st.floats(-5, 5))
def test_level_and_scale_of_scores_do_not_matter(scale: float, level: float) -> None:
    rows = ratings(20)
    levels = level * (rows["user"].to_numpy() % 7)
    score = rows["rating"].to_numpy() + np.random.default_rng(1).normal(0, 1, len(rows))
    assert error_within(scale * score + levels, rows) == pytest.approx(error_within(score, rows))


def test_the_error_of_the_ratings_themselves_is_none_and_of_nothing_their_spread() -> None:
    rows = ratings()
    assert error_within(rows["rating"].to_numpy(), rows) == pytest.approx(0, abs=1e-9)
    # a hand of one user: deviations -1, 0, 1 on two degrees of freedom
    three = pd.DataFrame({"user": [4, 4, 4], "rating": [2.0, 3.0, 4.0]})
    assert error_within(np.zeros(3), three) == pytest.approx(1)


@pytest.mark.parametrize("error", [0.4, 0.8, 1.1])
def test_noise_of_the_curve_errs_as_much_as_was_asked_for(error: float) -> None:
    rows = ratings()
    nothing = error_within(np.zeros(len(rows)), rows)
    spread = error / np.sqrt(1 - (error / nothing) ** 2)
    noisy = rows["rating"] + np.random.default_rng(2).normal(0, spread, len(rows))
    assert error_within(noisy.to_numpy(), rows) == pytest.approx(error, rel=0.02)


def test_the_curve_falls_from_the_oracle_to_a_coin(split: Split) -> None:
    curve = error_curve(split, [0.05, 0.6, 1.02, 9.0], METRICS, seed=1)
    assert curve["rmse"].tolist() == [0.05, 0.6, 1.02]  # nobody can err by 9
    assert curve["map@10"].is_monotonic_decreasing
    assert curve["map@10"].iloc[0] == pytest.approx(1, abs=0.005)
    random = np.random.default_rng(0).normal(size=len(split.targets))
    coin = evaluate(Known(split.targets.assign(score=random)).fit(split), split).summary
    assert coin["map@10"] < curve["map@10"].iloc[-1] < coin["map@10"] + 0.15


def test_real_recommenders_lie_at_the_curve(movielens: Dataset, split: Split, study: Study) -> None:
    study.__dict__.update(split=lambda *_: split, supported=list)
    found = rating_errors(study, ["bias", "item-knn-ratings"], METRICS).set_index("title")
    assert found["rmse"].idxmin() == "Item-based CF (ratings)"
    curve = error_curve(split, np.arange(0.8, 1.0, 0.02).tolist(), METRICS, seed=1)
    for row in found.itertuples():
        needed = error_needed(curve, "map@10", found.loc[row.Index, "map@10"])
        assert needed == pytest.approx(row.rmse, abs=0.025)


def test_reading_the_curve_both_ways() -> None:
    curve = pd.DataFrame({"rmse": [0.5, 1.0], "map@10": [0.9, 0.7]})
    assert error_needed(curve, "map@10", 0.8) == pytest.approx(0.75)
    assert reached_at(curve, "map@10", 0.75) == pytest.approx(0.8)
    assert np.isnan(error_needed(curve, "map@10", 0.95))
    assert reached_at(curve, "map@10", 0.1) == 0.9


def test_known_scores_stand_where_they_belong(split: Split) -> None:
    table = pd.DataFrame({"user": [3, 1, 3], "item": [0, 2, 5], "score": [1.0, 2.0, 3.0]})
    found = Known(table).fit(split).scores(np.array([3, 0], np.int32))
    assert found[0, [0, 5]].tolist() == [1.0, 3.0]
    assert np.isinf(found).sum() == found.size - 2


def test_without_ratings_there_is_no_error(study: Study) -> None:
    study.__dict__["supported"] = lambda protocols: []
    found = rating_errors(study, ["bias"], METRICS)
    assert found.empty
    assert list(found) == ["title", "rmse", *METRICS]
