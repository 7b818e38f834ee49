"""What answering costs: users ranked a second, and how long one user waits."""

from __future__ import annotations

import time
from collections.abc import Sequence
from itertools import product

import numpy as np
import pandas as pd

from reclib import recommenders
from reclib.progress import track
from reclib.ranking import top_k
from reclib.recommenders import Recommender
from reclib.scaling import limited_threads, sample, timed_settings
from reclib.splits import Split, make_split
from reclib.study import Study

USERS_AT_ONCE = 512
SLOW = 0.95
"""Share of the answers that come within the longer of the two latencies."""


def measure_serving(
    study: Study,
    names: Sequence[str],
    *,
    fractions: Sequence[float] = (1.0,),
    k: int = 10,
    n_users: int = 1000,
    n_single: int = 200,
    threads: int = 1,
) -> pd.DataFrame:
    """Measure each recommender on catalogues of several sizes, under ``holdout``.

    Parameters
    ----------
    study : Study
    names : sequence of str
        Recommenders, fitted with the settings that `reclib.scaling` times them with: networks
        for one epoch, since how long they were trained does not change how fast they answer.
    fractions : sequence of float
        Shares of the items that are kept, in (0, 1].
    k, n_users, n_single : int
        See `serve`.
    threads : int

    Returns
    -------
    pandas.DataFrame
        One row a recommender and fraction: ``title``, ``items`` and the columns of `serve`.
    """
    rows = []
    todo = list(product(fractions, names))
    for fraction, name in track(todo, label="serving", total=len(todo)):
        split = make_split(sample(study.dataset, "items", fraction, study.seed), "holdout",
                           seed=study.seed).at("valid")  # fmt: skip
        with limited_threads(threads):
            fitted = recommenders.build(name, timed_settings(study, name), seed=study.seed)
            found = serve(fitted.fit(split), split, k=k, n_users=n_users, n_single=n_single,
                          seed=study.seed)  # fmt: skip
        row = {"title": recommenders.CATALOGUE[name].title, "items": split.n_items}
        rows.append(row | {"threads": threads} | found)
    return pd.DataFrame(rows)


def serve(
    recommender: Recommender,
    split: Split,
    *,
    k: int = 10,
    n_users: int = 1000,
    n_single: int = 200,
    seed: int = 2026,
) -> dict[str, float]:
    """Time a fitted recommender on users drawn at random, each against the whole catalogue.

    An answer is the scores of the catalogue, the history left out, and the best k in order. The
    first answers warm caches up and are not timed.

    Parameters
    ----------
    recommender : Recommender
        Fitted on the split.
    split : Split
    k : int
        Length of the lists, at most the size of the catalogue.
    n_users : int
        Users ranked together, as many at a time as the evaluator takes.
    n_single : int
        Users asked for one at a time.
    seed : int
        Of the users that are drawn, with repetition.

    Returns
    -------
    dict of str to float
        ``users a second`` of the former; ``median ms`` and ``95 % ms``, the median and the 95th
        percentile of the latency of the latter, in milliseconds.
    """
    random, k = np.random.default_rng(seed), min(k, split.n_items)
    users = random.choice(split.users(), n_users).astype(np.int32)
    at_once = USERS_AT_ONCE
    answer(recommender, split, users[:at_once], k)
    seconds = sum(
        answer(recommender, split, users[start : start + at_once], k)
        for start in range(0, n_users, at_once)
    )
    alone = random.choice(split.users(), n_single + 1).astype(np.int32)
    waits = [answer(recommender, split, alone[i : i + 1], k) for i in range(n_single + 1)][1:]
    return {
        "users a second": n_users / seconds,
        "median ms": 1000 * float(np.median(waits)),
        "95 % ms": 1000 * float(np.quantile(waits, SLOW)),
    }


def answer(recommender: Recommender, split: Split, users: np.ndarray, k: int) -> float:
    """Return the seconds that the lists of some users take."""
    started = time.perf_counter()
    scores = np.where(split.candidates(users), recommender.scores(users), -np.inf)
    top_k(scores, k)
    return time.perf_counter() - started
