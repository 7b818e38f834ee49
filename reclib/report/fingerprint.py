"""What an executed notebook depends on, as one hash: unchanged, it is not executed again."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from nbformat import NotebookNode

from reclib.report import nb
from reclib.report.layout import Layout, Source

NOT_RUN_BY_NOTEBOOKS = ("report", "claims.py", "__main__.py")


def fingerprint(
    layout: Layout, notebook: Path, source: Source, parameters: Mapping[str, Any]
) -> str:
    """Return a hash of a notebook's source, parameters, code, data, settings and packages.

    Stored outputs and metadata of the notebook do not count, nor does the code that only
    executes notebooks and builds the book.
    """
    digest = hashlib.sha256()
    cells = nb.read(notebook).cells
    digest.update(json.dumps([[cell.cell_type, cell.source] for cell in cells]).encode())
    digest.update(json.dumps([source.name, parameters], sort_keys=True, default=str).encode())
    for path in _files(layout, source) + _published(layout, cells):
        digest.update(path.relative_to(layout.root).as_posix().encode())
        digest.update(path.read_bytes())
    for line in _folder_state(source.folder):
        digest.update(line.encode())
    return digest.hexdigest()


def _files(layout: Layout, source: Source) -> list[Path]:
    package = layout.root / "reclib"
    code = [
        path
        for path in sorted(package.rglob("*.py"))
        if path.relative_to(package).parts[0] not in NOT_RUN_BY_NOTEBOOKS
    ]
    others = [
        "requirements.txt",
        "book/anchors.yml",
        f"book/benchmarks/sequence_models.{source.slug}.csv",
        f"notebooks/settings/{source.slug}.yaml",
    ]
    return code + [path for name in others if (path := layout.root / name).exists()]


def _published(layout: Layout, cells: Sequence[NotebookNode]) -> list[Path]:
    """Return the files of the published ledger, if the notebook shows results out of it."""
    shows = any("larger_runs" in cell.source for cell in cells)
    folder = layout.root / "book" / "ledger"
    return sorted(path for path in folder.glob("*.*") if path.is_file()) if shows else []


def _folder_state(folder: Path | None) -> list[str]:
    """Sizes and times of the reader's own files; those of the catalogue carry a checksum."""
    if folder is None:
        return []
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return [f"{path} {path.stat().st_size} {path.stat().st_mtime_ns}" for path in files]
