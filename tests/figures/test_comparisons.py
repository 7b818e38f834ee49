from __future__ import annotations

from itertools import pairwise

import numpy as np
import pandas as pd
import pytest

from reclib import figures


def summary(*names: str) -> pd.DataFrame:
    rows = [
        {"protocol": "holdout", "recommender": name, "title": name.upper(), "metric": metric,
         "mean": 0.1 * place, "low": 0.1 * place - 0.02, "high": 0.1 * place + 0.03}
        for place, name in enumerate(names, start=1)
        for metric in ("precision@10", "recall@10")
    ]  # fmt: skip
    return pd.DataFrame(rows)


def test_floor_and_ceiling_are_lines_and_the_rest_are_points() -> None:
    table = summary("random", "ease", "item-knn", "oracle")
    figure = figures.floor_to_ceiling(table, ["precision@10", "recall@10"])
    panel = figure.axes[0]
    labels = [text.get_text() for text in panel.get_yticklabels()]
    assert labels == ["EASE", "ITEM-KNN"]
    vertical = {
        round(line.get_xdata()[0], 3) for line in panel.lines if line.get_linestyle() in (":", "--")
    }
    assert vertical == {0.1, 0.4}


def test_points_carry_their_interval() -> None:
    figure = figures.differences(summary("ease").head(1), "Difference")
    (bars,) = figure.axes[0].collections
    np.testing.assert_allclose(bars.get_segments()[0][:, 0], [0.08, 0.13])


def test_every_panel_of_the_protocols_has_its_own_bounds() -> None:
    other = summary("random", "ease", "oracle").assign(protocol="rated-only")
    other["mean"] += 0.3
    table = pd.concat([summary("random", "ease", "oracle"), other], ignore_index=True)
    figure = figures.protocol_panels(table, ["precision@10", "recall@10"])
    assert [axis.get_title(loc="left") for axis in figure.axes[::2]] == ["holdout", "rated-only"]
    first, second = figure.axes[0], figure.axes[2]
    assert first.lines[-1].get_xdata()[0] != second.lines[-1].get_xdata()[0]


def test_gains_stand_beside_the_line_of_the_paper() -> None:
    rows = [
        {"data": data, "protocol": "holdout", "metric": metric, "ours": ours, "least": ours - 0.1,
         "most": ours + 0.2, "paper": 0.25}
        for data, ours in (("A", 0.1), ("B", 0.4))
        for metric in ("recall@10", "map@10")
    ]  # fmt: skip
    figure = figures.gains(pd.DataFrame(rows))
    panel = figure.axes[0]
    assert [text.get_text() for text in panel.get_yticklabels()] == ["A, holdout", "B, holdout"]
    lines = {line.get_label(): line.get_xdata()[0] for line in panel.lines if line.get_label()}
    assert (lines["no gain"], lines["the paper's gain"]) == (0, 25)
    (bars,) = panel.collections
    np.testing.assert_allclose(bars.get_segments()[1][:, 0], [30, 60])
    assert panel.get_xlabel() == "Gain in Recall at 10 (%)"


def test_where_no_gain_is_known_the_figure_says_so() -> None:
    figure = figures.gains(pd.DataFrame())
    assert [text.get_text() for text in figure.axes[0].texts] == ["No gain on record"]


def test_traits_have_a_panel_each_and_those_left_over_stay_empty() -> None:
    table = summary("random", "ease", "item-knn")
    figure = figures.trait_panels(table, ["precision@10", "recall@10"], columns=3)
    first, second, third = figure.axes
    assert [panel.get_xlabel() for panel in (first, second)] == ["Precision at 10", "Recall at 10"]
    assert [text.get_text() for text in first.get_yticklabels()] == ["EASE", "ITEM-KNN"]
    assert [line.get_xdata()[0] for line in second.lines if line.get_linestyle() == ":"] == [0.1]
    assert not third.axison


def test_where_nothing_differs_the_figure_says_so() -> None:
    figure = figures.differences(pd.DataFrame(columns=["title", "mean", "low", "high"]), "x")
    assert [text.get_text() for text in figure.axes[0].texts] == ["Nothing to compare"]


@pytest.mark.parametrize("largest", [0.0098, 0.012, 0.055, 0.024, 0.9])
def test_the_labels_of_differences_leave_each_other_room(largest: float) -> None:
    rows = {
        "title": ["without attention", "without cf"],
        "mean": [0.0, 0.4 * largest],
        "low": [-largest, 0.0],
        "high": [largest, 0.8 * largest],
    }
    figure = figures.differences(pd.DataFrame(rows), "Difference")
    figure.canvas.draw()
    (axes,) = figure.axes
    inside = axes.get_window_extent()
    boxes = [label.get_window_extent() for label in axes.get_xticklabels()]
    boxes = [box for box in boxes if box.x1 > inside.x0 and box.x0 < inside.x1]
    assert len(boxes) >= 3
    assert all(one.x1 + 4 < two.x0 for one, two in pairwise(boxes))
