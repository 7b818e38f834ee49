"""The result is that of the small path, and of no number of partitions or workers."""

from __future__ import annotations

import tempfile
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from preparing import AMAZON, assert_equal, counts, digest, reference, write
from small_data import random_frame

from reclib.errors import DataError
from reclib.prepare import Settings, prepare

FORMATS = ("csv", "csv.gz", "tsv", "jsonl", "jsonl.gz", "parquet")
IDS = st.sampled_from(["a", "b", "c", "d", "é", "10", "9", "x" * 20, "longer than twelve", ""])


@st.composite
def frames(draw: st.DrawFn) -> pd.DataFrame:
    """Draw rows with repetitions, equal times, unknown times and missing identifiers."""
    times = st.sampled_from([0.0, 1.0, 1.0, 2.0, 2.5, 1e9])
    row = st.tuples(IDS, IDS, st.sampled_from([1.0, 3.5, 5.0]), times)
    rows = draw(st.lists(row, min_size=1, max_size=60))
    return pd.DataFrame(rows, columns=["user_id", "item_id", "rating", "timestamp"])


@given(
    frames(), st.sampled_from(["leave-last-out", "holdout"]), st.integers(1, 3), st.integers(1, 3),
    st.sampled_from(FORMATS), st.sampled_from([3e-5, 2e-4, 1.0]), st.sampled_from([4, 1000]),
    st.sampled_from([3, 1000]), st.booleans(),
)  # fmt: skip
@settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))
def test_equal_to_the_path_of_small_data(
    address: str, frame: pd.DataFrame, protocol: str, min_user: int, min_item: int, ending: str,
    partition_mb: float, bucket: int, rows_per_file: int, timed: bool,
) -> None:  # fmt: skip
    if not timed:
        frame, protocol = frame.drop(columns="timestamp"), "holdout"
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        asked = Settings(
            (str(write(frame, folder / f"ratings.{ending}")),), str(folder / "out"),
            protocol=protocol, fold=2, min_user=min_user, min_item=min_item, cluster=address,
            partition_mb=partition_mb, rows_per_bucket=bucket, rows_per_file=rows_per_file,
        )  # fmt: skip
        try:
            expected = reference(frame, folder / "small", asked)
        except DataError as problem:
            if "leaves nobody to rank" in str(problem):
                return
            with pytest.raises(DataError):
                prepare(asked)
            return
        assert_equal(prepare(asked), expected)


def test_files_follow_each_other(address: str, tmp_path: Path) -> None:
    frame = random_frame()
    halves = [frame[:200], frame[200:]]
    files = [write(half, tmp_path / f"{n}.csv") for n, half in enumerate(halves)]
    asked = Settings(tuple(map(str, files)), str(tmp_path / "out"), cluster=address)
    expected = reference(frame, tmp_path / "small", asked)
    assert_equal(prepare(asked), expected)
    folder = replace(asked, files=(str(tmp_path),), out=str(tmp_path / "again"))
    assert digest(prepare(folder)) == digest(tmp_path / "out")


def test_same_bytes_from_any_partitions_and_workers(
    ratings: Path, right: dict[str, str], tmp_path: Path
) -> None:
    """The cluster fixture made ``right``; here a single worker of our own cuts otherwise."""
    assert len(right) == 4
    out = tmp_path / "out"
    cut = {"partition_mb": 0.1, "rows_per_bucket": 3000, "workers": 1, "hash_seed": 7}
    assert digest(prepare(Settings((str(ratings),), str(out), **AMAZON, **cut))) == right


def test_what_is_left_out_is_counted(address: str, tmp_path: Path) -> None:
    rows = ["u,a,5,10", "u,a,4,10", ",a,5,10", "u,b,3,0", "v,a,2,5", "w,a,broken,5", "u,b,1,7"]
    file = tmp_path / "ratings.csv"
    file.write_text("\n".join(["user_id,item_id,rating,timestamp", *rows]) + "\n")
    asked = Settings((str(file),), str(tmp_path / "out"), cluster=address, malformed="skip",
                     min_user=2, min_item=1)  # fmt: skip
    found = counts(prepare(asked))
    assert found["read"] == {"rows": 7, "users": 2, "items": 2}
    assert found["left out"] == {"malformed": 1, "unnamed": 1, "untimed": 1, "repeated": 1}
    assert found["kept"] == {"rows": 2, "users": 1, "items": 2, "files": 1}
    assert found["first malformed"][0].startswith(f"{file}, row 7, column 'rating': 'broken'")


def test_no_work_is_left_behind(address: str, ratings: Path, tmp_path: Path) -> None:
    prepare(Settings((str(ratings),), str(tmp_path / "out"), cluster=address, **AMAZON))
    assert [path.name for path in tmp_path.iterdir()] == ["out"]
