"""Recommenders side by side, each mean with its interval, between floor and ceiling."""

from __future__ import annotations

from collections.abc import Sequence

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from reclib.figures.style import metric_label, nothing

FLOOR, CEILING = "random", "oracle"


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


def trait_panels(table: pd.DataFrame, metrics: Sequence[str], columns: int = 3) -> Figure:
    """Draw each recommender's mean with its interval, a panel a metric, some beside each other.

    Parameters
    ----------
    table : pandas.DataFrame
        As for :func:`floor_to_ceiling`.
    metrics : sequence of str
    columns : int
        Panels side by side.
    """
    rows = table[~table["recommender"].isin((FLOOR, CEILING))]
    n_lines = -(-len(metrics) // columns)
    size = (3.1 * columns, n_lines * (0.9 + 0.28 * rows["recommender"].nunique()))
    figure, axes = plt.subplots(n_lines, columns, figsize=size, sharey=True, squeeze=False)
    for panel in axes.flat[len(metrics) :]:
        panel.set_axis_off()
    for panel, metric in zip(axes.flat, metrics, strict=False):
        _points(panel, rows[rows["metric"] == metric])
        _bounds(panel, table[table["metric"] == metric])
        panel.set_xlabel(metric_label(metric))
    handles, labels = axes[0][0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=2)
    return figure


def differences(table: pd.DataFrame, x_label: str) -> Figure:
    """Draw paired differences with intervals around the line of no difference.

    Parameters
    ----------
    table : pandas.DataFrame
        Columns ``title``, ``mean``, ``low``, ``high``; an empty one is said to be so.
    """
    if table.empty:
        return nothing("Nothing to compare")
    figure, axes = plt.subplots(figsize=(6.5, 1.1 + 0.32 * len(table)))
    _points(axes, table)
    axes.axvline(0, color="0.35", linestyle=":")
    axes.locator_params(axis="x", nbins=6)  # small differences have long labels
    axes.set_xlabel(x_label)
    return figure


def gains(table: pd.DataFrame) -> Figure:
    """Draw relative gains with their intervals, one panel a metric, beside the paper's.

    Parameters
    ----------
    table : pandas.DataFrame
        Columns ``data``, ``protocol``, ``metric``, ``ours``, ``least``, ``most`` and ``paper``
        as fractions; an empty one is said to be so.
    """
    if table.empty:
        return nothing("No gain on record")
    metrics = list(dict.fromkeys(table["metric"]))
    names = {"ours": "mean", "least": "low", "most": "high"}
    rows = table.assign(title=table["data"] + ", " + table["protocol"])
    rows = rows.assign(**{new: 100 * rows[old] for old, new in names.items()})
    size = (3.1 * len(metrics), 1.1 + 0.3 * rows["title"].nunique())
    figure, axes = plt.subplots(1, len(metrics), figsize=size, sharey=True, squeeze=False)
    for panel, metric in zip(axes[0], metrics, strict=True):
        here = rows[rows["metric"] == metric]
        _points(panel, here)
        panel.axvline(0, color="0.35", linestyle=":", label="no gain")
        claimed = 100 * here["paper"].iloc[0]
        panel.axvline(claimed, color="C1", linestyle="--", label="the paper's gain")
        panel.set_xlabel(f"Gain in {metric_label(metric)} (%)")
    handles, labels = axes[0][0].get_legend_handles_labels()
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
