"""Bring records into canonical form, and refuse what no reading of them could repair.

What is refused here would make the file unusable or its meaning a guess. What a study can leave
out and report, such as repeated interactions, is left to ``reclib.inclusion``.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from reclib.datasets.canonical import KEYS, LINK, NUMBERS
from reclib.datasets.source import Source
from reclib.errors import DataError

DAY = 24 * 3600


def latest_time() -> float:
    """Return the last second that a clock could have written: a day from now.

    The day allows for sources that store local time.
    """
    return time.time() + DAY


def require(source: Source, columns: Iterable[str], wanted: Mapping[str, str]) -> None:
    """Refuse a file without the wanted columns.

    Parameters
    ----------
    source : Source
    columns : iterable of str
        Canonical names of the columns that there are.
    wanted : mapping of str to str
        Canonical name of each column that must be there, to its name in the file.

    Raises
    ------
    reclib.errors.DataError
        For the first that is missing.
    """
    for key, name in wanted.items():
        if key not in columns:
            raise DataError(
                "the column is missing",
                f"The file has: {', '.join(source.names)}. "
                "Name the column with `columns` or in columns.yaml.",
                file=source.path,
                row=1,
                column=name,
            )


def interactions(frame: pd.DataFrame, source: Source) -> pd.DataFrame:
    """Return the canonical columns of the interactions, in file order.

    Raises
    ------
    reclib.errors.DataError
        For a rating or time that is not a finite number, or a time that is negative or in the
        future.
    """
    kept = {key: ids(frame[key]) for key in KEYS}
    for name in NUMBERS:
        if name in frame:
            kept[name] = frame[name].astype(np.float64)
            _refuse(~np.isfinite(kept[name]), kept[name], source, "is not a finite number")
    if "timestamp" in kept:
        _check_times(kept["timestamp"], source)
    return pd.DataFrame(kept).reset_index(drop=True)


def attributes(
    frame: pd.DataFrame, key: str, kinds: Mapping[str, str], source: Source
) -> pd.DataFrame:
    """Return the attributes of users or items, the identifier first and NaN where unknown.

    Raises
    ------
    reclib.errors.DataError
        For an identifier that is empty or there twice.
    """
    names = ids(frame[key])
    empty = names == ""
    if empty.any():
        remedy = "Give the identifier, or leave the line out."
        raise source.fail("the identifier is empty", remedy, int(np.argmax(empty)), key)
    repeated = names.duplicated()
    if repeated.any():
        position = int(np.argmax(repeated))
        first = source.line(int(np.argmax(names == names[position])))
        problem = f"'{names[position]}' is already described in row {first}"
        raise source.fail(problem, "Keep one line for each identifier.", position, key)
    kept = {name: _attribute(frame[name], kind) for name, kind in kinds.items()}
    return pd.DataFrame({key: names} | kept)


def links(frame: pd.DataFrame, source: Source) -> pd.DataFrame:
    """Return who is a friend of whom, one directed pair a row, in file order.

    Raises
    ------
    reclib.errors.DataError
        For a pair that does not name both.
    """
    kept = pd.DataFrame({name: ids(frame[name]) for name in LINK})
    for name in LINK:
        empty = kept[name] == ""
        if empty.any():
            remedy = "Name both users, or leave the line out."
            raise source.fail("the identifier is empty", remedy, int(np.argmax(empty)), name)
    return kept


def ids(column: pd.Series) -> pd.Series:
    """Return identifiers as text without blanks around them; a missing one is empty."""
    if pd.api.types.is_float_dtype(column) and (column.dropna() % 1 == 0).all():
        column = column.astype("Int64")  # whole numbers that became floats beside a gap
    text = pa.array(column, from_pandas=True).cast(pa.string())
    trimmed = pc.utf8_trim_whitespace(pc.fill_null(text, ""))
    return pd.Series(trimmed.to_pandas().to_numpy(dtype=object), name=column.name)


def _attribute(column: pd.Series, kind: str) -> pd.Series:
    if kind == "float":
        return column.astype(np.float64).reset_index(drop=True)
    text = ids(column)
    return text.where(text != "", np.nan)


def _check_times(times: pd.Series, source: Source) -> None:
    _refuse(times < 0, times, source, "is before 1970")
    late = times > latest_time()
    if late.any() and (times[late] / 1000 <= latest_time()).all():
        remedy = "Times are seconds since 1970, and this looks like milliseconds: divide by 1000."
        _refuse(late, times, source, "is in the far future", remedy)
    _refuse(late, times, source, "is in the future")


def _refuse(
    bad: npt.ArrayLike,
    column: pd.Series,
    source: Source,
    problem: str,
    remedy: str = "Correct the value, or leave the line out.",
) -> None:
    wrong = np.asarray(bad)
    if not wrong.any():
        return
    position = int(np.argmax(wrong))
    value = column.iloc[position]
    said = "a missing value" if np.isnan(value) else f"{value:.15g}"
    if column.name == "timestamp" and remedy.startswith("Correct"):
        remedy = f"Times are seconds since 1970. {remedy}"
    raise source.fail(f"{said} {problem}", remedy, position, str(column.name))
