"""What lists cost once a recommender is fitted: by length, by batch, and one user at a time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import product
from typing import Any

import pandas as pd

from reclib.metrics import evaluate
from reclib.progress import track
from reclib.ranking import rank
from reclib.recommenders import Recommender
from reclib.scaling.parallel import limited_threads
from reclib.scaling.samples import grow
from reclib.scaling.timed import fitted, seconds_of, title_of
from reclib.splits import make_split
from reclib.study import Study


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
        made = fitted(study, name, split)
        for cutoff, _ in product(cutoffs, range(repeats)):
            k = min(cutoff, split.n_items)
            seconds = seconds_of(lambda: rank(made, split, k=k))  # noqa: B023
            rows.append({"title": title_of(name), "cutoff": cutoff, "rank seconds": seconds})
    return pd.DataFrame(rows)


def measure_batches(
    study: Study, names: Sequence[str], batches: Sequence[int], *, repeats: int
) -> pd.DataFrame:
    """Time the ranking of every user, so many at a time, with one thread.

    Returns
    -------
    pandas.DataFrame
        One row a measurement: ``title``, ``batch``, ``users a second`` and ``same lists``, whether
        they are those of the first batch size.
    """
    split, rows = study.split("holdout").at("valid"), []
    for name in track(names, label="batches", total=len(names)):
        with limited_threads(1):
            made, first = fitted(study, name, split), None
            for batch, _ in product(batches, range(repeats)):
                lists: list[Any] = []
                seconds = seconds_of(
                    lambda: lists.append(rank(made, split, 10, batch).items)  # noqa: B023
                )
                first = lists[0] if first is None else first
                rows.append({
                    "title": title_of(name), "batch": batch,
                    "users a second": len(split.users()) / seconds,
                    "same lists": bool((lists[0] == first).all()),
                })  # fmt: skip
    return pd.DataFrame(rows)


def measure_training_batches(
    study: Study, names: Sequence[str], batches: Sequence[int], *, repeats: int
) -> pd.DataFrame:
    """Time one epoch of each network with so many histories in a batch, with one thread.

    Returns
    -------
    pandas.DataFrame
        One row a measurement: ``title``, ``batch``, ``interactions a second`` and ``ndcg@10``
        after that epoch, which takes fewer steps in larger batches.
    """
    split, rows = study.split("holdout").at("valid"), []
    todo = list(product(names, batches, range(repeats)))
    for name, batch, _ in track(todo, label="training batches", total=len(todo)):
        made: list[Recommender] = []
        with limited_threads(1):
            seconds = seconds_of(
                lambda: made.append(fitted(study, name, split, batch_size=batch))  # noqa: B023
            )
            value = evaluate(made[0], split, (10,)).summary["ndcg@10"]
        rate = len(split.train) / seconds
        rows.append({"title": title_of(name), "batch": batch, "interactions a second": rate,
                     "ndcg@10": value})  # fmt: skip
    return pd.DataFrame(rows)


def measure_catalogues(
    study: Study, catalogues: Mapping[str, Sequence[int]], *, n_single: int = 200
) -> pd.DataFrame:
    """Measure what answering costs on catalogues that are made larger; see `reclib.serving`.

    Parameters
    ----------
    study : Study
    catalogues : mapping of str to sequence of int
        For each recommender, how many times larger the catalogue is made; see `grow`.
    n_single : int
        Users who are served one at a time.

    Returns
    -------
    pandas.DataFrame
        One row for each recommender and catalogue: ``title``, ``items`` and the columns of
        `reclib.serving.serve`.
    """
    from reclib.serving import serve  # here, because serving imports this package

    todo = [(name, factor) for name, factors in catalogues.items() for factor in factors]
    rows = []
    for name, factor in track(todo, label="serving", total=len(todo)):
        data = grow(study.dataset, factor, study.seed)
        split = make_split(data, "holdout", seed=study.seed).at("valid")
        with limited_threads(1):
            found = serve(fitted(study, name, split), split, n_single=n_single, seed=study.seed)
        rows.append({"title": title_of(name), "items": split.n_items} | found)
    return pd.DataFrame(rows)
