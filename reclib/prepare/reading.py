"""Stage 1: read a partition, hash its ids, and hand each row to the bucket of its user.

Ids travel as 64-bit hashes. What each hash stands for is kept beside, once a partition, with a
second hash under another seed: two ids that share the first are told apart by the second.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl
import pyarrow as pa

from reclib.errors import DataError
from reclib.prepare import records
from reclib.prepare.plan import Plan, UInt64Array
from reclib.prepare.workspace import Columns, write_shards

KINDS = {"users": "user_id", "items": "item_id"}
CHECK = 1 << 32
"""Added to the seed of the second hash."""


def read_partition(plan: Plan, index: int) -> dict[str, Any]:
    """Write the rows and the ids of a partition, in a batch for each bucket; return counts."""
    found = records.read(plan.partitions[index], plan.settings.malformed == "skip")
    frame, counts = _usable(found.frame)
    seed = plan.settings.hash_seed
    hashes = {name: hashed(frame[column], seed) for name, column in KINDS.items()}
    for name, column in KINDS.items():
        ids = distinct(frame[column], hashes[name], seed)
        write_shards(plan.path(name, index), ids, plan.bounds(ids["hash"]))
    _write_rows(plan, index, frame, hashes)
    return {"rows": len(found.frame), "malformed": found.malformed, "examples": found.examples,
            **counts}  # fmt: skip


def _usable(frame: pl.DataFrame) -> tuple[pl.DataFrame, dict[str, int]]:
    """Leave out what `reclib.inclusion` does: rows without user, item or a known time."""
    named = frame.filter((pl.col("user_id") != "") & (pl.col("item_id") != ""))
    timed = named.filter(pl.col("timestamp") > 0) if "timestamp" in named.columns else named
    return timed, {"unnamed": len(frame) - len(named), "untimed": len(named) - len(timed)}


def hashed(ids: pl.Series, seed: int) -> UInt64Array:
    """Return the 64-bit hash of each id."""
    return ids.hash(seed).to_numpy()


def distinct(ids: pl.Series, hashes: UInt64Array, seed: int) -> Columns:
    """Return each id once, by hash: ``hash``, ``check`` (the second hash) and ``id``.

    Raises
    ------
    reclib.errors.DataError
        If two ids share a hash.
    """
    order = np.argsort(hashes)
    ordered = hashes[order]
    first = np.flatnonzero(np.diff(ordered, prepend=~ordered[:1]) != 0)
    counts = np.diff(first, append=len(ordered)).astype(np.uint64)
    checks = hashed(ids, seed + CHECK)
    chosen = order[first]
    # the sum over rows is the sum over ids times their rows, unless an id hides behind another
    if checks.sum() != (checks[chosen] * counts).sum():
        raise collision()
    text = ids.gather(chosen).to_arrow(compat_level=pl.CompatLevel.oldest())
    return {"hash": ordered[first], "check": checks[chosen], "id": text.cast(pa.large_string())}


def collision() -> DataError:
    """Return the error for two ids that share a hash."""
    return DataError("two ids share a 64-bit hash", "Run again with another hash_seed.")


def _write_rows(
    plan: Plan, index: int, frame: pl.DataFrame, hashes: dict[str, UInt64Array]
) -> None:
    users = hashes["users"]
    bucket = ((users >> np.uint64(1)) >> np.uint64(63 - plan.bits)).astype(np.uint16)
    order = np.argsort(bucket, kind="stable")  # file order within a bucket
    columns: Columns = {"user": users[order], "item": hashes["items"][order]}
    for name, kind in (("rating", np.float32), ("timestamp", np.float64)):
        if name in frame.columns:
            columns[name] = frame[name].to_numpy().astype(kind)[order]
    write_shards(plan.path("rows", index), columns, _bounds(bucket, plan.n_buckets))


def _bounds(bucket: npt.NDArray[np.uint16], n_buckets: int) -> npt.NDArray[np.int64]:
    sizes = np.bincount(bucket, minlength=n_buckets)
    return np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)
