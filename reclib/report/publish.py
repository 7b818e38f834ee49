"""Putting the outputs of a build into the committed notebooks."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path

from nbformat import NotebookNode

from reclib.errors import DataError
from reclib.report import nb
from reclib.report.execute import Job
from reclib.report.layout import Layout, Source
from reclib.study import Study
from reclib.tables.cards import card, write_card


def publish_notebooks(jobs: Sequence[Job]) -> list[Path]:
    """Write the outputs of executed notebooks into their sources, which stay as they are.

    nbval compares these outputs with what a reader's machine gives. Papermill's own cell and
    marks are left behind.

    Raises
    ------
    reclib.errors.DataError
        If a notebook was not executed, or has changed since.
    """
    return [_publish(job) for job in jobs]


def publish_card(source: Source, layout: Layout) -> Path:
    """Write the card of a dataset into the book, as it is included by default."""
    study = Study.open(source.name, build_dir=str(layout.build))
    return write_card(card(study.inclusion), layout.root / "book" / "ledger" / "cards")


def publish_benchmarks(build: Path, root: Path) -> list[Path]:
    """Copy the tables of finished benchmarks into the book."""
    target = root / "book" / "benchmarks"
    target.mkdir(parents=True, exist_ok=True)
    return [
        Path(shutil.copyfile(path, target / path.name))
        for path in sorted((build / "benchmarks").glob("*.csv"))
    ]


def _publish(job: Job) -> Path:
    if job.finished() is None:
        raise DataError(f"{job.label} was not executed", "Run make report.", file=job.notebook)
    source, executed = nb.read(job.notebook), _cells(nb.read(job.output))
    if [cell.source for cell in source.cells] != [cell.source for cell in executed]:
        raise DataError("changed since its execution", "Run make report.", file=job.notebook)
    count = 0
    for cell, done in zip(source.cells, executed, strict=True):
        if cell.cell_type == "code":
            count += 1
            cell.outputs, cell.execution_count = done.outputs, count
            for output in cell.outputs:
                if "execution_count" in output:
                    output.execution_count = count
    nb.write(source, job.notebook)
    return job.notebook


def _cells(notebook: NotebookNode) -> list[NotebookNode]:
    """Return the cells without the one in which Papermill puts the parameters."""
    tagged = "injected-parameters"
    return [cell for cell in notebook.cells if tagged not in cell.metadata.get("tags", [])]
