"""From bytes to canonical columns, fast where all is well."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.parquet

from reclib.datasets.canonical import KEYS
from reclib.datasets.validate import latest_time
from reclib.errors import DataError
from reclib.prepare import faults
from reclib.prepare.sources import File, Partition

BLANKS = (b" ", b"\t", b"\x0b", b"\x0c")


@dataclass
class Records:
    """The records of a partition.

    Parameters
    ----------
    frame : polars.DataFrame
        ``user_id`` and ``item_id`` (String, empty if missing), ``rating`` and ``timestamp``
        (Float64) where the files have them; in file order.
    malformed : int
        Rows left out because they cannot be read.
    examples : list of str
        Where the first of them are, and why.
    """

    frame: pl.DataFrame
    malformed: int = 0
    examples: list[str] = field(default_factory=list)


def read(part: Partition, skip_malformed: bool) -> Records:
    """Read a partition.

    Raises
    ------
    reclib.errors.DataError
        For a malformed row, unless they are to be skipped.
    """
    if part.file.kind == "parquet":
        return _read_parquet(part, skip_malformed)
    raw, start = _lines(part)
    if not raw or raw.isspace():
        types = {key: pl.String if key in KEYS else pl.Float64 for key in part.file.columns}
        return Records(pl.DataFrame(schema=types))
    frame = _parse(raw, part.file)
    if frame is not None and not _suspect(frame):
        return Records(frame)
    found = faults.of_lines(raw, part.file)
    if found and not skip_malformed:
        raise faults.error(part.file, found[0], before=start)
    kept = faults.without(raw, part.file, found)
    frame = _parse(kept, part.file, filled=True)
    if frame is None:
        raise DataError("the file cannot be read", "Export it again.", file=part.file.given)
    shown = [str(faults.error(part.file, each, before=start)) for each in found[: faults.SHOWN]]
    return Records(_filled(frame), len(found), shown)


def _lines(part: Partition) -> tuple[bytes, int]:
    """Return the lines that begin in the partition, and where the first of them does."""
    with Path(part.file.path).open("rb") as file:
        if part.start > part.file.skip:
            file.seek(part.start - 1)
            file.readline()
        else:
            file.seek(part.start)
        start = file.tell()
        raw = file.read(max(0, part.stop - start))
        if raw and not raw.endswith(b"\n"):
            raw += file.readline()
    if part.file.kind != "json" and raw.count(b'"') % 2:
        remedy = "Write the file as Parquet or JSON lines."
        raise DataError("a quoted field spans lines", remedy, file=part.file.given)
    return raw, start


def _parse(raw: bytes, file: File, filled: bool = False) -> pl.DataFrame | None:
    """Parse lines; None if any of them cannot be."""
    try:
        frame = _parse_json(raw, file) if file.kind == "json" else _parse_csv(raw, file)
    except (pl.exceptions.PolarsError, ValueError):
        return None
    if file.kind != "json" and not filled and frame[file.names[-1]].null_count():
        return None  # a row with too few fields is filled up with nulls
    frame = frame.select(pl.col(name).alias(key) for key, name in file.columns.items())
    if not raw.isascii() or any(blank in raw for blank in BLANKS):
        return frame.with_columns(pl.col(key).str.strip_chars() for key in KEYS)
    return frame


def _parse_csv(raw: bytes, file: File) -> pl.DataFrame:
    numbers = set(file.numbers.values())
    schema = {name: pl.Float64 if name in numbers else pl.String for name in file.names}
    separator = "\t" if file.kind == "tsv" else ","
    return pl.read_csv(raw, has_header=False, separator=separator, schema=schema)


def _parse_json(raw: bytes, file: File) -> pl.DataFrame:
    numbers = set(file.numbers.values())
    schema = {name: pl.Float64 if name in numbers else pl.String for name in file.columns.values()}
    return pl.read_ndjson(raw, schema=schema)


def _suspect(frame: pl.DataFrame) -> bool:
    """Say whether a row may be malformed: a field missing, or a number that cannot be one."""
    if any(frame[key].null_count() for key in frame.columns):
        return True
    numbers = [key for key in frame.columns if key not in KEYS]
    return any(_impossible(key, frame[key].to_numpy()).any() for key in numbers)


def _impossible(key: str, values: np.ndarray) -> np.ndarray:
    if key == "timestamp":
        return ~((values >= 0) & (values <= latest_time()))
    return ~np.isfinite(values)


def _filled(frame: pl.DataFrame) -> pl.DataFrame:
    return frame.with_columns(pl.col(key).fill_null("") for key in KEYS)


def _read_parquet(part: Partition, skip_malformed: bool) -> Records:
    file, names = part.file, list(part.file.columns.values())
    try:
        with pa.parquet.ParquetFile(file.path) as source:
            table = source.read_row_groups(range(part.start, part.stop), columns=names)
            groups = [source.metadata.row_group(each).num_rows for each in range(part.start)]
    except (pa.ArrowInvalid, OSError) as problem:
        raise DataError("not a Parquet file", "Write it again.", file=file.given) from problem
    raw = pl.DataFrame(table)
    try:
        frame = _filled(raw.select(_canonical(raw[name], key) for key, name in
                                   file.columns.items()))  # fmt: skip
    except pl.exceptions.PolarsError as problem:
        raise DataError(f"a column is of no use ({problem})", "Write it again.", file=file.given
                        ) from problem  # fmt: skip
    return _without_faults(frame, file, sum(groups), skip_malformed)


def _canonical(column: pl.Series, key: str) -> pl.Series:
    """Return a column of Parquet as text or as numbers; a date becomes seconds since 1970."""
    if key in KEYS:
        if column.dtype.is_float() and (column.drop_nulls() % 1 == 0).all():
            column = column.cast(pl.Int64)  # whole numbers that became floats beside a gap
        return column.cast(pl.String).str.strip_chars().alias(key)
    if column.dtype.is_temporal():
        return (column.cast(pl.Datetime("us")).dt.epoch("us") / 1e6).alias(key)
    return column.cast(pl.Float64).alias(key)


def _without_faults(frame: pl.DataFrame, file: File, before: int, skip: bool) -> Records:
    numbers = [key for key in frame.columns if key not in KEYS]
    bad = np.zeros(len(frame), dtype=bool)
    for key in numbers:
        bad |= _impossible(key, frame[key].fill_null(float("nan")).to_numpy())
    if not bad.any():
        return Records(frame)
    found = [
        DataError("a rating or time that is none", faults.REMEDY, file=file.given,
                  row=before + place + 2)
        for place in np.flatnonzero(bad)[: faults.SHOWN].tolist()
    ]  # fmt: skip
    if not skip:
        raise found[0]
    return Records(frame.filter(~bad), int(bad.sum()), [str(each) for each in found])
