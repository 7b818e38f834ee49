"""The notebooks of the small checkout that the tests of the report use."""

from __future__ import annotations

from pathlib import Path

import nbformat

from reclib.report.layout import Source

FIRST = Source("ml-100k", "ml-100k", "MovieLens 100K")
SECOND = Source("ml-1m", "ml-1m", "MovieLens 1M")
DATA = """(sec-data)=
# The data

What is in it? See {ref}`the results <sec-results>` and {numref}`fig-long-tail`."""
DRAW = """# NBVAL_CHECK_OUTPUT
import matplotlib.pyplot as plt
figure, axes = plt.subplots()  # fmt: skip
axes.plot([1, 2, cutoff]);"""
PARAMETERS = """dataset = "nothing"  # a name
edition = "quick"
cutoff = 10  # k of the metrics"""


def notebook(path: Path, heading: str, *sources: str, alt: str = "A rising line.") -> Path:
    cells = [nbformat.v4.new_markdown_cell(heading)]
    parameters = nbformat.v4.new_code_cell(PARAMETERS)
    parameters.metadata["tags"] = ["parameters"]
    cells.append(parameters)
    cells += [nbformat.v4.new_code_cell(source) for source in sources]
    figure = {"caption": "A line; see {ref}`sec-data`.", "name": "fig-long-tail"}
    for cell in cells:
        if "subplots" in cell.source:
            cell.metadata["mystnb"] = {"figure": figure, "image": {"alt": alt}}
    made = nbformat.v4.new_notebook(cells=cells)
    made.metadata["kernelspec"] = {"display_name": "Python 3", "language": "python",
                                   "name": "python3"}  # fmt: skip
    path.parent.mkdir(parents=True, exist_ok=True)
    nbformat.write(made, path)
    return path
