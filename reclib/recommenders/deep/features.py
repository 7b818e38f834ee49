"""Side features as small integer levels, whatever columns a dataset has."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
import torch
from torch import Tensor

N_BUCKETS = 10
MIN_COUNT = 5


@dataclass(frozen=True)
class Bags:
    """Attribute levels of every user or item, flat: one bag each.

    Attributes
    ----------
    levels : Tensor
        int64 ``[n]``; bag after bag.
    offsets : Tensor
        int64 ``[n_entities]``, where each bag begins.
    n_levels : int
        Number of different levels.
    """

    levels: Tensor
    offsets: Tensor
    n_levels: int


def bags(frame: pd.DataFrame | None, key: str, ids: np.ndarray, kinds: Mapping[str, str]) -> Bags:
    """Turn attribute columns into bags of levels, in the order of ``ids``.

    A ``token`` is one level, a ``token_seq`` one level a word, a ``float`` its decile. Levels of
    fewer than 5 entities say nothing that the entity's own vector does not, and are left out,
    which also leaves out postcodes and most title words.
    """
    pairs = [_pairs(frame, key, column, kinds) for column in _columns(frame, key, kinds)]
    table = pd.concat(pairs) if pairs else pd.DataFrame({"id": [], "level": []})
    table = table[table["id"].isin(ids)].drop_duplicates()
    common = table["level"].map(table["level"].value_counts()) >= MIN_COUNT
    table = table[common]
    entity = pd.Index(ids).get_indexer(table["id"])
    levels, names = pd.factorize(table["level"], sort=True)
    order = np.lexsort((levels, entity))
    counts = np.bincount(entity, minlength=len(ids)) if len(entity) else np.zeros(len(ids), int)
    offsets = np.cumsum(counts) - counts
    return Bags(
        torch.from_numpy(levels[order].astype(np.int64)),
        torch.from_numpy(offsets.astype(np.int64)),
        len(names),
    )


def _columns(frame: pd.DataFrame | None, key: str, kinds: Mapping[str, str]) -> list[str]:
    if frame is None:
        return []
    wanted = ("token", "token_seq", "float")
    return [name for name in frame.columns if name != key and kinds.get(name) in wanted]


def _pairs(frame: pd.DataFrame, key: str, column: str, kinds: Mapping[str, str]) -> pd.DataFrame:
    """Return one row for each entity and level of one column."""
    known = frame.loc[frame[column].notna(), [key, column]]
    values = known[column]
    if kinds[column] == "float":
        values = _deciles(values.to_numpy(dtype=float))
    elif kinds[column] == "token_seq":
        values = values.astype(str).str.split()
    table = pd.DataFrame({"id": known[key].to_numpy(), "level": values}).explode("level").dropna()
    return table.assign(level=column + "=" + table["level"].astype(str))


def _deciles(values: np.ndarray) -> np.ndarray:
    edges = np.unique(np.quantile(values, np.linspace(0, 1, N_BUCKETS + 1)[1:-1]))
    return np.searchsorted(edges, values)


@dataclass(frozen=True)
class Context:
    """How interaction features become levels; what is absent from the data is left out.

    Attributes
    ----------
    ratings : numpy.ndarray or None
        The rating levels (at most 10, else deciles), float64.
    times : bool
        Whether hour, weekday and the gap to the interaction before are used.
    """

    ratings: np.ndarray | None
    times: bool

    @classmethod
    def of(cls, frame: pd.DataFrame) -> Context:
        """Learn the levels from the training interactions."""
        times = "timestamp" in frame and bool(frame["timestamp"].notna().all())
        if "rating" not in frame:
            return cls(None, times)
        rating = frame["rating"].to_numpy(dtype=np.float64)
        levels = np.unique(rating)
        if len(levels) > N_BUCKETS:
            levels = np.unique(np.quantile(rating, np.linspace(0, 1, N_BUCKETS)))
        return cls(levels if len(levels) > 1 else None, times)

    @property
    def sizes(self) -> tuple[int, ...]:
        """Number of levels of each feature."""
        rating = () if self.ratings is None else (len(self.ratings),)
        return rating + ((24, 7, 32) if self.times else ())

    def levels(self, frame: pd.DataFrame) -> np.ndarray:
        """Return int64 ``[n_interactions, n_features]``.

        Gaps are whole powers of two of seconds: level g holds gaps of ``2**(g - 1)`` to
        ``2**g - 1`` seconds, level 0 the same second and the first interaction of a user.
        """
        columns: list[np.ndarray] = []
        if self.ratings is not None:
            place = np.searchsorted(self.ratings, frame["rating"].to_numpy(dtype=np.float64))
            columns.append(place.clip(max=len(self.ratings) - 1))
        if self.times:
            seconds = frame["timestamp"].to_numpy(dtype=np.float64)
            gaps = np.diff(seconds, prepend=seconds[:1]).clip(min=0)
            gaps[np.diff(frame["user"].to_numpy(), prepend=-1) != 0] = 0
            gap = np.ceil(np.log2(gaps + 1)).clip(max=31)
            columns += [seconds // 3600 % 24, (seconds // 86400 + 4) % 7, gap]
        levels = np.stack(columns, 1) if columns else np.zeros((len(frame), 0))
        return levels.astype(np.int64)
