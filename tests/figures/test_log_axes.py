"""Logarithmic axes can be read: at least three plain numbers on each, and none on another."""

from __future__ import annotations

from itertools import pairwise

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from matplotlib.axis import Axis
from matplotlib.figure import Figure
from matplotlib.transforms import Bbox

from reclib import figures
from reclib.figures.style import label_log_axes, short_number

DIMENSIONS = {"users": 943, "items": 1682, "interactions": 100_000}


def grown(largest: dict[str, int], smallest: float, seconds: float, power: float) -> pd.DataFrame:
    fractions = np.geomspace(smallest, 1, 4)
    rows = [
        {"title": title, "dimension": name, "size": size * part, "seconds": seconds * part**power}
        for name, size in largest.items()
        for part in fractions
        for title in ("A", "B")
    ]
    return pd.DataFrame(rows)


def check_labels(figure: Figure) -> None:
    """Every logarithmic axis with labels shows three or more inside, with room between them."""
    figure.canvas.draw()
    axes = [axis for panel in figure.axes for axis in (panel.xaxis, panel.yaxis)]
    labelled = [axis for axis in axes if axis.get_scale() == "log" and has_labels(axis)]
    assert labelled
    for axis in labelled:
        boxes = shown(axis)
        assert len(boxes) >= 3, list(boxes)
        assert "$" not in "".join(boxes), "powers of ten are not plain"
        neighbours = list(pairwise(boxes.values()))
        assert not any(one.overlaps(two) for one, two in neighbours), list(boxes)


def has_labels(axis: Axis) -> bool:
    """Panels side by side share the labels of the first."""
    return axis.get_major_ticks()[0].label1.get_visible()


def shown(axis: Axis) -> dict[str, Bbox]:
    """Return where each label stands that is inside of the axis."""
    assert not any(tick.label1.get_text() for tick in axis.get_minor_ticks())
    low, high = axis.get_view_interval()
    inside = [tick.label1 for tick in axis.get_major_ticks() if low <= tick.get_loc() <= high]
    return {label.get_text(): label.get_window_extent() for label in inside if label.get_text()}


@pytest.mark.parametrize(
    ("scale", "smallest", "seconds", "power"),
    [
        (1, 0.125, 0.35, 1.5),  # MovieLens 100K, quick
        (10, 0.03125, 9.3, 2.0),  # MovieLens 1M
        (200, 0.25, 1000.0, 1.0),  # MovieLens 20M: labels in millions
        (1, 0.6, 0.021, 0.3),  # hardly any range at all
        (1, 0.0001, 2000.0, 2.0),  # many decades
    ],
)
def test_growth_can_be_read_off_every_panel(
    scale: int, smallest: float, seconds: float, power: float
) -> None:
    largest = {name: scale * size for name, size in DIMENSIONS.items()}
    frame = grown(largest, smallest, seconds, power)
    check_labels(figures.power_laws(frame, "size", "seconds", "title", "dimension", "Seconds"))


def test_counts_can_be_read_off() -> None:
    counts = np.random.default_rng(1).zipf(1.5, 800).clip(max=700)
    check_labels(figures.long_tail(counts))
    check_labels(figures.activity(counts, counts[:100]))


@given(low=st.floats(-3, 6), decades=st.floats(0.05, 6))
@settings(max_examples=40, deadline=None)
def test_every_range_has_three_labels(low: float, decades: float) -> None:
    figure, axes = plt.subplots(figsize=(3, 3))
    axes.set(xscale="log", xlim=(10**low, 10 ** (low + decades)))
    label_log_axes(axes)
    check_labels(figure)
    plt.close(figure)


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.0001, "0.0001"), (0.05, "0.05"), (500, "500"), (1500, "1.5k"), (2e6, "2M")],
)
def test_numbers_at_ticks_are_short_and_plain(value: float, text: str) -> None:
    assert short_number(value) == text
