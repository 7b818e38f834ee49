"""Which files there are, what is in them, and where to cut them into partitions."""

from __future__ import annotations

import gzip
import json
import zlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet

from reclib.datasets.canonical import KEYS, NUMBERS
from reclib.errors import DataError
from reclib.prepare.settings import Settings

KINDS = {".csv": "csv", ".tsv": "tsv", ".jsonl": "json", ".json": "json", ".ndjson": "json",
         ".parquet": "parquet"}  # fmt: skip
SAMPLE = 1 << 20
BYTES_A_PARQUET_ROW = 40


@dataclass(frozen=True)
class File:
    """A file as it is read.

    Parameters
    ----------
    path : str
        What is read: the file itself, or what was unpacked from it.
    given : str
        What the person knows it as.
    kind : {"csv", "tsv", "json", "parquet"}
    names : tuple of str
        Names of its columns, in order.
    columns : mapping of str to str
        Canonical name of each column that is read to its name in the file.
    skip : int
        Bytes before the first record.
    """

    path: str
    given: str
    kind: str
    names: tuple[str, ...]
    columns: Mapping[str, str]
    skip: int

    @property
    def numbers(self) -> dict[str, str]:
        """Canonical name of each column of numbers to its name in the file."""
        return {name: self.columns[name] for name in NUMBERS if name in self.columns}


@dataclass(frozen=True)
class Partition:
    """A part of a file: bytes of text, or row groups of Parquet, from ``start`` to ``stop``."""

    file: File
    start: int
    stop: int


def listed(settings: Settings) -> list[Path]:
    """Return the files in order; a folder stands for the files in it, sorted by name.

    Raises
    ------
    reclib.errors.DataError
        For a file that is not there or of no known kind.
    """
    found: list[Path] = []
    for given in settings.files:
        path = Path(given).expanduser()
        if path.is_dir():
            found += sorted(each for each in path.iterdir() if kind_of(each))
        else:
            found.append(path)
    for path in found:
        if not path.is_file():
            raise DataError("the file is not there", "Check its path.", file=path)
        if not kind_of(path):
            endings = ", ".join(KINDS)
            raise DataError("this kind is not known", f"Known: {endings} (or .gz).", file=path)
    if not found:
        remedy = "Give a folder of CSV, JSON lines or Parquet files."
        raise DataError("there is no file in it", remedy, file=settings.files[0])
    return found


def kind_of(path: Path) -> str | None:
    """Return what a file holds, by its ending."""
    ending = path.suffixes[-2:-1] if path.suffix == ".gz" else path.suffixes[-1:]
    return KINDS.get("".join(ending))


def unpacked_size(path: Path) -> int:
    """Estimate the bytes in a gzipped file from how its beginning is packed."""
    try:
        with path.open("rb") as raw, gzip.open(raw) as file:
            n_bytes = len(file.read(SAMPLE))
            taken = raw.tell()
    except (OSError, EOFError, zlib.error) as problem:
        raise broken_archive(path, problem) from problem
    size = path.stat().st_size
    return n_bytes if taken >= size else round(size * n_bytes / taken)


def broken_archive(path: str | Path, problem: Exception) -> DataError:
    """Return the error for a gzipped file that ends early or is damaged."""
    remedy = "Fetch the file again."
    return DataError(f"the gzipped file is damaged or cut short ({problem})", remedy, file=path)


def describe(path: Path, given: Path, settings: Settings) -> File:
    """Read the names of the columns of a file.

    Raises
    ------
    reclib.errors.DataError
        If the file is empty, not what its ending says, or lacks a column.
    """
    kind = kind_of(given) or ""
    skip = 0
    if kind == "parquet":
        names = _parquet_names(path, given)
    elif kind == "json":
        names = _json_names(path, given)
    elif settings.names:
        names = settings.names
    else:
        names, skip = _header(path, given, kind)
    wanted = {key: settings.columns.get(key, key) for key in (*KEYS, *NUMBERS)}
    there = {key: name for key, name in wanted.items() if name in names}
    file = File(str(path), str(given), kind, names, there, skip)
    _require(file, wanted, [*KEYS, *(name for name in NUMBERS if name in settings.columns)])
    return file


def _require(file: File, wanted: Mapping[str, str], keys: Sequence[str]) -> None:
    for key in keys:
        if key not in file.columns:
            remedy = f"The file has: {', '.join(file.names)}. Name the column with `columns`."
            problem = "the column is missing"
            raise DataError(problem, remedy, file=file.given, row=1, column=wanted[key])
    if len(set(file.names)) < len(file.names):
        raise DataError("a column is there twice", "Rename it.", file=file.given, row=1)


def _header(path: Path, given: Path, kind: str) -> tuple[tuple[str, ...], int]:
    with path.open("rb") as file:
        line = file.readline()
    try:
        text = line.decode("utf-8-sig").strip()
    except UnicodeDecodeError as problem:
        raise DataError("the header is not UTF-8 text", "Save it as UTF-8.", file=given) from (
            problem
        )
    if not text:
        remedy = "Line 1 names the columns."
        raise DataError("the file is empty or has no header", remedy, file=given)
    names = text.split("\t" if kind == "tsv" else ",")
    return tuple(name.strip().strip('"') for name in names), len(line)


def _json_names(path: Path, given: Path) -> tuple[str, ...]:
    with path.open("rb") as file:
        line = file.readline()
    try:
        return tuple(json.loads(line))
    except ValueError as problem:
        remedy = "Write one object a line."
        raise DataError("not JSON lines", remedy, file=given, row=1) from problem


def _parquet_names(path: Path, given: Path) -> tuple[str, ...]:
    try:
        return tuple(pa.parquet.read_schema(path).names)
    except (pa.ArrowInvalid, OSError) as problem:
        raise DataError("not a Parquet file", "Write the file again.", file=given) from problem


def cut(files: Sequence[File], partition_mb: float) -> list[Partition]:
    """Cut files into partitions of about equal size, in file order."""
    size = max(1, int(partition_mb * 1e6))
    found = []
    for file in files:
        if file.kind == "parquet":
            steps, last = _row_groups(file, size)
        else:
            last = Path(file.path).stat().st_size
            steps = list(range(file.skip, max(last, file.skip + 1), size))
        found += [Partition(file, start, stop) for start, stop in zip(steps, [*steps[1:], last],
                                                                      strict=True)]  # fmt: skip
    return found


def parquet_rows(path: str | Path) -> int:
    """Return the number of rows of a Parquet file.

    Raises
    ------
    reclib.errors.DataError
        If it is none.
    """
    try:
        return int(pa.parquet.read_metadata(path).num_rows)
    except (pa.ArrowInvalid, OSError) as problem:
        raise DataError("not a Parquet file", "Write the file again.", file=path) from problem


def _row_groups(file: File, size: int) -> tuple[list[int], int]:
    metadata = pa.parquet.read_metadata(file.path)
    steps, taken = [0], 0
    for group in range(metadata.num_row_groups):
        if taken and taken + metadata.row_group(group).num_rows * BYTES_A_PARQUET_ROW > size:
            steps, taken = [*steps, group], 0
        taken += metadata.row_group(group).num_rows * BYTES_A_PARQUET_ROW
    return steps, metadata.num_row_groups


def estimated_rows(files: Iterable[File]) -> int:
    """Estimate the number of records from the length of the first ones of each file."""
    return sum(_rows(file) for file in files)


def _rows(file: File) -> int:
    if file.kind == "parquet":
        return parquet_rows(file.path)
    with Path(file.path).open("rb") as raw:
        raw.seek(file.skip)
        sample = raw.read(SAMPLE)
    size = Path(file.path).stat().st_size - file.skip
    return max(1, round(size * max(sample.count(b"\n"), 1) / max(len(sample), 1)))
