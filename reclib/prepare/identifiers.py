"""Stage 4: integers for who is left, in the order of their identifiers.

The same integers as `reclib.splits.make_split` gives, whatever the partitions were.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl
import pyarrow as pa
import pyarrow.parquet

from reclib.prepare import core
from reclib.prepare.buckets import IntArray
from reclib.prepare.plan import Plan, UInt64Array
from reclib.prepare.reading import collision
from reclib.prepare.workspace import Columns, read_shard, read_shards, write_shards, written

COMPRESSION = "zstd"
LEVEL = 1


def name_bucket(plan: Plan, index: int, last: int) -> dict[str, Any]:
    """Write the identifiers of the users and items of a bucket that are left, by hash.

    Raises
    ------
    reclib.errors.DataError
        If two identifiers share a hash, whether they are left or not.
    """
    hashes = read_shard(plan.path("user-hash", index), 0)["hash"].to_numpy()
    users = read_shard(plan.path(f"core-{last}", index), 0)["user"].to_numpy()
    rows = np.bincount(users, minlength=len(hashes)).astype(np.int32)
    found: Columns = {"id": _names(plan, "users", index, hashes[rows > 0]), "rows": rows[rows > 0]}
    write_shards(plan.path("user-names", index), found, np.array([0, len(found["rows"])]))
    hashes = read_shard(plan.path("item", index), 0)["hash"].to_numpy()
    starts = item_starts(plan)
    left = core.read_left(plan, -1)[starts[index] : starts[index + 1]]
    names = _names(plan, "items", index, hashes[left])
    write_shards(plan.path("item-names", index), {"id": names}, np.array([0, len(names)]))
    return {"rows": len(users), "users": len(found["rows"]), "items": len(names)}


def item_starts(plan: Plan) -> npt.NDArray[np.int64]:
    """Return the number of the first item of each bucket, and of all items."""
    sizes = [read_shard(path, 0).num_rows for path in plan.paths("item")]
    return np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)


def _names(plan: Plan, kind: str, index: int, wanted: UInt64Array) -> pa.Array:
    """Return the identifier of each hash in ``wanted``, which is sorted."""
    known = read_shards(plan.read_paths(kind), index)
    order = np.argsort(known["hash"])
    hashes, checks = known["hash"][order], known["check"][order]
    if ((hashes[1:] == hashes[:-1]) & (checks[1:] != checks[:-1])).any():
        raise collision()
    return known["id"].take(pa.array(order[np.searchsorted(hashes, wanted)]))


def rank(plan: Plan, kind: str, out: Path) -> dict[str, Any]:
    """Sort the identifiers of all buckets, and write them and the place of each among them.

    Parameters
    ----------
    plan : Plan
    kind : {"user", "item"}
    out : Path
        Folder of the result: gets ``users.parquet`` or ``items.parquet``.
    """
    parts = [read_shard(path, 0) for path in plan.paths(f"{kind}-names")]
    names = pl.Series(pa.chunked_array([part["id"] for part in parts]))
    order = names.arg_sort().to_numpy()
    place = np.empty(len(order), dtype=np.int32)
    place[order] = np.arange(len(order), dtype=np.int32)
    _save(plan.work / f"{kind}-place.npy", place)
    integers = pa.array(np.arange(len(order), dtype=np.int32))
    ordered = names.gather(order).to_arrow(compat_level=pl.CompatLevel.oldest())
    with written(out / f"{kind}s.parquet") as beside:
        write_parquet(beside, pa.table({kind: integers, f"{kind}_id": ordered}))
    if kind == "user":
        rows = np.concatenate([part["rows"].to_numpy() for part in parts])[order]
        _save(plan.work / "files.npy", file_bounds(rows, plan.settings.rows_per_file))
    return {"left": len(order)}


def write_parquet(path: Path, table: pa.Table) -> None:
    """Write a table in row groups of one size, so that equal tables become equal bytes."""
    pa.parquet.write_table(
        table, path, compression=COMPRESSION, compression_level=LEVEL, row_group_size=1 << 20
    )


def _save(path: Path, array: npt.NDArray[Any]) -> None:
    with written(path) as beside, beside.open("wb") as file:
        np.save(file, array)


def file_bounds(rows: IntArray, rows_per_file: int) -> npt.NDArray[np.int64]:
    """Return first user and first row of each file, and of what would follow the last.

    Parameters
    ----------
    rows : numpy.ndarray
        int32 ``[n_users]``, interactions of each user.
    rows_per_file : int
        A file ends with the user who reaches a multiple of it.

    Returns
    -------
    numpy.ndarray
        int64 ``[n_files + 1, 2]``.
    """
    ends = np.cumsum(rows, dtype=np.int64)
    steps = np.arange(rows_per_file, ends[-1], rows_per_file)
    users = np.unique(np.searchsorted(ends, steps) + 1)
    users = np.unique(np.concatenate([[0], users, [len(rows)]]))
    before = np.concatenate([[0], ends])
    return np.stack([users, before[users]], axis=1)
