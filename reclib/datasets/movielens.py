"""The official MovieLens files, as GroupLens publishes them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from reclib.datasets import validate
from reclib.datasets.canonical import Dataset
from reclib.datasets.entry import Entry
from reclib.datasets.source import Source, read
from reclib.errors import DataError

KINDS = {"movie_title": "token_seq", "release_year": "token", "genre": "token_seq"}
DEMOGRAPHICS = ("gender", "age", "occupation", "zip_code")
RATINGS = ("user_id", "item_id", "rating", "timestamp")
FILMS = ("item_id", "movie_title", "genre")
NO_GENRE = "(no genres listed)"


def has_movielens(folder: Path, entry: Entry) -> bool:
    """Return whether a folder holds the official ratings."""
    return any((folder / f"ratings.{ending}").is_file() for ending in ("dat", "csv"))


def read_movielens(folder: Path, entry: Entry) -> Dataset:
    """Read the official files: ``.dat`` up to ml-10m, ``.csv`` since.

    Raises
    ------
    reclib.errors.DataError
        For a file that is missing or cannot be used.
    """
    old = (folder / "ratings.dat").is_file()
    source = _source(folder, "ratings", RATINGS, old)
    frame = read(source, frozenset({"rating", "timestamp"}))
    users = _users(folder) if old else None
    items = _films(_source(folder, "movies", FILMS, old))
    kinds = KINDS | (dict.fromkeys(DEMOGRAPHICS, "token") if users is not None else {})
    found = validate.interactions(frame, source)
    return Dataset(entry.name, entry.title, found, users, items, kinds, scale=entry.scale)


def _source(folder: Path, stem: str, names: tuple[str, ...], old: bool) -> Source:
    path = folder / f"{stem}.{'dat' if old else 'csv'}"
    if not path.is_file():
        remedy = f"Delete {folder}, so that it is downloaded again."
        raise DataError("the file is not there", remedy, file=path)
    if old:
        return Source(path, names, "::", header=False, encoding="latin-1")
    return Source(path, names, ",", quoted=True)


def _users(folder: Path) -> pd.DataFrame:
    source = _source(folder, "users", ("user_id", *DEMOGRAPHICS), old=True)
    kinds = dict.fromkeys(DEMOGRAPHICS, "token")
    return validate.attributes(read(source, frozenset()), "user_id", kinds, source)


def _films(source: Source) -> pd.DataFrame:
    """Take the year out of the title, and part genres by blanks as atomic files do."""
    frame = read(source, frozenset())
    parts = frame["movie_title"].str.strip().str.extract(r"^(.*?)(?:\s*\((\d{4})\))?$")
    genre = frame["genre"].replace(NO_GENRE, "").str.replace("|", " ", regex=False)
    clean = pd.DataFrame(
        {
            "item_id": frame["item_id"],
            "movie_title": parts[0],
            "release_year": parts[1].replace(np.nan, ""),
            "genre": genre,
        }
    )
    return validate.attributes(clean, "item_id", KINDS, source)
