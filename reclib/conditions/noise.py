"""Interactions that nobody meant: items replaced at random."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd

from reclib.conditions.seal import Conditioned, sealed
from reclib.splits import Split


def noise(split: Split, share: float = 0.1, seed: int = 2026) -> Conditioned:
    """Put random items in place of a share of the training interactions.

    Each replacement is an item that the user has had in no part, once at most, so that users
    keep the length of their histories; ratings and times stay in their places. What a smaller
    share replaces, a larger one replaces alike. A user who has had nearly every item keeps
    what there is no replacement for.

    Parameters
    ----------
    split : Split
    share : float
        In [0, 1], of the interactions of all users together.
    seed : int
    """
    frame, random = split.interactions, np.random.default_rng(seed)
    rows = random.permutation(np.flatnonzero(frame["part"].eq("train")))
    drawn = _replacements(frame, rows, split.n_items, random)
    chosen, drawn = (part[: round(share * len(rows))] for part in (rows, drawn))
    items = frame["item"].to_numpy().copy()
    items[chosen[drawn >= 0]] = drawn[drawn >= 0]
    return sealed(split, frame.assign(item=items), "noise", {"share": share, "seed": seed})


def _replacements(
    frame: pd.DataFrame, rows: npt.NDArray[np.intp], n_items: int, random: np.random.Generator
) -> npt.NDArray[np.int32]:
    """Return for each row an item that its user never had, -1 where there is none left."""
    found = np.full(len(rows), -1, dtype=np.int32)
    items, had = frame["item"].to_numpy(), frame.groupby("user").indices
    users = pd.Series(frame["user"].to_numpy()[rows])
    for user, places in users.groupby(users).indices.items():
        free = np.setdiff1d(np.arange(n_items), items[had[user]])
        some = random.permutation(free)[: len(places)]
        found[places[: len(some)]] = some
    return found
