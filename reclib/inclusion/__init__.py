"""The paper's nine criteria of inclusion, each a check or a filter with a stated finding.

The paper names the criteria and gives no threshold for any. Two of them leave interactions out:
data quality and participation. The others look at what is left and report. Nothing is dropped
without being counted.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import pandas as pd

from reclib.datasets import Dataset
from reclib.inclusion import checks, filters
from reclib.inclusion.checks import Criterion

__all__ = ["Criterion", "Inclusion", "include"]

CHECKS = (
    checks.context,
    checks.scalability,
    checks.comparative,
    checks.metrics,
    checks.compute,
    checks.robustness,
)


@dataclass(frozen=True, eq=False)
class Inclusion:
    """What is included, and why.

    Parameters
    ----------
    dataset : Dataset
        What is left after all criteria.
    criteria : tuple of Criterion
        In the order in which they were applied.
    """

    dataset: Dataset
    criteria: tuple[Criterion, ...]

    def frame(self) -> pd.DataFrame:
        """Return the criteria as a table to read, one row each."""
        rows = [
            {
                "criterion": criterion.name,
                "question": criterion.question,
                "finding": criterion.finding,
                "removed": criterion.removed,
                "kept": criterion.kept,
                "met": "yes" if criterion.passed else "no",
            }
            for criterion in self.criteria
        ]
        return pd.DataFrame(rows).set_index("criterion")


def include(dataset: Dataset, *, min_user: int = 1, min_item: int = 1) -> Inclusion:
    """Apply the nine criteria to a dataset.

    Parameters
    ----------
    dataset : Dataset
    min_user, min_item : int
        Fewest interactions of every user and every item that is kept.

    Raises
    ------
    reclib.errors.DataError
        If nothing is left.
    """
    complete = checks.completeness(dataset)
    cleaned, counts = filters.clean(dataset)
    cored = filters.core(cleaned, min_user, min_item)
    kept = filters.unfinished(cored)
    if kept is not cored:  # their items may have too few users now
        kept = filters.core(kept, min_user, min_item)
    criteria = (
        complete,
        _quality(dataset, cleaned, counts),
        _participation(cleaned, cored, kept, min_user, min_item),
        *(check(kept) for check in CHECKS),
    )
    return Inclusion(kept, criteria)


def _quality(before: Dataset, after: Dataset, counts: Mapping[str, int]) -> Criterion:
    said = ", ".join(f"{count:,} {cause}" for cause, count in counts.items())
    asked = "named"
    if after.has_ratings and after.scale is not None:
        asked = "rated on the scale from {:g} to {:g}".format(*after.scale)
    if after.has_times:
        asked += " and timed"
    more = (_unknown_scale(after), _left_out_links(before, after), _notes(before))
    return Criterion(
        "data quality",
        f"Is every interaction {asked}, and there only once?",
        f"Left out: {said}." + "".join(more),
        "Repetitions would put the same pair into train and test; of them the "
        f"{'last' if after.has_ratings else 'first'} one stays.",
        sum(counts.values()),
        len(after.interactions),
        passed=True,
    )


def _unknown_scale(dataset: Dataset) -> str:
    if dataset.scale is not None or not dataset.has_ratings:
        return ""
    rating = dataset.interactions["rating"]
    return f" No scale is declared; ratings run from {rating.min():g} to {rating.max():g}."


def _notes(dataset: Dataset) -> str:
    return "".join(f" {note}" for note in dataset.notes)


def _left_out_links(before: Dataset, after: Dataset) -> str:
    if before.links is None or after.links is None or len(before.links) == len(after.links):
        return ""
    left_out = len(before.links) - len(after.links)
    return (
        f" Of the {len(before.links):,} links between users, {left_out:,} name somebody without "
        "interactions, repeat another or tie a user to itself."
    )


def _participation(
    before: Dataset, cored: Dataset, after: Dataset, min_user: int, min_item: int
) -> Criterion:
    users, items = before.n_users - cored.n_users, before.n_items - cored.n_items
    if users or items:
        finding = f"{users:,} users and {items:,} items had too few and were left out."
    else:
        finding = f"All {cored.n_users:,} users and {cored.n_items:,} items do."
    if sated := cored.n_users - after.n_users:
        finding += f" {sated:,} users had every item, so that nothing is left to offer them."
    return Criterion(
        "participation",
        f"Does every user have at least {min_user} and every item at least {min_item}?",
        finding,
        "Collaborative filtering learns from overlap, which rare users and items do not have.",
        len(before.interactions) - len(after.interactions),
        len(after.interactions),
        passed=True,
    )
