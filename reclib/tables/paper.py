"""The paper's Table 2 beside ours."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from reclib import statistics
from reclib.ledger import Run
from reclib.tables.results import SEED, as_strong, by_recommender, pooled, position, title

PAPER = pd.DataFrame(
    {
        "precision": [0.66, 0.69, 0.81],
        "recall": [0.70, 0.73, 0.88],
        "map": [0.53, 0.60, 0.74],
    },
    index=["user-knn", "item-knn", "integrated"],
)
"""Table 2 of the paper, word for word; it names neither dataset nor protocol nor cutoff."""

GAINS = ["protocol", "baseline", "metric", "base", "paper", "ours", "low", "high", "p_holm", "verb"]


def paper_position(summary: pd.DataFrame, metrics: Sequence[str]) -> pd.DataFrame:
    """Return the paper's and our values as shares of the way from floor to ceiling.

    Returns
    -------
    pandas.DataFrame
        Rows by protocol and recommender; for each metric the paper's value, ours, and both as
        a percentage of the way from the random ranking (0) to the oracle (100); "no room" where
        the two are alike, since every user has fewer candidates than the list is long.
    """
    means = summary.pivot_table(index=["protocol", "recommender"], columns="metric", values="mean")
    rows = {}
    for protocol in dict.fromkeys(summary["protocol"]):
        here = means.loc[protocol]
        for name in PAPER.index.intersection(here.index):
            rows[protocol, title(name)] = _position_row(here, name, metrics)
    table = pd.DataFrame.from_dict(rows, orient="index")
    return table.rename_axis(index=["protocol", "recommender"])


def _position_row(here: pd.DataFrame, name: str, metrics: Sequence[str]) -> dict[str, str]:
    row = {}
    for metric in metrics:
        floor, ceiling = here.loc["random", metric], here.loc["oracle", metric]
        for whose, value in (
            ("paper", paper_value(name, metric)),
            ("ours", here.loc[name, metric]),
        ):
            share = 100 * position(value, floor, ceiling)
            said = "no room" if np.isnan(share) else f"{share:.0f} %"
            row[f"{metric}, {whose}"] = f"{value:.2f} ({said})"
    return row


def paper_value(name: str, metric: str) -> float:
    """Return the paper's value of a metric, whose cutoff the paper does not give."""
    return float(PAPER.loc[name, metric.partition("@")[0]])


def paper_gain(baseline: str, metric: str) -> float:
    """Return the paper's relative gain of the integrated approach over a baseline."""
    return paper_value("integrated", metric) / paper_value(baseline, metric) - 1


def relative_gains(
    runs: Sequence[Run], model: str, baselines: Sequence[str], metrics: Sequence[str]
) -> pd.DataFrame:
    """Return the relative gain of a model over each baseline beside the paper's, Holm-corrected.

    Baselines are taken `as_strong` as they were run.

    Returns
    -------
    pandas.DataFrame
        One row for each protocol, baseline and metric: ``ours``, ``low``, ``high`` and
        ``paper`` as fractions, ``p_holm`` and ``verb`` of the paired test.
    """
    groups = by_recommender(runs)
    rows: list[dict[str, Any]] = []
    found = []
    for protocol in dict.fromkeys(key[0] for key in groups if key[1] == model):
        have = [name for where, name in groups if where == protocol]
        for baseline in [name for name in baselines if name in have]:
            other = as_strong(baseline, have)
            for metric in metrics:
                pair = [pooled(groups[protocol, name], metric) for name in (model, other)]
                values, reference = pd.concat(pair, axis=1, join="inner").to_numpy().T
                found.append(statistics.compare(values, reference, seed=SEED))
                rows.append(
                    {
                        "protocol": protocol, "baseline": title(other), "metric": metric,
                        "base": float(reference.mean()), "paper": paper_gain(baseline, metric),
                    }
                )  # fmt: skip
    return pd.DataFrame(
        [
            row
            | {
                "ours": each.difference / row["base"], "low": each.interval[0] / row["base"],
                "high": each.interval[1] / row["base"], "p_holm": each.p_holm, "verb": each.verb,
            }
            for row, each in zip(rows, statistics.correct(found), strict=True)
        ],
        columns=GAINS,
    )  # fmt: skip


def display_gains(gains: pd.DataFrame) -> pd.DataFrame:
    """Return gains as they are printed: ours with its interval, and the paper's in brackets."""
    if gains.empty:  # the model or its baselines were not asked for
        return gains
    cells = [
        f"{100 * row.ours:+.0f} % [{100 * row.low:+.0f}, {100 * row.high:+.0f}] "
        f"(paper {100 * row.paper:+.0f} %)"
        for row in gains.itertuples()
    ]
    table = gains.assign(cell=cells).pivot_table(
        index=["protocol", "baseline"], columns="metric", values="cell", aggfunc="first", sort=False
    )
    return table.rename_axis(columns=None)
