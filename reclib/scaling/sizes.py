"""Time, memory and quality while one dimension of the data grows, and the power laws in them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import product

import numpy as np
import pandas as pd
from scipy import stats

from reclib.experiment import Measured, measure_run
from reclib.progress import track
from reclib.scaling.parallel import limited_threads
from reclib.scaling.samples import sample
from reclib.scaling.timed import timed_settings, title_of, warm_up
from reclib.splits import make_split
from reclib.study import Study

DIMENSIONS = ("interactions", "users", "items")


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
    warm_up(study, names)
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
            done = measure_run(name, split.at("valid"), settings=timed_settings(study, name))
        row = {"title": title_of(name), **_row(done)}
        yield pd.DataFrame([row | {"dimension": d, "size": sizes[d]} for d in dimensions])


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
