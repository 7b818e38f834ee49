"""Smaller data and larger catalogues out of the data at hand."""

from __future__ import annotations

import numpy as np

from reclib.datasets import Dataset
from reclib.inclusion.filters import unfinished


def sample(data: Dataset, dimension: str, fraction: float, seed: int) -> Dataset:
    """Keep a random part of the interactions, or all of a random part of the users or items.

    Parameters
    ----------
    data : Dataset
    dimension : {"interactions", "users", "items"}
    fraction : float
        Share that is kept, in (0, 1].
    seed : int
    """
    if fraction >= 1:
        return data
    frame, random = data.interactions, np.random.default_rng(seed)
    if dimension == "interactions":
        kept = random.random(len(frame)) < fraction
    else:
        ids = frame["user_id" if dimension == "users" else "item_id"]
        values = np.sort(ids.unique())
        chosen = random.choice(values, max(2, round(fraction * len(values))), replace=False)
        kept = ids.isin(chosen).to_numpy()
    # of few items some user has taken all, for whom no negative can be drawn
    return unfinished(data.with_interactions(frame[kept].reset_index(drop=True)))


def grow(data: Dataset, factor: int, seed: int) -> Dataset:
    """Return the same interactions over a catalogue that is larger, by ``factor`` at most.

    Each item stands for as many copies, and each of its interactions is with one of them at
    random: users stay as active as they are, and the long tail gets longer. Copies that nobody
    drew are not in the catalogue. Quality on such data means nothing.

    Parameters
    ----------
    data : Dataset
    factor : int
        1 returns the data as they are.
    seed : int
    """
    if factor == 1:
        return data
    frame = data.interactions
    copies = np.random.default_rng(seed).integers(0, factor, len(frame)).astype(str)
    items = frame["item_id"] + "+" + copies
    return data.with_interactions(frame.assign(item_id=items))
