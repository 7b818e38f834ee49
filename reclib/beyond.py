"""What lists are like besides right: diverse, novel, popular, calibrated, and fair to groups."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import numpy.typing as npt
import pandas as pd
import scipy.sparse as sp
from scipy import stats

from reclib.datasets import Dataset
from reclib.ledger import Run
from reclib.recommenders.base import IntArray
from reclib.splits import Split
from reclib.statistics import Comparison, bootstrap_interval, correct

Floats = npt.NDArray[np.float64]
SMOOTHING = 0.01
"""Share of the user's own distribution that is mixed into that of the list (Steck, equation 7)."""
FEWEST = 20
"""Users that a group needs before it is compared."""
QUARTERS = 4
FEW_NUMBERS, MOST_GROUPS = 10, 30
"""Numbers of more values are put into quarters; other attributes of more make no groups."""


def categories(dataset: Dataset, item_ids: npt.NDArray[np.object_]) -> sp.csr_matrix | None:
    """Return the categories of each item, float32 ones ``[n_items, n_categories]``.

    They are the words of the first attribute of several values that is no title, genres for
    films; None if there is no such attribute.
    """
    items = dataset.items
    several = [name for name, kind in dataset.kinds.items() if kind == "token_seq"]
    names = [n for n in several if items is not None and n in items and "title" not in n]
    if items is None or not names:
        return None
    words = items.set_index("item_id")[names[0]].reindex(item_ids).fillna("").str.split()
    exploded = words.reset_index(drop=True).explode().dropna()
    codes, found = pd.factorize(exploded, sort=True)
    place = (exploded.index.to_numpy(), codes)
    ones = np.ones(len(codes), np.float32)
    return sp.csr_matrix((ones, place), shape=(len(item_ids), len(found)))


def diversity(items: IntArray, features: sp.csr_matrix) -> Floats:
    """Return the mean Jaccard distance between the items of each list, float64 ``[n]``.

    Ziegler et al., "Improving recommendation lists through topic diversification", WWW 2005,
    section 3.3, as a distance. Two items of no category at all are alike.

    Parameters
    ----------
    items : numpy.ndarray
        int32 ``[n, k]``, -1 at the end of short lists.
    features : scipy.sparse.csr_matrix
        Ones ``[n_items, n_categories]``.

    Returns
    -------
    numpy.ndarray
        NaN for lists with fewer than two items.
    """
    dense = features.toarray()[np.maximum(items, 0)]  # [n, k, n_categories]
    shared = np.einsum("nac,nbc->nab", dense, dense)
    sizes = dense.sum(axis=2)
    united = sizes[:, :, None] + sizes[:, None, :] - shared
    distance = 1 - np.divide(shared, united, out=np.ones_like(shared), where=united > 0)
    filled = items >= 0
    pairs = (filled[:, :, None] & filled[:, None, :]) & ~np.eye(items.shape[1], dtype=bool)
    n_pairs = pairs.sum(axis=(1, 2))
    total = np.where(pairs, distance, 0.0).sum(axis=(1, 2))
    return np.divide(total, n_pairs, out=np.full(len(items), np.nan), where=n_pairs > 0)


def mean_popularity(lists: sp.csr_matrix, counts: npt.NDArray[np.integer]) -> Floats:
    """Return the mean popularity of the items of each row, float64 ``[n]``; NaN for none.

    The average recommendation popularity (ARP) of Abdollahpouri et al., "The unfairness of
    popularity bias in recommendation", RMSE at RecSys 2019, where rows are lists.
    """
    lengths = np.asarray(lists.sum(axis=1)).ravel()
    total = np.asarray(lists @ counts, dtype=float)
    return np.divide(total, lengths, out=np.full(len(total), np.nan), where=lengths > 0)


def distribution(lists: sp.csr_matrix, features: sp.csr_matrix) -> Floats:
    """Return the shares of the categories in each row, float64 ``[n, n_categories]``.

    An item of several categories counts for each in equal parts (Steck, section 3); a row
    without any category is zero.
    """
    sizes = np.maximum(np.asarray(features.sum(axis=1)), 1)
    total = np.asarray((lists @ features.multiply(1 / sizes).tocsr()).todense(), dtype=float)
    mass = total.sum(axis=1, keepdims=True)
    return np.divide(total, mass, out=np.zeros_like(total), where=mass > 0)


def miscalibration(profile: Floats, shown: Floats) -> Floats:
    """Return the Kullback-Leibler divergence of lists from profiles in nats, float64 ``[n]``.

    Steck, "Calibrated recommendations", RecSys 2018, equations 6 and 7: ``sum_g p_g log(p_g /
    q_g)``, with a hundredth of p in q so that it is finite. 0 is a list as the profile is.
    """
    mixed = (1 - SMOOTHING) * shown + SMOOTHING * profile
    ratio = np.divide(profile, mixed, out=np.ones_like(profile), where=profile > 0)
    return np.asarray((profile * np.log(ratio)).sum(axis=1))


def beyond_accuracy(run: Run, split: Split, k: int) -> pd.DataFrame:
    """Return what the lists of a run are like, one row a ranked user.

    Parameters
    ----------
    run : Run
        With its lists.
    split : Split
        The one that the run was ranked on.
    k : int

    Returns
    -------
    pandas.DataFrame
        Index ``user``: ``novelty@k`` and ``lift@k``, the mean popularity of the list over that
        of the history, less 1 (the group average popularity of Abdollahpouri et al., user by
        user); with categories of items also ``diversity@k`` and ``miscalibration@k``.
    """
    items, users = run.top[:, :k], run.per_user.index.to_numpy()
    lists, history = rows_of(items, split.n_items), split.matrix("history")[users]
    counts = np.bincount(split.train["item"], minlength=split.n_items)
    values = {f"novelty@{k}": run.per_user[f"novelty@{k}"].to_numpy()}
    values[f"lift@{k}"] = mean_popularity(lists, counts) / mean_popularity(history, counts) - 1
    if (features := categories(split.dataset, split.item_ids)) is not None:
        profile, shown = (distribution(each, features) for each in (history, lists))
        values[f"diversity@{k}"] = diversity(items, features)
        values[f"miscalibration@{k}"] = miscalibration(profile, shown)
    return pd.DataFrame(values, index=run.per_user.index)


def rows_of(items: IntArray, n_items: int) -> sp.csr_matrix:
    """Return lists as a sparse matrix, ones ``[n, n_items]``."""
    users, places = np.nonzero(items >= 0)
    place = (users, items[users, places])
    return sp.csr_matrix((np.ones(len(users)), place), shape=(len(items), n_items))


def demographics(split: Split, users: IntArray) -> pd.DataFrame:
    """Return the attributes of users that make groups; numbers of many values in quarters.

    What hardly two users share, such as a postcode, makes none.

    Returns
    -------
    pandas.DataFrame
        Index ``user``, a column an attribute, str; empty without attributes.
    """
    frame = split.dataset.users
    index = pd.Index(users, name="user")
    if frame is None:
        return pd.DataFrame(index=index)
    known = frame.set_index("user_id").reindex(split.user_ids[users]).set_axis(index)
    found = {}
    for name, column in known.items():
        numbers = pd.to_numeric(column, errors="coerce")
        if numbers.notna().mean() > 0.9 and FEW_NUMBERS < numbers.nunique() <= len(users) / 2:
            found[str(name)] = _quarters(numbers)
        elif column.nunique() <= MOST_GROUPS:
            found[str(name)] = column.astype(str)
    return pd.DataFrame(found, index=index)


def _quarters(numbers: pd.Series) -> pd.Series:
    edges = np.unique(np.quantile(numbers.dropna(), np.linspace(0, 1, QUARTERS + 1)))
    names = [f"{low:.0f} to {high:.0f}" for low, high in pairwise(edges)]
    return pd.Series(pd.cut(numbers, edges, labels=names, include_lowest=True).astype(str))


def gaps(values: pd.Series, groups: pd.DataFrame) -> pd.DataFrame:
    """Compare each group with everybody else, Holm-corrected over all groups.

    Parameters
    ----------
    values : pandas.Series
        A metric, one value a user.
    groups : pandas.DataFrame
        As `demographics` returns it.

    Returns
    -------
    pandas.DataFrame
        ``attribute``, ``group``, ``users``, ``mean`` (difference of the means), ``low`` and
        ``high`` (its 95 % interval), ``p_holm`` (Welch's test), ``verb``.
    """
    rows: list[dict[str, object]] = []
    tests: list[Comparison] = []
    for attribute in groups:
        for group, some in groups.groupby(attribute)[attribute]:
            inside, rest = values.loc[some.index], values.drop(some.index)
            if min(len(inside), len(rest)) >= FEWEST:
                rows.append({"attribute": attribute, "group": group, "users": len(inside)})
                tests.append(_welch(inside.to_numpy(), rest.to_numpy()))
    columns = ["attribute", "group", "users", "mean", "low", "high", "p_holm", "verb"]
    return pd.DataFrame(
        [
            row | {"mean": each.difference, "low": each.interval[0], "high": each.interval[1],
                   "p_holm": each.p_holm, "verb": each.verb}
            for row, each in zip(rows, correct(tests), strict=True)
        ],
        columns=columns,
    )  # fmt: skip


def _welch(inside: Floats, rest: Floats) -> Comparison:
    """Return Welch's test of two groups, with the interval of its own distribution."""
    found = stats.ttest_ind(inside, rest, equal_var=False)
    low, high = found.confidence_interval(0.95)
    difference, base = float(inside.mean() - rest.mean()), float(rest.mean())
    p = float(found.pvalue) if np.isfinite(found.pvalue) else 1.0
    relative = difference / base if base else float("nan")
    return Comparison(difference, (float(low), float(high)), relative, p, p)


def summarized(
    tables: dict[str, pd.DataFrame], coverage: dict[str, float], k: int, *, seed: int = 2026
) -> pd.DataFrame:
    """Return the mean of each trait over users with its 95 % bootstrap interval.

    Parameters
    ----------
    tables : dict of str to pandas.DataFrame
        By recommender, as `beyond_accuracy` returns them.
    coverage : dict of str to float
        Catalogue coverage by recommender, of all lists together and so without an interval.
    k, seed : int

    Returns
    -------
    pandas.DataFrame
        ``recommender``, ``metric``, ``mean``, ``low``, ``high``.
    """
    rows: list[Sequence[object]] = []
    for name, table in tables.items():
        share = coverage[name]
        rows.append((name, f"coverage@{k}", share, share, share))
        for metric in table:
            known = table[metric].dropna().to_numpy(dtype=float)
            ends = bootstrap_interval(known, seed=seed)
            rows.append((name, str(metric), float(known.mean()), *ends))
    return pd.DataFrame(rows, columns=["recommender", "metric", "mean", "low", "high"])
