"""Results for users and items of which little is known, and how far repetitions lie apart."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import pandas as pd

from reclib import figures, statistics
from reclib.conditions import Conditioned
from reclib.ledger import Run
from reclib.tables.findings import listed
from reclib.tables.results import SEED, title

if TYPE_CHECKING:
    from reclib.spec import Spec
    from reclib.study import Study


def by_known(runs: Sequence[Run], metric: str) -> pd.DataFrame:
    """Return the mean of each group in the rows of runs: how much is known of a user.

    Returns
    -------
    pandas.DataFrame
        ``level`` (interactions known), ``recommender``, ``title``, ``mean``.
    """
    rows = [
        (int(group), run.row["recommender"], title(run.row["recommender"]), values[metric])
        for run in runs
        for group, values in run.row["groups"].items()
    ]
    return pd.DataFrame(rows, columns=["level", "recommender", "title", "mean"])


def known_finding(
    study: Study, specs: Sequence[Spec], runs: Sequence[Run], metric: str, model: str
) -> str:
    """Say how much has to be known of a user before a model beats popularity for good."""
    mine = {spec.recommender: (spec, run) for spec, run in zip(specs, runs, strict=True)}
    split = study.split_of(mine[model][0])
    assert isinstance(split, Conditioned)
    assert split.groups is not None
    values = [mine[name][1].per_user[metric] for name in (model, "popularity")]
    both = pd.concat(values, axis=1)
    parts = both.groupby(split.groups[both.index])
    tests = statistics.correct(
        [statistics.compare(*part.to_numpy().T, seed=SEED) for _, part in parts]
    )
    known = [int(str(group)) for group, _ in parts]
    return (
        f"Over {len(both) // len(known)} users, {_from_known(known, tests, title(model))} (paired "
        f"test, Holm-corrected, .05). {_first_bests(by_known(runs, metric))}"
    )


def _from_known(known: Sequence[int], tests: Sequence[statistics.Comparison], model: str) -> str:
    ahead, last = [each.verb == "beats" for each in tests], tests[-1]
    gap = f"{last.difference:+.3f} [{last.interval[0]:+.3f}, {last.interval[1]:+.3f}]"
    if not ahead[-1]:
        return f"{model} {last.verb} popularity with {known[-1]} known interactions ({gap})"
    behind = [place for place, won in enumerate(ahead) if not won]
    first = known[behind[-1] + 1 if behind else 0]
    return f"{model} beats popularity from {first} known on ({gap} with {known[-1]})"


def _first_bests(table: pd.DataFrame) -> str:
    """Name the best recommender where nothing is known of a user, and with the least."""
    best = table.loc[table.groupby("level")["mean"].idxmax()].head(2)
    parts = [f"with {row.level} known it is {row.title} ({row.mean_:.3f})"
             for row in best.rename(columns={"mean": "mean_"}).itertuples()]  # fmt: skip
    return f"Of all recommenders the best differs by what is known: {listed(parts)}."


def unseen_finding(runs: Sequence[Run], metric: str, model: str) -> str:
    """Say who ranks items that nobody has touched better than chance."""
    mine = {run.row["recommender"]: run for run in runs}
    floor = mine["random"].per_user[metric]
    names = [name for name in mine if name != "random"]
    tests = statistics.correct([
        statistics.compare(mine[name].per_user[metric].to_numpy(), floor.to_numpy(), seed=SEED)
        for name in names
    ])  # fmt: skip
    better = [name for name, each in zip(names, tests, strict=True) if each.verb == "beats"]
    label = figures.metric_label(metric)
    values = listed([f"{title(name)} {mine[name].row[metric]:.3f}" for name in mine])
    said = listed([title(name) for name in better]) if better else "Nobody"
    return (
        f"{said} {'ranks' if len(better) < 2 else 'rank'} unseen items better than chance "
        f"(paired test, Holm-corrected, .05). {label}: {values}."
    )


def spread(folds: Sequence[Run], seeds: Sequence[Run], metric: str) -> pd.DataFrame:
    """Return how far the means of a recommender lie apart over folds and over seeds.

    Returns
    -------
    pandas.DataFrame
        Index ``recommender`` (title): ``mean``, ``folds``, ``sd over folds``, ``seeds``,
        ``sd over seeds`` of its own training, NaN where there are fewer than two.
    """
    over, again = (_means(runs, metric) for runs in (folds, seeds))
    return pd.DataFrame({
        "mean": over["mean"], "folds": over["size"], "sd over folds": over["std"],
        "seeds": again["size"], "sd over seeds": again["std"],
    }).reindex(over.index)  # fmt: skip


def _means(runs: Sequence[Run], metric: str) -> pd.DataFrame:
    rows = [(title(run.row["recommender"]), run.row[metric]) for run in runs]
    frame = pd.DataFrame(rows, columns=["recommender", "value"])
    return frame.groupby("recommender", sort=False)["value"].agg(["mean", "size", "std"])


def spread_finding(table: pd.DataFrame, model: str) -> str:
    """Say whether folds or seeds move a result more, beside the gap between the best two."""
    order = table["mean"].sort_values(ascending=False)
    gap, most = order.iloc[0] - order.iloc[1], table["sd over folds"].max()
    known = not math.isnan(most)
    moved = f"Over folds the standard deviation is at most {most:.4f}" if known else (
        "This edition has one fold, which says nothing of the others"
    )  # fmt: skip
    text = f"{moved}; {order.index[0]} is ahead of {order.index[1]} by {gap:.4f}."
    both = table.dropna()
    if title(model) not in both.index:
        return f"{text} Several seeds of a network belong to the full edition."
    row = both.loc[title(model)]
    return (
        f"{text} Over {row['seeds']:.0f} seeds on one fold {title(model)} moves by "
        f"{row['sd over seeds']:.4f}, over {row['folds']:.0f} folds by {row['sd over folds']:.4f}."
    )
