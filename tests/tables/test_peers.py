"""Sentences about published benchmarks: made from the numbers, and silent where there are none."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from reclib import tables
from reclib.tables import costs, peers

ORIGIN = {"threads": 1, "finished": "2026-01-02T03:04", "device": "x86", "commit": "abc"}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(costs, "BENCHMARKS", tmp_path)
    return tmp_path


def write(path: Path, **columns: object) -> None:
    pd.DataFrame(columns | ORIGIN).to_csv(path, index=False)


def neighbours(**changed: object) -> dict[str, object]:
    row = {
        "peer": ["RecBole", "implicit"], "release": ["1.2.1", "0.7.3"], "k": 10,
        "fit seconds": 1.0, "rank seconds": 1.0, "peer fit seconds": [6.0, 1.0],
        "peer rank seconds": [6.0, 2.0], "ratio": [6.0, 1.5], "overlap": [1.0, 0.41],
        "ndcg": 0.36, "peer ndcg": [0.36, 0.31],
    }  # fmt: skip
    return row | changed


def test_all_datasets_of_a_benchmark_are_found_and_no_other_benchmark(folder: Path) -> None:
    write(folder / "neighbours.ml-1m.csv", **neighbours())
    write(folder / "neighbours.ml-100k.csv", **neighbours())
    write(folder / "metrics.ml-1m.csv", peer=["ranx"])
    write(folder / "preparation.csv", rows=[10])
    assert tables.on_record("neighbours")["data"].tolist() == ["ml-100k"] * 2 + ["ml-1m"] * 2
    assert tables.on_record("preparation")["data"].tolist() == [""]
    assert tables.on_record("ddp").empty


def test_neighbours_say_the_ratio_and_which_model_is_another(folder: Path) -> None:
    write(folder / "neighbours.ml-1m.csv", **neighbours())
    rows = tables.on_record("neighbours")
    table = tables.neighbours_table(rows)
    assert table is not None
    assert table.index.tolist() == [("ml-1m", "RecBole 1.2.1"), ("ml-1m", "implicit 0.7.3")]
    assert table["same items"].tolist() == ["100.0%", "41.0%"]
    text = tables.neighbours_finding(rows)
    assert "RecBole takes 6.0 times as long as ours and implicit takes 1.5 times" in text
    assert "100.0% of the items of a list or more are the same; implicit is another model" in text
    assert text.endswith("Measured on 2026-01-02 (x86, 1 thread, commit abc).")


def test_a_comparison_without_one_agreeing_list_says_so(folder: Path) -> None:
    write(folder / "neighbours.ml-1m.csv", **neighbours(overlap=[0.5, 0.4]))
    assert "No peer's lists agree with ours" in tables.neighbours_finding(
        tables.on_record("neighbours")
    )


def test_metrics_say_the_ratio_and_the_largest_difference(folder: Path) -> None:
    write(
        folder / "metrics.small.csv", peer=["RecBole, given the hits", "ranx, first call"],
        release=["1.2.1", "0.3"], users=40, seconds=0.001, **{"peer seconds": [0.01, 2.0]},
        ratio=[10.0, 2000.0], values=18, **{"largest difference": [1e-16, 5e-13]},
    )  # fmt: skip
    rows = tables.on_record("metrics")
    table = tables.metrics_table(rows)
    assert table is not None
    assert table["ours (ms)"].tolist() == [1.0, 1.0]
    text = tables.metrics_finding(rows)
    assert "RecBole, given the hits 10.0 times and ranx, first call 2,000 times" in text
    assert "differs by more than 5e-13" in text


def test_preparation_has_an_exponent_for_each_tool_with_three_sizes(folder: Path) -> None:
    write(
        folder / "preparation.csv", peer=["ours"] * 3 + ["polars"], seconds=[2.0, 20, 200, 5],
        rows=[1_000_000, 10_000_000, 100_000_000, 1_000_000],
    )  # fmt: skip
    rows = tables.on_record("preparation")
    text = tables.preparation_finding(rows)
    assert "The largest has 100,000,000 rows (ours, 200 s)" in text
    assert "ours 1.00 [1.00, 1.00]. Measured" in text
    assert "As long as ours take: polars 2.50 times (1,000,000 rows, beside ours)." in text
    assert peers.largest_size(rows) == 100_000_000
    assert tables.recorded_table(rows) is not None


def test_a_preparation_with_other_columns_is_counted_at_least(folder: Path) -> None:
    write(folder / "preparation.csv", something=[1, 2])
    rows = tables.on_record("preparation")
    assert tables.preparation_finding(rows).startswith("2 measurements of the preparation")
    assert peers.largest_size(rows) == 0


def test_several_processes_stand_beside_one_with_the_same_batch(folder: Path) -> None:
    write(
        folder / "ddp.ml-100k.csv", recommender="integrated", processes=[1, 2, 1, 2],
        **{"seconds an epoch": [10.0, 5.0, 9.0, 3.0], "ndcg@10": [0.1, 0.0995, 0.09, 0.08],
           "speed-up": [1.0, 2.0, 1.0, 3.0], "histories a batch": [16, 16, 64, 64]},
    )  # fmt: skip
    text = tables.ddp_finding(tables.on_record("ddp"))
    assert "2 processes train Integrated 2.00 times as fast as one with 16 histories" in text
    assert "NDCG at 10 is 0.0995 instead of 0.1000" in text
    assert "3.00 times as fast as one with 64 histories" in text
    assert "NDCG at 10 is 0.0800 instead of 0.0900" in text
    assert peers.distributed(tables.on_record("ddp"))["best of one"].tolist() == [0.1, 0.1]


@pytest.mark.usefixtures("folder")
def test_what_is_not_on_record_is_said_not_to_be() -> None:
    for name in ("neighbours", "metrics", "preparation", "ddp"):
        text = getattr(tables, f"{name}_finding")(tables.on_record(name))
        assert "make benchmarks" in text, name
    assert tables.recorded_table(tables.on_record("ddp")) is None
    assert tables.neighbours_table(tables.on_record("neighbours")) is None
    assert tables.metrics_table(tables.on_record("metrics")) is None
