from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from reclib import tables
from reclib.scaling import predict_largest

SIZES = [100, 200, 400, 800, 1600]


def measured(noise: float = 0.0, last: float = 1.0, seed: int = 0) -> pd.DataFrame:
    """Return a power law of exponent 1.5, its largest size ``last`` times as slow."""
    sizes = np.repeat(SIZES, 2)
    jitter = np.exp(noise * np.random.default_rng(seed).normal(size=len(sizes)))
    seconds = 2e-3 * sizes**1.5 * jitter * np.where(sizes == SIZES[-1], last, 1.0)
    return pd.DataFrame({"title": "A", "dimension": "users", "size": sizes, "seconds": seconds})


def test_a_law_without_noise_predicts_to_the_digit() -> None:
    found = predict_largest(measured(), ["seconds"]).iloc[0]
    assert found["predicted"] == pytest.approx(2e-3 * 1600**1.5)
    assert found["low"] == pytest.approx(found["high"])
    assert (found["size"], found["largest seen"]) == (1600, 800)


def test_the_largest_size_is_not_looked_at() -> None:
    one, two = (
        predict_largest(measured(0.1, last, seed=1), ["seconds"]).iloc[0] for last in (1.0, 9.0)
    )
    assert two["predicted"] == one["predicted"]
    assert two["measured"] == pytest.approx(9 * one["measured"])
    assert one["held"]
    assert not two["held"]


def test_the_interval_holds_a_further_measurement_as_often_as_it_says() -> None:
    held = []
    for seed in range(300):
        frame = measured(0.2, seed=seed)
        held.append(predict_largest(frame.iloc[:-1], ["seconds"])["held"][0])  # one at the largest
    assert 0.91 <= np.mean(held) <= 0.985


def test_two_measurements_give_an_interval_without_end() -> None:
    frame = measured().drop_duplicates("size").tail(3)
    found = predict_largest(frame, ["seconds"]).iloc[0]
    assert (found["low"], found["high"]) == (0, np.inf)


def test_one_smaller_size_predicts_nothing_and_it_is_said() -> None:
    found = predict_largest(measured().query("size >= 800"), ["seconds"])
    assert found.empty
    assert tables.prediction_table(found).empty
    assert "too few sizes" in tables.prediction_finding(found)
