"""The integrated model against its peers on larger data, and what may be said of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from reclib import figures, statistics
from reclib.ledger import Run
from reclib.statistics import Floats
from reclib.tables.findings import listed
from reclib.tables.larger import MAIN, SETS, by_setting, of_seeds
from reclib.tables.paper import paper_gain
from reclib.tables.results import SEED, pooled, title

MODEL = "integrated"
NEIGHBOURS = ("user-knn", "item-knn", "user-knn-ratings", "item-knn-ratings")
PAPER_BETTER = "item-knn"
"""The better of the paper's two neighbourhood methods, in each of its metrics."""
Groups = Mapping[str, list[Run]]


def paired(groups: Groups, others: Sequence[str], metric: str) -> tuple[str, Floats, Floats] | None:
    """Return the best of some recommenders and, a value a user, the model's metric and its own.

    Each user's values are averaged over seeds and those folds that both were run on. None where
    there is no run of the model or of any other, or no values a user on record.
    """
    have = [name for name in others if name in groups]
    if MODEL not in groups or not have:
        return None
    other = max(have, key=lambda name: float(of_seeds(groups[name], metric).mean()))
    folds = [{run.row["fold"] for run in groups[name]} for name in (MODEL, other)]
    shared = folds[0] & folds[1]
    both = [[run for run in groups[name] if run.row["fold"] in shared] for name in (MODEL, other)]
    if not shared or any(run.per_user.empty for runs in both for run in runs):
        return None
    values = pd.concat([pooled(runs, metric) for runs in both], axis=1, join="inner").to_numpy()
    return other, values[:, 0], values[:, 1]


def larger_comparison(runs: Sequence[Run]) -> pd.DataFrame:
    """Compare the integrated model with the best other recommender, user by user.

    Returns
    -------
    pandas.DataFrame
        One row for each dataset and protocol with both: ``data``, ``protocol``, ``metric``,
        ``other``, ``mean``, ``low``, ``high`` (of the paired difference), ``relative``, ``base``,
        ``p_holm``, ``verb``.
    """
    pairs = []
    for setting, groups in by_setting(runs).items():
        metric = MAIN[setting.protocol]
        found = paired(groups, [name for name in groups if name != MODEL], metric)
        pairs.append(
            ({"data": setting.data, "protocol": setting.protocol, "metric": metric}, found)
        )
    return _tested(pairs)


def larger_gains(runs: Sequence[Run], others: Sequence[str] = NEIGHBOURS) -> pd.DataFrame:
    """Return the gain over the best of some methods, beside the paper's.

    Parameters
    ----------
    runs : sequence of Run
        As `larger_runs` returns them.
    others : sequence of str
        Neighbourhood methods; the better of the two, with or without ratings, by default.

    Returns
    -------
    pandas.DataFrame
        As `larger_comparison`, a row for each of precision, recall and MAP; and ``domain``,
        ``ours``, ``least``, ``most`` and ``paper``, the relative gain, its interval and the
        paper's.
    """
    pairs = [
        (
            {"data": setting.data, "domain": setting.domain, "protocol": setting.protocol,
             "metric": metric, "paper": paper_gain(PAPER_BETTER, metric)},
            paired(groups, others, metric),
        )
        for setting, groups in by_setting(runs).items()
        for metric in SETS
    ]  # fmt: skip
    table = _tested(pairs)
    if table.empty:
        return table
    relative = {"ours": "mean", "least": "low", "most": "high"}
    return table.assign(**{name: table[of] / table["base"] for name, of in relative.items()})


def _tested(
    pairs: Sequence[tuple[dict[str, Any], tuple[str, Floats, Floats] | None]],
) -> pd.DataFrame:
    """Return the comparisons that can be made, corrected for their number."""
    found = [(row, pair) for row, pair in pairs if pair is not None]
    tests = [statistics.compare(values, base, seed=SEED) for _, (_, values, base) in found]
    return pd.DataFrame(
        [
            row
            | {
                "other": title(pair[0]), "mean": each.difference, "low": each.interval[0],
                "high": each.interval[1], "base": float(pair[2].mean()),
                "p_holm": each.p_holm, "verb": each.verb,
            }
            for (row, pair), each in zip(found, statistics.correct(tests), strict=True)
        ]
    )  # fmt: skip


def larger_finding(runs: Sequence[Run], comparison: pd.DataFrame, executed: str) -> str:
    """Say of each dataset whether the integrated model is ahead of all others.

    Parameters
    ----------
    runs : sequence of Run
        As `larger_runs` returns them.
    comparison : pandas.DataFrame
        As `larger_comparison` returns it.
    executed : str
        The dataset that the chapter was executed on.
    """
    if not runs:
        return "No results on larger data have been published yet."
    sentences, own = [], []
    settings = by_setting(runs)
    for data in dict.fromkeys(setting.data for setting in settings):
        here = {setting: groups for setting, groups in settings.items() if setting.data == data}
        sentences.append(f"On {data}, {_of_data(here, comparison)}.")
        own += [data for setting in here if setting.dataset == executed]
    if own:
        names = listed(list(dict.fromkeys(own)))
        sentences.append(
            f"For {names}, these are the published runs, not those that this build made."
        )
    test = "Paired test over users, Holm-corrected, .05." if len(comparison) else ""
    return " ".join([*sentences, test]).strip()


def _of_data(here: Mapping[Any, Groups], comparison: pd.DataFrame) -> str:
    if not any(MODEL in groups for groups in here.values()):
        return f"there is no run of the {title(MODEL).lower()} model"
    parts = []
    for setting, groups in here.items():
        rows = comparison
        if len(rows):
            rows = rows[rows["data"].eq(setting.data) & rows["protocol"].eq(setting.protocol)]
        if len(rows):
            parts.append(_verdict(rows.iloc[0]))
        elif MODEL in groups:
            parts.append(f"cannot be compared under `{setting.protocol}` user by user")
    return f"the integrated model {listed(parts)}"


def _verdict(row: pd.Series) -> str:
    return (
        f"{row['verb']} {row['other']}, the best of the others, under `{row['protocol']}` "
        f"({figures.metric_label(row['metric'])} {row['mean']:+.3f} "
        f"[{row['low']:+.3f}, {row['high']:+.3f}])"
    )


def larger_gain_finding(gains: pd.DataFrame) -> str:
    """Say where the paper's gain over neighbourhood methods is reached and where it is not."""
    if gains.empty:
        return "No gain can be computed: the integrated model has no run on larger data."
    reached = gains["ours"] >= gains["paper"]
    parts = [
        f"{'not ' * (not some)}reached {_gains_text(gains[reached == some])}"
        for some in (True, False)
        if (reached == some).any()
    ]
    paper = gains.drop_duplicates("metric")
    claimed = [f"{_name(row.metric)} {100 * row.paper:+.0f} %" for row in paper.itertuples()]
    return (
        f"Over the better of the two tuned neighbourhood methods, the paper's gain "
        f"({', '.join(claimed)}) is {'; it is '.join(parts)}."
    )


def _gains_text(gains: pd.DataFrame) -> str:
    places = []
    for (data, protocol), rows in gains.groupby(["data", "protocol"], sort=False):
        values = [f"{_name(row.metric)} {100 * row.ours:+.0f} %" for row in rows.itertuples()]
        places.append(f"on {data} under `{protocol}` ({', '.join(values)})")
    return listed(places)


def _name(metric: str) -> str:
    name = metric.partition("@")[0]
    return figures.METRIC_LABELS[name] if name == "map" else name
