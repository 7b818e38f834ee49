"""Errors that tell the reader where the trouble is and what to do about it."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any


class ReclibError(ValueError):
    """Base of every error that this package raises on purpose."""

    def __reduce__(self) -> tuple[Callable[..., ReclibError], tuple[Any, ...]]:
        """Travel whole from a worker process: the message is made from other arguments."""
        return _revive, (type(self), str(self), self.__dict__)


def _revive(kind: type[ReclibError], message: str, state: dict[str, Any]) -> ReclibError:
    error = kind.__new__(kind, message)
    error.__dict__.update(state)
    return error


class DataError(ReclibError):
    """Input that cannot be used, with the place and the remedy.

    Parameters
    ----------
    problem : str
        What is wrong, in one clause.
    remedy : str
        What the reader can do about it.
    file : str or Path, optional
        The file that holds the trouble.
    row : int, optional
        One-based line number in ``file``, the header being line 1.
    column : str, optional
        Name of the column.
    """

    def __init__(
        self,
        problem: str,
        remedy: str,
        *,
        file: str | Path | None = None,
        row: int | None = None,
        column: str | None = None,
    ) -> None:
        self.problem, self.remedy = problem, remedy
        self.file, self.row, self.column = file, row, column
        where = [
            str(file) if file is not None else "",
            f"row {row}" if row is not None else "",
            f"column '{column}'" if column is not None else "",
        ]
        place = ", ".join(part for part in where if part)
        super().__init__(f"{place + ': ' if place else ''}{problem}. {remedy}")


class ProtocolUnsupported(DataError):
    """The data cannot support the protocol, for example no times for ``temporal``."""


class UnknownName(ReclibError):
    """A name that is not in a list of known ones; suggests the nearest.

    Parameters
    ----------
    kind : str
        What the name stands for, such as "dataset".
    name : str
        The name given.
    known : iterable of str
        The names that would have worked.
    """

    def __init__(self, kind: str, name: str, known: Iterable[str]) -> None:
        names = sorted(known)
        close = nearest(name, names)
        hint = f"Did you mean '{close}'? " if close else ""
        super().__init__(f"unknown {kind} '{name}'. {hint}Known: {', '.join(names)}.")


def nearest(name: str, known: Iterable[str]) -> str | None:
    """Return the known name closest in spelling to ``name``, or None if none is close."""
    by_lower = {candidate.lower(): candidate for candidate in known}
    found = difflib.get_close_matches(name.lower(), list(by_lower), n=1, cutoff=0.5)
    return by_lower[found[0]] if found else None
