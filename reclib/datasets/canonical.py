"""The one form in which every dataset is handed on, whatever files it came from."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Self

import numpy as np
import pandas as pd

KEYS = ("user_id", "item_id")
NUMBERS = ("rating", "timestamp")
LINK = ("user_id", "friend_id")


@dataclass(frozen=True, eq=False)
class Dataset:
    """Interactions with the attributes of their users and items.

    Parameters
    ----------
    name, title : str
        Name in the catalogue or of the folder; title for tables and figures.
    interactions : pandas.DataFrame
        ``user_id`` and ``item_id`` (str), ``rating`` and ``timestamp`` (float64, seconds since
        1970) where the source has them; in file order.
    users, items : pandas.DataFrame or None
        The identifier, then the attributes: str or float64, NaN where unknown.
    links : pandas.DataFrame or None
        Who is a friend of whom: ``user_id`` and ``friend_id`` (str), a directed pair a row. As
        read, it has every pair of the file; `reclib.inclusion` leaves those among its users.
    images : Path or None
        Folder of one picture an item, each file named by the item's identifier. Pictures do not
        count in the checksum; `reclib.datasets.images_checksum` names what is in the folder.
    kinds : mapping of str to str
        RecBole type of each attribute: token, token_seq, float or float_seq.
    scale : tuple of float, optional
        Lowest and highest rating possible, where the provider says so.
    checksum : str, optional
        SHA-256 of the content of the frames; computed when left out.
    """

    name: str
    title: str
    interactions: pd.DataFrame
    users: pd.DataFrame | None = None
    items: pd.DataFrame | None = None
    kinds: Mapping[str, str] = field(default_factory=dict)
    checksum: str = ""
    scale: tuple[float, float] | None = None
    links: pd.DataFrame | None = None
    images: Path | None = None

    def __post_init__(self) -> None:
        if not self.checksum:
            linked = [] if self.links is None else [self.links]
            value = checksum(self.interactions, self.users, self.items, *linked)
            object.__setattr__(self, "checksum", value)

    @property
    def has_ratings(self) -> bool:
        """Whether interactions carry ratings."""
        return "rating" in self.interactions

    @property
    def has_times(self) -> bool:
        """Whether interactions carry times."""
        return "timestamp" in self.interactions

    @property
    def n_users(self) -> int:
        """Number of users with at least one interaction."""
        return int(self.interactions["user_id"].nunique())

    @property
    def n_items(self) -> int:
        """Number of items with at least one interaction."""
        return int(self.interactions["item_id"].nunique())

    def with_interactions(self, frame: pd.DataFrame) -> Self:
        """Return the dataset with other interactions, the same attributes, and links to match.

        A link stays when both of its users have an interaction left.
        """
        interactions = frame.reset_index(drop=True)
        links = None if self.links is None else among(self.links, interactions["user_id"])
        return replace(self, interactions=interactions, links=links, checksum="")

    def titles(self) -> pd.Series:
        """Return a title for each item, with the year in brackets where it is known.

        Returns
        -------
        pandas.Series
            Indexed by item id, over all items listed or interacted with; an item without a
            title is called by its id.
        """
        seen = pd.Series(self.interactions["item_id"].unique(), dtype=object)
        seen.index = pd.Index(seen, name="item_id")
        if self.items is None or (column := _title_column(self.items)) is None:
            return seen.rename("title")
        frame = self.items.set_index("item_id")
        listed = frame[column].astype(object) + _years(frame)
        listed = listed.fillna(frame.index.to_series())
        missing = seen[~seen.index.isin(listed.index)]
        return pd.concat([listed, missing]).rename("title")


def _title_column(items: pd.DataFrame) -> str | None:
    names = [name for name in items.columns if name != "item_id"]
    for ending in ("title", "name"):
        for name in names:
            if name == ending or name.endswith("_" + ending):
                return str(name)
    return None


def _years(items: pd.DataFrame) -> pd.Series:
    column = next((name for name in ("release_year", "year") if name in items), None)
    if column is None:
        return pd.Series("", index=items.index, dtype=object)
    year = pd.to_numeric(items[column], errors="coerce")
    return year.map(lambda value: "" if np.isnan(value) else f" ({value:.0f})").astype(object)


def among(links: pd.DataFrame, users: pd.Series) -> pd.DataFrame:
    """Return the links of two different users out of ``users``, each pair once, in file order."""
    known = links["user_id"].isin(users) & links["friend_id"].isin(users)
    kept = links[known & (links["user_id"] != links["friend_id"])]
    return kept.drop_duplicates(ignore_index=True)


def checksum(*frames: pd.DataFrame | None) -> str:
    """Return the SHA-256 of the content of frames, the same on every machine.

    Names, order of rows and values count; the index and the memory layout do not.
    """
    digest = hashlib.sha256()
    for frame in frames:
        digest.update(f"frame {None if frame is None else len(frame)}\n".encode())
        for name, column in [] if frame is None else frame.items():
            digest.update(f"column {name}\n".encode())
            digest.update(_content(column))
    return digest.hexdigest()


def _content(column: pd.Series) -> bytes:
    if pd.api.types.is_numeric_dtype(column):
        return column.to_numpy(dtype="<f8").tobytes()
    # Unit separators cannot be typed into an identifier, so no two columns read the same.
    return "\x1f".join(column.fillna("\x1e").astype(str)).encode("utf-8", "surrogatepass")
