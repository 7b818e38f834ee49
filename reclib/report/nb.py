"""Reading and writing notebooks, with types that nbformat does not have."""

from __future__ import annotations

from pathlib import Path
from typing import cast

import nbformat
from nbformat import NotebookNode

from reclib.errors import DataError


def read(path: Path) -> NotebookNode:
    """Return a notebook in format 4."""
    try:
        return cast(NotebookNode, nbformat.read(path, as_version=4))  # type: ignore[no-untyped-call]
    except (ValueError, UnicodeDecodeError, nbformat.reader.NotJSONError) as problem:
        raise DataError("this is no notebook", "Restore it.", file=path) from problem


def write(notebook: NotebookNode, path: Path) -> None:
    """Write a notebook."""
    nbformat.write(notebook, path)  # type: ignore[no-untyped-call]


def new(cells: list[NotebookNode]) -> NotebookNode:
    """Return a notebook of these cells."""
    return cast(NotebookNode, nbformat.v4.new_notebook(cells=cells))  # type: ignore[no-untyped-call]
