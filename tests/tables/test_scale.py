"""Sentences about scale go the way of the numbers that they are made from."""

from __future__ import annotations

import numpy as np
import pandas as pd

from reclib import scaling, tables

LAW = pd.DataFrame({"title": ["A"], "serial share": [0.25], "limit": [4.0]})
SPEED = pd.DataFrame({
    "title": "A", "n": [1, 2], "seconds": [4.0, 2.5], "speed-up": [1.0, 1.6],
    "efficiency": [1.0, 0.8],
})  # fmt: skip


def predictions(measured: float) -> pd.DataFrame:
    sizes = np.repeat([100, 200, 400, 800], 2)
    frame = pd.DataFrame({"title": "EASE", "dimension": "items", "size": sizes})
    frame["fit seconds"] = np.where(sizes == 800, measured, sizes * 1e-2)
    return scaling.predict_largest(frame, ["fit seconds"])


def test_a_prediction_that_missed_is_named() -> None:
    missed = tables.prediction_finding(predictions(16.0))
    assert "in 0 of 1 cases" in missed
    assert "predicted 8, measured 16, 2.00 times as much" in missed
    assert missed.endswith("The law misses fit seconds of EASE by items.")
    assert tables.prediction_table(predictions(16.0))["in the interval"].tolist() == ["no"]
    assert tables.prediction_table(predictions(16.0))["measured / predicted"].tolist() == [2.0]


def test_a_speed_up_outside_the_law_is_named() -> None:
    text = tables.speed_up_finding(SPEED, LAW, "threads")
    assert "With 2 threads instead of 1 the best speed-up is 1.60 (efficiency 80%), for A" in text
    assert "law: A 25%." in text
    assert "outside" not in text
    assert "A lies outside" in tables.speed_up_finding(
        SPEED.assign(**{"speed-up": [1.0, 2.2]}), LAW, "threads"
    )
    table = tables.speed_up_table(SPEED, LAW, "threads")
    assert table["serial share"].tolist() == ["25%", "25%"]
    assert table["threads"].tolist() == [1, 2]


def test_a_list_that_changed_is_named() -> None:
    threads = pd.DataFrame({"title": ["A", "B"], "same scores": True})
    workers = pd.DataFrame(
        {"title": "Runs", "workers": [1, 2], "lists": 1234, "same lists": True}, index=[0, 1]
    )
    batches = pd.DataFrame({"title": ["A", "A"], "same lists": [True, True]})
    same = tables.same_lists_finding(threads, workers, batches)
    assert same.startswith("Nothing was lost")
    assert "1,234 lists by 2 processes" in same
    changed = tables.same_lists_finding(
        threads.assign(**{"same scores": [True, False]}), workers, batches
    )
    assert "the number of threads changed lists of B" in changed
    assert "Nothing was lost" not in changed


def test_cutoffs_are_told_by_their_medians() -> None:
    cutoffs = pd.DataFrame({"title": "A", "cutoff": [5, 50], "rank seconds": [1.0, 3.0]})
    assert (
        tables.cutoff_finding(cutoffs) == "A list of 50 takes 3.0 times for A as long as one of 5."
    )


def test_serving_names_the_fastest_and_the_slowest() -> None:
    served = pd.DataFrame({
        "title": ["A", "B"], "items": [1000, 2000], "users a second": [5000.0, 100.0],
        "median ms": [0.5, 9.0], "95 % ms": [0.7, 12.0],
    })  # fmt: skip
    text = tables.serving_finding(served)
    assert "100 to 5,000 users a second" in text
    assert "the most is A over 1,000 items" in text
    assert "longest for B over 2,000 items: 9.0 ms in the median, 12.0 ms at the 95th" in text
    assert tables.serving_table(served)["95th percentile (ms)"].tolist() == [0.7, 12.0]


def test_batches_tell_speed_and_quality() -> None:
    scoring = pd.DataFrame({"title": "A", "batch": [16, 256], "users a second": [100.0, 300.0]})
    training = pd.DataFrame({
        "batch": [16, 64], "interactions a second": [1000.0, 2000.0], "ndcg@10": [0.2, 0.1],
    })  # fmt: skip
    text = tables.batch_finding(scoring, training)
    assert "256 users at a time instead of 16 ranks 3.0 times for A as many" in text
    assert "2.0 times as many interactions a second" in text
    assert "0.100 instead of 0.200" in text
    assert "An epoch" not in tables.batch_finding(scoring, pd.DataFrame())


def test_a_fit_that_serves_several_protocols_is_counted_once() -> None:
    rows = pd.DataFrame({
        "recommender": ["ease", "ease", "rnn", "rnn"], "kind": ["run", "run", "run", "trial"],
        "fit_seconds": [3600.0, 3600.0, 7200.0, 3600.0], "rank_seconds": [360.0, 360.0, 0.0, 0.0],
        "fitted_under": [None, "holdout", None, None],
    })  # fmt: skip
    found = tables.machine_hours(rows)
    assert found.index.tolist() == ["RNN", "EASE"]
    assert found["fit (h)"].tolist() == [3.0, 1.0]
    assert found["rank (h)"].round(6).tolist() == [0.0, 0.2]
    assert found["runs"].tolist() == [1, 2]
    nothing = tables.machine_hours(pd.DataFrame())
    text = tables.machine_hours_finding(nothing, found)
    assert "All 3 runs and 1 trials on record took 4.2 machine-hours, of which RNN 71%" in text
    table = tables.machine_hours_table(nothing, found)
    assert table["in this build (h)"].tolist() == [0.0, 0.0]
    assert tables.machine_hours_finding(nothing, nothing) == "No run is on record."
