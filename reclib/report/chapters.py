"""An executed notebook becomes a chapter: its labels, its parameters and its markers."""

from __future__ import annotations

import ast
import base64
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from nbformat import NotebookNode

from reclib.report import nb

TARGET = re.compile(r"^\(([\w-]+)\)=\s*$", re.MULTILINE)
ROLE = re.compile(r"(\{(?:ref|numref|eq)\}`)([^`]+)(`)")
MARKERS = re.compile(r"^# NBVAL_\w+\s*\n|[ \t]*# fmt: \w+", re.MULTILINE)
EMPTY = "Empty DataFrame"
PREFIXES = ("sec-", "fig-", "tab-", "eq-")


def labels(notebook: NotebookNode) -> set[str]:
    """Return the labels that a notebook defines, of sections and of figures."""
    found: set[str] = set()
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            found.update(TARGET.findall(cell.source))
        elif name := cell.metadata.get("mystnb", {}).get("figure", {}).get("name"):
            found.add(name)
    return found


def renamed(known: Iterable[str], slug: str) -> dict[str, str]:
    """Return the labels of a second dataset: ``sec-data`` becomes ``sec-ml-1m-data``."""
    names = {}
    for label in known:
        prefix = next((each for each in PREFIXES if label.startswith(each)), "")
        names[label] = f"{prefix}{slug}-{label.removeprefix(prefix)}"
    return names


def relabel(text: str, names: Mapping[str, str]) -> str:
    """Rewrite the targets and references of a piece of Markdown."""
    text = TARGET.sub(lambda found: f"({names.get(found[1], found[1])})=", text)
    return ROLE.sub(lambda found: found[1] + _aim(found[2], names) + found[3], text)


def _aim(content: str, names: Mapping[str, str]) -> str:
    titled = re.fullmatch(r"(.*<)([^<>]+)(>)", content, re.DOTALL)
    if titled:
        return titled[1] + names.get(titled[2], titled[2]) + titled[3]
    return names.get(content, content)


def fill_in(source: str, parameters: Mapping[str, Any]) -> str:
    """Put the values that were used into the parameters cell, and keep its comments.

    Examples
    --------
    >>> fill_in("cutoff = 10  # k of the metrics", {"cutoff": 20})
    'cutoff = 20  # k of the metrics'
    """
    lines = source.split("\n")
    for statement in reversed(ast.parse(source).body):
        if not (isinstance(statement, ast.Assign) and isinstance(statement.targets[0], ast.Name)):
            continue
        name, value = statement.targets[0].id, statement.value
        if name in parameters and value.end_lineno is not None:
            first, last = value.lineno - 1, value.end_lineno - 1
            head = lines[first].encode()[: value.col_offset].decode()
            tail = lines[last].encode()[value.end_col_offset :].decode()
            lines[first : last + 1] = [f"{head}{_literal(parameters[name])}{tail}"]
    return "\n".join(lines)


def _literal(value: Any) -> str:
    return f'"{value}"' if isinstance(value, str) and '"' not in value else repr(value)


def chapter(
    notebook: NotebookNode, parameters: Mapping[str, Any], names: Mapping[str, str]
) -> NotebookNode:
    """Return the notebook as a page: relabelled, with the parameters used, without markers."""
    cells = []
    for cell in notebook.cells:
        tags = cell.metadata.get("tags", [])
        if "injected-parameters" in tags:
            continue
        if cell.cell_type == "markdown":
            cell.source = relabel(cell.source, names)
        else:
            _tidy(cell, names)
        if "parameters" in tags:
            shown = {name: _own_folder(value) for name, value in parameters.items()}
            cell.source = fill_in(cell.source, shown)
        cell.metadata.pop("papermill", None)
        cells.append(cell)
    page = nb.new(cells)
    page.metadata = {
        key: notebook.metadata[key] for key in ("kernelspec", "language_info")
        if key in notebook.metadata
    }  # fmt: skip
    return page


def _own_folder(value: Any) -> Any:
    """Show the reader's own folder by its name: where it lies is nobody's business."""
    return Path(value).name if isinstance(value, str) and Path(value).is_absolute() else value


def _tidy(cell: NotebookNode, names: Mapping[str, str]) -> None:
    cell.source = MARKERS.sub("", cell.source)
    figure = cell.metadata.get("mystnb", {}).get("figure")
    if figure:
        figure["name"] = names.get(figure.get("name"), figure.get("name"))
        figure["caption"] = relabel(figure.get("caption", ""), names)
    for output in cell.get("outputs", []):
        output.get("data", {}).pop("application/vnd.jupyter.widget-view+json", None)
    if "outputs" in cell:
        cell.outputs = [output for output in cell.outputs if not _is_empty_table(output)]


def _is_empty_table(output: NotebookNode) -> bool:
    """Return whether a table has nothing in it; the answer below it says why."""
    text = output.get("data", {}).get("text/plain", "")
    return str(text).startswith(EMPTY)


def picture(notebooks: Sequence[NotebookNode], name: str) -> tuple[bytes, str] | None:
    """Return the PNG of a named figure and its alternative text, None if there is none."""
    for notebook in notebooks:
        for cell in notebook.cells:
            extra = cell.metadata.get("mystnb", {})
            if extra.get("figure", {}).get("name") != name:
                continue
            for output in cell.get("outputs", []):
                if "image/png" in output.get("data", {}):
                    image = base64.b64decode(output["data"]["image/png"])
                    return image, extra.get("image", {}).get("alt", "")
    return None
