"""The one style of the figures, and the labels of metrics and of logarithmic axes."""

from __future__ import annotations

from collections.abc import Sequence

import matplotlib.pyplot as plt
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, MaxNLocator, NullFormatter

METRIC_LABELS = {
    "precision": "Precision",
    "recall": "Recall",
    "map": "MAP",
    "ndcg": "NDCG",
    "mrr": "MRR",
    "hit": "Hit rate",
    "coverage": "Catalogue coverage",
    "novelty": "Novelty (bits)",
    "lift": "Popularity lift",
    "diversity": "Diversity",
    "miscalibration": "Miscalibration",
}


def use_style() -> None:
    """Set the one style of the report: seaborn's, with its colour-blind safe palette.

    Tables show their cells whole: the page scrolls where they are wide.
    """
    pd.set_option("display.max_colwidth", None)
    sns.set_theme(context="notebook", style="ticks", palette="colorblind", font_scale=0.9)
    plt.rcParams |= {
        "figure.constrained_layout.use": True,
        "figure.dpi": 110,
        "figure.facecolor": "white",
        "axes.spines.right": False,
        "axes.spines.top": False,
        "legend.frameon": False,
    }


def metric_label(metric: str) -> str:
    """Return the label of a metric column, for example "Precision at 10"."""
    name, _, cutoff = metric.partition("@")
    return f"{METRIC_LABELS.get(name, name)} at {cutoff}" if cutoff else METRIC_LABELS[name]


class LogTicks(LogLocator):
    """Ticks of a logarithmic axis: the roundest steps that put at least three inside."""

    STEPS = ((1,), (1, 3), (1, 2, 5))

    def tick_values(self, vmin: float, vmax: float) -> Sequence[float]:
        """Return powers of ten; where they are few, steps between them; at last even steps."""
        powers = super().tick_values(vmin, vmax)
        for steps in self.STEPS:
            ticks = [power * step for power in powers for step in steps]
            if sum(vmin <= tick <= vmax for tick in ticks) >= 3:
                return ticks
        return MaxNLocator(nbins=4, min_n_ticks=3).tick_values(vmin, vmax)


def short_number(value: float) -> str:
    """Return a number as it stands at a tick: 0.05, 500, 20k, 1M."""
    for unit, name in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if value >= unit:
            return f"{value / unit:g}{name}"
    return f"{value:g}"


def label_log_axes(axes: Axes) -> None:
    """Write plain numbers on the logarithmic axes of a panel, at least three on each."""
    for axis in (axes.xaxis, axes.yaxis):
        if axis.get_scale() == "log":
            axis.set_major_locator(LogTicks())
            axis.set_major_formatter(lambda value, _: short_number(value))
            axis.set_minor_formatter(NullFormatter())  # they would overlap


def nothing(text: str) -> Figure:
    """Draw the reason why there is nothing to draw."""
    figure, axes = plt.subplots(figsize=(6, 1))
    axes.text(0.5, 0.5, text, ha="center", va="center")
    axes.axis("off")
    return figure
