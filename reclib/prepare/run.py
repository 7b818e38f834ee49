"""From files of any size to a split on disk, stage by stage."""

from __future__ import annotations

import gzip
import shutil
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import polars as pl
from distributed import Client
from filelock import FileLock, Timeout

from reclib.errors import DataError
from reclib.prepare import sources
from reclib.prepare.cluster import connected, run_all
from reclib.prepare.plan import Plan, bits_for
from reclib.prepare.settings import Settings
from reclib.prepare.stages import Stages
from reclib.prepare.workspace import open_workspace, require_room, written

BYTES_A_ROW, BYTES_A_BYTE = 100, 2.5
"""Of unfinished work, the result included, at its largest: for a row of Parquet, a byte of text."""
FORMAT = 1
BLOCK = 1 << 22


def prepare(settings: Settings) -> Path:
    """Read, clean, reduce to its core, order and split interactions of any number.

    Does what `reclib.datasets.load`, `reclib.inclusion.include` and `reclib.splits.make_split` do
    to data that fit in memory, and gives the same users, items, order and parts.

    Parameters
    ----------
    settings : Settings

    Returns
    -------
    Path
        The folder ``settings.out``: ``interactions/part-*.parquet`` (``user``, ``item``,
        ``rating``, ``timestamp``, ``part``; a range of users a file), ``users.parquet`` and
        ``items.parquet`` (which identifier each integer stands for), ``prepared.json`` (what was
        left out, and why). It appears when it is complete. Unfinished work lies beside it and is
        gone on with when the same is asked for again.

    Raises
    ------
    reclib.errors.DataError
        For input that cannot be used, a disk that is too small or full, a result that is there,
        or a cluster that is gone.
    """
    out = Path(settings.out).expanduser().resolve()
    if out.exists():
        raise DataError("is there already", "Delete it, or choose another `out`.", file=out)
    work = out.with_name(f".{out.name}.unfinished")
    work.mkdir(parents=True, exist_ok=True)
    try:
        with FileLock(work / ".lock", timeout=0):
            _prepare(settings, work)
            (work / "result").rename(out)
    except Timeout as problem:
        raise DataError("another process prepares this", "Wait for it.", file=out) from problem
    shutil.rmtree(work)
    return out


def _prepare(settings: Settings, work: Path) -> None:
    given = sources.listed(settings)
    open_workspace(work, _key(settings, given))
    require_room(work, needed(given))
    with connected(settings) as client:
        plan = _plan(settings, given, work, client)
        Stages(plan, client).run()


def _key(settings: Settings, given: Sequence[Path]) -> dict[str, Any]:
    files = [(str(path.resolve()), path.stat().st_size, path.stat().st_mtime_ns) for path in given]
    cutting = ("columns", "names", "partition_mb", "rows_per_bucket", "hash_seed")
    return {"format": FORMAT, "polars": pl.__version__, "files": files, **settings.content(),
            **{name: getattr(settings, name) for name in cutting}}  # fmt: skip


def needed(given: Sequence[Path]) -> int:
    """Estimate the bytes that unfinished work takes at its largest."""
    return round(sum(_needed(path) for path in given))


def _needed(path: Path) -> float:
    if path.suffix == ".parquet":
        return BYTES_A_ROW * sources.parquet_rows(path)
    if path.suffix == ".gz":
        return (1 + BYTES_A_BYTE) * sources.unpacked_size(path)
    return BYTES_A_BYTE * path.stat().st_size


def _plan(settings: Settings, given: Sequence[Path], work: Path, client: Client) -> Plan:
    packed = [path for path in given if path.suffix == ".gz"]
    jobs = [(path, work / "unpacked" / f"{given.index(path)}") for path in packed]
    sizes = [path.stat().st_size for path in packed]
    if jobs:
        run_all(
            client, unpack, jobs, label="unpack", weights=sizes, marks=work / "marks" / "unpack"
        )
    places = dict(jobs)
    files = [sources.describe(places.get(path, path), path, settings) for path in given]
    if len({tuple(file.numbers) for file in files}) > 1:
        remedy = "Give files with the same columns."
        raise DataError("some files have ratings or times and others none", remedy)
    bits = bits_for(sources.estimated_rows(files), settings.rows_per_bucket)
    return Plan(settings, work, tuple(sources.cut(files, settings.partition_mb)), bits)


def unpack(path: Path, target: Path) -> dict[str, Any]:
    """Unpack a gzipped file, which cannot be read from its middle."""
    try:
        with gzip.open(path) as packed, written(target) as beside, beside.open("wb") as file:
            shutil.copyfileobj(packed, file, BLOCK)
    except (gzip.BadGzipFile, EOFError, zlib.error) as problem:
        raise sources.broken_archive(path, problem) from problem
    return {}
