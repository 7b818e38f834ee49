"""How far there is to go: between what is reached, what was published and what can be had."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import pandas as pd

from reclib import figures
from reclib.ceilings import error_needed, reached_at
from reclib.ledger import Run
from reclib.tables.larger import MAIN, by_setting
from reclib.tables.larger_tests import MODEL
from reclib.tables.settings import best_published, known_anchors


class RatingError(NamedTuple):
    """A published error of ratings: of whom or of what, by whom, lowest and highest."""

    name: str
    source: str
    low: float
    high: float


def published_errors(dataset: str) -> list[RatingError]:
    """Return the published errors of ratings that concern a dataset, or all data."""
    return [
        RatingError(row["name"], row["source"], *row["rmse"])
        for row in known_anchors()["errors"]
        if row.get("dataset", dataset) == dataset
    ]


def error_finding(
    errors: pd.DataFrame, curve: pd.DataFrame, dataset: str, metric: str, reached: float
) -> str:
    """Say which error each step up the curve asks for.

    Parameters
    ----------
    errors, curve : pandas.DataFrame
        As `reclib.ceilings.rating_errors` and `reclib.ceilings.error_curve` return them.
    dataset : str
        Name of the dataset, for what was published on it.
    metric : str
    reached : float
        The integrated model's value; NaN without a run.
    """
    if curve.empty:
        return "The ratings of this data do not vary within users."
    best = errors.loc[errors["rmse"].idxmin()]
    needed = error_needed(curve, metric, best[metric])
    label = figures.metric_label(metric)
    parts = [
        f"{best['title']} errs by {best['rmse']:.3f} within users and has a {label} of "
        f"{best[metric]:.3f}, for which the curve asks an error of {needed:.3f}"
    ]
    if reached == reached:
        parts.append(
            f"the {reached:.3f} of the integrated model ask for "
            f"{error_needed(curve, metric, reached):.3f}"
        )
    for known in published_errors(dataset):
        errs = (known.high, known.low)
        stands = _span([reached_at(curve, metric, error) for error in errs])
        who = f"{known.name} ({known.source})"
        parts.append(f"an error of {_span(errs)}, that of {who}, stands for {stands}")
    return f"{'; '.join(parts)}."


def _span(values: Sequence[float]) -> str:
    return " to ".join(dict.fromkeys(f"{value:.3f}" for value in values))


def hindsight(runs: Sequence[Run]) -> pd.DataFrame:
    """Return what choosing the best list of each user in hindsight would reach.

    Of each recommender the first seed on the first fold that all have. No rule that gives every
    user one of these lists can reach more; most of the way to it is luck.

    Returns
    -------
    pandas.DataFrame
        Index ``data`` and ``protocol``; ``metric``, ``lists`` (how many are chosen from),
        ``integrated`` (its own list), ``hindsight``, and ``published``, the best that was.
    """
    rows = []
    for setting, groups in by_setting(runs).items():
        metric = MAIN[setting.protocol]
        values = _values(groups, metric)
        if MODEL not in values or values.shape[1] < 2:
            continue
        known = best_published(*setting, metric)
        rows.append(
            {
                "data": setting.data, "protocol": setting.protocol, "metric": metric,
                "lists": values.shape[1], "integrated": values[MODEL].mean(),
                "hindsight": values.max(axis=1).mean(),
                "published": float("nan") if known is None else known.metrics[metric],
            }
        )  # fmt: skip
    names = ["data", "protocol", "metric", "lists", "integrated", "hindsight", "published"]
    return pd.DataFrame(rows, columns=names).set_index(names[:2])


def _values(groups: Mapping[str, Sequence[Run]], metric: str) -> pd.DataFrame:
    """Return a metric, a row a user and a column a recommender, of one list each."""
    stored = {
        name: [run for run in runs if not run.per_user.empty] for name, runs in groups.items()
    }
    folds = [{run.row["fold"] for run in runs} for runs in stored.values() if runs]
    fold = min(set.intersection(*folds), default=None) if folds else None
    columns: dict[str, Any] = {}
    for name, runs in stored.items():
        mine = [run for run in runs if run.row["fold"] == fold]
        if mine:
            columns[name] = min(mine, key=lambda run: int(run.row["seed"])).per_user[metric]
    return pd.DataFrame(columns).dropna()


def hindsight_finding(table: pd.DataFrame) -> str:
    """Say how much of what its peers find the integrated model does not."""
    if table.empty:
        return "There are no two recommenders on record to choose between."
    share = table["integrated"] / table["hindsight"]
    (data, protocol), low = share.idxmin(), share.min()
    return (
        f"The integrated model alone has between {100 * low:.0f} % (on {data} under `{protocol}`) "
        f"and {100 * share.max():.0f} % of what it and its peers reach together with hindsight: "
        "that much is at most to be had by choosing between them better; more takes finding "
        "what none of them finds."
    )
