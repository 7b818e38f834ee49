"""How far there is to go: what a ranking by expected ratings reaches at a given error."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Self

import numpy as np
import pandas as pd

from reclib import recommenders
from reclib.metrics import evaluate
from reclib.progress import track
from reclib.recommenders.base import FloatArray, IntArray, Recommender
from reclib.splits import Split
from reclib.statistics import Floats
from reclib.study import Study


def rating_errors(study: Study, names: Sequence[str], metrics: Sequence[str]) -> pd.DataFrame:
    """Return error and ranking of recommenders that expect ratings, under ``rated-only``.

    Returns
    -------
    pandas.DataFrame
        A row a recommender: ``title``, ``rmse`` (`error_within`) and the metrics; none where the
        data has no ratings.
    """
    rows: list[dict[str, Any]] = []
    if not study.supported(["rated-only"]):
        return pd.DataFrame(rows, columns=["title", "rmse", *metrics])
    split = study.split("rated-only")
    for name in track(names, total=len(names), label="errors of ratings"):
        fitted = recommenders.build(name, study.settings(name, "rated-only"), seed=study.seed)
        found = evaluate(fitted.fit(split), split).summary
        error = error_within(_expected(fitted, split), split.targets)
        titled = {"title": recommenders.CATALOGUE[name].title, "rmse": error}
        rows.append(titled | {metric: found[metric] for metric in metrics})
    return pd.DataFrame(rows)


def _expected(fitted: Recommender, split: Split) -> Floats:
    """Return the scores of the targets, float64 ``[n_targets]``."""
    rows = split.targets
    found = np.empty(len(rows))
    for users in np.array_split(np.arange(split.n_users, dtype=np.int32), 1 + split.n_users // 512):
        mine = rows["user"].between(users[0], users[-1]).to_numpy()
        place = rows["user"].to_numpy()[mine] - users[0], rows["item"].to_numpy()[mine]
        found[mine] = fitted.scores(users)[place]
    return found


def error_within(expected: Floats, ratings: pd.DataFrame) -> float:
    """Return the root mean squared error within users, on the scale that fits best.

    A ranking knows neither the level of a user nor the scale of the scores: both are fitted, one
    level a user and one scale for all, and their number is taken off the degrees of freedom.

    Parameters
    ----------
    expected : numpy.ndarray
        float64 ``[n]``, scores of the rated items.
    ratings : pandas.DataFrame
        ``user`` and ``rating`` of the same ``n`` interactions.
    """
    users = ratings["user"].to_numpy()
    score, rating = (_centred(each, users) for each in (expected, ratings["rating"].to_numpy()))
    power = float(score @ score)
    rest = rating - (score @ rating / power if power else 0.0) * score
    return float(np.sqrt(rest @ rest / (len(users) - len(np.unique(users)))))


def _centred(values: Floats, users: IntArray) -> Floats:
    sums = np.bincount(users, np.asarray(values, np.float64))
    return np.asarray(values - (sums / np.maximum(np.bincount(users), 1))[users])


def error_curve(
    split: Split, errors: Sequence[float], metrics: Sequence[str], *, seed: int
) -> pd.DataFrame:
    """Return what a ranking by expected ratings reaches if they are unbiased and off by so much.

    The best linear expectation of a rating, whose error is e within users where ratings vary by
    v, ranks like the rating itself plus independent noise of variance ``v e^2 / (v - e^2)``: both
    have the correlation ``sqrt(1 - e^2 / v)`` with it. The noise is normal and the same for all,
    which that of a real recommender is not.

    Parameters
    ----------
    split : Split
        Under ``rated-only``.
    errors : sequence of float
        Root mean squared errors within users; those not below that of knowing nothing are left
        out.
    metrics : sequence of str
    seed : int

    Returns
    -------
    pandas.DataFrame
        A row an error: ``rmse`` and the metrics.
    """
    rows, random = split.targets, np.random.default_rng(seed)
    nothing = error_within(np.zeros(len(rows)), rows)
    found = []
    for error in (each for each in errors if each < nothing):
        spread = error / np.sqrt(1 - (error / nothing) ** 2)
        known = Known(rows.assign(score=rows["rating"] + random.normal(0, spread, len(rows))))
        summary = evaluate(known.fit(split), split).summary
        found.append({"rmse": error} | {metric: summary[metric] for metric in metrics})
    return pd.DataFrame(found, columns=["rmse", *metrics])


class Known(Recommender):
    """Scores some items of each user by a table; all others come last.

    Parameters
    ----------
    scores : pandas.DataFrame
        ``user``, ``item`` and ``score``.
    """

    def __init__(self, scores: pd.DataFrame) -> None:
        self.table = scores

    def fit(self, split: Split) -> Self:
        """Take the size of the catalogue; there is nothing to learn."""
        self.n_items = split.n_items
        return self

    def scores(self, users: IntArray) -> FloatArray:
        """Return float32 scores ``[len(users), n_items]``."""
        found = np.full((len(users), self.n_items), -np.inf, np.float32)
        mine = self.table[self.table["user"].isin(users)]
        place = pd.Series(range(len(users)), index=users)[mine["user"]].to_numpy()
        found[place, mine["item"].to_numpy()] = mine["score"].to_numpy()
        return found


def error_needed(curve: pd.DataFrame, metric: str, value: float) -> float:
    """Return the error at which the curve reaches a value; NaN beyond its ends."""
    rising = curve.sort_values(metric)
    inside = rising[metric].iloc[0] <= value <= rising[metric].iloc[-1]
    return float(np.interp(value, rising[metric], rising["rmse"])) if inside else float("nan")


def reached_at(curve: pd.DataFrame, metric: str, error: float) -> float:
    """Return what the curve reaches at an error, the value at its end beyond that."""
    rising = curve.sort_values("rmse")
    return float(np.interp(error, rising["rmse"], rising[metric]))
