"""What parallel work brings, and what serving costs."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.figure import Figure

from reclib.figures.style import label_log_axes, nothing


def speed_ups(table: pd.DataFrame, law: pd.DataFrame, x_label: str, most: int = 16) -> Figure:
    """Draw measured speed-ups as points, and Amdahl's law through them as lines up to ``most``.

    Parameters
    ----------
    table, law : pandas.DataFrame
        Of ``reclib.scaling.speed_ups`` and ``reclib.scaling.amdahl``.
    x_label : str
        What there is more of.
    most : int
        Where the lines end.
    """
    if law.empty:
        return nothing("No speed-up was measured")
    figure, axes = plt.subplots(figsize=(7, 3.8))
    n = np.linspace(1, most, 100)
    axes.plot(n, n, color="0.6", linestyle=":", label="no serial share")
    for place, row in enumerate(law.itertuples(index=False)):
        name, share = row[0], row[1]
        colour, line = f"C{place}", ("-", "--", "-.")[place % 3]
        axes.plot(n, 1 / (share + (1 - share) / n), linestyle=line, color=colour)
        points = table[table["title"] == name]
        axes.plot(points["n"], points["speed-up"], "osD^v"[place % 5], label=name, color=colour)
    ceiling = max(2.5, 1.15 * max(1 / (s + (1 - s) / most) for s in law["serial share"]))
    axes.set(xlabel=x_label, ylabel="Speed-up", ylim=(0, min(ceiling, most)))
    axes.set_xticks([1, 2, *range(4, most + 1, 2)])
    axes.legend(loc="center left", bbox_to_anchor=(1, 0.5))
    return figure


def serving(table: pd.DataFrame) -> Figure:
    """Draw users a second and the latency for one user against the size of the catalogue.

    Parameters
    ----------
    table : pandas.DataFrame
        Of ``reclib.scaling.measure_catalogues``. A band reaches from the median to the 95th
        percentile.
    """
    figure, (left, right) = plt.subplots(1, 2, figsize=(9.5, 3.8))
    sns.lineplot(table, x="items", y="users a second", hue="title", style="title", markers=True,
                 markersize=8, ax=left)  # fmt: skip
    sns.lineplot(table, x="items", y="median ms", hue="title", style="title", markers=True,
                 markersize=8, legend=False, ax=right)  # fmt: skip
    for place, (_, part) in enumerate(table.groupby("title", sort=False)):
        ends = part["median ms"], part["95 % ms"]
        right.fill_between(part["items"], *ends, color=f"C{place}", alpha=0.2, linewidth=0)
        right.vlines(part["items"], *ends, color=f"C{place}", linewidth=1)
    for axes, label in ((left, "Users a second"), (right, "Milliseconds for one user")):
        axes.set(xscale="log", yscale="log", xlabel="Items in the catalogue", ylabel=label)
        label_log_axes(axes)
    handles, labels = left.get_legend_handles_labels()
    left.get_legend().remove()
    figure.legend(handles, labels, loc="outside lower center", ncols=min(len(labels), 5))
    return figure
