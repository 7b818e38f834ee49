"""Speed-ups beside Amdahl's law, and what is drawn where there is nothing to draw."""

from __future__ import annotations

import numpy as np
import pandas as pd

from reclib import figures

TABLE = pd.DataFrame({"title": ["EASE", "EASE"], "n": [1, 2], "speed-up": [1.0, 1.6]})


def test_the_law_is_drawn_through_the_measured_points() -> None:
    law = pd.DataFrame({"title": ["EASE"], "serial share": [0.25]})
    axes = figures.speed_ups(TABLE, law, "Threads", most=4).axes[0]
    ideal, curve, points = axes.lines
    np.testing.assert_allclose(ideal.get_ydata()[-1], 4)
    np.testing.assert_allclose(curve.get_ydata()[[0, -1]], [1, 1 / (0.25 + 0.75 / 4)])
    np.testing.assert_allclose(points.get_xydata(), [[1, 1.0], [2, 1.6]])


def test_one_thread_alone_has_no_law() -> None:
    law = pd.DataFrame({"title": [], "serial share": []})
    figure = figures.speed_ups(TABLE[:1], law, "Threads")
    assert "No speed-up" in figure.axes[0].texts[0].get_text()
