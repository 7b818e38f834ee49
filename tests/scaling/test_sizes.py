from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from reclib.datasets import Dataset
from reclib.scaling import DIMENSIONS, exponents, grow, measure, sample
from reclib.study import Study

SIZES = [100, 200, 400, 800, 1600]


def power_law(exponent: float, noise: float = 0.0, seed: int = 0) -> pd.DataFrame:
    random = np.random.default_rng(seed)
    frame = pd.DataFrame({"size": np.repeat(SIZES, 3), "title": "A", "dimension": "users"})
    jitter = np.exp(noise * random.normal(size=len(frame)))
    return frame.assign(seconds=3e-4 * frame["size"] ** exponent * jitter)


def test_part_of_the_interactions_is_a_random_part_in_file_order(small: Dataset) -> None:
    part = sample(small, "interactions", 0.5, seed=1)
    size = len(part.interactions)
    assert size == pytest.approx(250, abs=50)
    both = part.interactions.merge(small.interactions.reset_index())
    assert len(both) == size
    assert both["index"].is_monotonic_increasing


@pytest.mark.parametrize(("dimension", "column"), [("users", "user_id"), ("items", "item_id")])
def test_part_of_the_users_or_items_keeps_all_that_is_theirs(
    small: Dataset, dimension: str, column: str
) -> None:
    part = sample(small, dimension, 0.25, seed=1).interactions
    whole = small.interactions
    kept = part[column].unique()
    assert len(kept) == round(0.25 * whole[column].nunique())
    assert len(part) == whole[column].isin(kept).sum()


@pytest.mark.parametrize("dimension", DIMENSIONS)
def test_a_sample_repeats_with_its_seed_and_the_whole_is_the_whole(
    small: Dataset, dimension: str
) -> None:
    one, two, other = (sample(small, dimension, 0.5, seed=seed).checksum for seed in (1, 1, 2))
    assert one == two != other
    assert sample(small, dimension, 1.0, seed=1) is small


@pytest.mark.parametrize("dimension", ["users", "items"])
def test_a_tiny_share_leaves_two_at_least(small: Dataset, dimension: str) -> None:
    part = sample(small, dimension, 0.001, seed=1)
    assert (part.n_users if dimension == "users" else part.n_items) == 2


@pytest.mark.parametrize("exponent", [0.0, 1.0, 1.7])
def test_a_planted_power_law_is_found(exponent: float) -> None:
    found = exponents(power_law(exponent), ["seconds"]).iloc[0]
    assert found["exponent"] == pytest.approx(exponent, abs=1e-9)
    assert found["high"] - found["low"] == pytest.approx(0, abs=1e-6)
    assert (found["title"], found["dimension"], found["measure"]) == ("A", "users", "seconds")


def test_the_interval_covers_the_exponent_as_often_as_it_says() -> None:
    found = pd.concat(
        [exponents(power_law(1.3, noise=0.2, seed=seed), ["seconds"]) for seed in range(200)]
    )
    inside = (found["low"] <= 1.3) & (found["high"] >= 1.3)
    assert 0.9 <= inside.mean() <= 0.99


def test_each_title_dimension_and_measure_has_a_fit_of_its_own() -> None:
    frame = pd.concat([power_law(1.0), power_law(2.0).assign(title="B")])
    frame["memory"] = frame["size"] * 1.0
    found = exponents(frame, ["seconds", "memory"]).set_index(["title", "measure"])["exponent"]
    expected = {("A", "seconds"): 1, ("A", "memory"): 1, ("B", "seconds"): 2, ("B", "memory"): 1}
    assert found.to_dict() == pytest.approx(expected)


def test_a_duration_of_nothing_has_an_exponent_all_the_same() -> None:
    assert np.isfinite(exponents(power_law(1.0).assign(seconds=0.0), ["seconds"])["exponent"][0])


def test_every_measurement_has_a_row(study: Study) -> None:
    found = measure(study, ["popularity", "bias"], fractions=(0.5, 1.0), repeats=2)
    assert len(found) == 3 * 2 * 2 * 2
    sizes = found.groupby("dimension")["size"].max().to_dict()
    assert sizes == {"interactions": 500, "users": 40, "items": 30}
    assert set(found["title"]) == {"Popularity", "Bias only"}
    assert found[["fit seconds", "rank seconds", "peak memory (MB)"]].gt(0).all(axis=None)
    assert found["ndcg@10"].between(0, 1).all()


def test_a_grown_catalogue_has_the_same_interactions_over_more_items(small: Dataset) -> None:
    grown = grow(small, 4, seed=1)
    one, two = small.interactions, grown.interactions
    assert two["item_id"].str.partition("+")[0].tolist() == one["item_id"].tolist()
    pd.testing.assert_frame_equal(two.drop(columns="item_id"), one.drop(columns="item_id"))
    copies = two.groupby(one["item_id"])["item_id"].nunique()
    assert copies.max() == 4
    assert small.n_items < grown.n_items <= 4 * small.n_items
    assert grow(small, 1, seed=1) is small
    assert grow(small, 4, seed=1).checksum == grown.checksum != grow(small, 4, seed=2).checksum


def test_a_sample_of_few_items_keeps_nobody_who_took_them_all(small: Dataset) -> None:
    part = sample(small, "items", 0.1, seed=1)
    taken = part.interactions.groupby("user_id")["item_id"].nunique()
    assert part.n_items == 3
    assert taken.max() < 3
