"""What is left out of a study, counted by cause."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np
import numpy.typing as npt
import pandas as pd

from reclib.datasets import Dataset
from reclib.datasets.canonical import among
from reclib.datasets.validate import latest_time
from reclib.errors import DataError

BoolArray = npt.NDArray[np.bool_]


def missing(frame: pd.DataFrame) -> BoolArray:
    """Mark interactions that do not name their user or their item."""
    return np.asarray(frame["user_id"].isin(["", None]) | frame["item_id"].isin(["", None]))


def off_scale(frame: pd.DataFrame, scale: tuple[float, float]) -> BoolArray:
    """Mark ratings outside the provider's scale."""
    return ~np.asarray(frame["rating"].between(*scale))


def no_real_time(frame: pd.DataFrame) -> BoolArray:
    """Mark times that are zero, which is how unknown times are stored, or in the future."""
    times = frame["timestamp"].to_numpy()
    return ~((times > 0) & (times <= latest_time()))


def repeated(frame: pd.DataFrame) -> BoolArray:
    """Mark all but the last interaction of a user with an item, by time and then file order."""
    if "timestamp" in frame:
        order = np.argsort(frame["timestamp"].to_numpy(), kind="stable")
    else:
        order = np.arange(len(frame))
    earlier = frame[["user_id", "item_id"]].iloc[order].duplicated(keep="last")
    marked = np.zeros(len(frame), dtype=bool)
    marked[order] = earlier
    return marked


def clean(dataset: Dataset) -> tuple[Dataset, dict[str, int]]:
    """Leave out interactions of bad quality, and count them by cause.

    An interaction with several faults counts under the first. Repetitions are sought last, so
    that a faulty interaction never displaces a good one. Links that do not join two different
    users who have interactions go as well, and so do repeated ones.

    Raises
    ------
    reclib.errors.DataError
        If nothing is left.
    """
    frame = dataset.interactions
    counts: dict[str, int] = {}
    for cause, mark in _marks(dataset).items():
        bad = mark(frame)
        counts[cause] = int(bad.sum())
        frame = frame[~bad]
    if frame.empty:
        said = ", ".join(f"{count:,} {cause}" for cause, count in counts.items() if count)
        remedy = "Correct the file, or leave out a column whose values are not known."
        raise DataError(f"no interaction of {dataset.title} is usable: {said}", remedy)
    changed = len(frame) < len(dataset.interactions) or _has_stray_links(dataset)
    return (dataset.with_interactions(frame) if changed else dataset), counts


def _has_stray_links(dataset: Dataset) -> bool:
    """Return whether a link repeats another or names anyone but two users of the interactions."""
    links, users = dataset.links, dataset.interactions["user_id"]
    return links is not None and len(among(links, users)) < len(links)


def _marks(dataset: Dataset) -> dict[str, Callable[[pd.DataFrame], BoolArray]]:
    """Return what to look for in this dataset, in order."""
    marks: dict[str, Callable[[pd.DataFrame], BoolArray]] = {"without user or item": missing}
    if dataset.has_ratings and dataset.scale is not None:
        marks["off the rating scale"] = partial(off_scale, scale=dataset.scale)
    if dataset.has_times:
        marks["at time zero or in the future"] = no_real_time
    return marks | {"repeated": repeated}


def core(dataset: Dataset, min_user: int, min_item: int) -> Dataset:
    """Keep the largest set in which every user and every item has enough interactions.

    Leaving a user out takes interactions from items and the other way round, so this is
    repeated until nothing changes (a k-core).

    Raises
    ------
    reclib.errors.DataError
        If nothing is left; names the largest thresholds that leave something.
    """
    for name, value in (("min_user", min_user), ("min_item", min_item)):
        if value < 1:
            raise DataError(f"{name} is {value}", "Give a whole number of at least 1.")
    users, _ = pd.factorize(dataset.interactions["user_id"])
    items, _ = pd.factorize(dataset.interactions["item_id"])
    kept = core_mask(users, items, min_user, min_item)
    if not kept.any():
        user, item = _largest(users, items, min_user, min_item)
        raise DataError(
            f"no interaction of {dataset.title} is left at min_user={min_user} and "
            f"min_item={min_item}",
            f"Lowered alike, the largest that work are min_user={user} and min_item={item}.",
        )
    return dataset if kept.all() else dataset.with_interactions(dataset.interactions[kept])


def core_mask(
    users: npt.NDArray[np.intp], items: npt.NDArray[np.intp], min_user: int, min_item: int
) -> BoolArray:
    """Mark the interactions in the k-core, given the dense index of their user and item."""
    kept = np.ones(len(users), dtype=bool)
    while True:
        enough_user = np.bincount(users[kept], minlength=users.max() + 1) >= min_user
        enough_item = np.bincount(items[kept], minlength=items.max() + 1) >= min_item
        still = kept & enough_user[users] & enough_item[items]
        if still.sum() == kept.sum():
            return kept
        kept = still


def _largest(
    users: npt.NDArray[np.intp], items: npt.NDArray[np.intp], min_user: int, min_item: int
) -> tuple[int, int]:
    """Cap both thresholds at the largest number that leaves something, found by bisection."""
    low, high = 1, max(min_user, min_item)  # low leaves something, high leaves nothing
    while high - low > 1:
        middle = (low + high) // 2
        left = core_mask(users, items, min(min_user, middle), min(min_item, middle)).any()
        low, high = (middle, high) if left else (low, middle)
    return min(min_user, low), min(min_item, low)
