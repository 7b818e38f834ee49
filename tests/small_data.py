"""Small datasets, splits and recommenders whose answers a person can check."""

from __future__ import annotations

import errno
from pathlib import Path
from typing import Any, Self

import numpy as np
import pandas as pd
from hypothesis import strategies as st

from reclib.datasets import Dataset
from reclib.recommenders import Recommender
from reclib.recommenders.base import FloatArray, IntArray
from reclib.splits import Split, make_split

FULL = OSError(errno.ENOSPC, "No space left on device")


def dataset(frame: pd.DataFrame, name: str = "small") -> Dataset:
    return Dataset(name, name.title(), frame.astype({"user_id": str, "item_id": str}))


def random_frame(n_users: int = 40, n_items: int = 30, n: int = 500, seed: int = 0) -> pd.DataFrame:
    """Return distinct interactions with ratings and times, popular items being rated higher."""
    random = np.random.default_rng(seed)
    weights = 1.0 / np.arange(1, n_items + 1)
    draws = pd.DataFrame(
        {
            "user_id": random.integers(0, n_users, 4 * n),
            "item_id": random.choice(n_items, 4 * n, p=weights / weights.sum()),
        }
    )
    frame = draws.drop_duplicates().head(n).reset_index(drop=True)
    noise = random.normal(0, 1, len(frame))
    frame["rating"] = np.clip(np.round(4.5 - 0.1 * frame["item_id"] + noise), 1, 5)
    frame["timestamp"] = random.integers(0, 10_000, len(frame)).astype(float)
    return frame


@st.composite
def datasets(draw: st.DrawFn, n_users: int = 8, n_items: int = 12, least: int = 1) -> Dataset:
    """Draw interactions in any file order, with many equal times and some lonely users."""
    pairs = st.tuples(st.integers(0, n_users - 1), st.integers(0, n_items - 1))
    chosen = draw(st.lists(pairs, min_size=least, max_size=80, unique=True))
    size = len(chosen)
    frame = pd.DataFrame(chosen, columns=["user_id", "item_id"])
    some = {"min_size": size, "max_size": size}
    frame["rating"] = draw(st.lists(st.sampled_from([1.0, 3.0, 4.0, 5.0]), **some))
    frame["timestamp"] = draw(st.lists(st.integers(0, 5).map(float), **some))
    return dataset(frame)


def write_dataset(folder: Path, frame: pd.DataFrame) -> Path:
    """Write interactions as RecBole's atomic file, so that a study can be opened on them."""
    names = {"user_id": "user_id:token", "item_id": "item_id:token",
             "rating": "rating:float", "timestamp": "timestamp:float"}  # fmt: skip
    folder.mkdir(parents=True, exist_ok=True)
    columns = [name for name in names if name in frame]
    path = folder / f"{folder.name}.inter"
    frame[columns].rename(columns=names).to_csv(path, sep="\t", index=False)
    return folder


class Fixed(Recommender):
    """Gives the scores that it was made with."""

    def __init__(self, values: Any) -> None:
        self.values = np.asarray(values, dtype=np.float32)

    def fit(self, split: Split) -> Self:
        return self

    def scores(self, users: IntArray) -> FloatArray:
        return self.values[users]


def random_split(protocol: str = "holdout", **options: Any) -> Split:
    return make_split(dataset(random_frame()), protocol, **options)
