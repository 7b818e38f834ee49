"""The notebooks as a reader meets them: what nbval does not look at."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import Any

import nbformat
import pytest

NOTEBOOKS = sorted((Path(__file__).parents[1] / "notebooks").glob("*.ipynb"))


def cells(path: Path, kind: str = "code") -> list[Any]:
    return [cell for cell in nbformat.read(path, 4).cells if cell.cell_type == kind]


def test_there_are_six_in_reading_order() -> None:
    assert [path.name[:2] for path in NOTEBOOKS] == ["01", "02", "03", "04", "05", "06"]


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_one_cell_holds_the_parameters_and_no_cell_a_class(path: Path) -> None:
    tagged = [cell for cell in cells(path) if "parameters" in cell.metadata.get("tags", [])]
    assert len(tagged) == 1
    for cell in cells(path):
        tree = ast.parse(cell.source)
        assert not any(isinstance(node, ast.ClassDef) for node in ast.walk(tree)), cell.source
        assert len(cell.source.splitlines()) <= 15, cell.source


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_every_captioned_cell_drew_its_figure_and_nothing_else(path: Path) -> None:
    """A cell can run without an error and still show nothing."""
    for cell in cells(path):
        if "figure" not in cell.metadata.get("mystnb", {}):
            continue
        shown = [output for output in cell.outputs if "image/png" in output.get("data", {})]
        assert len(shown) == 1, f"{len(shown)} figures from:\n{cell.source}"
        assert len(cell.metadata["mystnb"]["image"]["alt"]) > 40
        assert cell.metadata["mystnb"]["figure"]["caption"].endswith(".")


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_no_warning_or_bar_is_stored(path: Path) -> None:
    kinds = {output.output_type for cell in cells(path) for output in cell.outputs}
    assert kinds <= {"display_data", "execute_result"}
