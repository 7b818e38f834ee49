"""Whom a recommender serves well: its values by what is known of users and held-out items."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from reclib import figures, statistics
from reclib.datasets.validate import is_clock
from reclib.ledger import Run
from reclib.splits import Split
from reclib.tables.findings import listed
from reclib.tables.results import SEED, by_recommender, pooled, title

if TYPE_CHECKING:
    from reclib.study import Study

LENGTH, POPULARITY, GAP = "Length of the history", "Popularity of the item", "Time before the item"
THIRDS = ("head", "middle", "tail")
BRANCHES = {"ann": "ANN", "cf": "CF", "cnn": "CNN", "rnn": "RNN", "attention": "Attention",
            "side": "Side features", "social": "Friends", "image": "Pictures"}  # fmt: skip
SINGLE = ("ann", "cnn", "rnn", "attention")
UNITS = ((86_400, "d"), (3_600, "h"), (60, "min"))
NO_ORDER = "This needs a protocol that holds out the last item of each user."


def traits(study: Study, protocol: str) -> pd.DataFrame:
    """Return to which groups each ranked user belongs where one last item is held out.

    Returns
    -------
    pandas.DataFrame
        Index ``user``; ordered categories: `LENGTH` in quarters; `POPULARITY` of the held-out
        item: head, middle and tail hold a third of the interactions each; `GAP` since the last
        interaction before it, in quarters. Equal values stay in one group. Without a row under
        protocols that hold out other than one last item.
    """
    split = study.split(protocol)
    targets = split.targets.set_index("user").loc[split.users()]
    if not split.rules.needs_times or targets.index.has_duplicates:
        return pd.DataFrame(columns=[LENGTH, POPULARITY, GAP])
    times = split.history.groupby("user")["timestamp"].agg(["size", "max"]).loc[targets.index]
    clock = is_clock(split.interactions["timestamp"])
    third = pd.Categorical(thirds(split)[targets["item"]], THIRDS, ordered=True)
    groups = {
        LENGTH: quarters(times["size"], lambda length: f"{length:.0f}"),
        POPULARITY: pd.Series(third, targets.index),
        GAP: quarters(targets["timestamp"] - times["max"], duration if clock else short),
    }
    return pd.DataFrame(groups)


def thirds(split: Split) -> np.ndarray:
    """Return for each item in which third of the interactions it stands, most popular first."""
    counts = np.bincount(split.train["item"], minlength=split.n_items)
    order = np.argsort(-counts, kind="stable")
    before = counts[order].cumsum() - counts[order]
    found = np.empty(split.n_items, dtype=object)
    place = np.minimum(3 * before // max(counts.sum(), 1), 2)  # items never seen close the tail
    found[order] = np.array(THIRDS)[place]
    return found


def quarters(values: pd.Series, text: Callable[[float], str]) -> pd.Series:
    """Return the group of each value, of at most four that are as equal as ties allow.

    Parameters
    ----------
    values : pandas.Series
    text : callable
        Prints a value; a group is named by its lowest and its highest.
    """
    edges: list[float] = []
    for parts in (4, 3, 2):
        rest = values[values > edges[-1]] if edges else values
        if len(rest):
            edges.append(float(np.quantile(rest, 1 / parts, method="inverted_cdf")))
    place = pd.Series(np.searchsorted(edges, values, side="left"), values.index)
    ends = values.groupby(place).agg(["min", "max"])
    names = {
        group: text(row["min"]) if (text(row["min"]) == text(row["max"])) else
        f"{text(row['min'])} to {text(row['max'])}"
        for group, row in ends.iterrows()
    }  # fmt: skip
    ordered = list(dict.fromkeys(names.values()))
    return pd.Series(pd.Categorical(place.map(names), ordered, ordered=True), values.index)


def duration(seconds: float) -> str:
    """Return a stretch of time in its largest unit: 20 s, 3 min, 5 h, 40 d.

    Examples
    --------
    >>> duration(7_200.0)
    '2 h'
    """
    for size, unit in UNITS:
        if seconds >= size:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds:.0f} s"


def short(gap: float) -> str:
    """Return a gap between times that are of no clock: a number without a unit."""
    return f"{gap:.3g}"


def by_group(values: Mapping[str, pd.Series], groups: pd.DataFrame) -> pd.DataFrame:
    """Return the mean of each series over the users of each group.

    Parameters
    ----------
    values : mapping of str to pandas.Series
        By the title under which they are shown; one value a user.
    groups : pandas.DataFrame
        As `traits` returns it.

    Returns
    -------
    pandas.DataFrame
        ``trait``, ``group``, ``title``, ``mean``, ``users``.
    """
    rows = [
        {
            "trait": trait,
            "group": str(group),
            "title": name,
            "mean": some.mean(),
            "users": len(some),
        }
        for trait in groups
        for name, series in values.items()
        for group, some in series.groupby(groups[trait], observed=True)
    ]
    return pd.DataFrame(rows, columns=["trait", "group", "title", "mean", "users"])


def quality_by_group(runs: Sequence[Run], groups: pd.DataFrame, metric: str) -> pd.DataFrame:
    """Return the mean of a metric for each recommender and group; see `by_group`."""
    values = {title(name): pooled(some, metric) for (_, name), some in by_recommender(runs).items()}
    return by_group(values, groups)


def gate_by_group(run: Run, groups: pd.DataFrame) -> pd.DataFrame:
    """Return the gate's mean share of each branch by group; empty without a gate."""
    shares = pd.DataFrame() if run.gate is None else run.gate
    return by_group({BRANCHES[name]: shares[name] for name in shares}, groups)


def gate_finding(run: Run, groups: pd.DataFrame) -> str:
    """Say which branch the gate weighs most, and which share depends most on whom it serves."""
    if run.gate is None:
        return (
            "The run on record was made before gates were kept. Delete the folder "
            f"`{run.folder.name}` in `build/ledger/runs` and execute this chapter again: it will "
            "be made anew."
        )
    shares = run.gate.mean().sort_values(ascending=False)
    names = [f"{BRANCHES[str(name)]} {100 * share:.0f} %" for name, share in shares.items()]
    text = f"On average over users the gate gives {listed(names)}"
    if groups.empty:
        return f"{text}. {NO_ORDER}"
    table = gate_by_group(run, groups).groupby(["trait", "title"], sort=False)
    ends = table.agg(first=("mean", "first"), last=("mean", "last"), low=("group", "first"),
                     high=("group", "last"))  # fmt: skip
    row = ends.loc[(most := (ends["last"] - ends["first"]).abs().idxmax())]
    return (
        f"{text}. The share that changes most is that of {most[1]} with the "
        f"{most[0].lower()}: from {100 * row['first']:.0f} % ({row['low']}) to "
        f"{100 * row['last']:.0f} % ({row['high']})."
    )


def group_finding(
    runs: Sequence[Run], groups: pd.DataFrame, metric: str, model: str, baseline: str
) -> str:
    """Say where a model leads, which single branch does best, and where it beats the baseline."""
    if groups.empty:
        return NO_ORDER
    table = quality_by_group(runs, groups, metric)
    wide = table.pivot_table(index=["trait", "group"], columns="title", values="mean", sort=False)
    parts = [
        f"{title(model)} is highest in {_leads(wide).get(title(model), 0)} of {len(wide)} groups"
    ]
    single = [title(name) for name in SINGLE if title(name) in wide]
    if len(single) > 1:
        leads = _leads(wide[single])
        parts.append("of the single branches " + listed([f"{k} in {n}" for k, n in leads.items()]))
    return f"{'; '.join(parts)}. {_against(runs, groups, metric, model, baseline)}"


def _leads(wide: pd.DataFrame) -> dict[str, int]:
    return wide.idxmax(axis=1).value_counts().to_dict()


def _against(
    runs: Sequence[Run], groups: pd.DataFrame, metric: str, model: str, baseline: str
) -> str:
    """Compare model and baseline within every group, corrected for the number of groups."""
    mine = {name: some for (_, name), some in by_recommender(runs).items()}
    pair = pd.concat([pooled(mine[name], metric) for name in (model, baseline)], axis=1)
    places = [
        (f"{trait.lower()}: {group}", pair.loc[some.index])
        for trait in groups
        for group, some in groups.groupby(trait, observed=True)
    ]
    tests = statistics.correct(
        [statistics.compare(*values.to_numpy().T, seed=SEED) for _, values in places]
    )
    won = sum(each.verb == "beats" for each in tests)
    lost = sum(each.verb == "falls behind" for each in tests)
    far, near = (choose(zip(tests, places, strict=True), key=lambda e: e[0].difference)
                 for choose in (max, min))  # fmt: skip
    return (
        f"By the corrected test it beats {title(baseline)} in {won} of {len(tests)} and falls "
        f"behind in {lost}; in {figures.metric_label(metric)} it is furthest ahead at "
        f"{far[1][0]} ({far[0].difference:+.3f}), least at {near[1][0]} "
        f"({near[0].difference:+.3f})."
    )
