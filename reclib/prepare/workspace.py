"""Where unfinished work lies: products written beside and renamed, and marks of what is done."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.ipc

from reclib.errors import DataError

Columns = dict[str, npt.NDArray[Any] | pa.Array]


@contextmanager
def written(path: Path) -> Iterator[Path]:
    """Give a name beside ``path`` to write to, and rename it when the block has ended well."""
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f".{path.name}.{uuid.uuid4().hex[:8]}")
    try:
        yield beside
        os.replace(beside, path)  # noqa: PTH105 (a task may be done twice, with the same bytes)
    finally:
        beside.unlink(missing_ok=True)


def write_json(path: Path, value: Any) -> None:
    """Write a small value in one step."""
    with written(path) as beside:
        beside.write_text(json.dumps(value, indent=1, sort_keys=True) + "\n", encoding="utf-8")


def write_shards(path: Path, columns: Columns, bounds: npt.NDArray[np.int64]) -> None:
    """Write columns as Arrow batches, one for the rows between each two bounds."""
    arrays = [each if isinstance(each, pa.Array) else pa.array(each) for each in columns.values()]
    batch = pa.RecordBatch.from_arrays(arrays, names=list(columns))
    with (
        written(path) as beside,
        pa.OSFile(str(beside), "wb") as raw,
        pa.ipc.new_file(raw, batch.schema) as file,
    ):
        for start, stop in zip(bounds[:-1].tolist(), bounds[1:].tolist(), strict=True):
            file.write_batch(batch.slice(start, stop - start))


def read_shard(path: Path, index: int) -> pa.RecordBatch:
    """Read one batch and no other; nothing is mapped, so that memory is what it seems."""
    with pa.OSFile(str(path)) as raw:
        return pa.ipc.open_file(raw).get_batch(index)


def read_shards(paths: list[Path], index: int) -> Columns:
    """Return one batch of each file, joined in the order of the files; numbers as NumPy."""
    table = pa.Table.from_batches([read_shard(path, index) for path in paths])
    return {name: _column(table[name]) for name in table.column_names}


def _column(chunks: pa.ChunkedArray) -> npt.NDArray[Any] | pa.Array:
    if pa.types.is_large_string(chunks.type):
        joined = chunks.combine_chunks()
        return joined if isinstance(joined, pa.Array) else pa.concat_arrays(joined.chunks)
    return np.concatenate([chunk.to_numpy() for chunk in chunks.chunks])


def open_workspace(folder: Path, key: Mapping[str, Any]) -> None:
    """Go on with unfinished work of the same key, or start afresh.

    Parameters
    ----------
    folder : Path
    key : mapping
        Settings and input; a folder of another key is emptied.
    """
    digest = hashlib.sha256(json.dumps(key, sort_keys=True, default=str).encode()).hexdigest()
    mark = folder / "key.json"
    if not (mark.exists() and json.loads(mark.read_text())["key"] == digest):
        for path in list(folder.iterdir()) if folder.exists() else []:
            if path.name != ".lock":
                shutil.rmtree(path) if path.is_dir() else path.unlink()
        write_json(mark, {"key": digest})
    for path in folder.rglob(".*.????????"):  # what a killed process left half-written
        path.unlink(missing_ok=True)


def require_room(folder: Path, needed: int) -> None:
    """Refuse to start what the disk cannot hold.

    Raises
    ------
    reclib.errors.DataError
        With what is needed and what is free, in GB.
    """
    held = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    free = shutil.disk_usage(folder).free
    if needed - held > free:
        raise DataError(
            f"about {(needed - held) / 1e9:.3g} GB are needed and {free / 1e9:.3g} GB are free",
            "Make room, or choose an `out` on another disk.",
            file=folder,
        )
