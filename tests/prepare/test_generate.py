"""The stand-in has the published shape, and the same bytes for the same seed."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from reclib.errors import DataError, UnknownName
from reclib.prepare import generate
from reclib.prepare.generate import Shape, write_ratings


def read(path: Path) -> pl.DataFrame:
    return pl.read_csv(path, has_header=False, new_columns=list(generate.COLUMNS))


def test_the_whole_file_has_the_published_numbers() -> None:
    shape = Shape()
    assert (shape.rows, shape.users, shape.items) == (233_100_000, 43_500_000, 15_200_000)


def test_users_and_items_are_as_many_as_said_with_ids_of_their_own(tmp_path: Path) -> None:
    frame = read(write_ratings(tmp_path / "ratings.csv", 50_000))
    shape = Shape(50_000)
    assert len(frame) == 50_000
    assert frame["user"].n_unique() == shape.users
    assert frame["item"].n_unique() == shape.items
    assert frame["user"].str.contains("^A[0-9A-Z]{12,13}$").all()
    assert frame["item"].str.contains("^B0[0-9A-Z]{8}$").all()
    assert set(frame["rating"]) == {1.0, 2.0, 3.0, 4.0, 5.0}
    days = pl.from_epoch(frame["timestamp"])
    assert days.dt.year().min() >= 1996
    assert days.dt.year().max() == 2018


def test_few_have_many_and_many_have_few(tmp_path: Path) -> None:
    frame = read(write_ratings(tmp_path / "ratings.csv", 50_000))
    for column in ("user", "item"):
        counts = frame[column].value_counts()["count"].sort(descending=True)
        assert counts[: len(counts) // 10].sum() > 0.4 * len(frame), column
        assert (counts < counts.mean() / 2).mean() > 0.5, column


def test_a_seed_gives_its_bytes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(generate, "BLOCK", 4096)
    one, same = (write_ratings(tmp_path / name, 10_000).read_bytes() for name in ("a", "b"))
    other = write_ratings(tmp_path / "c", 10_000, seed=1).read_bytes()
    assert one == same
    assert one != other
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a", "b", "c"]


def test_the_command_names_what_is_wrong(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="'out' is missing"):
        generate.generated({})
    with pytest.raises(DataError, match="rows is 'many'"):
        generate.generated({"out": tmp_path / "a", "rows": "many"})
    with pytest.raises(UnknownName, match="Did you mean 'rows'"):
        generate.generated({"out": tmp_path / "a", "row": 3})
    assert generate.generated({"out": tmp_path / "a", "rows": 10}).read_bytes().count(b"\n") == 10
