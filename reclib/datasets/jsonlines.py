"""Files with one JSON object a line, packed or not, of which a few lines may be broken."""

from __future__ import annotations

import gzip
import json
import zlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.json

from reclib.datasets.source import open_bytes
from reclib.errors import DataError
from reclib.progress import track

BLOCK = 1 << 24
"""Bytes that Arrow reads at a time; no line may be longer."""
DAMAGED = (EOFError, zlib.error, gzip.BadGzipFile)
AGAIN = "Delete it, so that it is downloaded again."

Fields = Mapping[str, type]


@dataclass
class Broken:
    """Lines that could not be read: how many, and where the first one is."""

    path: Path
    count: int = 0
    first: int = 0
    why: str = ""

    def add(self, line: int, why: str) -> None:
        """Count a line."""
        if not self.count:
            self.first, self.why = line, why
        self.count += 1

    def note(self) -> str:
        """Say it in a sentence; empty if every line could be read."""
        if not self.count:
            return ""
        lines = "line was" if self.count == 1 else "lines were"
        return (
            f"{self.count:,} {lines} left out of {self.path.name} as broken, the first in row "
            f"{self.first:,}: {self.why}."
        )


@dataclass
class Records:
    """What was read of a file, and what was not.

    Parameters
    ----------
    frame : pandas.DataFrame
        One column a field.
    broken : Broken
    """

    frame: pd.DataFrame
    broken: Broken


def read_records(path: Path, fields: Fields, optional: Fields | None = None) -> Records:
    """Return fields of every object in a file, as str or float64.

    Arrow reads a file without faults in one go. If there is one, the file is read again line by
    line: lines that are no object, or lack one of the fields, are left out and counted.

    Parameters
    ----------
    path : Path
    fields : mapping of str to type
        The fields that every line has, each ``str`` or ``float``.
    optional : mapping of str to type, optional
        Fields that may be missing or null.

    Raises
    ------
    reclib.errors.DataError
        If no line can be read, or the packed file is damaged.
    """
    both = {**fields, **(optional or {})}
    try:
        frame = _read_whole(path, both)
    except (pa.ArrowInvalid, UnicodeDecodeError):
        frame = None
    except OSError as error:
        raise DataError(f"cannot be read ({error})", AGAIN, file=path) from error
    if frame is not None and not frame[list(fields)].isna().to_numpy().any():
        return Records(frame, Broken(path))
    broken = Broken(path)
    rows = [
        [row.get(name) for name in both]
        for line, row in parsed(path, json.loads, broken)
        if _whole(line, row, fields, broken)
    ]
    if not rows:
        said = f"row {broken.first}: {broken.why}" if broken.count else "it is empty"
        raise DataError(f"no line can be read ({said})", AGAIN, file=path)
    types = {name: object if kind is str else np.float64 for name, kind in both.items()}
    return Records(pd.DataFrame(rows, columns=list(both)).astype(types), broken)


def _read_whole(path: Path, fields: Fields) -> pd.DataFrame:
    types = {str: pa.string(), float: pa.float64()}
    schema = pa.schema([(name, types[kind]) for name, kind in fields.items()])
    with pa.input_stream(str(path), compression="gzip" if path.suffix == ".gz" else None) as file:
        table = pyarrow.json.read_json(
            file,
            pyarrow.json.ReadOptions(block_size=BLOCK),
            pyarrow.json.ParseOptions(explicit_schema=schema, unexpected_field_behavior="ignore"),
        )
    frame: pd.DataFrame = table.to_pandas()
    return frame


def _whole(line: int, found: Mapping[str, Any], fields: Fields, broken: Broken) -> bool:
    for name, kind in fields.items():
        if name not in found:
            broken.add(line, f"'{name}' is missing")
            return False
        good = isinstance(found[name], str if kind is str else (int, float))
        if not good or isinstance(found[name], bool):
            broken.add(line, f"'{name}' is {found[name]!r:.40}")
            return False
    return True


def parsed(
    path: Path,
    parse: Callable[[str], Any],
    broken: Broken,
    wanted: Callable[[str], bool] | None = None,
) -> Iterator[tuple[int, dict[str, Any]]]:
    """Yield each object of a file with its line; what is none is counted in ``broken``.

    Parameters
    ----------
    path : Path
    parse : callable
        Turns a line into an object: `json.loads`, or `ast.literal_eval` for Python's own form.
    broken : Broken
    wanted : callable, optional
        Looks at a line before it is parsed, since that is what takes long.

    Raises
    ------
    reclib.errors.DataError
        If the packed file is damaged.
    """
    with open_bytes(path) as file:
        lines = enumerate(track(file, label=f"{path.name} (lines)"), start=1)
        try:
            for number, raw in lines:
                yield from _one(number, raw, parse, broken, wanted)
        except DAMAGED as error:
            raise DataError(f"the packed file is damaged ({error})", AGAIN, file=path) from error


def _one(
    number: int,
    raw: bytes,
    parse: Callable[[str], Any],
    broken: Broken,
    wanted: Callable[[str], bool] | None,
) -> Iterator[tuple[int, dict[str, Any]]]:
    if not raw.strip():
        return
    try:
        line = raw.decode("utf-8")
        found = parse(line) if wanted is None or wanted(line) else None
    except (ValueError, SyntaxError, RecursionError, MemoryError) as error:
        broken.add(number, f"it is no object ({str(error).splitlines()[0]:.80})")
        return
    if isinstance(found, dict):
        yield number, found
    elif found is not None:
        broken.add(number, "it is no object")
