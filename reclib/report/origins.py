"""The provenance page: which code, data, packages and machine made this build."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from importlib.metadata import version

from reclib import provenance
from reclib.claims import Evidence
from reclib.recommenders import CATALOGUE
from reclib.report.execute import Job

TOOLS = ("papermill", "jupyter-book", "sphinx", "myst-nb")


def provenance_page(evidence: Evidence, jobs: Sequence[Job], edition: str) -> str:
    """Return the generated part of the provenance page."""
    libraries = {name for entry in CATALOGUE.values() for name in entry.libraries}
    versions = provenance.versions(*sorted(libraries)) | {tool: version(tool) for tool in TOOLS}
    build = {"edition": edition, "commit": f"`{provenance.commit()}`"}
    machine = {
        name.replace("_gib", " (GiB)"): value for name, value in provenance.machine().items()
    }
    parts = {
        "This build": table(("what", "value"), build.items()),
        "Machine": table(("what", "value"), machine.items()),
        "Time": times(jobs),
        "Data and splits": checksums(evidence),
        "Versions": table(("package", "version"), versions.items()),
    }
    return "\n\n".join(f"## {heading}\n\n{text}" for heading, text in parts.items() if text)


def table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Return a Markdown table."""
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    for row in rows:
        lines.append("| " + " | ".join(str(cell) for cell in row) + " |")
    return "\n".join(lines)


def times(jobs: Sequence[Job]) -> str:
    """Return how long each notebook took, the last time that it was executed."""
    stamps = [(job, stamp) for job in jobs if (stamp := job.finished()) is not None]
    rows = [
        (job.source.slug, f"`{job.notebook.stem}`", stamp["finished"], f"{stamp['seconds']:,.1f}")
        for job, stamp in stamps
    ]
    total = sum(stamp["seconds"] for _, stamp in stamps)
    rows.append(("all", "", "", f"{total:,.1f}"))
    return table(("dataset", "notebook", "finished (UTC)", "seconds"), rows)


def checksums(evidence: Evidence) -> str:
    """Return the checksums of the data and of every split that a run of this build used."""
    rows = {
        (dataset, run.row["protocol"], run.row["fold"]): _checksums(run.row)
        for dataset, runs in evidence.runs.items()
        for run in runs
    }
    lines = [(*key, *values) for key, values in sorted(rows.items())]
    head = ("dataset", "protocol", "fold", "dataset checksum", "split checksum")
    return table(head, lines) if lines else ""


def _checksums(row: Mapping[str, object]) -> tuple[str, str]:
    return f"`{str(row['dataset_checksum'])[:16]}`", f"`{str(row['split_checksum'])[:16]}`"
