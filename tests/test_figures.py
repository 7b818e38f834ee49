from __future__ import annotations

from collections.abc import Iterator

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

mpl.use("Agg")

from reclib import figures


@pytest.fixture(autouse=True)
def _close_figures() -> Iterator[None]:
    figures.use_style()
    yield
    plt.close("all")


def summary(*names: str) -> pd.DataFrame:
    rows = [
        {"protocol": "holdout", "recommender": name, "title": name.upper(), "metric": metric,
         "mean": 0.1 * place, "low": 0.1 * place - 0.02, "high": 0.1 * place + 0.03}
        for place, name in enumerate(names, start=1)
        for metric in ("precision@10", "recall@10")
    ]  # fmt: skip
    return pd.DataFrame(rows)


def test_metric_labels_say_the_cutoff() -> None:
    assert figures.metric_label("ndcg@10") == "NDCG at 10"
    assert figures.metric_label("coverage") == "Catalogue coverage"


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


def test_long_tail_sorts_the_counts() -> None:
    figure = figures.long_tail([1, 50, 7])
    np.testing.assert_array_equal(figure.axes[0].lines[0].get_ydata(), [50, 7, 1])
    covered = figure.axes[1].lines[0].get_ydata()
    assert covered[-1] == pytest.approx(100)


def test_best_so_far_never_falls() -> None:
    trials = pd.DataFrame({"title": "EASE", "trial": [2, 0, 1], "ndcg@10": [0.1, 0.2, 0.3]})
    figure = figures.best_so_far(trials, "ndcg@10")
    np.testing.assert_allclose(figure.axes[0].lines[0].get_ydata(), [0.2, 0.3, 0.3])


def test_every_panel_of_the_protocols_has_its_own_bounds() -> None:
    other = summary("random", "ease", "oracle").assign(protocol="rated-only")
    other["mean"] += 0.3
    table = pd.concat([summary("random", "ease", "oracle"), other], ignore_index=True)
    figure = figures.protocol_panels(table, ["precision@10", "recall@10"])
    assert [axis.get_title(loc="left") for axis in figure.axes[::2]] == ["holdout", "rated-only"]
    first, second = figure.axes[0], figure.axes[2]
    assert first.lines[-1].get_xdata()[0] != second.lines[-1].get_xdata()[0]
