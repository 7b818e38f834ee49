"""A small checkout with two notebooks, in which reports can be made in seconds."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from small_checkout import DATA, DRAW, notebook

from reclib.report.layout import ROOT, Layout
from reclib.report.parameters import Request


@pytest.fixture
def checkout(tmp_path: Path) -> Layout:
    """Two notebooks, the parameter files, the settings and the prose of the real book."""
    notebook(tmp_path / "notebooks" / "01_data.ipynb", DATA, DRAW)
    results = "(sec-results)=\n# Results\n\nBack to {ref}`sec-data`."
    notebook(tmp_path / "notebooks" / "02_results.ipynb", results, "f'{dataset} at {cutoff}'")
    folder = tmp_path / "notebooks" / "parameters"
    folder.mkdir()
    (folder / "default.quick.yaml").write_text("cutoff: 7\n")
    (tmp_path / "reclib").mkdir()
    (tmp_path / "reclib" / "code.py").write_text("answer = 42\n")
    shutil.copytree(ROOT / "book", tmp_path / "book")
    shutil.copy(ROOT / "_config.yml", tmp_path)
    return Layout(tmp_path)


@pytest.fixture
def request_for() -> Callable[..., Request]:
    """Return a request with the overrides given."""
    return lambda **overrides: Request(("ml-100k",), "quick", overrides)
