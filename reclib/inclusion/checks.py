"""What a dataset must offer beyond clean interactions, each check with what it found."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from reclib.datasets import Dataset

N_FOLDS = 5
RELEVANT_FROM = 4.0
GIB = 2**30
MEMORY = 8 * GIB
LARGE = 100_000
HALF_WIDTH = 0.05


@dataclass(frozen=True)
class Criterion:
    """One criterion of inclusion and what came of it.

    Parameters
    ----------
    name : str
        The paper's name for it.
    question : str
        What it asks, since the paper gives no threshold.
    finding : str
        The answer, with its counts.
    why : str
        Why it matters.
    removed, kept : int
        Interactions left out by it, and left after it.
    passed : bool
        Whether the interactions that are kept meet it.
    """

    name: str
    question: str
    finding: str
    why: str
    removed: int
    kept: int
    passed: bool


def completeness(dataset: Dataset) -> Criterion:
    """Check that interactions carry a rating and a time."""
    has = {"ratings": dataset.has_ratings, "times": dataset.has_times}
    there = " and ".join(name for name, found in has.items() if found) or "neither"
    absent = " and ".join(name for name, found in has.items() if not found)
    finding = f"Present: {there}." + (f" Absent: {absent}." if absent else "")
    return _check(
        dataset,
        "completeness",
        "Does every interaction carry a rating and a time?",
        finding,
        "Relevance by rating needs ratings; every protocol with an order needs times.",
        not absent,
    )


def context(dataset: Dataset) -> Criterion:
    """Check for user demographics, item attributes and time."""
    users, items = _names(dataset.users), _names(dataset.items)
    time = "known" if dataset.has_times else "none"
    finding = f"User demographics: {users}; item attributes: {items}; time: {time}."
    if dataset.links is not None:
        finding += f" Friend graph: {len(dataset.links):,} directed links."
    return _check(
        dataset,
        "context",
        "Are user demographics, item attributes and time known?",
        finding,
        "The integrated approach draws on all three.",
        users != "none" and items != "none" and dataset.has_times,
    )


def _names(frame: pd.DataFrame | None) -> str:
    names = [] if frame is None else [str(name).replace("_", " ") for name in frame.columns[1:]]
    return ", ".join(names) or "none"


def scalability(dataset: Dataset) -> Criterion:
    """Check that there is enough data to measure how cost grows with it."""
    n = len(dataset.interactions)
    return _check(
        dataset,
        "scalability",
        f"Are there at least {LARGE:,} interactions?",
        f"{n:,} interactions of {dataset.n_users:,} users with {dataset.n_items:,} items.",
        "Cost is measured over samples up to a hundredfold apart; the smallest must still say "
        "something.",
        n >= LARGE,
    )


def comparative(dataset: Dataset) -> Criterion:
    """Check that most users can be ranked by every method on the same split."""
    counts = dataset.interactions["user_id"].value_counts()
    able = int((counts >= N_FOLDS).sum())
    return _check(
        dataset,
        "comparative evaluation",
        f"Have at least half of the users {N_FOLDS} interactions to train and test on?",
        f"{able:,} of {len(counts):,} users have.",
        "User-based, item-based and integrated recommenders are compared on the same users.",
        2 * able >= len(counts),
    )


def metrics(dataset: Dataset) -> Criterion:
    """Check that relevance is defined and not the same for every interaction."""
    question = "Can precision, recall and MAP tell good from bad?"
    why = "A metric needs relevant interactions, and ratings of one kind alone say nothing."
    if not dataset.has_ratings:
        finding = "No ratings: every held-out interaction counts as relevant."
        return _check(dataset, "metrics", question, finding, why, True)
    relevant = int((dataset.interactions["rating"] >= RELEVANT_FROM).sum())
    n = len(dataset.interactions)
    finding = f"{relevant:,} of {n:,} ratings are {RELEVANT_FROM:g} or more."
    return _check(dataset, "metrics", question, finding, why, 0 < relevant < n)


def compute(dataset: Dataset) -> Criterion:
    """Check that the dense matrices of the closed-form recommenders fit in memory."""
    scores = 4 * dataset.n_users * dataset.n_items
    pairs = 4 * dataset.n_items**2
    finding = (
        f"All scores take {scores / GIB:,.2f} GiB, the similarities of all items "
        f"{pairs / GIB:,.2f} GiB."
    )
    return _check(
        dataset,
        "compute",
        f"Do scores and similarities fit in {MEMORY / GIB:.0f} GiB each?",
        finding,
        "The report is meant to be made again on one ordinary machine.",
        max(scores, pairs) <= MEMORY,
    )


def robustness(dataset: Dataset) -> Criterion:
    """Check that means over users are sharp enough to compare recommenders."""
    # A value in [0, 1] has a standard deviation of at most 1/2.
    half_width = 1.96 * 0.5 / dataset.n_users**0.5
    return _check(
        dataset,
        "robustness",
        f"Is the 95 % interval of a mean over users within ± {HALF_WIDTH:.2f}?",
        f"With {dataset.n_users:,} users it is at most ± {half_width:.3f} wide.",
        "Few users make a difference between recommenders a matter of luck.",
        half_width <= HALF_WIDTH,
    )


def _check(
    dataset: Dataset, name: str, question: str, finding: str, why: str, passed: bool
) -> Criterion:
    return Criterion(name, question, finding, why, 0, len(dataset.interactions), passed)
