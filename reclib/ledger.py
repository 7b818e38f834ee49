"""The ledger: one row a run, append-only, with everything that the run depended on."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from reclib.errors import DataError
from reclib.recommenders.base import IntArray

PUBLISHED = Path(__file__).parents[1] / "book" / "ledger"
"""Rows of the runs and trials behind the published book, one file a dataset."""


@dataclass(frozen=True)
class Run:
    """One row of the ledger and what lies beside it.

    Attributes
    ----------
    row : dict
        Provenance and the means of all metrics.
    folder : Path
        Holds ``per_user.parquet``, ``top.npy`` and, if there is one, ``curve.csv`` and
        ``gate.parquet``.
    """

    row: dict[str, Any]
    folder: Path

    @cached_property
    def per_user(self) -> pd.DataFrame:
        """One row a ranked user (index ``user``), one column a metric."""
        return pd.read_parquet(self.folder / "per_user.parquet")

    @cached_property
    def top(self) -> IntArray:
        """The lists, int32 ``[n_users_ranked, k]``, in the order of ``per_user``."""
        lists: IntArray = np.load(self.folder / "top.npy")
        return lists

    @cached_property
    def curve(self) -> pd.DataFrame | None:
        """The learning curve, None for closed forms."""
        path = self.folder / "curve.csv"
        return pd.read_csv(path) if path.exists() else None

    @cached_property
    def gate(self) -> pd.DataFrame | None:
        """The gate's share of each branch, a row a ranked user; None where there is no gate.

        Runs made before gates were kept have none either.
        """
        path = self.folder / "gate.parquet"
        return pd.read_parquet(path) if path.exists() else None


class Ledger:
    """Rows in ``ledger.jsonl`` of a folder, artefacts of run ``key`` in ``runs/<key>``.

    Parameters
    ----------
    folder : str or Path

    Raises
    ------
    reclib.errors.DataError
        If the folder cannot be written.
    """

    def __init__(self, folder: str | Path) -> None:
        self.folder = Path(folder)
        try:
            (self.folder / "runs").mkdir(parents=True, exist_ok=True)
        except OSError as problem:
            raise _unwritable(self.folder, problem) from problem
        self.path = self.folder / "ledger.jsonl"

    def rows(self) -> list[dict[str, Any]]:
        """Return all rows, the oldest first; a line cut short by a crash is passed over."""
        return read_rows(self.path)

    def find(self, key: str) -> Run | None:
        """Return the run with this key, or None."""
        found = [row for row in self.rows() if row["key"] == key]
        folder = self.folder / "runs" / key
        return Run(found[-1], folder) if found and folder.exists() else None

    def add(
        self,
        row: Mapping[str, Any],
        *,
        per_user: pd.DataFrame,
        top: IntArray,
        curve: pd.DataFrame | None = None,
        gate: pd.DataFrame | None = None,
    ) -> Run:
        """Write the artefacts, then the row: a row is there only if all of it is."""
        folder = self.folder / "runs" / str(row["key"])
        try:
            scratch = Path(tempfile.mkdtemp(dir=folder.parent, prefix=".unfinished-"))
            try:
                per_user.to_parquet(scratch / "per_user.parquet")
                np.save(scratch / "top.npy", top)
                if curve is not None:
                    curve.to_csv(scratch / "curve.csv", index=False)
                if gate is not None:
                    gate.to_parquet(scratch / "gate.parquet")
                shutil.rmtree(folder, ignore_errors=True)  # left by a crash before its row
                scratch.rename(folder)
            finally:
                shutil.rmtree(scratch, ignore_errors=True)
            append_row(self.path, row)
        except OSError as problem:
            raise _unwritable(self.folder, problem) from problem
        return Run(dict(row), folder)

    def frame(self, *, published: bool = False) -> pd.DataFrame:
        """Return the ledger as a table, the last row of each key.

        Parameters
        ----------
        published : bool
            Add the rows of the published book that this ledger does not have.
        """
        rows = {row["key"]: row for row in self.rows()}
        if published:
            for path in sorted(PUBLISHED.glob("*.jsonl")):
                rows = {row["key"]: row for row in read_rows(path)} | rows
        return pd.DataFrame(list(rows.values()))


def read_rows(path: Path) -> list[dict[str, Any]]:
    """Return the rows of a ledger file, passing over a line that a crash cut short."""
    if not path.exists():
        return []
    rows = []
    for line in path.read_text(encoding="utf-8").splitlines():
        try:
            rows.append(json.loads(line))
        except json.JSONDecodeError:
            continue
    return rows


def append_row(path: Path, row: Mapping[str, Any]) -> None:
    """Append one line under a lock and force it to disk.

    A line that an earlier crash cut short is closed first, so that it spoils no other.
    """
    with path.open("a+b") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        end = file.seek(0, os.SEEK_END)
        file.seek(max(0, end - 1))
        cut_short = end > 0 and file.read(1) != b"\n"
        file.write(b"\n" * cut_short + json.dumps(row, sort_keys=True).encode() + b"\n")
        file.flush()
        os.fsync(file.fileno())


def _unwritable(folder: Path, problem: OSError) -> DataError:
    return DataError(
        f"the ledger cannot be written ({problem.strerror})",
        "Choose a build_dir that you may write to, on a disk with room; nothing was lost.",
        file=folder,
    )
