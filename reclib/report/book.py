"""Assemble the pages and the executed notebooks, and let Jupyter Book render them."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import yaml
from nbformat import NotebookNode

from reclib.claims import judge_all
from reclib.errors import DataError, ReclibError
from reclib.report import nb
from reclib.report.cards import datasets_page
from reclib.report.chapters import chapter, labels, picture, renamed
from reclib.report.execute import Job, require_writable
from reclib.report.facts import claims_page, facts, gather, on_record
from reclib.report.layout import Layout
from reclib.report.origins import provenance_page
from reclib.tables.cards import read_cards

MARKER = re.compile(r"^% generated: (\w+)\s*$", re.MULTILINE)
INTRO_FIGURE = "fig-protocols"
JUPYTER_BOOK = "from jupyter_book.cli.main import main; main()"
COPIED = (".md", ".bib", ".css", ".png", ".svg", ".js")


def build(layout: Layout, jobs: Sequence[Job], edition: str) -> Path:
    """Assemble and render the book, and return its first page.

    Raises
    ------
    reclib.errors.ReclibError
        If a notebook has not been executed, or if rendering gives any warning.
    """
    require_writable(layout.build)
    assemble(layout, jobs, edition)
    command = [
        sys.executable, "-c", JUPYTER_BOOK, "build", str(layout.source), "--all",
        "-W", "-n", "--keep-going", "--quiet",
        "--config", str(layout.source / "_config.yml"), "--toc", str(layout.source / "_toc.yml"),
    ]  # fmt: skip
    print(f"building the book of {len(jobs)} chapters", flush=True)
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        said = [line for line in (done.stdout + done.stderr).splitlines() if line.strip()]
        text = "\n".join(line for line in said if "WARNING" in line or "ERROR" in line)
        raise ReclibError(f"the book cannot be built:\n{text or chr(10).join(said[-30:])}")
    _list_pages(layout)
    return layout.html / "index.html"


def assemble(layout: Layout, jobs: Sequence[Job], edition: str) -> None:
    """Write the source of the book: prose, chapters, generated parts, contents, settings."""
    shutil.rmtree(layout.source, ignore_errors=True)
    layout.source.mkdir(parents=True)
    executed = {job: _read(job) for job in jobs}
    sources = list(dict.fromkeys(job.source for job in jobs))
    evidence = gather(layout.build / "ledger", sources)
    judged = judge_all(on_record(layout.build / "ledger", sources))
    generated = {
        "claims": claims_page(judged),
        "datasets": datasets_page(read_cards(layout.root / "book" / "ledger" / "cards")),
        "provenance": provenance_page(evidence, jobs, edition),
        "figure": _intro_figure(layout.source, list(executed.values())),
    }
    _copy_prose(layout, generated)
    _write_chapters(layout.source, executed)
    _write_yaml(layout.source / "_toc.yml", contents(layout.root / "book" / "_toc.yml", jobs))
    settings = yaml.safe_load((layout.root / "_config.yml").read_text(encoding="utf-8"))
    settings.setdefault("parse", {})["myst_substitutions"] = facts(evidence, judged, edition)
    _write_yaml(layout.source / "_config.yml", settings)


def _read(job: Job) -> NotebookNode:
    if job.finished() is None:
        raise DataError(
            "this notebook has not been executed to its end", "Run `make report`.", file=job.output
        )
    return nb.read(job.output)


def _copy_prose(layout: Layout, generated: dict[str, str]) -> None:
    book = layout.root / "book"
    for path in sorted(book.rglob("*")):
        if path.suffix not in COPIED:
            continue
        copy = layout.source / path.relative_to(book)
        copy.parent.mkdir(parents=True, exist_ok=True)
        if path.suffix == ".md":
            text = path.read_text(encoding="utf-8")
            copy.write_text(MARKER.sub(lambda found: generated[found[1]], text), encoding="utf-8")
        else:
            shutil.copyfile(path, copy)


def _write_chapters(folder: Path, executed: dict[Job, NotebookNode]) -> None:
    """Write the chapters; the first dataset keeps its labels, since the prose refers to them."""
    first = next(iter(executed)).source
    for source in dict.fromkeys(job.source for job in executed):
        mine = {job: notebook for job, notebook in executed.items() if job.source == source}
        known = set().union(*(labels(notebook) for notebook in mine.values()))
        names = {} if source == first else renamed(known, source.slug)
        for job, notebook in mine.items():
            stamp = job.finished() or {}
            parameters = stamp.get("parameters", job.parameters)
            path = folder / source.slug / job.notebook.name
            path.parent.mkdir(exist_ok=True)
            nb.write(chapter(notebook, parameters, names), path)


def _intro_figure(folder: Path, notebooks: Sequence[NotebookNode]) -> str:
    """Save the figure that the introduction shows, and return the directive that shows it."""
    found = picture(notebooks, INTRO_FIGURE)
    if found is None:
        return ""
    image, alt = found
    (folder / "introduction.png").write_bytes(image)
    caption = (
        "The same recommenders under every protocol, between the floor of a random ranking "
        "(dotted) and the ceiling of an oracle (dashed). It is drawn and discussed in "
        "{ref}`the chapter of results <sec-results>`."
    )
    return f":::{{figure}} introduction.png\n:name: fig-introduction\n:alt: {alt}\n\n{caption}\n:::"


def contents(template: Path, jobs: Sequence[Job]) -> dict[str, Any]:
    """Return the contents: the part marked ``notebooks: all`` becomes one part a dataset."""
    toc: dict[str, Any] = yaml.safe_load(template.read_text(encoding="utf-8"))
    toc["parts"] = [part for each in toc["parts"] for part in _parts(each, jobs)]
    return toc


def _parts(part: dict[str, Any], jobs: Sequence[Job]) -> Iterator[dict[str, Any]]:
    if part.get("notebooks") != "all":
        yield part
        return
    for source in dict.fromkeys(job.source for job in jobs):
        files = [f"{source.slug}/{job.notebook.stem}" for job in jobs if job.source == source]
        chapters = [{"file": file} for file in files]
        yield {"caption": source.title, "numbered": True, "chapters": chapters}


def _write_yaml(path: Path, content: dict[str, Any]) -> None:
    path.write_text(yaml.safe_dump(content, sort_keys=False, allow_unicode=True), encoding="utf-8")


def _list_pages(layout: Layout) -> None:
    """Write down which pages the book has to have, for the check and for whoever copies it."""
    toc = yaml.safe_load((layout.source / "_toc.yml").read_text(encoding="utf-8"))
    files = [toc["root"], *(each["file"] for part in toc["parts"] for each in part["chapters"])]
    pages = "\n".join(f"{file}.html" for file in files)
    (layout.html / "pages.txt").write_text(pages + "\n", encoding="utf-8")
