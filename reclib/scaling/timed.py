"""What is timed: which settings a recommender has, and how it is made ready to be timed."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from typing import Any

from reclib import recommenders
from reclib.recommenders import Recommender
from reclib.scaling.samples import sample
from reclib.splits import Split, make_split
from reclib.study import Study

ONE_EPOCH = {"max_epochs": 1, "epochs": 1}
"""Networks are timed for one epoch of their default settings: how many epochs and how wide is
chosen by what the data say, not by how many they are."""
WARM_UP_USERS = 50
"""Users on whom a recommender is fitted before anything is timed."""


def title_of(name: str) -> str:
    """Return how a recommender is called in print."""
    return recommenders.CATALOGUE[name].title


def is_network(name: str) -> bool:
    """Return whether a recommender is one of our networks."""
    return recommenders.CATALOGUE[name].family == "deep"


def timed_settings(study: Study, name: str) -> dict[str, Any]:
    """Return the settings with which a recommender is timed."""
    if is_network(name):
        return dict(ONE_EPOCH)
    return dict(study.settings(name, "holdout"))


def fitted(study: Study, name: str, split: Split, **settings: Any) -> Recommender:
    """Return a recommender that was fitted on a split with the settings of `timed_settings`."""
    chosen = timed_settings(study, name) | settings
    return recommenders.build(name, chosen, seed=study.seed).fit(split)


def warm_up(study: Study, names: Iterable[str]) -> None:
    """Fit each recommender on a few users, so that nothing is imported while the clock runs."""
    share = WARM_UP_USERS / study.dataset.n_users
    few = make_split(sample(study.dataset, "users", share, study.seed), "holdout").at("valid")
    for name in names:
        fitted(study, name, few)


def seconds_of(call: Callable[[], Any]) -> float:
    """Return the seconds that a call takes."""
    started = time.perf_counter()
    call()
    return time.perf_counter() - started
