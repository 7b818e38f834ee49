"""How a measurement changes: over epochs, trials, cutoffs and sizes."""

from __future__ import annotations

import warnings
from collections.abc import Sequence

import matplotlib.pyplot as plt
import pandas as pd
import seaborn as sns
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from reclib.figures.style import label_log_axes, metric_label, nothing

KnownError = tuple[str, float, float]


def curves(
    frame: pd.DataFrame, x: str, y: str, hue: str, *, x_label: str, y_label: str, log: bool = False
) -> Figure:
    """Draw one line for each value of ``hue``, told apart by colour, dash and marker.

    With ``log`` x grows by factors. That there is no value is said.
    """
    if frame[y].isna().all():
        return nothing("Nothing was measured")
    figure, axes = plt.subplots(figsize=(7, 3.8))
    size = {"markersize": 8} if log else {}  # single points have no line that shows them
    sns.lineplot(frame, x=x, y=y, hue=hue, style=hue, markers=True, dashes=True, ax=axes, **size)
    axes.set(xlabel=x_label, ylabel=y_label)
    if log:
        axes.set_xscale("log")
        label_log_axes(axes)
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


def error_curve(
    curve: pd.DataFrame, points: pd.DataFrame, metric: str, known: Sequence[KnownError]
) -> Figure:
    """Draw what a ranking reaches by the error of its expected ratings.

    Parameters
    ----------
    curve, points : pandas.DataFrame
        ``rmse`` and the metric; ``points`` with a ``title`` each.
    metric : str
    known : sequence
        Errors of others: a name, the lowest and the highest.
    """
    if curve.empty:
        return nothing("The ratings do not vary within users")
    figure, axes = plt.subplots(figsize=(7, 3.8))
    axes.plot(curve["rmse"], curve[metric], color="0.35", label="unbiased, off by so much")
    sns.scatterplot(points, x="rmse", y=metric, hue="title", style="title", s=70, zorder=3, ax=axes)
    for place, (name, low, high) in enumerate(known):
        colour = f"C{len(points) + place}"
        axes.axvspan(low - 0.002, high + 0.002, color=colour, alpha=0.25, lw=0, label=name)
    axes.set(xlabel="Error of the expected rating within users", ylabel=metric_label(metric))
    axes.legend(loc="center left", bbox_to_anchor=(1, 0.5), title=None)
    return figure


def by_group(table: pd.DataFrame, y_label: str) -> Figure:
    """Draw means over groups of users, a panel for each way of grouping, the last title in black.

    Parameters
    ----------
    table : pandas.DataFrame
        Columns ``trait``, ``group`` (in order), ``title``, ``mean`` and ``users``; an empty one
        is said to be so.
    y_label : str
    """
    if table.empty:
        return nothing("Nothing on record by group of users")
    traits = list(dict.fromkeys(table["trait"]))
    colours = [*sns.color_palette(n_colors=table["title"].nunique() - 1), "0.1"]
    size = (3.6 * len(traits), 4.1)
    figure, axes = plt.subplots(1, len(traits), figsize=size, sharey=True, squeeze=False)
    for panel, trait in zip(axes[0], traits, strict=True):
        rows = table[table["trait"] == trait]
        names = rows["group"].str.replace(" to ", " to\n") + "\n(" + rows["users"].astype(str) + ")"
        sns.lineplot(
            rows.assign(group=names), x="group", y="mean", hue="title", style="title",
            palette=colours, markers=True, dashes=True, legend=trait == traits[0], ax=panel,
        )  # fmt: skip
        panel.set(xlabel=f"{trait} (users)", ylabel=y_label)
        panel.tick_params(axis="x", labelsize="small")
        panel.margins(x=0.12)
    axes[0][0].set_ylim(0, 1.08 * table["mean"].max())
    handles, labels = axes[0][0].get_legend_handles_labels()
    axes[0][0].get_legend().remove()
    figure.legend(handles, labels, loc="outside lower center", ncols=min(len(labels), 5))
    return figure
