"""What a dataset looks like: long tail, activity, time, side features."""

from __future__ import annotations

from collections.abc import Mapping

import matplotlib.pyplot as plt
import numpy as np
import numpy.typing as npt
import pandas as pd
import seaborn as sns
from matplotlib.figure import Figure

from reclib.datasets.validate import is_clock
from reclib.figures.style import label_log_axes


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
    label_log_axes(left)
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
    label_log_axes(axes)
    axes.legend()
    return figure


def over_time(timestamps: pd.Series, parts: int = 60) -> Figure:
    """Draw the interactions over time: dates where times are of a clock, else the numbers."""
    clock = is_clock(timestamps)
    figure, axes = plt.subplots(figsize=(8, 3))
    axes.hist(pd.to_datetime(timestamps, unit="s") if clock else timestamps, bins=parts, color="C0")
    axes.set(xlabel="Time" if clock else "Time, as recorded", ylabel="Interactions")
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
