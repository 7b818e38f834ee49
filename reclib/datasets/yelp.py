"""Yelp's academic dataset, which a reader downloads after agreeing to its terms."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from reclib.datasets import validate
from reclib.datasets.canonical import Dataset
from reclib.datasets.entry import Entry
from reclib.datasets.jsonlines import read_records
from reclib.datasets.source import Source
from reclib.errors import DataError

FILE = "yelp_academic_dataset_{}.json"
REVIEW = {"user_id": str, "business_id": str, "stars": float, "date": str}
BUSINESS = {"business_id": str}
ABOUT = {"name": str, "city": str, "state": str, "categories": str}
USER = {"user_id": str, "friends": str}
KINDS = {"name": "token_seq", "city": "token", "state": "token", "categories": "token_seq"}


def has_yelp(folder: Path, entry: Entry) -> bool:
    """Return whether a folder holds the reviews."""
    return (folder / FILE.format("review")).is_file()


def read_yelp(folder: Path, entry: Entry) -> Dataset:
    """Read reviews, and where they are there businesses (attributes) and users (friends).

    Every review is an interaction; one user may review a business again. Friends who never
    wrote a review are left out while reading, since there are many more of them.

    Raises
    ------
    reclib.errors.DataError
        For files of which nothing can be read. Broken lines are left out, counted and said in
        ``notes``.
    """
    path = folder / FILE.format("review")
    reviews = read_records(path, REVIEW)
    names = {"business_id": "item_id", "stars": "rating"}
    frame = reviews.frame.rename(columns=names)
    frame["timestamp"] = _seconds(frame["date"], path)
    found = validate.interactions(frame, Source(path, tuple(REVIEW), header=False))
    items, item_notes = _items(folder)
    links, link_notes = _links(folder, set(found["user_id"]))
    notes = [note for note in (reviews.broken.note(), *item_notes, *link_notes) if note]
    kinds = {} if items is None else KINDS
    return Dataset(
        entry.name, entry.title, found, items=items, kinds=kinds, scale=entry.scale,
        links=links, notes=tuple(notes),
    )  # fmt: skip


def _seconds(dates: pd.Series, path: Path) -> pd.Series:
    times = pd.to_datetime(dates, format="%Y-%m-%d %H:%M:%S", errors="coerce")
    if times.isna().any():
        wrong = dates[times.isna()].iloc[0]
        remedy = "Dates are written 2018-07-07 22:09:11; fetch the file again."
        raise DataError(f"'{wrong}' is no date", remedy, file=path, column="date")
    return (times - pd.Timestamp(0)) / pd.Timedelta(seconds=1)


def _items(folder: Path) -> tuple[pd.DataFrame | None, list[str]]:
    path = folder / FILE.format("business")
    if not path.is_file():
        return None, []
    found = read_records(path, BUSINESS, optional=ABOUT)
    frame = found.frame.rename(columns={"business_id": "item_id"}).fillna("")
    frame = frame.drop_duplicates("item_id", ignore_index=True)
    frame["categories"] = frame["categories"].str.split(",").map(_words)
    return frame.replace("", np.nan), [found.broken.note()]


def _words(names: list[str]) -> str:
    return " ".join("_".join(name.split()) for name in names)


def _links(folder: Path, users: set[str]) -> tuple[pd.DataFrame | None, list[str]]:
    path = folder / FILE.format("user")
    if not path.is_file():
        return None, []
    found = read_records(path, USER)
    frame = found.frame[found.frame["user_id"].isin(users)]
    friends = frame["friends"].str.split(",").explode().str.strip()
    links = pd.DataFrame({"user_id": frame["user_id"].loc[friends.index], "friend_id": friends})
    return links[links["friend_id"].isin(users)].reset_index(drop=True), [found.broken.note()]
