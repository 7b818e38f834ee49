"""Context, lists beyond accuracy and groups of users: what the tables and answers say of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from reclib import beyond, figures
from reclib.ledger import PUBLISHED, Run, read_rows
from reclib.tables.findings import listed
from reclib.tables.groups import by_group
from reclib.tables.results import pooled, title

if TYPE_CHECKING:
    from reclib.study import Study

IMAGES = ["data", "protocol", "ranked", "as they are", "without pictures", "pictures shuffled"]
VERBS = {"beats": "raised by", "falls behind": "lowered by", "is level with": "not moved by"}


def context_finding_of(table: pd.DataFrame) -> str:
    """Say which kinds of context move the quality, by the corrected test.

    Parameters
    ----------
    table : pandas.DataFrame
        As `reclib.tables.ablation` returns it, against the model without context.
    """
    parts = [
        f"{phrase} {listed(table.loc[table['verb'] == verb, 'title'].tolist())}"
        for verb, phrase in VERBS.items()
        if table["verb"].eq(verb).any()
    ]
    most = table.loc[table["mean"].abs().idxmax()]
    return (
        f"The quality is {listed(parts)} (paired test over users, Holm-corrected, .05). The "
        f"largest change is {most['mean']:+.4f} [{most.low:+.4f}, {most.high:+.4f}], with "
        f"{most['title']}."
    )


def context_by_group(
    base: Run, others: Mapping[str, Run], metric: str, groups: pd.DataFrame
) -> pd.DataFrame:
    """Return the means of the model without and with context by group; see `by_group`."""
    runs = {"without context": base, **others}
    return by_group({name: run.per_user[metric] for name, run in runs.items()}, groups)


def beyond_table(study: Study, runs: Sequence[Run]) -> pd.DataFrame:
    """Return the traits of the lists of each run, as `reclib.tables.summarize` does metrics."""
    k = study.cutoff
    values, coverage = {}, {}
    for run in runs:
        split = study.split(run.row["protocol"], run.row["fold"])
        values[run.row["recommender"]] = beyond.beyond_accuracy(run, split, k)
        coverage[run.row["recommender"]] = run.row[f"coverage@{k}"]
    table = beyond.summarized(values, coverage, k)
    return table.assign(title=table["recommender"].map(title), protocol=runs[0].row["protocol"])


def beyond_finding(table: pd.DataFrame, model: str) -> str:
    """Say how the lists of a model differ from the others in each trait."""
    wide = table.pivot_table(index="recommender", columns="metric", values="mean", sort=False)
    others = wide.drop([name for name in (model, "random", "oracle") if name in wide.index])
    parts = [
        f"{figures.metric_label(str(metric))} {wide.loc[model, metric]:.2f} (the others "
        f"{others[metric].min():.2f} to {others[metric].max():.2f})"
        for metric in wide
    ]
    return f"The lists of {title(model)} have {listed(parts)}."


def group_gaps(study: Study, runs: Sequence[Run], metric: str) -> pd.DataFrame:
    """Return how each demographic group differs from everybody else; see `beyond.gaps`.

    Parameters
    ----------
    study : Study
    runs : sequence of Run
        Of one recommender under one protocol.
    metric : str
    """
    values = pooled(runs, metric)
    split = study.split(runs[0].row["protocol"], runs[0].row["fold"])
    table = beyond.gaps(values, beyond.demographics(split, values.index.to_numpy()))
    names = table["attribute"] + ": " + table["group"] + " (" + table["users"].astype(str) + ")"
    return table.assign(title=names)


def gap_finding(table: pd.DataFrame, model: str) -> str:
    """Say which groups are served better or worse than everybody else."""
    if table.empty:
        return "This data says nothing of its users that makes groups."
    better, worse = (
        [f"{row.title} {row.mean_:+.3f}" for row in table.rename(columns={"mean": "mean_"})
         [table["verb"] == verb].itertuples()]
        for verb in ("beats", "falls behind")
    )  # fmt: skip
    if not better and not worse:
        far = table.loc[table["mean"].abs().idxmax()]
        return (
            f"Of {len(table)} groups none is served by {title(model)} better or worse than the "
            f"rest by the corrected test; the largest difference is {far['mean']:+.3f} "
            f"[{far.low:+.3f}, {far.high:+.3f}], for {far['title']}."
        )
    return (
        f"Of {len(table)} groups, by the corrected test {title(model)} serves better than the "
        f"rest: {listed(better)}; worse: {listed(worse)}."
    )


def image_table(folder: Path = PUBLISHED, metric: str = "ndcg@10") -> pd.DataFrame:
    """Return the published runs with pictures beside their twins without and with wrong ones.

    Returns
    -------
    pandas.DataFrame
        Columns `IMAGES`, a row for each dataset, protocol and set of items that are ranked; NaN
        for a twin that is not on record. A value is the mean of the metric over seeds.
    """
    rows = [row for path in sorted(folder.glob("*.jsonl")) for row in read_rows(path)]
    runs = [row for row in rows if row.get("kind") == "run" and row.get("stage") == "test"]
    seen = [row for row in runs if "image" in row["settings"].get("branches", ())]
    places: dict[tuple[str, str, str], dict[str, float]] = {}
    for row in seen:
        if not row["settings"].get("image_shuffle"):
            places.setdefault(_place(row), {})
    for place, values in places.items():
        here = [row for row in runs if _place(row) == place]
        with_pictures = [row for row in here if row in seen]
        shuffled = [row for row in with_pictures if row["settings"].get("image_shuffle")]
        right = [row for row in with_pictures if row not in shuffled]
        twins = [row for row in here if any(_is_twin(row, each) for each in right)]
        for name, some in zip(IMAGES[3:], (right, twins, shuffled), strict=True):
            values[name] = pd.Series([row[metric] for row in some], dtype=float).mean()
    return pd.DataFrame(
        [dict(zip(IMAGES[:3], place, strict=True)) | values for place, values in places.items()],
        columns=IMAGES,
    )


def _place(row: Mapping[str, Any]) -> tuple[str, str, str]:
    condition = row.get("condition") or {}
    return row["dataset"], row["protocol"], condition.get("name", "all items")


def _is_twin(row: Mapping[str, Any], pictured: Mapping[str, Any]) -> bool:
    """Return whether a run differs from one with pictures in having none."""
    if row["recommender"] != pictured["recommender"] or row["seed"] != pictured["seed"]:
        return False
    mine, other = dict(row["settings"]), dict(pictured["settings"])
    branches = [name for name in other.pop("branches") if name != "image"]
    same = all(mine.get(name) == value for name, value in other.items() if "image" not in name)
    return list(mine.get("branches", ())) == branches and same


def image_finding(table: pd.DataFrame) -> str:
    """Say what pictures bring, from the published runs."""
    if table.empty:
        return (
            "No run with pictures is on record: nothing can be said here of what they bring. "
            "Posters may not be handed on, so they do not come with this report."
        )
    both = table.dropna(subset=["as they are", "without pictures"])
    more = both["as they are"] > both["without pictures"]
    known = table.dropna(subset=["as they are", "pictures shuffled"])
    real = known["as they are"] > known["pictures shuffled"]
    return (
        f"With its pictures the integrated model is ahead of itself without them in {more.sum()} "
        f"of {len(both)} cases on record, and ahead of itself with shuffled ones in {real.sum()} "
        f"of {len(known)}."
    )
