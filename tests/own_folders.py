"""Folders of a reader's own data, unlike anything in the catalogue, in any size."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd

SPACED = ("café {}", "ключ {}", "a, b {}", 'say "{}"')


def events(n_users: int, n_items: int, n: int, seed: int = 0) -> pd.DataFrame:
    """Return distinct pairs, users and items by number, in an order with some sense.

    Items fall into groups; a user stays in one for a while. So there is something to learn.
    """
    random = np.random.default_rng(seed)
    users = random.integers(0, n_users, 3 * n)
    groups = max(n_items // 20, 2)
    group = (users + random.geometric(0.6, 3 * n)) % groups
    place = random.zipf(1.3, 3 * n) % max(n_items // groups, 1)
    items = np.minimum(group * (n_items // groups) + place, n_items - 1)
    frame = pd.DataFrame({"user_id": users, "item_id": items}).drop_duplicates()
    return frame.head(n).reset_index(drop=True)


def check_ins(folder: Path, n: int = 150_000, seed: int = 0) -> Path:
    """Make visits with repeats, times of fractions from 0 on, no ratings and no file of items."""
    random = np.random.default_rng(seed)
    frame = events(max(n // 50, 20), max(n // 75, 30), n, seed)
    again = frame.sample(len(frame) // 10, random_state=seed)
    frame = pd.concat([frame, again]).sample(frac=1, random_state=seed).head(n)
    frame["timestamp"] = np.sort(random.random(len(frame)) * 40).round(4)
    return _write(folder, interactions=frame)


def half_stars(folder: Path, n: int = 35_000, seed: int = 1) -> Path:
    """Make ratings in half stars without times, with the attributes of the items."""
    random = np.random.default_rng(seed)
    frame = events(max(n // 35, 20), max(n // 60, 30), n, seed)
    liked = 3.5 - 0.5 * ((frame["user_id"] + frame["item_id"]) % 3)
    frame["rating"] = (2 * liked + random.integers(-5, 6, len(frame))).clip(1, 10) / 2
    items = pd.DataFrame({"item_id": np.unique(frame["item_id"])})
    items["title"] = [f"Dish {item}" for item in items["item_id"]]
    items["kitchen"] = items["item_id"] % 5
    return _write(folder, interactions=frame, items=items)


def ordered(folder: Path, n: int = 170_000, seed: int = 2) -> Path:
    """Make interactions whose time is only their place in the history of their user, from 0 on."""
    frame = events(max(n // 40, 20), max(n // 90, 30), n, seed)
    frame = frame.sort_values("user_id", kind="stable", ignore_index=True)
    frame["timestamp"] = frame.groupby("user_id").cumcount()
    return _write(folder, interactions=frame)


def movielens_csv(folder: Path, n: int = 20_000, seed: int = 3) -> Path:
    """Make a ratings.csv as GroupLens gives it away, its columns named in columns.yaml."""
    random = np.random.default_rng(seed)
    frame = events(max(n // 60, 20), max(n // 40, 30), n, seed)
    frame["rating"] = random.integers(1, 11, len(frame)) / 2
    frame["timestamp"] = 10**9 + random.integers(0, 10**8, len(frame))
    names = {"user_id": "userId", "item_id": "movieId"}
    columns = "user_id: userId\nitem_id: movieId\n"
    return _write(folder, columns, ratings=frame.rename(columns=names))


def odd_ids(folder: Path, n: int = 3_000, seed: int = 4, kind: str = "csv") -> Path:
    """Make identifiers with blanks, letters of several scripts, commas, quotes, leading zeros."""
    random = np.random.default_rng(seed)
    frame = events(60, 130, n, seed)
    frame["user_id"] = [SPACED[user % 4].format(user) for user in frame["user_id"]]
    frame["item_id"] = [f"{item:05d}" for item in frame["item_id"]]
    frame["timestamp"] = 10**9 + random.integers(0, 10**7, len(frame))
    items = pd.DataFrame({"item_id": np.unique(frame["item_id"])})
    items["name"] = [f"Größe {item}" for item in items["item_id"]]
    return _write(folder, kind=kind, interactions=frame, items=items)


def integer_parquet(folder: Path, n: int = 3_000, seed: int = 5) -> Path:
    """Make Parquet files with whole numbers for identifiers, dates for times and a few friends."""
    random = np.random.default_rng(seed)
    frame = events(60, 130, n, seed)
    seconds = 10**9 + random.integers(0, 10**7, len(frame))
    frame["timestamp"] = pd.to_datetime(seconds, unit="s")
    links = pd.DataFrame({"user_id": [0, 1, 2], "friend_id": [1, 0, 99]})
    return _write(folder, kind="parquet", interactions=frame, links=links)


def few_items(folder: Path, n: int = 4_000, seed: int = 6) -> Path:
    """Make a catalogue of 40 items."""
    return _timed(folder, 300, 40, n, seed)


def few_users(folder: Path, n: int = 1_500, seed: int = 7) -> Path:
    """Make thirty users."""
    return _timed(folder, 30, 150, n, seed)


def _timed(folder: Path, n_users: int, n_items: int, n: int, seed: int) -> Path:
    random = np.random.default_rng(seed)
    frame = events(n_users, n_items, n, seed)
    frame["rating"] = random.integers(1, 6, len(frame))
    frame["timestamp"] = 10**9 + random.integers(0, 10**7, len(frame))
    return _write(folder, interactions=frame)


def _write(folder: Path, columns: str = "", kind: str = "csv", **frames: pd.DataFrame) -> Path:
    folder.mkdir(parents=True)
    if columns:
        (folder / "columns.yaml").write_text(columns)
    for stem, frame in frames.items():
        if kind == "csv":
            frame.to_csv(folder / f"{stem}.csv", index=False)
        else:
            frame.to_parquet(folder / f"{stem}.parquet")
    return folder


KINDS: dict[str, Callable[..., Path]] = {
    made.__name__: made
    for made in (check_ins, half_stars, ordered, movielens_csv, odd_ids, integer_parquet,
                 few_items, few_users)
}  # fmt: skip
"""Every kind of folder by name."""
