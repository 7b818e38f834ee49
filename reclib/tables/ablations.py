"""What each branch of a network is worth: runs without it, and with it alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

import pandas as pd

from reclib import statistics
from reclib.ledger import Run
from reclib.published import parts_on_record, runs_on_record
from reclib.tables.findings import listed
from reclib.tables.results import compare, pooled

if TYPE_CHECKING:
    from reclib.study import Study

COLUMNS = ["title", "mean", "low", "high", "p_holm", "verb"]
NONE = (
    "No ablation with the chosen settings is on record for this data; `ablate=true` or "
    "`EDITION=full` makes it."
)


class Ablated(NamedTuple):
    """The runs of a network as a whole, without each branch, and with each branch alone."""

    whole: list[Run]
    without: dict[str, list[Run]]
    alone: dict[str, list[Run]]


def ablated_runs(
    study: Study, protocol: str, branches: Sequence[str], model: str = "integrated"
) -> Ablated:
    """Return the runs on record with the chosen settings, of this build and published.

    Without those of the whole that no part has a seed and a fold in common with.
    """
    groups: dict[frozenset[str], list[Run]] = {}
    for run in parts_on_record(study.ledger, study.dataset.name):
        if (run.row["protocol"], run.row["recommender"]) == (protocol, model):
            groups.setdefault(frozenset(run.row["settings"]["branches"]), []).append(run)
    every = frozenset(branches)
    sets = {branch: (every - {branch}, frozenset({branch})) for branch in branches}
    without = {branch: groups[off] for branch, (off, _) in sets.items() if off in groups}
    alone = {branch: groups[on] for branch, (_, on) in sets.items() if on in groups}
    needed = {_draw(run) for some in (*without.values(), *alone.values()) for run in some}
    whole = [
        run for run in runs_on_record(study.ledger).get(study.dataset.name, [])
        if (run.row["protocol"], run.row["recommender"]) == (protocol, model)
        and _draw(run) in needed and len(run.per_user)
    ]  # fmt: skip
    return Ablated(whole, without, alone)


def _draw(run: Run) -> tuple[int, int]:
    """Return what is left to chance in a run: its fold and its seed."""
    return run.row["fold"], run.row["seed"]


def ablation(
    whole: Sequence[Run],
    parts: Mapping[str, Sequence[Run]],
    metric: str,
    wording: str = "without {}",
) -> pd.DataFrame:
    """Compare a model with itself changed, over the same users, folds and seeds.

    Parameters
    ----------
    whole : sequence of Run
        As it is.
    parts : mapping of str to sequence of Run
        What was switched off, or left on alone, and the runs.
    metric : str
    wording : str
        What is said of the part.

    Returns
    -------
    pandas.DataFrame
        A row a part: ``title``, ``mean``, ``low`` and ``high`` of the difference, ``p_holm``,
        ``verb`` and ``seeds``, how many of them both have. Parts that have none in common with
        the whole are left out.
    """
    pairs = {name: _in_common(some, whole) for name, some in parts.items()}
    pairs = {name: pair for name, pair in pairs.items() if pair[0]}
    found = [compare(pooled(one, metric), pooled(two, metric)) for one, two in pairs.values()]
    rows = [
        {
            "title": wording.format(name), "mean": each.difference, "low": each.interval[0],
            "high": each.interval[1], "p_holm": each.p_holm, "verb": each.verb,
            "seeds": len({run.row["seed"] for run in pairs[name][0]}),
        }
        for name, each in zip(pairs, statistics.correct(found), strict=True)
    ]  # fmt: skip
    return pd.DataFrame(rows, columns=[*COLUMNS, "seeds"])


def _in_common(some: Sequence[Run], others: Sequence[Run]) -> tuple[list[Run], list[Run]]:
    """Return the runs of both that share fold and seed."""
    both = {_draw(run) for run in some} & {_draw(run) for run in others}
    return [run for run in some if _draw(run) in both], [r for r in others if _draw(r) in both]


def ablation_finding(ablation: pd.DataFrame) -> str:
    """Say which branches matter, by the corrected test."""
    if ablation.empty:
        return NONE
    needed = ablation.loc[ablation["verb"] == "falls behind", "title"]
    hurts = ablation.loc[ablation["verb"] == "beats", "title"]
    names = [text.removeprefix("without ") for text in needed]
    text = (
        f"Switching off {listed(names)} costs accuracy by the corrected test"
        if names
        else "No single branch is missed by the corrected test: the others make up for it"
    )
    return text + (f"; the model is better {listed(list(hurts))}." if len(hurts) else ".")


def alone_finding(alone: pd.DataFrame) -> str:
    """Say which branches alone fall behind the whole, by the corrected test, and which is best."""
    if alone.empty:
        return NONE
    behind = alone["verb"] == "falls behind"
    level = list(alone.loc[~behind, "title"])
    best = alone.loc[alone["mean"].idxmax()]
    text = (
        f"{listed(level)} {'is' if len(level) == 1 else 'are'} not told apart from the whole"
        if level
        else "Every branch alone falls behind the whole"
    )
    return (
        f"{text[0].upper()}{text[1:]} by the corrected test. The best is {best['title']}, at "
        f"{best['mean']:+.3f} [{best['low']:+.3f}, {best['high']:+.3f}]."
    )


def ablation_origin(ablated: Ablated) -> str:
    """Say how many seeds an ablation has, and when, where and from which commits it was made."""
    rows = [
        run.row for some in (*ablated.without.values(), *ablated.alone.values()) for run in some
    ]
    if not rows:
        return NONE
    days = sorted({row["finished"][:10] for row in rows})
    seeds = sorted({row["seed"] for row in rows})
    when = " to ".join(dict.fromkeys((days[0], days[-1])))
    devices = listed(sorted({row["device"] for row in rows}))
    commits = listed(sorted({row["commit"] for row in rows}))
    return (
        f"{len(rows)} runs with the chosen settings, seeds {listed([str(s) for s in seeds])}, made "
        f"on {when} ({devices}, commit {commits})."
    )
