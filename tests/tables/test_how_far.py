"""How much further it could get: errors that others report, and choosing in hindsight."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from reclib import tables
from reclib.ledger import Run
from reclib.per_user import PublishedRun

CURVE = pd.DataFrame({"rmse": [0.5, 0.9, 1.0], "map@10": [0.95, 0.75, 0.65]})
ERRORS = pd.DataFrame({"title": ["Bias", "KNN"], "rmse": [0.95, 0.9], "map@10": [0.7, 0.74]})


class Planted(PublishedRun):
    """A published run with these values a user."""

    def __init__(self, values: list[float], **row: Any) -> None:
        entry = {"dataset": "ml-1m", "protocol": "leave-last-out", "fold": 0, "seed": 1}
        super().__init__(entry | row, Path())
        self.__dict__["per_user"] = pd.DataFrame({"ndcg@10": values, "map@10": values})


def test_the_finding_reads_the_curve_for_the_best_the_model_and_the_others() -> None:
    text = tables.error_finding(ERRORS, CURVE, "ml-100k", "map@10", 0.85)
    assert "KNN errs by 0.900 within users and has a MAP at 10 of 0.740" in text
    assert "asks an error of 0.910" in text
    assert "the 0.850 of the integrated model ask for 0.700" in text
    assert "an error of 0.889, that of GLocal-K (Han et al., 2021), stands for 0.756" in text
    assert "0.816 to 0.557" in text


def test_errors_of_another_dataset_are_not_mentioned_nor_a_model_that_was_not_run() -> None:
    text = tables.error_finding(ERRORS, CURVE, "my-shop", "map@10", float("nan"))
    assert "GLocal-K" not in text
    assert "integrated" not in text
    assert "again" in text
    assert "do not vary" in tables.error_finding(ERRORS, CURVE[:0], "my-shop", "map@10", 0.5)


def test_hindsight_takes_the_best_list_of_each_user() -> None:
    runs: list[Run] = [
        Planted([1.0, 0.0, 0.0, 0.2], recommender="integrated"),
        Planted([0.9, 0.9, 0.9, 0.9], recommender="integrated", seed=2),  # one list each
        Planted([0.5, 0.5, 0.0, 0.1], recommender="ease"),
        Planted([0.0, 0.0, 0.3, 0.0], recommender="rnn"),
    ]
    row = tables.hindsight(runs).loc[("MovieLens 1M", "leave-last-out")]
    assert (row["lists"], row["metric"]) == (3, "ndcg@10")
    assert row["integrated"] == pytest.approx(0.3)
    assert row["hindsight"] == pytest.approx(0.5)
    assert row["published"] == pytest.approx(0.1813)
    assert "60 % (on MovieLens 1M under `leave-last-out`)" in tables.hindsight_finding(
        tables.hindsight(runs)
    )


def test_hindsight_needs_the_model_a_peer_and_a_fold_that_both_have() -> None:
    whole = Planted([1.0], recommender="integrated")
    assert tables.hindsight([whole]).empty
    assert tables.hindsight([whole, Planted([1.0], recommender="ease", fold=1)]).empty
    assert "no two" in tables.hindsight_finding(tables.hindsight([]))
