"""Stage 5: histories in order, split by the rules of the protocols, a range of users a file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa

from reclib.prepare import core
from reclib.prepare.buckets import IntArray
from reclib.prepare.identifiers import write_parquet
from reclib.prepare.plan import Plan
from reclib.prepare.workspace import Columns, read_shards, write_shards, written
from reclib.splits.protocols import N_FOLDS, PROTOCOLS

PARTS = ("train", "valid", "test")
STEP = 1 << 20


def place_bucket(plan: Plan, index: int, last: int, first_user: int) -> dict[str, Any]:
    """Sort what is left of a bucket by user, time and file order; a batch for each file.

    Parameters
    ----------
    plan : Plan
    index, last : int
        The bucket, and the round that left what is left of it.
    first_user : int
        Users left in the buckets before.
    """
    left = read_shards([plan.path(f"core-{last}", index)], 0)
    rows = read_shards([plan.path("bucket", index)], 0)
    columns: Columns = {name: each[left["row"]] for name, each in rows.items()}
    before = np.cumsum(np.bincount(left["user"]) > 0) - 1  # users left, in the order of names
    places = np.load(plan.work / "user-place.npy", mmap_mode="r")
    columns["user"] = np.asarray(places[first_user : first_user + len(before)])[
        before[left["user"]]
    ]
    columns["item"] = _item_places(plan)[left["item"]]
    order = time_order(columns.get("timestamp"), len(left["user"]))
    order = order[stable_order(columns["user"][order])]
    columns = {name: each[order] for name, each in columns.items()}
    bounds = np.searchsorted(columns["user"], np.load(plan.work / "files.npy")[:, 0])
    write_shards(plan.path("placed", index), columns, bounds.astype(np.int64))
    return {"rows": len(order)}


def time_order(times: npt.NDArray[np.float64] | None, n_rows: int) -> npt.NDArray[np.int64]:
    """Return the order of times, ties by file order; quickly where they are whole seconds."""
    if times is None:
        return np.arange(n_rows)
    seconds = (times - times.min(initial=np.inf)).astype(np.int64)
    if (seconds + times.min(initial=np.inf) == times).all() and seconds.max(initial=0) < 1 << 31:
        return stable_order(seconds)
    return np.argsort(times, kind="stable")


def stable_order(keys: npt.NDArray[np.int64] | IntArray) -> npt.NDArray[np.int64]:
    """Return the stable order of small integers: sorting numbers is faster than their places."""
    packed = (keys.astype(np.int64) << 32) | np.arange(len(keys))
    packed.sort()
    return packed & 0xFFFFFFFF


def _item_places(plan: Plan) -> IntArray:
    """Return the integer of each item that is left, -1 for the others."""
    left = core.read_left(plan, -1)
    places = np.full(len(left), -1, dtype=np.int32)
    places[left] = np.load(plan.work / "item-place.npy")
    return places


def write_file(plan: Plan, index: int, out: Path) -> dict[str, Any]:
    """Write the histories of a range of users to Parquet, with the part of each interaction."""
    columns = read_shards(plan.paths("placed"), index)
    order = stable_order(columns["user"])
    columns = {name: each[order] for name, each in columns.items()}
    (first_user, first_row), (end_user, _) = np.load(plan.work / "files.npy")[index : index + 2]
    frame = pd.DataFrame(columns | {"user": columns["user"] - np.int32(first_user)}, copy=False)
    random = Slice(plan, int(first_row), int(first_user), int(end_user))
    rules, fold = PROTOCOLS[plan.settings.protocol], plan.settings.fold
    parts = rules.parts(frame, fold, random)  # type: ignore[arg-type]
    coded = sum((parts == name) * np.int8(code) for code, name in enumerate(PARTS))
    table = pa.table(columns)
    table = table.append_column("part", pa.DictionaryArray.from_arrays(coded, list(PARTS)))
    with written(out / "interactions" / f"part-{index:05d}.parquet") as beside:
        write_parquet(beside, table)
    sizes = np.bincount(coded, minlength=len(PARTS)).tolist()
    return {"rows": len(order), **dict(zip(PARTS, sizes, strict=True))}


def draw_offsets(plan: Plan, n_rows: int, n_users: int) -> dict[str, Any]:
    """Write the fold in which each user begins: drawn in order, after a number for each row."""
    random = np.random.default_rng([plan.settings.seed, 0])
    random.bit_generator.advance(n_rows)  # type: ignore[attr-defined]
    steps = [min(STEP, n_users - start) for start in range(0, n_users, STEP)]
    drawn = [random.integers(0, N_FOLDS, step).astype(np.int8) for step in steps]
    with written(plan.work / "offsets.npy") as beside, beside.open("wb") as file:
        np.save(file, np.concatenate(drawn))
    return {"rows": n_rows}


class Slice:
    """The numbers that `make_split` would draw for a range of users, and nothing else.

    A protocol draws a number for each row and then one for each user, over the whole data. The
    generator can be set to the first row of a file; numbers of users lie drawn.
    """

    def __init__(self, plan: Plan, first_row: int, first_user: int, end_user: int) -> None:
        self._plan, self._users = plan, slice(first_user, end_user)
        self._random = np.random.default_rng([plan.settings.seed, 0])
        self._random.bit_generator.advance(first_row)  # type: ignore[attr-defined]

    def random(self, size: int) -> npt.NDArray[np.float64]:
        """Return a number from 0 to 1 for each row of the file."""
        return self._random.random(size)

    def integers(self, low: int, high: int, size: int) -> npt.NDArray[np.int64]:
        """Return the number drawn for each user of the file."""
        drawn = np.load(self._plan.work / "offsets.npy", mmap_mode="r")[self._users]
        return np.asarray(drawn, dtype=np.int64)
