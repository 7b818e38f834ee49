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


def test_best_so_far_never_falls() -> None:
    trials = pd.DataFrame({"title": "EASE", "trial": [2, 0, 1], "ndcg@10": [0.1, 0.2, 0.3]})
    figure = figures.best_so_far(trials, "ndcg@10")
    np.testing.assert_allclose(figure.axes[0].lines[0].get_ydata(), [0.2, 0.3, 0.3])
