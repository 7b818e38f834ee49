"""User-based and item-based CF against loops that follow the papers' sums."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from planted import checkerboard, dataset, everybody, split_of
from scipy.stats import rankdata

from reclib.recommenders import Recommender, build
from reclib.recommenders.recbole_models import FromHistory
from reclib.splits import Split

KNN = {"similarity": "cosine", "weighting": "none", "shrink": 2.0, "locality": 1.0}


def scattered(protocol: str = "holdout", seed: int = 5) -> Split:
    """Thirty users with some twelve of 25 items each and any rating from 0.5 to 5."""
    random = np.random.default_rng(seed)
    users, items = np.nonzero(random.random((30, 25)) < np.linspace(0.2, 0.8, 25))
    return split_of(dataset(pd.DataFrame({
        "user": users, "item": items, "timestamp": random.random(len(users)),
        "rating": random.integers(1, 11, len(users)) / 2 + 0.01 * random.random(len(users)),
    })), protocol)  # fmt: skip


def fit(name: str, split: Split, **settings: Any) -> Recommender:
    return build(name, settings).fit(split)


def cosine(x: np.ndarray, shrink: float, k: int) -> np.ndarray:
    """Return similarities of rows: the k largest positive ones of each, ties kept."""
    n = len(x)
    found = np.zeros((n, n))
    for a in range(n):
        for b in range(n):
            if a != b:
                below = np.sqrt((x[a] ** 2).sum()) * np.sqrt((x[b] ** 2).sum()) + shrink
                found[a, b] = x[a] @ x[b] / below
        last = np.sort(found[a])[::-1][min(k, n) - 1]
        found[a, (found[a] < last - 1e-9) | (found[a] < 0)] = 0.0
    return found


@pytest.mark.parametrize(("k", "locality"), [(4, 1.0), (1000, 1.0), (1000, 3.0)])
def test_user_based_scores_are_the_votes_of_the_neighbours(k: int, locality: float) -> None:
    split = scattered()
    taken = split.matrix("train").toarray().astype(float)
    near = cosine(taken, 2.0, k) ** locality
    expected = np.zeros_like(taken)
    for user in range(split.n_users):
        for item in range(split.n_items):
            expected[user, item] = sum(
                near[user, other] for other in range(split.n_users) if taken[other, item]
            )
    found = fit("user-knn", split, **KNN | {"locality": locality}, n_neighbours=k)
    scores = found.scores(everybody(split))
    np.testing.assert_allclose(scores, expected, rtol=1e-4, atol=1e-5)


def test_inverted_votes_come_from_those_who_would_have_the_user_among_their_nearest() -> None:
    """Written out as a loop over voters; scores are over popularity to the power 0.3."""
    split = scattered()
    taken = split.matrix("train").toarray().astype(float)
    near = cosine(taken, 2.0, 4)  # row v: the nearest of v
    expected = np.zeros_like(taken)
    for voter in range(split.n_users):
        for user in np.flatnonzero(near[voter]):
            expected[user] += near[voter, user] * taken[voter]
    expected /= np.maximum(taken.sum(axis=0), 1) ** 0.3
    found = fit("user-knn", split, **KNN, n_neighbours=4, inverted=True, discount=0.3)
    np.testing.assert_allclose(found.scores(everybody(split)), expected, rtol=1e-4, atol=1e-5)


def test_with_all_for_neighbours_it_does_not_matter_who_chooses() -> None:
    split = scattered()
    ask = KNN | {"similarity": "asymmetric", "alpha": 0.8, "weighting": "bm25"}
    one, two = (
        fit("user-knn", split, **ask, n_neighbours=1000, inverted=inverted)
        for inverted in (False, True)
    )
    np.testing.assert_allclose(one.scores(everybody(split)), two.scores(everybody(split)), 1e-5)


def test_plain_ease_is_recboles_and_the_defaults_are_plain() -> None:
    split = scattered()
    ours = fit("ease", split, reg_weight=7.0).scores(everybody(split))
    theirs = FromHistory("EASE", reg_weight=7.0).fit(split).scores(everybody(split))
    np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    ("user_weight", "dropout", "discount"), [(0.5, 0.0, 0.0), (0.0, 0.4, 0.0), (0.7, 0.2, 0.1)]
)
def test_ease_minimizes_its_weighted_error_without_a_diagonal(
    user_weight: float, dropout: float, discount: float
) -> None:
    """Each column is a ridge regression on the other items, solved on its own."""
    split = scattered()
    taken = split.matrix("train").toarray().astype(float)
    size, popularity = taken.sum(axis=1), taken.sum(axis=0)
    weight = size**-user_weight * size.sum() / (size ** (1 - user_weight)).sum()
    gram, b = taken.T @ (weight[:, None] * taken), np.zeros((25, 25))
    ridge = 7.0 + dropout / (1 - dropout) * np.diag(gram)
    for item in range(25):
        rest = np.delete(np.arange(25), item)
        left = gram[np.ix_(rest, rest)] + np.diag(ridge[rest])
        b[rest, item] = np.linalg.solve(left, gram[rest, item]) * popularity[item] ** -discount
    options = {"user_weight": user_weight, "dropout": dropout, "discount": discount}
    found = fit("ease", split, reg_weight=7.0, **options).scores(everybody(split))
    np.testing.assert_allclose(found, taken @ b, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("k", [4, 1000])
def test_item_based_scores_add_up_similarities_to_the_history(k: int) -> None:
    split = scattered()
    taken = split.matrix("train").toarray().astype(float)
    near = cosine(taken.T, 2.0, k)
    expected = np.zeros_like(taken)
    for user in range(split.n_users):
        for item in range(split.n_items):
            expected[user, item] = sum(near[item, j] for j in np.flatnonzero(taken[user]))
    found = fit("item-knn", split, **KNN, n_neighbours=k).scores(everybody(split))
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)


def test_item_based_cosine_agrees_with_recbole() -> None:
    """All neighbours are kept: RecBole breaks ties among the last ones by chance."""
    split = scattered()
    ours = fit("item-knn", split, **KNN, n_neighbours=1000).scores(everybody(split))
    theirs = fit("recbole-itemknn", split, k=1000, shrink=2.0).scores(everybody(split))
    np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=1e-6)
    for mine, other in zip(ours, theirs, strict=True):
        assert rankdata(mine.round(4)).tolist() == rankdata(other.round(4)).tolist()


def baselines(ratings: np.ndarray, centre: str, damping: float) -> tuple[float, Any, Any]:
    """Return mean, item and user deviations over rated cells; NaN is unrated."""
    n_users, n_items = ratings.shape
    mean, items, users = float(np.nanmean(ratings)), np.zeros(n_items), np.zeros(n_users)
    for item in range(n_items) if centre == "bias" else ():
        column = ratings[:, item][~np.isnan(ratings[:, item])]
        items[item] = (column - mean).sum() / (len(column) + damping)
    for user in range(n_users):
        known = np.flatnonzero(~np.isnan(ratings[user]))
        users[user] = (ratings[user, known] - mean - items[known]).sum() / (len(known) + damping)
    return mean, items, users


@pytest.mark.parametrize("centre", ["user", "bias"])
@pytest.mark.parametrize("kind", ["user", "item"])
@pytest.mark.parametrize("damping", [0.0, 4.0])
def test_rating_based_scores_are_expected_ratings(kind: str, centre: str, damping: float) -> None:
    split = scattered("rated-only")
    ratings = split.matrix("train", "rating").toarray().astype(float)
    ratings[split.matrix("train").toarray() == 0] = np.nan
    mean, items, users = baselines(ratings, centre, damping)
    rest = ratings - mean - items - users[:, None]
    rated, rest = ~np.isnan(rest), np.nan_to_num(rest)
    near = cosine(rest if kind == "user" else rest.T, 3.0, 6)
    expected = np.zeros_like(ratings)
    for user in range(split.n_users):
        for item in range(split.n_items):
            if kind == "user":
                voters = [(near[user, v], rest[v, item]) for v in np.flatnonzero(rated[:, item])]
            else:
                voters = [(near[item, j], rest[user, j]) for j in np.flatnonzero(rated[user])]
            shift = sum(w * r for w, r in voters) / (sum(w for w, _ in voters) + 0.5)
            expected[user, item] = mean + items[item] + users[user] + shift
    found = fit(
        f"{kind}-knn-ratings", split, n_neighbours=6, shrink=3.0, centre=centre, damping=damping,
        shrink_mean=0.5,
    ).scores(everybody(split))  # fmt: skip
    np.testing.assert_allclose(found, expected, rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize("name", ["user-knn", "item-knn", "recbole-itemknn", "ease", "slim"])
def test_last_n_looks_at_the_last_n_interactions_only(name: str) -> None:
    """Under ``strong`` the history of a tested user is no training data: change its start."""
    split = split_of(checkerboard(), "strong")
    users = split.users()
    inputs = split.interactions[split.interactions["part"] == "test-input"]
    first = inputs.groupby("user").head(len(inputs) // inputs["user"].nunique() - 3).index
    other = split.interactions.copy()
    other.loc[first, "item"] ^= 1  # an item of the other colour
    changed = replace(split, interactions=other)
    for last_n, same in ((3, True), (None, False)):
        before, after = (
            build(name, {"last_n": last_n}).fit(s).scores(users) for s in (split, changed)
        )
        assert np.array_equal(before, after) is same, f"{name}, last_n={last_n}"
