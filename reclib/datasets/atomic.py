"""RecBole's atomic files: tab-separated, each column named and typed in the header."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pandas as pd

from reclib.datasets import validate
from reclib.datasets.canonical import KEYS, LINK, NUMBERS, Dataset
from reclib.datasets.source import Source, first_line, read
from reclib.errors import DataError

TYPES = ("token", "token_seq", "float", "float_seq")
REQUIRED = dict.fromkeys(KEYS, "token") | dict.fromkeys(NUMBERS, "float")
"""Columns whose type the package relies on."""
NET = {"user_id": "source_id", "friend_id": "target_id"}
"""What RecBole calls the two ends of a link."""


def interactions_file(folder: Path) -> Path | None:
    """Return the ``.inter`` file of a folder: the one named like it, else the only one.

    Raises
    ------
    reclib.errors.DataError
        If there are several and none is named like the folder.
    """
    named = folder / f"{folder.name}.inter"
    found = [named] if named.is_file() else sorted(folder.glob("*.inter"))
    if len(found) > 1:
        names = ", ".join(file.name for file in found)
        raise DataError(
            f"several files of interactions: {names}",
            f"Name one of them {named.name}, or give the others a folder of their own.",
            file=folder,
        )
    return found[0] if found else None


def read_atomic(
    folder: Path, *, name: str, title: str, columns: Mapping[str, str] | None = None
) -> Dataset:
    """Read a folder of atomic files.

    Parameters
    ----------
    folder : Path
        Holds ``NAME.inter``, where there are attributes ``NAME.user`` and ``NAME.item``, and
        where users are linked ``NAME.net``.
    name, title : str
        Of the dataset.
    columns : mapping of str to str, optional
        Canonical name of a column to its name in the files, where they differ.

    Raises
    ------
    reclib.errors.DataError
        For content that cannot be used, with file, row and column.
    """
    file = interactions_file(folder)
    if file is None:
        raise DataError("no .inter file", "Put RecBole atomic files there.", file=folder)
    renamed = dict(columns or {})
    frame, _, source = read_file(file, renamed, KEYS)
    users, user_kinds = _side(file.with_suffix(".user"), "user_id", renamed)
    items, item_kinds = _side(file.with_suffix(".item"), "item_id", renamed)
    return Dataset(
        name,
        title,
        validate.interactions(frame, source),
        users,
        items,
        user_kinds | item_kinds,
        links=_links(file.with_suffix(".net"), renamed),
    )


def read_file(
    path: Path, columns: Mapping[str, str], keys: tuple[str, ...]
) -> tuple[pd.DataFrame, dict[str, str], Source]:
    """Return one atomic file under canonical names, with the types of its columns.

    Parameters
    ----------
    path : Path
    columns : mapping of str to str
        Canonical name of a column to its name in the file, where they differ.
    keys : tuple of str
        Canonical names of the columns that must be there.

    Raises
    ------
    reclib.errors.DataError
        For a header or content that cannot be used.
    """
    kinds = _header(path)
    canonical = {theirs: ours for ours, theirs in columns.items() if theirs in kinds}
    source = Source(path, tuple(kinds), renamed={ours: own for own, ours in canonical.items()})
    ours = {canonical.get(name, name): kind for name, kind in kinds.items()}
    validate.require(source, ours, {key: columns.get(key, key) for key in keys})
    for name, kind in ours.items():
        if REQUIRED.get(name, kind) != kind:
            raise DataError(
                f"type '{kind}' where '{REQUIRED[name]}' belongs",
                f"Write '{source.renamed.get(name, name)}:{REQUIRED[name]}' in the header.",
                file=path,
                row=1,
                column=source.renamed.get(name, name),
            )
    frame = read(source, frozenset(name for name, kind in kinds.items() if kind == "float"))
    return frame.rename(columns=canonical), ours, source


def _header(path: Path) -> dict[str, str]:
    """Return the type of each column, in the order of the file."""
    kinds: dict[str, str] = {}
    for cell in first_line(path).split("\t"):
        name, _, kind = cell.strip().rpartition(":")
        if not name or kind not in TYPES:
            said = f"type '{kind}'" if name else "no type"
            raise DataError(
                f"{said} in the header",
                f"Write each column as name:type, the type one of {', '.join(TYPES)}.",
                file=path,
                row=1,
                column=name or cell,
            )
        if name in kinds:
            remedy = "Give each column a name of its own."
            raise DataError("the column is there twice", remedy, file=path, row=1, column=name)
        kinds[name] = kind
    return kinds


def _side(
    path: Path, key: str, columns: Mapping[str, str]
) -> tuple[pd.DataFrame | None, dict[str, str]]:
    if not path.is_file():
        return None, {}
    frame, kinds, source = read_file(path, columns, (key,))
    kinds.pop(key, None)
    return validate.attributes(frame, key, kinds, source), kinds


def _links(path: Path, columns: Mapping[str, str]) -> pd.DataFrame | None:
    """Return the pairs of a ``.net`` file, under RecBole's names or the folder's own."""
    if not path.is_file():
        return None
    frame, _, source = read_file(path, NET if "source_id" in _header(path) else columns, LINK)
    return validate.links(frame, source)
