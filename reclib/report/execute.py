"""Papermill over every notebook and dataset: resumable, and plain about what went wrong."""

from __future__ import annotations

import json
import logging
import os
import signal
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import papermill
from nbclient.exceptions import DeadKernelError
from papermill.exceptions import PapermillExecutionError

from reclib.errors import DataError, ReclibError
from reclib.report.fingerprint import fingerprint
from reclib.report.layout import Layout, Source
from reclib.report.parameters import Request, assign, declared, read_file

HEAD_LINES = 6
"""Lines of a failing cell that are shown."""


class NotebookError(ReclibError):
    """A notebook stopped; the message names the cell, the error and what was kept."""


@dataclass(frozen=True, eq=False)
class Job:
    """One notebook on one dataset.

    Parameters
    ----------
    notebook : Path
    source : Source
    parameters : mapping
        What is put in place of the values in the notebook's parameters cell.
    output : Path
        The executed notebook; its stamp lies beside it.
    """

    notebook: Path
    source: Source
    parameters: Mapping[str, Any]
    output: Path

    @property
    def label(self) -> str:
        """How the job is called on the terminal."""
        return f"{self.notebook.stem}, {self.source.slug}"

    @property
    def stamp(self) -> Path:
        """Written when the notebook has finished, and not before."""
        return self.output.with_suffix(".json")

    def finished(self) -> dict[str, Any] | None:
        """Return the stamp, or None if the notebook has not been executed to its end."""
        try:
            stamp = json.loads(self.stamp.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return None
        return stamp if isinstance(stamp, dict) and self.output.exists() else None


def plan(layout: Layout, found: Sequence[Source], request: Request) -> list[Job]:
    """Return the jobs of a report, dataset by dataset, in reading order."""
    names = {notebook: declared(notebook) for notebook in layout.notebooks}
    jobs = []
    for source in found:
        path, values = read_file(
            layout.root / "notebooks" / "parameters", source.slug, request.edition
        )
        try:
            assign(names, values)
        except ReclibError as problem:
            raise DataError(str(problem), "Correct the file.", file=path) from problem
        given = {"dataset": source.name, "edition": request.edition} | values
        for notebook, parameters in assign(names, given | dict(request.overrides)).items():
            output = layout.executed / source.slug / notebook.name
            jobs.append(Job(notebook, source, parameters, output))
    return jobs


def execute_all(layout: Layout, jobs: Sequence[Job]) -> None:
    """Execute the jobs that are not up to date.

    Raises
    ------
    NotebookError
        At the first notebook that fails.
    reclib.errors.DataError
        If the output folder cannot be written.
    """
    require_writable(layout.build)
    prepare_environment(layout.build)
    for number, job in enumerate(jobs, start=1):
        mark = fingerprint(layout, job.notebook, job.source, job.parameters)
        stamp = job.finished()
        unchanged = stamp is not None and stamp.get("fingerprint") == mark
        kept = " (unchanged, kept)" if unchanged else ""
        print(f"[{number}/{len(jobs)}] {job.label}{kept}", flush=True)
        if not unchanged:
            execute(job, mark)


def execute(job: Job, mark: str) -> None:
    """Execute one notebook and, if it finishes, leave its stamp."""
    job.output.parent.mkdir(parents=True, exist_ok=True)
    job.stamp.unlink(missing_ok=True)
    started = time.perf_counter()
    try:
        papermill.execute_notebook(
            str(job.notebook), str(job.output), parameters=dict(job.parameters),
            cwd=str(job.notebook.parent), kernel_name="python3",
            request_save_on_cell_execute=True, progress_bar=True,
        )  # fmt: skip
    except PapermillExecutionError as failure:
        raise NotebookError(_explain(job, failure)) from failure
    except KeyboardInterrupt:
        # The cell under way fails, too, with nobody left to hear of it but asyncio's log.
        logging.getLogger("asyncio").setLevel(logging.CRITICAL)
        raise
    except DeadKernelError as failure:
        raise NotebookError(
            f"{job.label} stopped: its process died, most often for want of memory.\n"
            f"As far as it got: {job.output}"
        ) from failure
    except RuntimeError as failure:
        raise NotebookError(f"{job.label}: its process does not answer. {failure}.") from failure
    stamp = {
        "fingerprint": mark,
        "seconds": round(time.perf_counter() - started, 1),
        "finished": datetime.now(UTC).isoformat(timespec="seconds"),
        "parameters": dict(job.parameters),
    }
    write_whole(job.stamp, json.dumps(stamp, indent=1, default=str))


def _explain(job: Job, failure: PapermillExecutionError) -> str:
    lines = failure.source.splitlines()
    shown = lines[:HEAD_LINES] + (["..."] if len(lines) > HEAD_LINES else [])
    cell = "\n".join(f"    {line}" for line in shown)
    return (
        f"{job.label} failed in cell [{failure.exec_count}]:\n\n{cell}\n\n"
        f"{failure.ename}: {failure.evalue}\n\nAs far as it got: {job.output}"
    )


def write_whole(path: Path, text: str) -> None:
    """Write a file so that it is there with its whole content, or not at all."""
    scratch = path.with_name(f".{path.name}.unfinished")
    try:
        scratch.write_text(text, encoding="utf-8")
        scratch.replace(path)
    finally:
        scratch.unlink(missing_ok=True)


def require_writable(folder: Path) -> None:
    """Make the folder, and fail now rather than after an hour if nothing can be written there."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder) as probe:
            probe.write(b"0" * 4096)
    except OSError as problem:
        raise DataError(
            f"nothing can be written here ({problem.strerror})",
            "Give write permission, or make room on the disk.",
            file=folder,
        ) from problem


def prepare_environment(build: Path) -> None:
    """Set what the kernels inherit: bars on the terminal, and this interpreter's own kernel.

    A kernel called python3 that somebody registered for the user or the machine must not be
    taken, since it may belong to another Python; nor must anybody's start-up files. Kernels
    that are stopped by Ctrl-C complain of their broken connection: nobody needs to read that.
    """
    profile = build / "ipython" / "profile_default"
    profile.mkdir(parents=True, exist_ok=True)
    write_whole(profile / "ipython_kernel_config.py", 'c.IPKernelApp.log_level = "CRITICAL"\n')
    own = Path(sys.prefix) / "share" / "jupyter"
    os.environ |= {
        "RECLIB_PROGRESS": "terminal",
        "IPYTHONDIR": str(build / "ipython"),
        "JUPYTER_PREFER_ENV_PATH": "1",
        "JUPYTER_PATH": os.pathsep.join(filter(None, [str(own), os.environ.get("JUPYTER_PATH")])),
        "PYDEVD_DISABLE_FILE_VALIDATION": "1",
    }
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # a kill ends like Ctrl-C
