"""The peers of preparation do the same work, and the table says what was measured."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pandas as pd
import polars as pl
import psutil
import pytest

from benchmarks import preparation
from benchmarks.preparation_peers import PEERS
from reclib.prepare import write_ratings


def test_peers_keep_the_same_interactions(tmp_path: Path) -> None:
    file = write_ratings(tmp_path / "ratings.csv", 30_000)
    splits = {}
    for name in ("polars", "duckdb", "pandas"):
        assert PEERS[name](file, tmp_path / name) > 0
        found = pl.read_parquet(tmp_path / name / "split.parquet").rename({"user_": "user"},
                                                                          strict=False)  # fmt: skip
        tested = found.filter(pl.col("part") == "test").select(
            pl.col("user").cast(pl.Int64), pl.col("item").cast(pl.Int64)
        )
        splits[name] = (len(found), tested.sort("user").rows())
    assert splits["polars"] == splits["duckdb"] == splits["pandas"]


def test_ratios_are_of_the_best_repetition() -> None:
    mine = next(iter(PEERS))
    rows = pd.DataFrame(
        [(10, mine, 2.0, 3.0, 1.0), (10, mine, 4.0, 3.0, 1.0), (10, "polars", 6.0, 6.0, 4.0)],
        columns=["rows", "peer", "seconds", "cpu seconds", "peak gb"],
    )
    found = preparation.best(rows).set_index("peer").loc["polars"]
    assert found["seconds ratio"] == 3.0
    assert found["cpu seconds ratio"] == 2.0
    assert found["peak gb ratio"] == 4.0


def test_the_exponent_of_growth() -> None:
    sizes = np.array([2e6, 2e7, 2e8])
    rows = pd.DataFrame({"rows": sizes, "peer": next(iter(PEERS)), "seconds": 3 * sizes**1.05})
    assert preparation.exponent(rows) == pytest.approx(1.05)


def test_memory_is_that_of_all_processes() -> None:
    me = psutil.Process()
    alone = preparation.memory(me)
    code = "import time; held = bytearray(60_000_000); print(flush=True); time.sleep(60)"
    with psutil.Popen([sys.executable, "-c", code], stdout=-1) as child:
        child.stdout.readline()
        both = preparation.memory(me)
        child.kill()
    assert both - alone > 50e6
