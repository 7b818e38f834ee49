"""Read a delimited file fast, and say exactly where it is wrong when it is."""

from __future__ import annotations

import csv
import gzip
import io
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, cast

import pandas as pd
import pyarrow as pa
import pyarrow.csv

from reclib.errors import DataError

AGAIN = "Fetch or export the file again."
UTF8_REMEDY = "Save the file as UTF-8, for example with `iconv -f latin1 -t utf-8`."


@dataclass(frozen=True)
class Source:
    """A file of records, and how to find a record in it again.

    Parameters
    ----------
    path : Path
    names : tuple of str
        Names of the columns in the file, in order.
    delimiter : str
        Between fields; more than one character is allowed where nothing is quoted.
    quoted : bool
        Whether fields may stand in double quotes.
    header : bool
        Whether line 1 names the columns.
    encoding : str
    renamed : mapping of str to str
        Canonical name of a column to the name in the file, where they differ.
    """

    path: Path
    names: tuple[str, ...]
    delimiter: str = "\t"
    quoted: bool = False
    header: bool = True
    encoding: str = "utf-8"
    renamed: Mapping[str, str] = field(default_factory=dict)

    def fail(
        self, problem: str, remedy: str, position: int | None = None, column: str | None = None
    ) -> DataError:
        """Return the error that names file, line and column of the record at a position."""
        row = None if position is None else self.line(position)
        name = None if column is None else self.renamed.get(column, column)
        return DataError(problem, remedy, file=self.path, row=row, column=name)

    def line(self, position: int) -> int:
        """Return the one-based line of the record at a position; parquet counts a header too."""
        if self.path.suffix == ".parquet":
            return position + 2
        for index, (line, _) in enumerate(self.records()):
            if index == position:
                return line
        return position + 1 + self.header

    def records(self) -> Iterator[tuple[int, list[str]]]:
        """Yield each record with its line, skipping blank lines and the header."""
        lines = self._lines()
        if self.quoted:
            reader = csv.reader(lines, delimiter=self.delimiter)
            rows = ((reader.line_num, fields) for fields in reader)
        else:
            split = (line.rstrip("\r\n") for line in lines)
            rows = (
                (number, line.split(self.delimiter) if line else [])
                for number, line in enumerate(split, start=1)
            )
        for number, fields in rows:
            if fields and not (self.header and number == 1):
                yield number, fields

    def _lines(self) -> Iterator[str]:
        with open_bytes(self.path) as file:
            for number, raw in enumerate(file, start=1):
                try:
                    yield raw.decode(self.encoding)
                except UnicodeDecodeError as error:
                    place = raw[: error.start].count(self.delimiter.encode())
                    column = self.names[place] if place < len(self.names) else None
                    raise DataError(
                        f"byte 0x{raw[error.start]:02x} is not {self.encoding.upper()} text",
                        UTF8_REMEDY,
                        file=self.path,
                        row=number,
                        column=column,
                    ) from error


def open_bytes(path: Path) -> IO[bytes]:
    """Open a file, unpacking it if its name ends in ``.gz``."""
    return cast(IO[bytes], gzip.open(path, "rb")) if path.suffix == ".gz" else path.open("rb")


def first_line(path: Path) -> str:
    """Return the header line of a text file, without a byte order mark.

    Raises
    ------
    reclib.errors.DataError
        If the file is not there, empty or not UTF-8.
    """
    if not path.is_file():
        raise DataError("the file is not there", "Check the folder's name.", file=path)
    with path.open("rb") as file:
        raw = file.readline().rstrip(b"\r\n")
    if not raw.strip():
        remedy = "Fetch or export the file again; line 1 names the columns."
        raise DataError("the file is empty", remedy, file=path)
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise DataError("the header is not UTF-8 text", UTF8_REMEDY, file=path, row=1) from error


def read(source: Source, numbers: frozenset[str]) -> pd.DataFrame:
    """Return the records of a file, the columns in ``numbers`` as float64 and all others as str.

    Raises
    ------
    reclib.errors.DataError
        For a file without records, a record with the wrong number of fields, text where a
        number belongs, or bytes that are not text.
    """
    try:
        table = _parse(source, numbers)
    except (pa.ArrowInvalid, UnicodeDecodeError) as error:
        raise _diagnose(source, numbers, error) from error
    if not len(table):
        raise source.fail("there is no record in the file", AGAIN)
    frame: pd.DataFrame = table.to_pandas()
    return frame


def _parse(source: Source, numbers: frozenset[str]) -> pa.Table:
    file: str | io.BytesIO = str(source.path)
    delimiter = source.delimiter
    if len(delimiter) > 1:  # arrow splits at one character only
        text = source.path.read_bytes().decode(source.encoding)
        file = io.BytesIO(text.replace(delimiter, "\t").encode())
        delimiter = "\t"
    types = {name: pa.float64() if name in numbers else pa.string() for name in source.names}
    return pa.csv.read_csv(
        file,
        pa.csv.ReadOptions(column_names=source.names, skip_rows=int(source.header)),
        pa.csv.ParseOptions(
            delimiter=delimiter,
            quote_char='"' if source.quoted else False,
            newlines_in_values=source.quoted,
        ),
        pa.csv.ConvertOptions(column_types=types, strings_can_be_null=False),
    )


def _diagnose(source: Source, numbers: frozenset[str], cause: Exception) -> DataError:
    """Find the first record that could not be read; slow, but only on the way to an error."""
    line = None
    try:
        for line, fields in source.records():
            if found := _fault(source, numbers, line, fields):
                return found
    except DataError as error:
        return error
    if line is None:
        return source.fail("there is no record in the file", AGAIN)
    return source.fail(f"the file cannot be read ({cause})", AGAIN)


def _fault(
    source: Source, numbers: frozenset[str], line: int, fields: list[str]
) -> DataError | None:
    """Return what is wrong with one record, if anything is."""
    if len(fields) != len(source.names):
        problem = f"{len(fields)} fields where {len(source.names)} belong"
        remedy = "Correct the line or leave it out."
        return DataError(problem, remedy, file=source.path, row=line)
    for name, value in zip(source.names, fields, strict=True):
        if name in numbers and not _is_number(value):
            problem, remedy = f"'{value}' is not a number", "Correct it, or leave the line out."
            return DataError(problem, remedy, file=source.path, row=line, column=name)
    return None


def _is_number(value: str) -> bool:
    try:
        return value.strip() == "" or not math.isinf(float(value))
    except ValueError:
        return False
