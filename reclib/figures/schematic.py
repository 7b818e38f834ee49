"""The paper's first figure, drawn anew: boxes and arrows, no data."""

from __future__ import annotations

from collections.abc import Sequence

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.text import Text


def old_and_new() -> Figure:
    """Draw the paper's Figure 1 anew: what enters a recommendation, then and now."""
    old = (("Ratings of all users", "Neighbours", "Ranking"),)
    branches = ("CF", "CNN", "RNN", "Attention", "Side features")
    new = tuple(("History, user, item", branch, "Gate") for branch in branches)
    figure, axes = plt.subplots(1, 2, figsize=(9.5, 3.6), width_ratios=(2, 3))
    _flow(axes[0], old, "Neighbourhood methods", end=None)
    _flow(axes[1], new, "Integrated approach", end="Ranking")
    return figure


def _flow(axes: Axes, paths: Sequence[tuple[str, str, str]], title: str, end: str | None) -> None:
    """Boxes from left to right; the first and last column are shared by all the paths."""
    middle = np.linspace(0.1, 0.9, len(paths)) if len(paths) > 1 else np.array([0.5])
    columns = [0.12, 0.5, 0.88] if end is None else [0.1, 0.38, 0.64, 0.92]
    first = _box(axes, columns[0], 0.5, paths[0][0].replace(" of ", "\nof ").replace(", ", ",\n"))
    last = _box(axes, columns[2], 0.5, paths[0][2], "white" if end is None else "#f7e3c8")
    for height, (_, name, _) in zip(middle, paths, strict=True):
        via = _box(axes, columns[1], height, name, "#d6e6f2")
        _arrow(axes, first, via)
        _arrow(axes, via, last)
    if end is not None:
        _arrow(axes, last, _box(axes, columns[3], 0.5, end))
    axes.set(xlim=(-0.02, 1.05), ylim=(0, 1), title=title)
    axes.axis("off")


def _box(axes: Axes, x: float, y: float, text: str, colour: str = "white") -> Text:
    style = {"boxstyle": "round,pad=0.35", "facecolor": colour, "edgecolor": "0.3"}
    return axes.text(x, y, text, ha="center", va="center", fontsize=9, color="0.1", bbox=style)


def _arrow(axes: Axes, start: Text, stop: Text) -> None:
    ends = {"patchA": start.get_bbox_patch(), "patchB": stop.get_bbox_patch()}
    style = {"arrowstyle": "->", "color": "0.4", "shrinkA": 2, "shrinkB": 2, **ends}
    axes.annotate("", xy=stop.get_position(), xytext=start.get_position(), arrowprops=style)
