"""Stage 3: the k-core, without moving a row.

The largest set in which every user and every item has enough interactions is reached by leaving
out, again and again, who has too few (Seidman, Social Networks 1983). Users are whole within a
bucket. Of items the client keeps the counts: in each round it sends which are left, and buckets
report by how much the counts have fallen.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from reclib.prepare.buckets import BoolArray, IntArray, frequent
from reclib.prepare.plan import Plan
from reclib.prepare.workspace import Columns, read_shard, read_shards, write_shards, written

Rounds = Callable[[int, list[int]], list[dict[str, Any]]]


def item_counts(plan: Plan) -> IntArray:
    """Return the number of interactions of each item, int32 ``[n_items]``, by hash."""
    return np.concatenate([read_shards([path], 0)["count"] for path in plan.paths("item")])


def to_fixed_point(plan: Plan, run: Rounds) -> list[int]:
    """Leave out users and items until all have enough.

    Parameters
    ----------
    plan : Plan
    run : callable
        Carries out `prune_bucket` in all buckets: takes the round, and the last round in which
        each bucket changed; returns what it reports.

    Returns
    -------
    list of int
        The round of the product that holds what is left of each bucket.
    """
    counts = item_counts(plan)
    left, last, number = counts >= plan.settings.min_item, [-1] * plan.n_buckets, 0
    while True:
        _write_left(plan, number, left)
        reports = run(number, last)
        for index, report in enumerate(reports):
            if report["changed"]:
                fallen = read_shard(plan.path(f"fallen-{number}", index), 0)
                counts[fallen["item"].to_numpy()] -= fallen["by"].to_numpy()
                _forget(plan, last[index], index)
                last[index] = number
        still = left & (counts >= plan.settings.min_item)
        if still.sum() == left.sum():
            _write_left(plan, -1, still)
            return last
        left, number = still, number + 1


def _write_left(plan: Plan, number: int, left: BoolArray) -> None:
    with written(plan.work / "left" / f"{number}.npy") as beside, beside.open("wb") as file:
        np.save(file, left)


def read_left(plan: Plan, number: int) -> BoolArray:
    """Return which items are left in a round (-1: at the end), bool ``[n_items]``."""
    return np.load(plan.work / "left" / f"{number}.npy")


def _forget(plan: Plan, number: int, index: int) -> None:
    if number >= 0:
        plan.path(f"core-{number}", index).unlink(missing_ok=True)


def prune_bucket(plan: Plan, index: int, number: int, last: int) -> dict[str, Any]:
    """Leave out rows of items that are not left, then users who have too few."""
    rows = _first_rows(plan, index) if last < 0 else read_shards(
        [plan.path(f"core-{last}", index)], 0)  # fmt: skip
    kept = read_left(plan, number)[rows["item"]]
    few = ~frequent(rows["user"][kept], plan.settings.min_user)
    kept[np.flatnonzero(kept)[few]] = False
    if last >= 0 and kept.all():
        return {"changed": False, "kept": len(kept)}
    fallen, by = np.unique(rows["item"][~kept], return_counts=True)
    _write(plan, f"fallen-{number}", index, {"item": fallen, "by": by.astype(np.int32)})
    _write(plan, f"core-{number}", index, {name: each[kept] for name, each in rows.items()})
    return {"changed": True, "kept": int(kept.sum())}


def _first_rows(plan: Plan, index: int) -> Columns:
    """Return users and items of a bucket, the items numbered over all buckets."""
    rows = read_shards([plan.path("bucket", index)], 0)
    item = _numbers(plan, index)[rows["item"]]
    return {"user": rows["user"], "item": item, "row": np.arange(len(item), dtype=np.int32)}


def _numbers(plan: Plan, index: int) -> IntArray:
    """Return the number of each item of a bucket: its place among the hashes of all."""
    found, before = [], 0
    for part, path in enumerate(plan.paths("item")):
        known = read_shard(path, 0)["hash"].to_numpy()
        mine = read_shard(plan.path("item-hash", index), part)["hash"].to_numpy()
        found.append((np.searchsorted(known, mine) + before).astype(np.int32))
        before += len(known)
    return np.concatenate(found)


def _write(plan: Plan, name: str, index: int, columns: dict[str, npt.NDArray[Any]]) -> None:
    size = len(next(iter(columns.values())))
    write_shards(plan.path(name, index), dict(columns), np.array([0, size]))
