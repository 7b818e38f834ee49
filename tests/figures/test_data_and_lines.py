from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from reclib import figures


def test_metric_labels_say_the_cutoff() -> None:
    assert figures.metric_label("ndcg@10") == "NDCG at 10"
    assert figures.metric_label("coverage") == "Catalogue coverage"


def test_long_tail_sorts_the_counts() -> None:
    figure = figures.long_tail([1, 50, 7])
    np.testing.assert_array_equal(figure.axes[0].lines[0].get_ydata(), [50, 7, 1])
    covered = figure.axes[1].lines[0].get_ydata()
    assert covered[-1] == pytest.approx(100)


def test_lines_without_a_value_are_said_to_be_so() -> None:
    frame = pd.DataFrame({"epoch": [1, 2], "value": [float("nan")] * 2, "title": "RNN"})
    for empty in (frame, frame[:0]):
        figure = figures.curves(empty, "epoch", "value", "title", x_label="", y_label="")
        assert [text.get_text() for text in figure.axes[0].texts] == ["Nothing was measured"]


def test_best_so_far_never_falls() -> None:
    trials = pd.DataFrame({"title": "EASE", "trial": [2, 0, 1], "ndcg@10": [0.1, 0.2, 0.3]})
    figure = figures.best_so_far(trials, "ndcg@10")
    np.testing.assert_allclose(figure.axes[0].lines[0].get_ydata(), [0.2, 0.3, 0.3])


def test_groups_have_a_panel_a_trait_and_room_for_every_point() -> None:
    rows = [
        {"trait": trait, "group": group, "title": title, "mean": mean, "users": 7}
        for trait, groups in (("Length", ("1 to 2", "3")), ("Popularity", ("head", "tail")))
        for place, group in enumerate(groups)
        for title, mean in (("A", 0.1 + place), ("B", 0.3 if trait == "Length" else 2.0))
    ]
    figure = figures.by_group(pd.DataFrame(rows), "NDCG at 10")
    figure.canvas.draw()
    first, second = figure.axes
    assert first.get_xlabel() == "Length (users)"
    assert [text.get_text() for text in first.get_xticklabels()] == ["1 to\n2\n(7)", "3\n(7)"]
    np.testing.assert_allclose(second.lines[1].get_ydata(), [2.0, 2.0])
    assert first.get_ylim() == second.get_ylim() == pytest.approx((0, 2.16))
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["A", "B"]


def test_without_groups_the_figure_says_so() -> None:
    figure = figures.by_group(pd.DataFrame(), "NDCG at 10")
    assert figure.axes[0].texts[0].get_text().startswith("Nothing on record")


def test_the_curve_of_errors_shows_points_and_what_others_report() -> None:
    curve = pd.DataFrame({"rmse": [0.5, 1.0], "map@10": [0.9, 0.7]})
    points = pd.DataFrame({"title": ["A", "B"], "rmse": [0.8, 0.9], "map@10": [0.8, 0.75]})
    figure = figures.error_curve(curve, points, "map@10", [("people", 0.55, 0.8)])
    axes = figure.axes[0]
    said = [text.get_text() for text in axes.get_legend().get_texts()]
    assert [name for name in ("A", "B", "people") if name in said] == ["A", "B", "people"]
    np.testing.assert_allclose(axes.lines[0].get_xydata(), curve.to_numpy())
    assert axes.get_ylabel() == "MAP at 10"
    empty = figures.error_curve(curve[:0], points, "map@10", [])
    assert "do not vary" in empty.axes[0].texts[0].get_text()
