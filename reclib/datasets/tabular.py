"""Any folder of CSV or Parquet files, with the names of its columns."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet
import yaml

from reclib.datasets import validate
from reclib.datasets.canonical import KEYS, LINK, NUMBERS, Dataset
from reclib.datasets.source import Source, first_line, read
from reclib.errors import DataError

DELIMITERS = {".csv": ",", ".tsv": "\t"}
ENDINGS = (*DELIMITERS, ".parquet")
INTERACTIONS = ("interactions", "ratings")


def column_names(folder: Path, columns: Mapping[str, str] | None) -> dict[str, str]:
    """Return the mapping of canonical to own names: the argument, else ``columns.yaml``.

    Raises
    ------
    reclib.errors.DataError
        If ``columns.yaml`` is not a mapping of names to names.
    """
    if columns is not None:
        return dict(columns)
    path = folder / "columns.yaml"
    if not path.is_file():
        return {}
    remedy = "Write one line for each column, such as `user_id: customer`."
    try:
        found = yaml.safe_load(path.read_text(encoding="utf-8")) or {}
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise DataError(f"not a YAML file ({error})", remedy, file=path) from error
    if not isinstance(found, dict) or not all(isinstance(name, str) for name in found.values()):
        raise DataError("not a mapping of names to names", remedy, file=path)
    return {str(ours): theirs for ours, theirs in found.items()}


def read_tabular(folder: Path, *, name: str, title: str, columns: Mapping[str, str]) -> Dataset:
    """Read a folder of CSV, TSV or Parquet files.

    Interactions are in ``interactions``, ``ratings``, a file named like the folder, or the only
    file there is; attributes, if any, in ``users`` and ``items``; friends in ``links``
    (``user_id``, ``friend_id``). An attribute of decimal numbers is a float, one of several words
    (or parts between bars) a sequence, and any other a single token; atomic files can say it
    otherwise.

    Raises
    ------
    reclib.errors.DataError
        For content that cannot be used, with file, row and column.
    """
    named = [name for name in NUMBERS if name in columns]
    frame, source = _read(_interactions_file(folder), columns, (*KEYS, *named))
    found = validate.interactions(frame, source)
    users, user_kinds = _side(folder, "users", "user_id", columns)
    items, item_kinds = _side(folder, "items", "item_id", columns)
    kinds = user_kinds | item_kinds
    return Dataset(name, title, found, users, items, kinds, links=_links(folder, columns))


def _find(folder: Path, stem: str) -> Path | None:
    files = (folder / f"{stem}{ending}" for ending in ENDINGS)
    return next((file for file in files if file.is_file()), None)


def _interactions_file(folder: Path) -> Path:
    for stem in (*INTERACTIONS, folder.name):
        if (file := _find(folder, stem)) is not None:
            return file
    taken = {"users", "items", "links"}
    files = sorted(f for f in folder.iterdir() if f.suffix in ENDINGS and f.stem not in taken)
    if len(files) == 1:
        return files[0]
    said = f"which of {', '.join(f.name for f in files)} holds" if files else "no file of"
    remedy = "Name it interactions.csv or interactions.parquet (or use RecBole atomic files)."
    raise DataError(f"{said} the interactions", remedy, file=folder)


def _read(
    path: Path, columns: Mapping[str, str], keys: tuple[str, ...]
) -> tuple[pd.DataFrame, Source]:
    if path.suffix == ".parquet":
        return _read_parquet(path, columns, keys)
    delimiter = DELIMITERS[path.suffix]
    line = first_line(path)
    names = tuple(name.strip().strip('"') for name in line.split(delimiter))
    if len(set(names)) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        remedy = "Give each column a name of its own."
        raise DataError("the column is there twice", remedy, file=path, row=1, column=twice)
    canonical = {theirs: ours for ours, theirs in columns.items() if theirs in names}
    source = Source(path, names, delimiter, quoted=True, renamed=_inverse(canonical))
    _require(source, canonical, columns, keys)
    numbers = frozenset(name for name in names if canonical.get(name, name) in NUMBERS)
    return read(source, numbers).rename(columns=canonical), source


def _read_parquet(
    path: Path, columns: Mapping[str, str], keys: tuple[str, ...]
) -> tuple[pd.DataFrame, Source]:
    try:
        frame = pa.parquet.read_table(path).to_pandas().reset_index(drop=True)
    except (pa.ArrowInvalid, OSError) as error:
        remedy = "Write the file again."
        raise DataError(f"not a Parquet file ({error})", remedy, file=path) from error
    canonical = {theirs: ours for ours, theirs in columns.items() if theirs in frame}
    source = Source(path, tuple(map(str, frame.columns)), renamed=_inverse(canonical))
    _require(source, canonical, columns, keys)
    frame = frame.rename(columns=canonical)
    if frame.empty:
        raise source.fail("there is no record in the file", "Export the file again.")
    for name in set(NUMBERS) & set(frame):
        frame[name] = _number(frame[name], source)
    return frame, source


def _require(
    source: Source, canonical: Mapping[str, str], columns: Mapping[str, str], keys: tuple[str, ...]
) -> None:
    there = [canonical.get(name, name) for name in source.names]
    validate.require(source, there, {key: columns.get(key, key) for key in keys})


def _inverse(canonical: Mapping[str, str]) -> dict[str, str]:
    return {ours: theirs for theirs, ours in canonical.items()}


def _number(column: pd.Series, source: Source) -> pd.Series:
    """Return a Parquet column as numbers; a date becomes its seconds since 1970."""
    if pd.api.types.is_datetime64_any_dtype(column):
        naive = pd.to_datetime(column, utc=True).dt.tz_localize(None)
        return (naive - pd.Timestamp(0)) / pd.Timedelta(seconds=1)
    numbers = pd.to_numeric(column, errors="coerce").astype(np.float64)
    text = numbers.isna() & column.notna()
    if text.any():
        position = int(np.argmax(text))
        problem = f"'{column.iloc[position]}' is not a number"
        remedy = "Correct the value, or leave the row out."
        raise source.fail(problem, remedy, position, str(column.name))
    return numbers


def _side(
    folder: Path, stem: str, key: str, columns: Mapping[str, str]
) -> tuple[pd.DataFrame | None, dict[str, str]]:
    path = _find(folder, stem)
    if path is None:
        return None, {}
    frame, source = _read(path, columns, (key,))
    kinds = {}
    for name in frame.columns.drop(key):
        kinds[str(name)], frame[name] = _kind(frame[name])
    return validate.attributes(frame, key, kinds, source), kinds


def _links(folder: Path, columns: Mapping[str, str]) -> pd.DataFrame | None:
    path = _find(folder, "links")
    return None if path is None else validate.links(*_read(path, columns, LINK))


def _kind(column: pd.Series) -> tuple[str, pd.Series]:
    """Return the type of an attribute, with its values in that type's form."""
    known = column.replace("", np.nan).dropna()
    numbers = pd.to_numeric(known, errors="coerce")
    if len(known) and numbers.notna().all():
        if (numbers % 1 == 0).all():
            return "token", column
        return "float", pd.to_numeric(column, errors="coerce")
    text = column.where(column.isna(), column.astype(str)).str.replace("|", " ", regex=False)
    return ("token_seq" if text.str.strip().str.contains(" ").any() else "token"), text
