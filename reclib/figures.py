"""The figures of the report, in one style that survives colour blindness and dark pages.

Every function takes a tidy frame and returns the ``matplotlib`` figure that it drew.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np
import numpy.typing as npt
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.text import Text
from matplotlib.ticker import MaxNLocator, NullFormatter

FLOOR, CEILING = "random", "oracle"
METRIC_LABELS = {
    "precision": "Precision",
    "recall": "Recall",
    "map": "MAP",
    "ndcg": "NDCG",
    "mrr": "MRR",
    "hit": "Hit rate",
    "coverage": "Catalogue coverage",
    "novelty": "Novelty (bits)",
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


def long_tail(item_counts: npt.ArrayLike) -> Figure:
    """Draw the interactions per item by rank, and the share that the head holds.

    Parameters
    ----------
    item_counts : array_like ``[n_items]``
        Interactions of each item, in any order.
    """
    counts = np.sort(np.asarray(item_counts))[::-1]
    rank = np.arange(1, len(counts) + 1)
    figure, (left, right) = plt.subplots(1, 2, figsize=(9, 3.4))
    left.loglog(rank, counts, color="C0")
    left.set(xlabel="Rank of the item", ylabel="Interactions")
    right.plot(100 * rank / len(counts), 100 * counts.cumsum() / counts.sum(), color="C0")
    right.plot([0, 100], [0, 100], color="0.6", linestyle=":", label="all items alike")
    right.set(xlabel="Most popular items (%)", ylabel="Interactions covered (%)")
    right.legend()
    return figure


def activity(per_user: npt.ArrayLike, per_item: npt.ArrayLike) -> Figure:
    """Draw how many users and items have at least so many interactions."""
    figure, axes = plt.subplots(figsize=(6, 3.6))
    for counts, name, line in ((per_user, "users", "-"), (per_item, "items", "--")):
        values = np.sort(np.asarray(counts))
        share = 100 * (1 - np.arange(len(values)) / len(values))
        axes.step(values, share, where="post", linestyle=line, label=name)
    axes.set(xscale="log", xlabel="Interactions, at least", ylabel="Share (%)", ylim=(0, 102))
    axes.legend()
    return figure


def over_time(timestamps: pd.Series, parts: int = 60) -> Figure:
    """Draw the interactions over time and the users that arrive with them."""
    times = pd.to_datetime(timestamps, unit="s")
    figure, axes = plt.subplots(figsize=(8, 3))
    axes.hist(times, bins=parts, color="C0")
    axes.set(xlabel="Time", ylabel="Interactions")
    return figure


def category_shares(counts: Mapping[str, pd.Series], top: int = 12) -> Figure:
    """Draw the most frequent values of a few side features, one panel each."""
    n = max(len(counts), 1)
    figure, axes = plt.subplots(1, n, figsize=(3.4 * n, 3.6), squeeze=False)
    for panel, (name, values) in zip(axes[0], counts.items(), strict=False):
        shares = 100 * values.nlargest(top) / values.sum()
        sns.barplot(x=shares.to_numpy(), y=shares.index.astype(str), ax=panel, color="C0")
        panel.set(xlabel="Share (%)", ylabel="", title=name.replace("_", " "))
    return figure


def floor_to_ceiling(table: pd.DataFrame, metrics: Sequence[str]) -> Figure:
    """Draw each recommender's mean with its interval between floor and ceiling.

    Parameters
    ----------
    table : pandas.DataFrame
        Rows ``recommender``, ``title``, ``metric``, ``mean``, ``low``, ``high`` as
        ``reclib.tables.summarize`` returns them, with the random floor and the oracle if there.
    metrics : sequence of str
        One panel each.
    """
    rows = table[~table["recommender"].isin((FLOOR, CEILING))]
    height = 1.1 + 0.3 * rows["recommender"].nunique()
    figure, axes = plt.subplots(
        1, len(metrics), figsize=(3.1 * len(metrics), height), sharey=True, squeeze=False
    )
    for panel, metric in zip(axes[0], metrics, strict=True):
        _points(panel, rows[rows["metric"] == metric])
        _bounds(panel, table[table["metric"] == metric])
        panel.set_xlabel(metric_label(metric))
    handles, labels = axes[0][0].get_legend_handles_labels()
    if handles:
        figure.legend(handles, labels, loc="outside lower center", ncols=2)
    return figure


def _points(panel: Axes, rows: pd.DataFrame) -> None:
    position = np.arange(len(rows))[::-1]
    span = np.abs(rows[["low", "high"]].to_numpy().T - rows["mean"].to_numpy())
    panel.errorbar(rows["mean"], position, xerr=span, fmt="o", color="C0", markersize=4)
    panel.set_yticks(position, rows["title"])
    panel.set_ylim(-0.6, len(rows) - 0.4)


def _bounds(panel: Axes, rows: pd.DataFrame) -> None:
    """Floor and ceiling: what a coin reaches, and what nobody can pass."""
    for name, label, line in ((FLOOR, "random", ":"), (CEILING, "oracle", "--")):
        value = rows.loc[rows["recommender"] == name, "mean"]
        if len(value):
            panel.axvline(value.iloc[0], color="0.35", linestyle=line, label=label)


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


def differences(table: pd.DataFrame, x_label: str) -> Figure:
    """Draw paired differences with intervals around the line of no difference.

    Parameters
    ----------
    table : pandas.DataFrame
        Columns ``title``, ``mean``, ``low``, ``high``.
    """
    figure, axes = plt.subplots(figsize=(6.5, 1.1 + 0.32 * len(table)))
    _points(axes, table)
    axes.axvline(0, color="0.35", linestyle=":")
    axes.set_xlabel(x_label)
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
            axes.xaxis.set_minor_formatter(NullFormatter())  # they would overlap
        grid.set_titles("{col_name}")
        sns.move_legend(grid, "center left", bbox_to_anchor=(1, 0.5), title=None)
    return grid.figure


def protocol_panels(table: pd.DataFrame, metrics: Sequence[str]) -> Figure:
    """Draw the same recommenders under every protocol, floor and ceiling drawn in.

    Parameters
    ----------
    table : pandas.DataFrame
        As for :func:`floor_to_ceiling`, with a column ``protocol``.
    """
    protocols = list(dict.fromkeys(table["protocol"]))
    n_rows = table[~table["recommender"].isin((FLOOR, CEILING))]["recommender"].nunique()
    size = (3.1 * len(metrics), len(protocols) * (0.75 + 0.24 * n_rows))
    figure, axes = plt.subplots(
        len(protocols), len(metrics), figsize=size, sharey="row", squeeze=False
    )
    for line, protocol in zip(axes, protocols, strict=True):
        here = table[table["protocol"] == protocol]
        for axis, metric in zip(line, metrics, strict=True):
            rows = here[here["metric"] == metric]
            _points(axis, rows[~rows["recommender"].isin((FLOOR, CEILING))])
            _bounds(axis, rows)
            axis.set_xlabel(metric_label(metric) if protocol == protocols[-1] else "")
        line[0].set_title(protocol, loc="left", fontweight="bold")
    handles, labels = axes[0][0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=2)
    return figure


def old_and_new() -> Figure:
    """Draw the paper's Figure 1 anew: what enters a recommendation, then and now."""
    old = (("Ratings of all users", "Neighbours", "Ranking"),)
    branches = ("CF", "CNN", "RNN", "Attention", "Side features")
    new = tuple(("History, user, item", branch, "Gate") for branch in branches)
    figure, axes = plt.subplots(1, 2, figsize=(9.5, 3.6), width_ratios=(2, 3))
    _flow(axes[0], old, "Neighbourhood methods", end=None)
    _flow(axes[1], new, "Integrated approach", end="Ranking")
    return figure


def _flow(axes: Axes, paths: Sequence[tuple[str, str, str]], title: str, end: str | None) -> None:
    """Boxes from left to right; the first and last column are shared by all the paths."""
    middle = np.linspace(0.1, 0.9, len(paths)) if len(paths) > 1 else np.array([0.5])
    columns = [0.12, 0.5, 0.88] if end is None else [0.1, 0.38, 0.64, 0.92]
    first = _box(axes, columns[0], 0.5, paths[0][0].replace(" of ", "\nof ").replace(", ", ",\n"))
    last = _box(axes, columns[2], 0.5, paths[0][2], "white" if end is None else "#f7e3c8")
    for height, (_, name, _) in zip(middle, paths, strict=True):
        via = _box(axes, columns[1], height, name, "#d6e6f2")
        _arrow(axes, first, via)
        _arrow(axes, via, last)
    if end is not None:
        _arrow(axes, last, _box(axes, columns[3], 0.5, end))
    axes.set(xlim=(-0.02, 1.05), ylim=(0, 1), title=title)
    axes.axis("off")


def _box(axes: Axes, x: float, y: float, text: str, colour: str = "white") -> Text:
    style = {"boxstyle": "round,pad=0.35", "facecolor": colour, "edgecolor": "0.3"}
    return axes.text(x, y, text, ha="center", va="center", fontsize=9, color="0.1", bbox=style)


def _arrow(axes: Axes, start: Text, stop: Text) -> None:
    ends = {"patchA": start.get_bbox_patch(), "patchB": stop.get_bbox_patch()}
    style = {"arrowstyle": "->", "color": "0.4", "shrinkA": 2, "shrinkB": 2, **ends}
    axes.annotate("", xy=stop.get_position(), xytext=start.get_position(), arrowprops=style)
