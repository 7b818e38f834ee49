"""A test of the power law: what the small sizes say of the largest, and what it took."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from scipy import stats


def predict_largest(
    frame: pd.DataFrame, columns: Sequence[str], *, level: float = 0.95
) -> pd.DataFrame:
    """Fit ``y = a * size ** b`` to all sizes but the largest, and predict what that one takes.

    The interval is that of one further measurement under a linear regression on logarithms
    (Draper and Smith, "Applied regression analysis", 1998, section 1.4); with two measurements it
    has no end.

    Parameters
    ----------
    frame : pandas.DataFrame
        As `measure` returns it.
    columns : sequence of str
    level : float

    Returns
    -------
    pandas.DataFrame
        One row for each title, dimension and column: ``size``, ``largest seen`` (the size before
        it), ``predicted``, ``low``, ``high``, ``measured`` (the median) and ``held``, whether the
        measured value lies in the interval. None where fewer than two sizes are smaller.
    """
    rows = []
    for (title, dimension), part in frame.groupby(["title", "dimension"], sort=False):
        known = part[part["size"] < part["size"].max()]
        for column in columns if known["size"].nunique() > 1 else ():
            row = {"title": title, "dimension": dimension, "measure": column}
            rows.append(row | _predicted(known, part, column, level))
    names = ["title", "dimension", "measure", "size", "largest seen", "predicted", "low", "high",
             "measured", "held"]  # fmt: skip
    numbers = dict.fromkeys(("predicted", "low", "high", "measured"), float)
    return pd.DataFrame(rows, columns=names).astype(numbers | {"held": bool})


def _predicted(
    known: pd.DataFrame, part: pd.DataFrame, column: str, level: float
) -> dict[str, object]:
    x, y = np.log(known["size"]), np.log(known[column].clip(lower=1e-6))
    size = part["size"].max()
    fit, distance = stats.linregress(x, y), np.log(size) - x.mean()
    n, spread = len(x), ((x - x.mean()) ** 2).sum()
    middle = fit.intercept + fit.slope * np.log(size)
    rest = ((y - fit.intercept - fit.slope * x) ** 2).sum() / max(n - 2, 1)
    error = np.sqrt(rest * (1 + 1 / n + distance**2 / spread))
    span = stats.t.ppf((1 + level) / 2, n - 2) * error if n > 2 else np.inf
    low, high = np.exp(middle - span), np.exp(middle + span)
    measured = float(part.loc[part["size"] == size, column].median())
    return {
        "size": int(size), "largest seen": int(known["size"].max()),
        "predicted": float(np.exp(middle)), "low": float(low), "high": float(high),
        "measured": measured, "held": bool(low <= measured <= high),
    }  # fmt: skip
