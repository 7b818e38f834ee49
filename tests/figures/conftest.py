"""The style of the report for every test, and no figure left open."""

from __future__ import annotations

from collections.abc import Iterator

import matplotlib as mpl
import matplotlib.pyplot as plt
import pytest

mpl.use("Agg")

from reclib import figures


@pytest.fixture(autouse=True)
def _close_figures() -> Iterator[None]:
    figures.use_style()
    yield
    plt.close("all")
