"""Input that cannot be used: one error with file and row, or a count."""

from __future__ import annotations

import gzip
from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from preparing import AMAZON, digest, unfinished, write
from small_data import random_frame

from reclib.errors import DataError, UnknownName
from reclib.prepare import Settings, from_words, prepare, reading

BROKEN = {
    "a field too few": ("u,i,5", "3 fields where 4 belong"),
    "a field too many": ("u,i,5,7,9", "5 fields where 4 belong"),
    "text for a rating": ("u,i,good,7", "column 'rating': 'good' is not a number"),
    "no rating": ("u,i,,7", "column 'rating': '' is not a number"),
    "a rating without end": ("u,i,inf,7", "column 'rating': inf is not a finite number"),
    "text for a time": ("u,i,5,never", "column 'timestamp': 'never' is not a number"),
    "a time before 1970": ("u,i,5,-7", "column 'timestamp': -7 is before 1970"),
    "milliseconds": ("u,i,5,978300760000", "it looks like milliseconds"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_malformed_row_stops_with_its_place_or_is_left_out(
    address: str, tmp_path: Path, name: str
) -> None:
    line, said = BROKEN[name]
    frame = random_frame()
    good = write(frame, tmp_path / "good.csv")
    lines = good.read_text().splitlines()
    bad = tmp_path / "bad.csv"
    bad.write_text("\n".join([*lines[:321], line, *lines[321:]]) + "\n")
    asked = Settings((str(bad),), str(tmp_path / "out"), cluster=address, partition_mb=0.002)
    with pytest.raises(DataError) as caught:
        prepare(asked)
    assert str(caught.value).startswith(f"{bad}, row 322")
    assert said in str(caught.value)
    assert not (tmp_path / "out").exists()
    skipped = prepare(replace(asked, malformed="skip"))
    whole = prepare(replace(asked, files=(str(good),), out=str(tmp_path / "good"),
                            malformed="skip"))  # fmt: skip
    differing = {key for key in digest(whole) if digest(whole)[key] != digest(skipped)[key]}
    assert differing == {"prepared.json"}


@pytest.mark.parametrize("line", ['{"user_id": "u"', "[1]", '{"user_id":"u","item_id":"i"}'])
def test_a_malformed_line_of_json_is_named(address: str, tmp_path: Path, line: str) -> None:
    file = write(random_frame(), tmp_path / "ratings.jsonl")
    file.write_text(file.read_text() + line + "\n")
    with pytest.raises(DataError, match=rf"{file}, row 501"):
        prepare(Settings((str(file),), str(tmp_path / "out"), cluster=address))


@pytest.mark.parametrize("keep", [0.5, 0.99])
def test_a_truncated_archive_is_named_and_leaves_nothing(
    address: str, ratings: Path, tmp_path: Path, keep: float
) -> None:
    packed = gzip.compress(ratings.read_bytes())
    file = tmp_path / "ratings.csv.gz"
    file.write_bytes(packed[: int(keep * len(packed))])
    asked = Settings((str(file),), str(tmp_path / "out"), cluster=address, **AMAZON)
    with pytest.raises(DataError, match=r"ratings\.csv\.gz: the gzipped file is damaged or cut"):
        prepare(asked)
    assert not (tmp_path / "out").exists()
    left = [path.name for path in unfinished(tmp_path / "out").rglob("*") if path.is_file()]
    assert set(left) <= {".lock", "key.json"}


def test_a_missing_file_column_or_name_is_said(address: str, tmp_path: Path) -> None:
    file = write(random_frame(), tmp_path / "ratings.csv")
    asked = Settings((str(file),), str(tmp_path / "out"), cluster=address)
    with pytest.raises(DataError, match="is not there"):
        prepare(replace(asked, files=("nowhere.csv",)))
    with pytest.raises(DataError, match="column 'customer': the column is missing"):
        prepare(replace(asked, columns={"user_id": "customer"}))
    with pytest.raises(UnknownName, match="Did you mean 'min_user'"):
        from_words({"files": "a", "out": "b", "min_users": 3})
    with pytest.raises(UnknownName, match="leave-last-out"):
        replace(asked, protocol="temporal")
    (tmp_path / "out").mkdir()
    with pytest.raises(DataError, match="is there already"):
        prepare(asked)


def test_too_high_thresholds_say_so(address: str, tmp_path: Path) -> None:
    file = write(random_frame(), tmp_path / "ratings.csv")
    with pytest.raises(DataError, match="no interaction is left at min_user=400"):
        prepare(Settings((str(file),), str(tmp_path / "out"), cluster=address, min_user=400))


@pytest.mark.parametrize("ids", [["a", "b", "a"], ["a", "a", "b", "b"]])
def test_two_ids_of_one_hash_are_noticed(ids: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    honest = reading.hashed
    series = pl.Series(ids)
    assert len(reading.distinct(series, honest(series, 0), 0)["id"]) == 2
    with pytest.raises(DataError, match="two ids share"):
        reading.distinct(series, np.zeros(len(ids), np.uint64), 0)


def test_two_ids_of_one_hash_are_noticed_between_partitions(
    address: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Users and items whose hash is weak collide, though not within a line."""
    honest = reading.hashed

    def weak(ids: pl.Series, seed: int) -> np.ndarray:
        return honest(ids, seed) if seed >= reading.CHECK else honest(ids, seed) & np.uint64(15)

    monkeypatch.setattr(reading, "hashed", weak)
    file = write(random_frame()[:40], tmp_path / "ratings.csv")
    asked = Settings((str(file),), str(tmp_path / "out"), cluster=address, partition_mb=1e-5)
    with pytest.raises(DataError, match=r"two ids share a 64-bit hash.*hash_seed"):
        prepare(asked)
