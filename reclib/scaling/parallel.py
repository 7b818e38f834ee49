"""What more threads and more processes bring, and whether the lists stay the same."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from itertools import product
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import torch
from threadpoolctl import threadpool_limits

from reclib.progress import track
from reclib.ranking import rank
from reclib.scaling.timed import fitted, seconds_of, timed_settings, title_of, warm_up
from reclib.study import Spec, Study


def measure_threads(
    study: Study, names: Sequence[str], threads: Sequence[int], *, repeats: int
) -> pd.DataFrame:
    """Time the fit with each number of threads, and compare the lists that come out.

    Returns
    -------
    pandas.DataFrame
        One row a measurement: ``title``, ``threads``, ``fit seconds`` and ``same scores``,
        whether the top ten of every user are those of the first number of threads.
    """
    split, rows = study.split("holdout").at("valid"), []
    warm_up(study, names)
    todo = list(product(names, range(repeats), threads))
    first: dict[str, npt.NDArray[np.int32]] = {}
    for name, _, n in track(todo, label="threads", total=len(todo)):
        made: list[Any] = []
        with limited_threads(n):
            seconds = seconds_of(lambda: made.append(fitted(study, name, split)))  # noqa: B023
            top = rank(made[0], split, k=10).items
        same = bool((top == first.setdefault(name, top)).all())
        rows.append(
            {"title": title_of(name), "threads": n, "fit seconds": seconds, "same scores": same}
        )
    return pd.DataFrame(rows)


def measure_workers(
    study: Study, names: Sequence[str], workers: Sequence[int], *, folds: int, repeats: int
) -> pd.DataFrame:
    """Time `Study.run_all` with each number of worker processes, and compare all lists.

    Every recommender is run on so many folds of ``holdout``, into a ledger of its own that is
    thrown away; splits are made, and processes started, before the clock runs.

    Returns
    -------
    pandas.DataFrame
        One row a measurement: ``title``, ``workers``, ``runs``, ``lists`` (of how many users),
        ``seconds`` and ``same lists``, whether all of them are those of the first number of
        workers.
    """
    specs = [
        Spec(name, "holdout", fold=fold, settings=_epochs(study, name))
        for fold, name in product(range(folds), names)
    ]
    rows, first = [], None
    for _, n in product(range(repeats), workers):
        with tempfile.TemporaryDirectory() as folder, limited_threads(1):
            other = replace(study, build_dir=folder, workers=n)
            splits = [other.split("holdout", fold) for fold in range(folds)]
            # each worker reads the data once and imports what the runs need
            other.run_all([Spec("popularity", "holdout", seed=s) for s in range(2 * n)], "workers")
            made: list[Any] = []
            seconds = seconds_of(lambda: made.extend(other.run_all(specs, "workers")))  # noqa: B023
            tops = [run.top for run in made]
        first = tops if first is None else first
        same = all(np.array_equal(a, b) for a, b in zip(first, tops, strict=True))
        users = sum(len(split.users()) for split in splits) * len(names)
        rows.append({"title": "Runs of a study", "workers": n, "runs": len(specs),
                     "lists": users, "seconds": seconds, "same lists": same})  # fmt: skip
    return pd.DataFrame(rows)


def _epochs(study: Study, name: str) -> dict[str, Any]:
    settings = timed_settings(study, name)
    return {key: settings[key] for key in ("max_epochs", "epochs") if key in settings}


def speed_ups(frame: pd.DataFrame, by: str, column: str) -> pd.DataFrame:
    """Return how many times faster more threads or workers are than one.

    Parameters
    ----------
    frame : pandas.DataFrame
        Columns ``title``, ``by`` (a number of threads or workers, 1 among them) and ``column``
        (seconds).

    Returns
    -------
    pandas.DataFrame
        One row for each title and number: ``title``, ``n``, ``seconds`` (the median), ``speed-up``
        and ``efficiency`` (speed-up over n).
    """
    medians = frame.groupby(["title", by], sort=False)[column].median().rename("seconds")
    table = medians.reset_index().rename(columns={by: "n"})
    alone = table[table["n"] == 1].set_index("title")["seconds"]
    table["speed-up"] = table["title"].map(alone) / table["seconds"]
    table["efficiency"] = table["speed-up"] / table["n"]
    return table


def amdahl(table: pd.DataFrame) -> pd.DataFrame:
    """Fit the serial share of Amdahl's law to speed-ups, by least squares on ``1 / speed-up``.

    ``1 / S(n) = s + (1 - s) / n``: Amdahl, "Validity of the single processor approach to
    achieving large scale computing capabilities", AFIPS 1967. A share is kept between 0 and 1: a
    speed-up above n, or below 1, is outside the law.

    Parameters
    ----------
    table : pandas.DataFrame
        As `speed_ups` returns it.

    Returns
    -------
    pandas.DataFrame
        One row a title: ``title``, ``serial share`` and ``limit``, the speed-up that no number of
        threads or workers can pass (infinite for a share of 0).
    """
    rows = []
    for title, part in table[table["n"] > 1].groupby("title", sort=False):
        x = 1 - 1 / part["n"].to_numpy()
        y = 1 / part["speed-up"].to_numpy() - 1 / part["n"].to_numpy()
        share = float(np.clip((x * y).sum() / (x**2).sum(), 0.0, 1.0))
        limit = 1 / share if share > 0 else np.inf
        rows.append({"title": title, "serial share": share, "limit": limit})
    return pd.DataFrame(rows, columns=["title", "serial share", "limit"])


@contextmanager
def limited_threads(n: int) -> Iterator[None]:
    """Limit BLAS, OpenMP and torch to ``n`` threads for the time of the block."""
    before = torch.get_num_threads()
    torch.set_num_threads(n)
    try:
        with threadpool_limits(n):
            yield
    finally:
        torch.set_num_threads(before)
