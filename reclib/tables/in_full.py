"""Runs under conditions with the chosen settings, which take too long for a quick chapter."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import pandas as pd

from reclib.ledger import Run
from reclib.per_user import PublishedRun
from reclib.published import conditioned_on_record, runs_on_record
from reclib.recommenders import CATALOGUE
from reclib.tables.conditions import percent
from reclib.tables.findings import BOUNDS, listed
from reclib.tables.results import by_recommender, compare_all, pooled, title

if TYPE_CHECKING:
    from reclib.study import Study

AS_IT_IS = "as it is"
WORDS = {
    "thin": "{} of the interactions",
    "noise": "{} replaced",
    "shilling": "{} fake users",
    "cold-users": "new users",
    "cold-items": "new items",
    "context": "",
}
"""How a row names each condition, in the order of the rows; of the context see `KINDS`."""
KINDS = {"users": "demographics", "items": "item attributes", "times": "times"}
TURNED = {"beats": "falls behind", "falls behind": "beats"}
COLUMNS = ["condition", "recommender", "title", "mean", "against"]


def in_full(study: Study, protocol: str, metric: str, model: str = "integrated") -> pd.DataFrame:
    """Return what the runs on record with the chosen settings reach under each condition.

    Those of this build, and beside them those published.

    Returns
    -------
    pandas.DataFrame
        ``condition`` (in words, the data as they are first), ``recommender``, ``title``, ``mean``
        over users and seeds, and ``against``: "beats", "falls behind" or "is level with", said
        of the model beside that recommender (paired test over users, Holm-corrected within a
        condition; empty for the model itself). Floor and ceiling are left out.
    """
    name = study.dataset.name
    made = conditioned_on_record(study.ledger, name)
    plain = runs_on_record(study.ledger).get(name, [])
    told = [run for run in plain if not isinstance(run, PublishedRun) or run.stored]
    names = {run.row["recommender"] for run in made}
    groups = {AS_IT_IS: [run for run in told if run.row["recommender"] in names]}
    for run in sorted(made, key=_order):
        groups.setdefault(in_words(run.row["condition"]), []).append(run)
    found = []
    for condition, some in groups.items():
        here = [run for run in some if run.row["protocol"] == protocol]
        if any(run.row["recommender"] == model for run in here):
            found.append(_compared(condition, here, model, metric))
    return pd.concat(found, ignore_index=True) if len(found) > 1 else pd.DataFrame(columns=COLUMNS)


def in_words(condition: Mapping[str, Any]) -> str:
    """Return a condition as a row of a table names it."""
    if condition["name"] == "context":
        known = [words for kind, words in KINDS.items() if condition[kind]]
        return f"with {listed(known)} alone" if known else "without context"
    share = percent(condition["share"]) if "share" in condition else ""
    return WORDS[condition["name"]].format(share)


def _order(run: Run) -> tuple[int, str]:
    condition = run.row["condition"]
    return list(WORDS).index(condition["name"]), json.dumps(condition, sort_keys=True)


def _compared(condition: str, runs: Sequence[Run], model: str, metric: str) -> pd.DataFrame:
    """Return the rows of one condition under which the model was run."""
    groups = {name: some for (_, name), some in by_recommender(runs).items() if name not in BOUNDS}
    verbs = {}
    if len(groups) > 1:
        theirs = compare_all(runs, model, metric)
        turned = theirs["verb"].map(lambda verb: TURNED.get(verb, verb))
        verbs = dict(zip(theirs["recommender"], turned, strict=True))
    rows = [
        (condition, name, title(name), pooled(some, metric).mean(), verbs.get(name, ""))
        for name, some in groups.items()
    ]
    return pd.DataFrame(rows, columns=COLUMNS)


def in_full_table(
    table: pd.DataFrame, model: str = "integrated", digits: int = 3
) -> pd.DataFrame | None:
    """Return a row a condition and a column a recommender, as they are printed; None if empty.

    The model comes first, so that a narrow page shows it beside the others.
    """
    if table.empty:
        return None
    wide = table.pivot_table(index="condition", columns="title", values="mean", sort=False)
    there = set(table["recommender"])
    titles = [title(name) for name in dict.fromkeys([model, *CATALOGUE]) if name in there]
    wide = wide[titles].rename_axis(columns=None)
    return wide.map(lambda value: "-" if value != value else f"{value:.{digits}f}")


def in_full_finding(table: pd.DataFrame, model: str = "integrated") -> str:
    """Say under which conditions a model is ahead of everybody, and who is ahead of it."""
    rows = table[table["against"].ne("")] if len(table) else table
    rows = rows[rows["condition"].ne(AS_IT_IS)]
    if rows.empty:
        return (
            "No run under a condition with the chosen settings is on record for this data; "
            "`EDITION=full` makes them."
        )
    groups = list(rows.groupby("condition", sort=False))
    ahead = [str(name) for name, some in groups if some["against"].eq("beats").all()]
    behind = [
        f"{row.title} ({row.condition})" for row in rows.itertuples()
        if row.against == "falls behind"
    ]  # fmt: skip
    who = title(model)
    first = f"{who} beats everybody under {len(ahead)} of {len(groups)} conditions"
    first += f" ({listed(ahead)})." if ahead else "."
    second = f"It falls behind {listed(behind)}." if behind else "Nobody is ahead of it."
    return f"{first} {second} Paired test over users, Holm-corrected within a condition, .05."
