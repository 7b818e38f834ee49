"""Tables of results: means with intervals, paired comparisons, gains, lists of titles."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import numpy as np
import pandas as pd

from reclib import recommenders, statistics
from reclib.ledger import Run

SEED = 2026
"""Of the bootstrap, so that two builds print the same interval."""


def pooled(runs: Sequence[Run], metric: str) -> pd.Series:
    """Return one value a user, averaged over the folds and seeds of the runs given."""
    values = pd.concat([run.per_user[metric] for run in runs])
    return values.groupby(level=0).mean()


def by_recommender(runs: Sequence[Run]) -> dict[tuple[str, str], list[Run]]:
    """Group runs by protocol and recommender, in the order in which they appear."""
    groups: dict[tuple[str, str], list[Run]] = {}
    for run in runs:
        groups.setdefault((run.row["protocol"], run.row["recommender"]), []).append(run)
    return groups


def title(recommender: str) -> str:
    """Return the name of a recommender as it is printed."""
    return recommenders.CATALOGUE[recommender].title


def summarize(runs: Sequence[Run], metrics: Sequence[str]) -> pd.DataFrame:
    """Return the mean over users of every metric with its 95 % bootstrap interval.

    Returns
    -------
    pandas.DataFrame
        One row for each protocol, recommender and metric: ``protocol``, ``recommender``,
        ``title``, ``metric``, ``mean``, ``low``, ``high``, ``n_users``, ``n_runs``.
    """
    rows = []
    for (protocol, name), group in by_recommender(runs).items():
        for metric in metrics:
            values = pooled(group, metric).to_numpy()
            low, high = statistics.bootstrap_interval(values, seed=SEED)
            rows.append(
                {
                    "protocol": protocol, "recommender": name, "title": title(name),
                    "metric": metric, "mean": float(values.mean()), "low": low, "high": high,
                    "n_users": len(values), "n_runs": len(group),
                }
            )  # fmt: skip
    return pd.DataFrame(rows)


def display_table(summary: pd.DataFrame, digits: int = 3) -> pd.DataFrame:
    """Return a summary as it is printed: a column a metric, ``mean [low, high]`` in each cell."""
    cells = [
        f"{row.mean_:.{digits}f} [{row.low:.{digits}f}, {row.high:.{digits}f}]"
        for row in summary.rename(columns={"mean": "mean_"}).itertuples()
    ]
    index = ["protocol", "title"] if summary["protocol"].nunique() > 1 else ["title"]
    wide = summary.assign(cell=cells).pivot_table(
        index=index, columns="metric", values="cell", aggfunc="first", sort=False
    )
    return wide.rename_axis(columns=None).rename_axis(index={"title": "recommender"})


def as_strong(baseline: str, have: Collection[str]) -> str:
    """Return a neighbourhood method in the form that reads ratings where that was run.

    Where ratings decide, a form that cannot see them is beaten by the mean of the item.

    Parameters
    ----------
    baseline : str
    have : collection of str
        The recommenders that were run under the same protocol.
    """
    rated = f"{baseline}-ratings"
    return rated if rated in have else baseline


def compare_all(runs: Sequence[Run], baseline: str, metric: str) -> pd.DataFrame:
    """Compare every recommender with the baseline over the same users, Holm-corrected.

    Floor and ceiling are left out: nobody asks whether the oracle is better.

    Returns
    -------
    pandas.DataFrame
        Sorted by difference: ``recommender``, ``title``, ``mean``, ``low``, ``high`` (of the
        paired difference), ``relative``, ``p``, ``p_holm``, ``verb``.
    """
    groups = {name: group for (_, name), group in by_recommender(runs).items()}
    reference = pooled(groups[baseline], metric)
    others = [name for name in groups if name not in (baseline, "random", "oracle")]
    found = [compare(pooled(groups[name], metric), reference) for name in others]
    rows = [
        {
            "recommender": name, "title": title(name), "mean": each.difference,
            "low": each.interval[0], "high": each.interval[1], "relative": each.relative,
            "p": each.p, "p_holm": each.p_holm, "verb": each.verb,
        }
        for name, each in zip(others, statistics.correct(found), strict=True)
    ]  # fmt: skip
    return pd.DataFrame(rows).sort_values("mean", ascending=False, ignore_index=True)


def compare(values: pd.Series, reference: pd.Series) -> statistics.Comparison:
    """Compare one value a user with another, over the users that both have."""
    both = pd.concat([values, reference], axis=1, join="inner").to_numpy()
    return statistics.compare(both[:, 0], both[:, 1], seed=SEED)


def display_comparison(comparison: pd.DataFrame) -> pd.DataFrame:
    """Return comparisons as they are printed; p-values below .001 are not told apart."""
    return pd.DataFrame(
        {
            "recommender": comparison["title"],
            "difference": [
                f"{row.mean_:+.3f} [{row.low:+.3f}, {row.high:+.3f}]"
                for row in comparison.rename(columns={"mean": "mean_"}).itertuples()
            ],
            "relative": [f"{100 * value:+.0f} %" for value in comparison["relative"]],
            "p (Holm)": [p_text(p) for p in comparison["p_holm"]],
        }
    ).set_index("recommender")


def p_text(p: float) -> str:
    """Return a p-value as it is printed."""
    return "< .001" if p < 0.001 else f"{p:.3f}".lstrip("0")


def fold_table(runs: Sequence[Run], metrics: Sequence[str]) -> pd.DataFrame:
    """Return mean and standard deviation over the folds, for recommenders run on several."""
    rows = {}
    for (_, name), group in by_recommender(runs).items():
        if len(group) > 1:
            values = pd.DataFrame([run.per_user[list(metrics)].mean() for run in group])
            cells = [f"{values[m].mean():.3f} ± {values[m].std():.3f}" for m in metrics]
            rows[title(name)] = dict(zip(metrics, cells, strict=True)) | {"folds": len(group)}
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("recommender")


def learning_curves(runs: Sequence[Run], protocol: str) -> pd.DataFrame:
    """Return the learning curves of the runs under a protocol, one below the other.

    Without the epochs after which nothing was measured on the valid part, as with a number of
    epochs that was chosen before.
    """
    curves = [
        curve.assign(title=title(run.row["recommender"]), seed=run.row["seed"])
        for run in runs
        if run.row["protocol"] == protocol and len(curve := measured_epochs(run))
    ]
    columns = ["epoch", "seconds", "valid_ndcg@10", "title", "seed"]
    return pd.concat(curves, ignore_index=True) if curves else pd.DataFrame(columns=columns)


def measured_epochs(run: Run) -> pd.DataFrame:
    """Return the epochs of a training after which the valid part was looked at."""
    curve = run.curve
    if curve is None or "valid_ndcg@10" not in curve:
        return pd.DataFrame()
    return curve.dropna(subset="valid_ndcg@10")


def quality_by_time(runs: Sequence[Run], at_once: Sequence[Run], protocol: str) -> pd.DataFrame:
    """Return what is reached on the valid part after how many seconds.

    Parameters
    ----------
    runs : sequence of Run
        With learning curves.
    at_once : sequence of Run
        Of recommenders without epochs, ranked at the valid stage.
    protocol : str

    Returns
    -------
    pandas.DataFrame
        ``title``, ``seconds`` and ``valid_ndcg@10``: a row for each epoch, then one for each of
        ``at_once``, with ``epoch`` missing.
    """
    solved = pd.DataFrame(
        {
            "title": title(run.row["recommender"]), "seconds": run.row["fit_seconds"],
            "valid_ndcg@10": run.row["ndcg@10"],
        }
        for run in at_once
    )  # fmt: skip
    curves = learning_curves(runs, protocol)
    if curves.empty:
        return solved.assign(epoch=np.nan)
    return pd.concat([curves, solved], ignore_index=True)


def position(value: float, floor: float, ceiling: float) -> float:
    """Return the share of the way from floor to ceiling, NaN where there is no way."""
    return (value - floor) / (ceiling - floor) if ceiling != floor else np.nan
