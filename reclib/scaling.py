"""How time, memory and quality change while one dimension of the data grows."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import product

import numpy as np
import numpy.typing as npt
import pandas as pd
import torch
from scipy import stats
from threadpoolctl import threadpool_limits

from reclib import recommenders
from reclib.datasets import Dataset
from reclib.experiment import Measured, measure_run
from reclib.inclusion.filters import unfinished
from reclib.progress import track
from reclib.ranking import rank
from reclib.splits import make_split
from reclib.study import Study

DIMENSIONS = ("interactions", "users", "items")
ONE_EPOCH = {"max_epochs": 1, "epochs": 1}
"""Networks are timed for one epoch of their default settings: how many epochs and how wide is
chosen by what the data say, not by how many they are."""


def sample(data: Dataset, dimension: str, fraction: float, seed: int) -> Dataset:
    """Keep a random part of the interactions, or all of a random part of the users or items.

    Parameters
    ----------
    data : Dataset
    dimension : {"interactions", "users", "items"}
    fraction : float
        Share that is kept, in (0, 1].
    seed : int
    """
    if fraction >= 1:
        return data
    frame, random = data.interactions, np.random.default_rng(seed)
    if dimension == "interactions":
        kept = random.random(len(frame)) < fraction
    else:
        ids = frame["user_id" if dimension == "users" else "item_id"]
        values = np.sort(ids.unique())
        chosen = random.choice(values, max(2, round(fraction * len(values))), replace=False)
        kept = ids.isin(chosen).to_numpy()
    # of few items some user has taken all, for whom no negative can be drawn
    return unfinished(data.with_interactions(frame[kept].reset_index(drop=True)))


def measure(
    study: Study, names: Sequence[str], *, fractions: Sequence[float], repeats: int
) -> pd.DataFrame:
    """Time each recommender on growing parts of the data, under ``holdout``, with one thread.

    Returns
    -------
    pandas.DataFrame
        One row a measurement: ``title``, ``dimension``, ``size``, ``fit seconds``,
        ``rank seconds``, ``peak memory (MB)`` and ``ndcg@10``.
    """
    parts: list[tuple[tuple[str, ...], float]]
    parts = [((each,), f) for each, f in product(DIMENSIONS, fractions) if f < 1]
    if max(fractions) >= 1:
        parts.append((DIMENSIONS, 1.0))  # one measurement serves all
    todo = list(product(parts, names, range(repeats)))
    rows = list(track(_rows(study, todo), total=len(todo), label="scaling"))
    return pd.concat(rows, ignore_index=True)


def _rows(
    study: Study, todo: Sequence[tuple[tuple[tuple[str, ...], float], str, int]]
) -> Iterator[pd.DataFrame]:
    for (dimensions, fraction), name, _repeat in todo:
        data = sample(study.dataset, dimensions[0], fraction, study.seed)
        split = make_split(data, "holdout", seed=study.seed)
        sizes = {
            "interactions": len(data.interactions),
            "users": data.n_users,
            "items": data.n_items,
        }
        with limited_threads(1):
            done = measure_run(name, split.at("valid"), settings=_timed_settings(study, name))
        row = {"title": _title(name), **_row(done)}
        yield pd.DataFrame([row | {"dimension": d, "size": sizes[d]} for d in dimensions])


def _title(name: str) -> str:
    return recommenders.CATALOGUE[name].title


def _timed_settings(study: Study, name: str) -> dict[str, object]:
    if recommenders.CATALOGUE[name].family == "deep":
        return dict(ONE_EPOCH)
    return dict(study.settings(name, "holdout"))


def _row(done: Measured) -> dict[str, float]:
    return {
        "fit seconds": done.fit_seconds,
        "rank seconds": done.rank_seconds,
        "peak memory (MB)": done.peak_memory_mb,
        "ndcg@10": done.summary["ndcg@10"],
    }


def exponents(frame: pd.DataFrame, columns: Sequence[str], *, level: float = 0.95) -> pd.DataFrame:
    """Fit ``y = a * size ** b`` by least squares on logarithms, with an interval for ``b``.

    Returns
    -------
    pandas.DataFrame
        One row for each title, dimension and column: ``exponent``, ``low``, ``high``.
    """
    rows = []
    for (title, dimension), part in frame.groupby(["title", "dimension"], sort=False):
        for column in columns:
            fit = stats.linregress(np.log(part["size"]), np.log(part[column].clip(lower=1e-6)))
            span = stats.t.ppf((1 + level) / 2, len(part) - 2) * fit.stderr
            low, high = fit.slope - span, fit.slope + span
            rows.append((title, dimension, column, fit.slope, low, high))
    names = ["title", "dimension", "measure", "exponent", "low", "high"]
    return pd.DataFrame(rows, columns=names)


def measure_cutoffs(
    study: Study, names: Sequence[str], cutoffs: Sequence[int], *, repeats: int
) -> pd.DataFrame:
    """Time the ranking of every user for each length of the list.

    Returns
    -------
    pandas.DataFrame
        One row a measurement: ``title``, ``cutoff``, ``rank seconds``.
    """
    split, rows = study.split("holdout").at("valid"), []
    for name in track(names, label="cutoffs", total=len(names)):
        fitted = recommenders.build(name, _timed_settings(study, name), seed=study.seed).fit(split)
        for cutoff, _ in product(cutoffs, range(repeats)):
            started = time.perf_counter()
            rank(fitted, split, k=min(cutoff, split.n_items))
            seconds = time.perf_counter() - started
            rows.append({"title": _title(name), "cutoff": cutoff, "rank seconds": seconds})
    return pd.DataFrame(rows)


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
    todo = list(product(names, threads, range(repeats)))
    first: dict[str, npt.NDArray[np.int32]] = {}
    for name, n, _ in track(todo, label="threads", total=len(todo)):
        with limited_threads(n):
            started = time.perf_counter()
            fitted = recommenders.build(name, _timed_settings(study, name), seed=study.seed)
            fitted.fit(split)
            seconds = time.perf_counter() - started
            top = rank(fitted, split, k=10).items
        same = bool((top == first.setdefault(name, top)).all())
        rows.append(
            {"title": _title(name), "threads": n, "fit seconds": seconds, "same scores": same}
        )
    return pd.DataFrame(rows)


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
