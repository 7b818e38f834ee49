"""Find what is wrong with lines that could not be read; slow, and only then used."""

from __future__ import annotations

import csv
import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from reclib.datasets.validate import latest_time
from reclib.errors import DataError
from reclib.prepare.sources import File

SHOWN = 5
BLOCK = 1 << 24
REMEDY = "Correct the row, or give malformed=skip to leave such rows out and count them."


@dataclass(frozen=True)
class Fault:
    """What is wrong with a line: its place among the lines looked at, the column, the problem."""

    place: int
    problem: str
    column: str | None = None


def of_lines(raw: bytes, file: File) -> list[Fault]:
    """Return the fault of each malformed line; a blank line is none."""
    return [found for place, line in enumerate(raw.split(b"\n"))
            if line.strip() and (found := _of_line(place, line, file))]  # fmt: skip


def without(raw: bytes, file: File, found: Sequence[Fault]) -> bytes:
    """Return the lines without the malformed and the blank ones."""
    bad = {fault.place for fault in found}
    lines = enumerate(raw.split(b"\n"))
    return b"\n".join(line for place, line in lines if place not in bad and line.strip())


def error(file: File, fault: Fault, before: int) -> DataError:
    """Return the error that names file, line and column; ``before`` is where the lines begin."""
    row = _count_lines(file.path, before) + fault.place + 1
    return DataError(fault.problem, REMEDY, file=file.given, row=row, column=fault.column)


def _count_lines(path: str, stop: int) -> int:
    count = 0
    with Path(path).open("rb") as file:
        while stop > 0 and (block := file.read(min(stop, BLOCK))):
            count, stop = count + block.count(b"\n"), stop - len(block)
    return count


def _of_line(place: int, line: bytes, file: File) -> Fault | None:
    try:
        text = line.decode("utf-8").rstrip("\r")
    except UnicodeDecodeError as problem:
        return Fault(place, f"byte 0x{line[problem.start]:02x} is not UTF-8 text")
    try:
        fields = _json_fields(text) if file.kind == "json" else _csv_fields(text, file)
    except ValueError as problem:
        return Fault(place, str(problem))
    for key, name in file.columns.items():
        value = fields.get(name)
        quoted = file.kind == "json" and isinstance(value, str) and name in file.numbers.values()
        if found := f"'{value}' is text" if quoted else _problem(key, value):
            return Fault(place, found, name)
    return None


def _csv_fields(text: str, file: File) -> dict[str, object]:
    fields = next(csv.reader([text], delimiter="\t" if file.kind == "tsv" else ","))
    if len(fields) != len(file.names):
        raise ValueError(f"{len(fields)} fields where {len(file.names)} belong")
    return dict(zip(file.names, fields, strict=True))


def _json_fields(text: str) -> dict[str, object]:
    try:
        fields = json.loads(text)
    except ValueError as problem:
        raise ValueError(f"not JSON ({problem})") from problem
    if not isinstance(fields, dict):
        raise ValueError("not a JSON object")
    return fields


def _problem(key: str, value: object) -> str | None:
    if key not in ("rating", "timestamp"):
        scalar = value is None or isinstance(value, str | int | float)
        return None if scalar else "the identifier is no text"
    number = _number(value)
    if number is None:
        return f"'{value}' is not a number"
    if not math.isfinite(number):
        return f"{number} is not a finite number"
    if key == "timestamp" and number < 0:
        return f"{number:.15g} is before 1970"
    if key == "timestamp" and number > latest_time():
        milliseconds = number / 1000 <= latest_time()
        hint = "; it looks like milliseconds, and times are seconds since 1970"
        return f"{number:.15g} is in the future{hint if milliseconds else ''}"
    return None


def _number(value: object) -> float | None:
    """Return a number as Polars reads it: no blanks around it, no underscores in it."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        return float(value)
    if not isinstance(value, str) or value != value.strip() or "_" in value:
        return None
    try:
        return float(value)
    except ValueError:
        return None
