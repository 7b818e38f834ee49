"""Stage 2: within the bucket of a user, resolve duplicates and leave out who has too little.

All rows of a user are in one bucket, so that both need no other. Users become integers of the
bucket, items too; the items of all buckets are numbered together in a stage of their own.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from reclib.prepare.plan import Plan, UInt64Array
from reclib.prepare.workspace import Columns, read_shards, write_shards

IntArray = npt.NDArray[np.int32]
BoolArray = npt.NDArray[np.bool_]
ODD = np.uint64(0x9E3779B97F4A7C15)


def resolve_bucket(plan: Plan, index: int) -> dict[str, Any]:
    """Write rows of integer users and items, and the hashes that the integers stand for."""
    rows = read_shards(plan.read_paths("rows"), index)
    n_rows = len(rows["user"])
    rows = _pick(rows, ~repeated(rows["user"], rows["item"], rows.get("timestamp")))
    n_distinct = len(rows["user"])
    user_hash, rows["user"] = codes(rows["user"])
    rows = _pick(rows, frequent(rows["user"], plan.settings.min_user))
    item_hash, rows["item"] = codes(rows["item"])
    counts = np.bincount(rows["item"], minlength=len(item_hash)).astype(np.int32)
    write_shards(plan.path("bucket", index), rows, np.array([0, len(rows["user"])]))
    write_shards(plan.path("user-hash", index), {"hash": user_hash}, np.array([0, len(user_hash)]))
    items: Columns = {"hash": item_hash, "count": counts}
    write_shards(plan.path("item-hash", index), items, plan.bounds(item_hash))
    return {"rows": n_rows, "repeated": n_rows - n_distinct, "kept": len(rows["user"]),
            "users": len(user_hash)}  # fmt: skip


def _pick(rows: Columns, kept: BoolArray) -> Columns:
    return rows if kept.all() else {name: column[kept] for name, column in rows.items()}


def repeated(
    users: UInt64Array, items: UInt64Array, times: npt.NDArray[np.float64] | None
) -> BoolArray:
    """Mark all but the last row of a user with an item, by time and then file order.

    Pairs are compared by one number each; only rows whose number is there twice are looked at
    in full.
    """
    pairs = (users * ODD) ^ items
    ordered = np.sort(pairs)
    twice = np.unique(ordered[1:][ordered[1:] == ordered[:-1]])
    marked = np.zeros(len(pairs), dtype=bool)
    if not len(twice):
        return marked
    rows = np.flatnonzero(_among(pairs, twice))
    when = rows if times is None else times[rows]
    order = rows[np.lexsort((rows, when, items[rows], users[rows]))]
    same = (users[order][1:] == users[order][:-1]) & (items[order][1:] == items[order][:-1])
    marked[order[:-1][same]] = True
    return marked


def _among(numbers: UInt64Array, few: UInt64Array) -> BoolArray:
    """Mark numbers that are among a few, which are sorted; most are ruled out by their low bits."""
    likely = np.zeros(1 << 20, dtype=bool)
    low = np.uint64(len(likely) - 1)
    likely[few & low] = True
    marked = likely[numbers & low]
    found = numbers[marked]
    place = np.minimum(np.searchsorted(few, found), len(few) - 1)
    marked[marked] = few[place] == found
    return marked


def codes(hashes: UInt64Array) -> tuple[UInt64Array, IntArray]:
    """Return the distinct hashes, sorted, and the place of each row's among them."""
    order = np.argsort(hashes)
    ordered = hashes[order]
    new = np.diff(ordered, prepend=~ordered[:1]) != 0
    found = np.empty(len(hashes), dtype=np.int32)
    found[order] = np.cumsum(new, dtype=np.int32) - 1
    return ordered[new], found


def frequent(members: IntArray, least: int) -> BoolArray:
    """Mark the rows of members that have at least so many."""
    return (np.bincount(members) >= least)[members] if len(members) else np.zeros(0, dtype=bool)


def number_items(plan: Plan, index: int) -> dict[str, Any]:
    """Merge the items of all buckets whose hash begins alike: ``hash``, sorted, and ``count``."""
    parts = read_shards(plan.paths("item-hash"), index)
    hashes, place = codes(parts["hash"])
    counts = np.bincount(place, weights=parts["count"], minlength=len(hashes)).astype(np.int32)
    items: Columns = {"hash": hashes, "count": counts}
    write_shards(plan.path("item", index), items, np.array([0, len(hashes)]))
    return {"items": len(hashes)}
