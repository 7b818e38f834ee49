"""Cold starts: users of whom little is known, and items that nobody has touched."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pandas as pd
import scipy.sparse as sp

from reclib.conditions.seal import Conditioned, sealed
from reclib.datasets import Dataset
from reclib.splits import Split

KNOWN = (0, 1, 2, 3, 5, 10)
"""Interactions that are known of a user."""
REACHED = 0.5
"""Share of the users who must have so many for a number to be looked at."""


def cold_users(
    split: Split,
    known: Sequence[int] = KNOWN,
    end: str = "last",
    share: float = 0.2,
    seed: int = 2026,
) -> Conditioned:
    """Train without some users, then rank each of them with few known interactions.

    Each held-out user stands in the split once for every number in ``known``, with so many of
    the interactions and with the same targets and candidates each time: what else the user has
    had is not ranked either. So one fit serves all numbers, over the same users. Numbers that
    less than half of the users reach are left out.

    Parameters
    ----------
    split : Split
    known : sequence of int
    end : {"last", "first"}
        Which end of the history is known.
    share : float
        Of the ranked users, who are held out.
    seed : int

    Returns
    -------
    Conditioned
        Its ``groups`` say how much is known of a user.
    """
    users, frame = split.users(), split.interactions
    past = frame[~frame["part"].eq("test") & frame["user"].isin(users)]
    counts = past.groupby("user").size().reindex(users, fill_value=0)
    numbers = sorted(n for n in set(known) if (counts >= n).mean() >= REACHED)
    able = counts.index[counts >= numbers[-1]].to_numpy()
    n_held = max(1, round(share * len(able)))
    held = np.sort(np.random.default_rng(seed).choice(able, n_held, replace=False))
    copies = [_copy(frame[frame["user"].isin(held)], held, n, place, end, split.n_users)
              for place, n in enumerate(reversed(numbers))]  # fmt: skip
    rows = pd.concat([frame[~frame["user"].isin(held)], *copies])
    rows = rows.assign(part=pd.Categorical(rows["part"])).sort_values("user", kind="stable")
    source = np.concatenate([np.arange(split.n_users), *([held] * (len(numbers) - 1))])
    groups = np.full(len(source), -1)
    for place, n in enumerate(reversed(numbers)):
        groups[_places(held, place, split.n_users)] = n
    ids = _names(split.user_ids, held, numbers)
    asked = _only_held(rows, groups)
    return sealed(
        split, asked, "cold-users",
        {"known": list(known), "end": end, "share": share, "seed": seed},
        dataset=_with_copies(split.dataset, ids, split.user_ids[source]), user_ids=ids,
        strangers=True, groups=groups, hidden=_had(past, split)[source],
    )  # fmt: skip


def _places(held: npt.NDArray[np.int64], place: int, n_users: int) -> npt.NDArray[np.int64]:
    """Return the indices of one copy of the users: the first keeps theirs, others are added."""
    return held if place == 0 else n_users + (place - 1) * len(held) + np.arange(len(held))


def _copy(
    frame: pd.DataFrame, held: npt.NDArray[np.int64], n: int, place: int, end: str, n_users: int
) -> pd.DataFrame:
    """Return targets and n known interactions of the users, under the indices of a copy."""
    asked = frame["part"].eq("test")
    past = frame[~asked].groupby("user", sort=False)
    known = (past.tail(n) if end == "last" else past.head(n)).assign(part="test-input")
    rows = pd.concat([known, frame[asked].assign(part="test")]).sort_values("user", kind="stable")
    index = pd.Series(_places(held, place, n_users), held)
    return rows.assign(user=rows["user"].map(index).astype(np.int32))


def _names(
    ids: npt.NDArray[np.object_], held: npt.NDArray[np.int64], numbers: Sequence[int]
) -> npt.NDArray[np.object_]:
    added = [f"{ids[user]}\x1f{n}" for n in reversed(numbers[:-1]) for user in held]
    return np.append(ids, np.array(added, dtype=object))


def _only_held(rows: pd.DataFrame, groups: npt.NDArray[np.int64]) -> pd.DataFrame:
    """Ask for the held-out users alone; the test part of the others is left out."""
    return rows[~rows["part"].eq("test") | (groups[rows["user"]] >= 0)]


def _had(past: pd.DataFrame, split: Split) -> sp.csr_matrix:
    place = (past["user"].to_numpy(), past["item"].to_numpy())
    ones = np.ones(len(past), dtype=np.int8)
    return sp.csr_matrix((ones, place), shape=(split.n_users, split.n_items))


def _with_copies(
    dataset: Dataset, ids: npt.NDArray[np.object_], source: npt.NDArray[np.object_]
) -> Dataset:
    """Give the copies of a user that user's attributes."""
    if dataset.users is None:
        return dataset
    added = pd.DataFrame({"copy": ids, "user_id": source})[ids != source]
    rows = added.merge(dataset.users, on="user_id").drop(columns="user_id")
    rows = rows.rename(columns={"copy": "user_id"})[list(dataset.users.columns)]
    return replace(dataset, users=pd.concat([dataset.users, rows], ignore_index=True))


def cold_items(
    split: Split, share: float = 0.2, among: str = "unseen", seed: int = 2026
) -> Conditioned:
    """Take all interactions of a random share of the items out of training, and ask for them.

    As Volkovs et al., "DropoutNet", NeurIPS 2017, hold items out: every interaction with them
    is a target, and what else a user is asked for is left out. The items change places at
    random: equal scores rank by place, and in many files the popular ones come first.

    Parameters
    ----------
    split : Split
    share : float
        Of the catalogue.
    among : {"unseen", "all"}
        Whether the items that nobody has touched are ranked among themselves, or with the rest.
    seed : int
    """
    frame, random = split.interactions, np.random.default_rng(seed)
    n_cold = max(1, round(share * split.n_items))
    pool = np.zeros(split.n_items, dtype=bool)
    pool[random.choice(split.n_items, n_cold, replace=False)] = True
    place = random.permutation(split.n_items)  # where the item of each place came from
    items = np.argsort(place)[frame["item"]].astype(np.int32)
    cold = pool[items]
    part = np.where(cold, "test", frame["part"].astype(str))
    kept = cold | (part != "test")
    return sealed(
        split, frame.assign(item=items, part=pd.Categorical(part))[kept], "cold-items",
        {"share": share, "among": among, "seed": seed},
        pool=pool if among == "unseen" else None, item_ids=split.item_ids[place],
    )  # fmt: skip
