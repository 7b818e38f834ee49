"""Fake users who push one item into everybody's list."""

from __future__ import annotations

import numpy as np
import pandas as pd

from reclib.conditions.seal import Conditioned, sealed
from reclib.splits import Split


def shilling(
    split: Split, share: float = 0.03, kind: str = "average", seed: int = 2026
) -> Conditioned:
    """Add the fake profiles of an attack to the training part.

    Mobasher et al., "Toward trustworthy recommender systems", ACM TOIT 2007, section 3: a
    profile holds filler items drawn at random, each rated by its mean, and the pushed item
    with the highest rating. Here a profile is as long as the median of the honest ones, its
    times are drawn from the training part, and the pushed item is one of the less popular
    half. For recommenders that do not read ratings the choice of the items is all there is.

    Parameters
    ----------
    split : Split
    share : float
        Fake users as a share of the honest ones.
    kind : {"average", "bandwagon"}
        What the fillers are: any items, or for one half of a profile the most popular ones.
    seed : int
        Of the pushed item and of the profiles.
    """
    train, random = split.interactions.query("part == 'train'"), np.random.default_rng(seed)
    counts = np.bincount(train["item"], minlength=split.n_items)
    seen = np.flatnonzero(counts)
    pushed = int(random.choice(seen[counts[seen] <= np.median(counts[seen])]))
    n_fake, fillers = round(share * split.n_users), np.setdiff1d(seen, [pushed])
    length = min(int(train.groupby("user").size().median()) - 1, len(fillers))
    n_popular = length // 2 if kind == "bandwagon" else 0
    fillers = fillers[np.argsort(-counts[fillers], kind="stable")]  # the most popular first
    drawn = [_profile(pushed, fillers, length, n_popular, random) for _ in range(n_fake)]
    items = np.stack(drawn)
    users = np.repeat(np.arange(split.n_users, split.n_users + n_fake), length + 1)
    fake = pd.DataFrame({"user": users.astype(np.int32), "item": items.ravel().astype(np.int32)})
    if "rating" in train:
        fake["rating"] = _ratings(fake["item"], train, pushed)
    if "timestamp" in train:
        times = random.choice(train["timestamp"].to_numpy(), items.shape)
        fake["timestamp"] = np.sort(times, axis=1).ravel()
    frame = pd.concat([split.interactions, fake.assign(part="train")])
    names = [f"fake-{number}" for number in range(n_fake)]
    return sealed(
        split, frame.assign(part=pd.Categorical(frame["part"])), "shilling",
        {"share": share, "kind": kind, "seed": seed},
        user_ids=np.append(split.user_ids, names), pushed=pushed,
    )  # fmt: skip


def _profile(
    pushed: int, fillers: np.ndarray, length: int, n_popular: int, random: np.random.Generator
) -> np.ndarray:
    """Return the pushed item, the first of the fillers and some of the rest, in random order."""
    some = random.choice(fillers[n_popular:], length - n_popular, replace=False)
    return random.permutation([*fillers[:n_popular], *some, pushed])


def _ratings(items: pd.Series, train: pd.DataFrame, pushed: int) -> pd.Series:
    """Return each item's mean, as the nearest rating that anybody gave; the highest if pushed."""
    levels = np.sort(train["rating"].unique())
    mean = items.map(train.groupby("item")["rating"].mean()).to_numpy()
    nearest = levels[np.abs(mean[:, None] - levels).argmin(axis=1)]
    return pd.Series(np.where(items == pushed, levels[-1], nearest), items.index, np.float32)
