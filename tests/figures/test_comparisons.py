from __future__ import annotations

import numpy as np
import pandas as pd

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
