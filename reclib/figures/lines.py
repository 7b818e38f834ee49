"""How a measurement changes: over epochs, trials, cutoffs and sizes."""

from __future__ import annotations

import warnings

import matplotlib.pyplot as plt
import pandas as pd
import seaborn as sns
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from reclib.figures.style import label_log_axes, metric_label


def curves(frame: pd.DataFrame, x: str, y: str, hue: str, *, x_label: str, y_label: str) -> Figure:
    """Draw one line for each value of ``hue``, told apart by colour, dash and marker."""
    figure, axes = plt.subplots(figsize=(7, 3.8))
    sns.lineplot(frame, x=x, y=y, hue=hue, style=hue, markers=True, dashes=True, ax=axes)
    axes.set(xlabel=x_label, ylabel=y_label)
    sns.move_legend(axes, "center left", bbox_to_anchor=(1, 0.5), title=None)
    return figure


def best_so_far(trials: pd.DataFrame, metric: str) -> Figure:
    """Draw what each further trial of the search brought on the valid part.

    Parameters
    ----------
    trials : pandas.DataFrame
        Columns ``title``, ``trial`` (from 0) and the metric.
    """
    ordered = trials.sort_values(["title", "trial"])
    best = ordered.assign(best=ordered.groupby("title")[metric].cummax())
    label = f"Best valid {metric_label(metric)} so far"
    figure = curves(best, "trial", "best", "title", x_label="Trial", y_label=label)
    figure.axes[0].xaxis.set_major_locator(MaxNLocator(integer=True))
    return figure


def power_laws(frame: pd.DataFrame, x: str, y: str, hue: str, panel: str, y_label: str) -> Figure:
    """Draw measurements on log-log axes, one panel for each dimension that grows."""
    with warnings.catch_warnings():  # seaborn lays its grids out in its own way
        warnings.filterwarnings("ignore", message="The figure layout has changed to tight")
        grid = sns.relplot(
            frame, x=x, y=y, hue=hue, style=hue, col=panel, kind="line", markers=True,
            height=2.9, aspect=0.95, col_wrap=2, facet_kws={"sharex": False},
        )  # fmt: skip
        grid.set(xscale="log", yscale="log").set_axis_labels("Size", y_label)
        for axes in grid.axes.flat:
            label_log_axes(axes)
        grid.set_titles("{col_name}")
        sns.move_legend(grid, "center right", title=None)
    return grid.figure
