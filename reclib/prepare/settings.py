"""What a preparation is asked for, and how it is carried out."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any, Literal

from reclib.errors import DataError, UnknownName
from reclib.splits.protocols import N_FOLDS

SPLITS = ("leave-last-out", "holdout", "rated-only")
"""The protocols whose parts depend on one user alone."""


@dataclass(frozen=True)
class Settings:
    """Parameters of `reclib.prepare.prepare`.

    Parameters
    ----------
    files : tuple of str
        Files in order, or folders that hold them: CSV, TSV, JSON lines (each gzipped or not) or
        Parquet. Position in this order is the file order that breaks ties.
    out : str
        Folder to make. It must not be there yet.
    columns : mapping of str to str
        Canonical name (``user_id``, ``item_id``, ``rating``, ``timestamp``) to name in the files.
    names : tuple of str
        Names of the columns of a delimited file that has no header line.
    protocol : {"leave-last-out", "holdout", "rated-only"}
    fold, seed : int
        As in `reclib.splits.make_split`.
    min_user, min_item : int
        Fewest interactions of every user and every item that is kept.
    malformed : {"stop", "skip"}
        What becomes of a row that cannot be read: an error, or a count.
    rows_per_file : int
        Interactions in each file of the result, about: a history is never cut.
    workers : int or None
        Processes on this machine; None for one a core.
    cluster : str or None
        Address of a Dask scheduler, such as ``tcp://head:8786``. Its workers must see the same
        folders. None for workers of our own.
    partition_mb : float
        Text read by one task, in MB (10**6 bytes).
    rows_per_bucket : int
        Rows that a task holds while it resolves duplicates; 48 bytes each and as much again.
    hash_seed : int
        Any other resolves a collision of two ids, if ever there is one.
    """

    files: tuple[str, ...]
    out: str
    columns: Mapping[str, str] = field(default_factory=dict)
    names: tuple[str, ...] = ()
    protocol: str = "leave-last-out"
    fold: int = 0
    seed: int = 2026
    min_user: int = 5
    min_item: int = 5
    malformed: Literal["stop", "skip"] = "stop"
    rows_per_file: int = 2_000_000
    workers: int | None = None
    cluster: str | None = None
    partition_mb: float = 64.0
    rows_per_bucket: int = 2_500_000
    hash_seed: int = 0

    def __post_init__(self) -> None:
        if self.protocol not in SPLITS:
            raise UnknownName("protocol of large files", self.protocol, SPLITS)
        if self.malformed not in ("stop", "skip"):
            raise UnknownName("treatment of malformed rows", self.malformed, ("stop", "skip"))
        if not self.files:
            raise DataError("there is no file to prepare", "Give files=path/to/ratings.csv.")
        if not 0 <= self.fold < N_FOLDS:
            raise DataError(f"there is no fold {self.fold}", f"Choose one from 0 to {N_FOLDS - 1}.")
        for name in ("min_user", "min_item", "rows_per_file", "rows_per_bucket", "partition_mb"):
            if not getattr(self, name) > 0:
                raise DataError(f"{name} is {getattr(self, name)}", "Give a number above 0.")

    @property
    def processes(self) -> int:
        """Number of workers on this machine."""
        return self.workers or os.cpu_count() or 1

    def content(self) -> dict[str, Any]:
        """Return the parameters on which the result depends, and no others."""
        names = ("protocol", "fold", "seed", "min_user", "min_item", "malformed", "rows_per_file")
        return {name: getattr(self, name) for name in names}


def from_words(values: Mapping[str, Any]) -> Settings:
    """Return the settings that a command line gives, each by its name.

    Raises
    ------
    reclib.errors.UnknownName
        For a name that is not a parameter.
    reclib.errors.DataError
        If ``files`` or ``out`` is missing, or a value cannot be used.
    """
    known = {each.name for each in fields(Settings)}
    for name in values:
        if name not in known:
            raise UnknownName("parameter", name, known)
    for name in ("files", "out"):
        if not values.get(name):
            raise DataError(f"'{name}' is missing", f"Give {name}=path.")
    words = {name: _words(values[name]) for name in ("files", "names") if name in values}
    try:
        return Settings(**{**values, **words})
    except TypeError as problem:
        raise DataError(f"a value cannot be used ({problem})", "Give numbers as digits.") from (
            problem
        )


def _words(value: Any) -> tuple[str, ...]:
    return tuple(str(value).split()) if isinstance(value, str) else tuple(map(str, value))
