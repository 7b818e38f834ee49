"""Results under conditions: curves over a parameter, who is ahead from where on, what is kept."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from reclib import statistics
from reclib.conditions import Conditioned
from reclib.ledger import Run
from reclib.tables.findings import BOUNDS, listed
from reclib.tables.results import SEED, pooled, title

if TYPE_CHECKING:
    from reclib.spec import Spec
    from reclib.study import Study

Level = float
Groups = dict[tuple[Level, str], list[Run]]


def percent(level: Level) -> str:
    """Return a share as it is printed."""
    return f"{100 * level:.0f} %"


def by_parameter(runs: Sequence[Run], parameter: str, neutral: Level) -> Groups:
    """Group runs by the value of a parameter of their condition and by recommender.

    Parameters
    ----------
    runs : sequence of Run
    parameter : str
    neutral : float
        The value that runs on the data as they are stand for.
    """
    groups: Groups = {}
    for run in runs:
        condition: Mapping[str, Any] = run.row.get("condition") or {}
        level = float(condition.get(parameter, neutral))
        groups.setdefault((level, run.row["recommender"]), []).append(run)
    return groups


def by_level(runs: Sequence[Run], parameter: str, neutral: Level, metric: str) -> pd.DataFrame:
    """Return the mean over users for each value of a parameter and each recommender.

    Returns
    -------
    pandas.DataFrame
        ``level``, ``recommender``, ``title``, ``mean``, ``low``, ``high`` (95 % bootstrap
        interval over users); in the order of the levels, and within one as the runs are.
    """
    rows = []
    groups = by_parameter(runs, parameter, neutral)
    for level, name in sorted(groups, key=lambda place: place[0]):
        some = groups[level, name]
        values = pooled(some, metric).to_numpy()
        low, high = statistics.bootstrap_interval(values, seed=SEED)
        rows.append((level, name, title(name), float(values.mean()), low, high))
    return pd.DataFrame(rows, columns=["level", "recommender", "title", "mean", "low", "high"])


def level_table(levels: pd.DataFrame, digits: int = 3) -> pd.DataFrame:
    """Return the means as they are printed: a row a recommender, a column a level."""
    wide = levels.pivot_table(index="title", columns="level", values="mean", sort=False)
    wide = wide.rename(columns=percent).rename_axis(columns=None)
    return wide.rename_axis("recommender").map(lambda value: f"{value:.{digits}f}")


def against(
    runs: Sequence[Run],
    parameter: str,
    neutral: Level,
    metric: str,
    model: str,
    baselines: Sequence[str],
) -> pd.DataFrame:
    """Compare a model with baselines at every level over the same users, Holm-corrected.

    Returns
    -------
    pandas.DataFrame
        ``level``, ``baseline``, ``mean`` (of the paired difference), ``low``, ``high``,
        ``p_holm``, ``verb``.
    """
    groups = by_parameter(runs, parameter, neutral)
    places = [
        (level, name)
        for name in baselines
        for level in sorted({level for level, _ in groups})
        if (level, name) in groups and (level, model) in groups
    ]
    found = []
    for level, name in places:
        values = [pooled(groups[level, each], metric) for each in (model, name)]
        both = pd.concat(values, axis=1, join="inner").to_numpy()
        found.append(statistics.compare(both[:, 0], both[:, 1], seed=SEED))
    rows = [
        (level, name, each.difference, *each.interval, each.p_holm, each.verb)
        for (level, name), each in zip(places, statistics.correct(found), strict=True)
    ]
    names = ["level", "baseline", "mean", "low", "high", "p_holm", "verb"]
    return pd.DataFrame(rows, columns=names)


def crossing_finding(table: pd.DataFrame, model: str) -> str:
    """Say from which level on a model is ahead of each baseline for good, if from any.

    Parameters
    ----------
    table : pandas.DataFrame
        As `against` returns it; more is better known at higher levels.
    model : str
    """
    sentences = [
        _crossing(rows.sort_values("level"), title(str(name)))
        for name, rows in table.groupby("baseline", sort=False)
    ]
    if not sentences:
        return "This edition has no two recommenders to compare."
    return f"{title(model)} is {listed(sentences)} (paired test over users, Holm-corrected, .05)."


def _crossing(rows: pd.DataFrame, name: str) -> str:
    ahead = rows["verb"].eq("beats").to_numpy()
    levels, last = rows["level"].to_numpy(), rows.iloc[-1]
    gap = f"{last['mean']:+.3f} [{last.low:+.3f}, {last.high:+.3f}] at {percent(last.level)}"
    if ahead.all():
        return f"at every share ahead of {name} ({gap})"
    if not ahead[-1]:
        behind = "behind" if last.verb == "falls behind" else "not ahead of"
        return f"at no share for good ahead of, and in the end {behind}, {name} ({gap})"
    first = levels[len(ahead) - int(np.argmin(ahead[::-1]))]
    return f"from {percent(first)} on ahead of {name} ({gap})"


def kept_finding(levels: pd.DataFrame, neutral: Level, what: str) -> str:
    """Say which share of its quality each recommender keeps at the last level.

    Parameters
    ----------
    levels : pandas.DataFrame
        As `by_level` returns it, with the neutral level.
    neutral : float
    what : str
        What happens at a level: "of the interactions replaced".
    """
    wide = levels.pivot_table(index="title", columns="level", values="mean", sort=False)
    last = wide.columns[-1]
    kept = (wide[last] / wide[neutral]).dropna().sort_values(ascending=False)
    parts = [f"{name} keeps {percent(share)}" for name, share in kept.items()]
    best = wide[last].idxmax()
    return (
        f"With {percent(last)} {what}, {listed(parts)} of what it reached without; the highest is "
        f"then {best}, with {wide.loc[best, last]:.3f}."
    )


def pushed_table(study: Study, specs: Sequence[Spec], runs: Sequence[Run]) -> pd.DataFrame:
    """Return in which share of the lists the pushed item is, without the attack and with it.

    Parameters
    ----------
    study : Study
    specs : sequence of Spec
        Of the runs under attack, and of the runs without.
    runs : sequence of Run
        In the same order.

    Returns
    -------
    pandas.DataFrame
        ``level`` (fake users, as a share), ``recommender``, ``title``, ``mean``.
    """
    k = str(study.cutoff)
    pairs = list(zip(specs, runs, strict=True))
    plain = {spec.recommender: run for spec, run in pairs if "pushed" not in run.row}
    rows = []
    for spec, run in pairs:
        if spec.condition is None or "pushed" not in run.row:
            continue
        before, split = plain[spec.recommender], study.split_of(spec)
        assert isinstance(split, Conditioned)
        without = split.found(before.per_user, before.top)["pushed"][k]
        level = spec.condition.parameters["share"]
        for each, share in ((0.0, without), (level, run.row["pushed"][k])):
            rows.append((each, spec.recommender, title(spec.recommender), share))
    table = pd.DataFrame(rows, columns=["level", "recommender", "title", "mean"])
    keys = ["level", "recommender", "title"]
    means = table.groupby(keys, as_index=False, sort=False).mean()
    return means.sort_values("level", kind="stable", ignore_index=True)


def pushed_finding(table: pd.DataFrame, levels: pd.DataFrame) -> str:
    """Say whose lists the pushed item enters, and what the attack costs everybody else."""
    wide = table.pivot_table(index="title", columns="level", values="mean", sort=False)
    last = wide.columns[-1]
    most = (wide[last] - wide[0.0]).idxmax()
    rest = wide[last].drop(most)
    quality = levels.pivot_table(index="title", columns="level", values="mean", sort=False)
    lost = (quality[last] / quality[0.0] - 1).dropna()
    moved = lost.abs().idxmax()
    much = f"{100 * lost[moved]:+.0f} %" if abs(lost[moved]) >= 0.005 else "less than 1 %"
    return (
        f"With {percent(last)} fake users the pushed item stands in "
        f"{100 * wide.loc[most, last]:.1f} % of the lists of {most}, where it stood in "
        f"{100 * wide.loc[most, 0.0]:.1f} % without; for the others it is at most "
        f"{100 * rest.max():.1f} % ({rest.idxmax()}). The quality of the lists changes most for "
        f"{moved}, by {much}."
    )


def order_finding(summary: pd.DataFrame, model: str) -> str:
    """Say which place a model has under each split, and whether the order is the same.

    Parameters
    ----------
    summary : pandas.DataFrame
        As `reclib.tables.summarize` returns it, of one metric under several protocols.
    model : str
    """
    rows = summary[~summary["recommender"].isin(BOUNDS)]
    wide = rows.pivot_table(index="recommender", columns="protocol", values="mean", sort=False)
    places = wide.rank(ascending=False)
    parts = [
        f"number {places.loc[model, name]:.0f} of {wide[name].notna().sum()} under `{name}` "
        f"({wide.loc[model, name]:.3f}; best: {title(str(wide[name].idxmax()))})"
        for name in wide
    ]
    same = (places.nunique(axis=1) == 1).all()
    return (
        f"{title(model)} is {listed(parts)}; the order of all is "
        f"{'the same' if same else 'not the same'} under the splits tried."
    )
