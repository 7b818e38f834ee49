"""Results on larger data, shown from the published ledger whatever data are being looked at."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from typing import Any, NamedTuple

import pandas as pd

from reclib import statistics
from reclib.datasets.catalogue import CATALOGUE
from reclib.ledger import Run
from reclib.per_user import BOUNDS
from reclib.published import published_runs
from reclib.tables.results import title
from reclib.tables.settings import best_published

EMBEDDED = "ml-100k"
"""The data that ships with the report: its runs are made, not shown from the record."""
LISTS = ("hit@10", "ndcg@10", "mrr@10")
SETS = ("precision@10", "recall@10", "map@10")
METRICS = {"leave-last-out": LISTS, "holdout": SETS, "rated-only": SETS}
"""What each protocol that is shown is measured in."""
MAIN = {"leave-last-out": "ndcg@10", "holdout": "map@10", "rated-only": "map@10"}
"""The metric by which recommenders are ordered and compared."""


class Setting(NamedTuple):
    """Some data under some protocol: what results may be compared within."""

    dataset: str
    protocol: str

    @property
    def data(self) -> str:
        """The title of the dataset, or the name of a reader's own."""
        return CATALOGUE[self.dataset].title if self.dataset in CATALOGUE else self.dataset

    @property
    def domain(self) -> str:
        """What is recommended."""
        return CATALOGUE[self.dataset].domain if self.dataset in CATALOGUE else "own data"


def larger_runs(*, embedded: bool = False) -> list[Run]:
    """Return the published runs under the protocols shown, on all data or all but the embedded."""
    order = {protocol: place for place, protocol in enumerate(METRICS)}
    found = published_runs(without=[] if embedded else [EMBEDDED])
    runs = [run for run in found if run.row["protocol"] in order]
    return sorted(runs, key=lambda run: (run.row["dataset"], order[run.row["protocol"]]))


def setting_of(run: Run) -> Setting:
    """Return where a run belongs."""
    return Setting(run.row["dataset"], run.row["protocol"])


def by_setting(runs: Sequence[Run]) -> dict[Setting, dict[str, list[Run]]]:
    """Group sorted runs by setting and recommender, without floor and ceiling."""
    groups: dict[Setting, dict[str, list[Run]]] = {}
    for setting, some in groupby(runs, setting_of):
        for run in some:
            if run.row["recommender"] not in BOUNDS:
                here = groups.setdefault(setting, {})
                here.setdefault(run.row["recommender"], []).append(run)
    return groups


def larger_summary(runs: Sequence[Run]) -> pd.DataFrame:
    """Return the mean of every recommender on record with its interval over seeds, best first.

    Returns
    -------
    pandas.DataFrame
        One row for each dataset, protocol, recommender and metric: ``data``, ``protocol``,
        ``recommender``, ``title``, ``metric``, ``mean`` (over seeds, of each over its folds),
        ``low``, ``high`` (Student's 95 % interval over seeds, NaN with one), ``seeds``,
        ``folds`` and ``best`` (of the protocol's main metric); then one for each metric of the
        best published value, without a recommender.
    """
    rows: list[dict[str, Any]] = []
    for setting, groups in by_setting(runs).items():
        main = MAIN[setting.protocol]
        means = {name: float(of_seeds(group, main).mean()) for name, group in groups.items()}
        for place, name in enumerate(sorted(means, key=lambda name: -means[name])):
            rows += _summary_rows(setting, name, groups[name], best=place == 0)
        rows += _published_rows(setting)
    return pd.DataFrame(rows)


def of_seeds(runs: Sequence[Run], metric: str) -> pd.Series:
    """Return a metric's mean over the folds of each seed."""
    rows = pd.DataFrame([{"seed": run.row["seed"], "value": run.row[metric]} for run in runs])
    return rows.groupby("seed")["value"].mean()


def _summary_rows(
    setting: Setting, name: str, runs: Sequence[Run], *, best: bool
) -> list[dict[str, Any]]:
    shared = {
        "data": setting.data, "protocol": setting.protocol, "recommender": name,
        "title": title(name), "seeds": len({run.row["seed"] for run in runs}),
        "folds": len({run.row["fold"] for run in runs}), "best": best,
    }  # fmt: skip
    rows = []
    for metric in METRICS[setting.protocol]:
        values = of_seeds(runs, metric).to_numpy()
        low, high = statistics.t_interval(values)
        rows.append(shared | {"metric": metric, "mean": values.mean(), "low": low, "high": high})
    return rows


def _published_rows(setting: Setting) -> list[dict[str, Any]]:
    found = best_published(*setting, MAIN[setting.protocol])
    if found is None:
        return []
    name = f"{found.title} (published)"
    shared = {"data": setting.data, "protocol": setting.protocol, "title": name}
    return [shared | {"metric": metric, "mean": mean} for metric, mean in found.metrics.items()]


def larger_origins(runs: Sequence[Run]) -> pd.DataFrame:
    """Return when, on which device and from which commits the runs were made, by setting.

    Returns
    -------
    pandas.DataFrame
        Index ``data`` and ``protocol``; ``runs``, ``days``, ``device``, ``commits``, and who
        published the value that stands beside them.
    """
    rows = []
    for setting, groups in by_setting(runs).items():
        some = [run.row for group in groups.values() for run in group]
        days = sorted({row["finished"][:10] for row in some})
        peer = best_published(*setting, MAIN[setting.protocol])
        rows.append(
            {
                "data": setting.data, "protocol": setting.protocol, "runs": len(some),
                "days": " to ".join(dict.fromkeys((days[0], days[-1]))),
                "device": ", ".join(dict.fromkeys(row["device"] for row in some)),
                "commits": ", ".join(dict.fromkeys(row["commit"] for row in some)),
                "published by": peer.source if peer else "",
            }
        )  # fmt: skip
    columns = ["data", "protocol", "runs", "days", "device", "commits", "published by"]
    return pd.DataFrame(rows, columns=columns).set_index(columns[:2])


def larger_table(summary: pd.DataFrame, metrics: Sequence[str]) -> pd.DataFrame:
    """Return the part of a summary with these metrics as it is printed, ✓ at the best.

    The protocol is left out where there is but one: wide tables hide their numbers.
    """
    columns = [*metrics, "seeds, folds"]
    if summary.empty or not summary["metric"].isin(metrics).any():
        return pd.DataFrame(columns=columns)
    rows = summary[summary["metric"].isin(metrics)].rename(columns={"mean": "mean_"})
    cells = [
        f"{row.mean_:.3f}" + (f" [{row.low:.3f}, {row.high:.3f}]" if row.low == row.low else "")
        for row in rows.itertuples()
    ]
    counts = [
        f"{row.seeds:.0f}, {row.folds:.0f}" if row.seeds == row.seeds else ""
        for row in rows.itertuples()
    ]
    names = rows["title"].where(rows["best"].ne(True), rows["title"] + " ✓")
    rows = rows.assign(cell=cells, title=names, **{columns[-1]: counts})
    index = ["data", "protocol", "title", columns[-1]]
    table = rows.pivot_table(
        index=index, columns="metric", values="cell", aggfunc="first", sort=False
    ).loc[pd.MultiIndex.from_frame(rows[index].drop_duplicates())]  # as they were, best first
    table = table.reset_index(columns[-1])[columns].fillna("")
    if rows["protocol"].nunique() == 1:
        table = table.droplevel("protocol")
    return table.rename_axis(columns=None).rename_axis(index={"title": "recommender"})
