"""Recommenders without neighbours or gradients: floors, ceilings and a bias model."""

from __future__ import annotations

from typing import Self

import numpy as np

from reclib.recommenders.base import FloatArray, IntArray, Recommender
from reclib.splits import Split


class Random(Recommender):
    """Scores drawn at random, the same for a user whatever the batch: the floor.

    Parameters
    ----------
    seed : int
    """

    def __init__(self, seed: int = 2026) -> None:
        self.seed = seed

    def fit(self, split: Split) -> Self:
        """Note the size of the catalogue."""
        self.n_items = split.n_items
        return self

    def scores(self, users: IntArray) -> FloatArray:
        """Return uniform numbers ``[len(users), n_items]``."""
        rows = [np.random.default_rng([self.seed, user]).random(self.n_items) for user in users]
        return np.asarray(rows, dtype=np.float32)


class Popularity(Recommender):
    """Every user gets the items with most interactions."""

    def fit(self, split: Split) -> Self:
        """Count the training interactions of each item."""
        counts = np.bincount(split.train["item"], minlength=split.n_items)
        self.counts = counts.astype(np.float32)
        return self

    def scores(self, users: IntArray) -> FloatArray:
        """Return the counts for every user ``[len(users), n_items]``."""
        return np.tile(self.counts, (len(users), 1))


class Oracle(Recommender):
    """Knows the answers, and by ranking them first gives the ceiling of every metric.

    It looks at the targets of the split, which nothing else may.
    """

    def fit(self, split: Split) -> Self:
        """Look at what will be asked for."""
        self.relevant = split.relevant()
        return self

    def scores(self, users: IntArray) -> FloatArray:
        """Return 1 for what is relevant, else 0, ``[len(users), n_items]``."""
        return self.relevant[users].toarray().astype(np.float32)


class Bias(Recommender):
    """Mean rating plus the deviations of item and user, damped towards zero.

    Koren, "Factor in the neighbors", TKDD 2010, section 2.1. For one user the ranking is that
    of the items' deviations: it is the floor of every rating-based recommender.

    Parameters
    ----------
    item_damping, user_damping : float
        How many ratings at the mean are added to those of each item and user.
    """

    def __init__(self, item_damping: float = 10.0, user_damping: float = 10.0) -> None:
        self.item_damping, self.user_damping = item_damping, user_damping

    def fit(self, split: Split) -> Self:
        """Estimate the items' deviations, then the users' on what is left."""
        train, history = split.train, split.history
        self.mean = float(train["rating"].mean())
        items = damped(train["item"], train["rating"] - self.mean, split.n_items, self.item_damping)
        rest = history["rating"] - self.mean - items[history["item"]]
        self.users = damped(history["user"], rest, split.n_users, self.user_damping)
        self.items = items
        return self

    def scores(self, users: IntArray) -> FloatArray:
        """Return expected ratings ``[len(users), n_items]``."""
        return (self.mean + self.users[users, None] + self.items).astype(np.float32)


def damped(index: np.ndarray, values: np.ndarray, size: int, damping: float) -> FloatArray:
    """Return the sum of the values of each index over their number plus the damping."""
    total = np.bincount(index, weights=values, minlength=size)
    count = np.bincount(index, minlength=size)
    mean = total / np.maximum(count + damping, 1e-12)
    return mean.astype(np.float32)
