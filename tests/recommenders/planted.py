"""Datasets with a planted answer, small enough for a person to check."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np
import pandas as pd

from reclib.datasets import Dataset
from reclib.recommenders import CATALOGUE, Recommender, build
from reclib.splits import Split, make_split


def dataset(rows: pd.DataFrame, **attributes: Any) -> Dataset:
    """Return a dataset of ``user``, ``item`` (numbers), and rating and timestamp if given.

    Identifiers are padded with zeros, so that our dense indices are the numbers themselves.
    """
    named = rows.assign(
        user_id=rows["user"].map("u{:03d}".format), item_id=rows["item"].map("i{:03d}".format)
    )
    columns = [c for c in ("user_id", "item_id", "rating", "timestamp") if c in named]
    return Dataset("planted", "Planted", named[columns].reset_index(drop=True), **attributes)


def checkerboard(n_users: int = 80, n_items: int = 20, **attributes: Any) -> Dataset:
    """Even users take all even items, odd users all odd ones, each in an order of its own."""
    random = np.random.default_rng(1)
    rows = [
        (user, item, float(time))
        for user in range(n_users)
        for time, item in enumerate(random.permutation(np.arange(user % 2, n_items, 2)))
    ]
    return dataset(pd.DataFrame(rows, columns=["user", "item", "timestamp"]), **attributes)


def likes(n_users: int = 40, n_items: int = 30, *, times: bool = False) -> Dataset:
    """Users rate 70 % of all items: 5 where the parities of user and item agree, else 1.

    Every user and every item has nearly the same mean, so a bias model is left with guessing.
    """
    random = np.random.default_rng(2)
    users, items = np.nonzero(random.random((n_users, n_items)) < 0.7)
    ratings = np.where(users % 2 == items % 2, 5.0, 1.0)
    frame = pd.DataFrame({"user": users, "item": items, "rating": ratings})
    return dataset(
        frame.assign(timestamp=3600.0 * random.permutation(len(frame))) if times else frame
    )


def cycle(n_users: int = 60, n_items: int = 20, length: int = 8, **columns: Any) -> Dataset:
    """User u takes items u, u + 1, ..., modulo the catalogue: each item has one successor."""
    rows = pd.DataFrame({
        "user": np.repeat(np.arange(n_users), length),
        "item": (np.repeat(np.arange(n_users), length) + np.tile(np.arange(length), n_users))
        % n_items,
        "timestamp": 3600.0 * np.tile(np.arange(length), n_users),
    })  # fmt: skip
    return dataset(rows.assign(**columns))


def split_of(data: Dataset, protocol: str, fold: int = 0) -> Split:
    """Return a split that is not sealed on disk."""
    return make_split(data, protocol, fold=fold)


@cache
def board() -> Split:
    """Return the checkerboard with a random fifth of each user's items withheld."""
    return split_of(checkerboard(), "holdout")


@cache
def ring() -> Split:
    """Return the cycle with the last item of each user withheld."""
    return split_of(cycle(), "leave-last-out")


@cache
def rated() -> Split:
    """Return the likes, a fifth of each user's withheld and ranked alone."""
    return split_of(likes(), "rated-only")


@cache
def rated_in_time() -> Split:
    """Return the likes, each at a time, a fifth of each user's withheld and ranked alone."""
    return split_of(likes(80, times=True), "rated-only")


def apart(data: Dataset, protocol: str, tested: Any) -> Split:
    """Return a split that tests what ``tested`` says of users and items, and trains on the rest."""
    split = split_of(data, protocol)
    frame = split.interactions.copy()
    frame["part"] = np.where(tested(frame["user"], frame["item"]), "test", "train")
    return replace(split, interactions=frame, checksum=split.checksum + "-apart")


N_MEMBERS, N_SHY, N_NEWCOMERS, COMMON = 40, 40, 20, (20, 21)


def circles(protocol: str = "holdout", *, times: bool = True, linked: bool = True) -> Split:
    """Members take eight of the ten items of their parity, and two items that everybody takes.

    The shy take one and the two. Of newcomers nothing is known but the two; they are asked for
    an item of their parity. Everybody has two friends among the members of the own parity.
    """
    random = np.random.default_rng(3)
    rows, pairs = [], []
    for user in range(N_MEMBERS + N_SHY + N_NEWCOMERS):
        of_circle = random.permutation(np.arange(user % 2, 20, 2))
        taken = random.permutation([*COMMON, *of_circle[: 8 if user < N_MEMBERS else 1]])
        rows += [(user, item, float(time)) for time, item in enumerate(taken)]
        named = random.choice(np.arange(user % 2, N_MEMBERS, 2), 2, replace=False)
        pairs += [(f"u{user:03d}", f"u{friend:03d}") for friend in named]
    frame = pd.DataFrame(rows, columns=["user", "item", "timestamp"])
    links = pd.DataFrame(pairs, columns=["user_id", "friend_id"]) if linked else None
    data = dataset(frame if times else frame.drop(columns="timestamp"), links=links)
    return apart(data, protocol, lambda u, i: (u >= N_MEMBERS + N_SHY) & ~i.isin(COMMON))


def in_circle(scores: np.ndarray) -> float:
    """Return the share of newcomers whose best five uncommon items are all of their parity."""
    newcomers = np.arange(N_MEMBERS + N_SHY, len(scores))
    best = np.argsort(-scores[newcomers][:, :20], axis=1)[:, :5]
    return float((best % 2 == newcomers[:, None] % 2).all(axis=1).mean())


N_SEEN, N_COLD = 24, 6


def newly_listed(protocol: str = "holdout", *, times: bool = True, **attributes: Any) -> Split:
    """Return the checkerboard with some items that training has not seen, and all are asked for."""
    data = checkerboard(60, N_SEEN + N_COLD, **attributes)
    if not times:
        data = replace(data, interactions=data.interactions.drop(columns="timestamp"))
    return apart(data, protocol, lambda _, item: item >= N_SEEN)


def colours() -> dict[str, Any]:
    """Return an attribute of the checkerboard's items that says which users take them."""
    items = np.arange(N_SEEN + N_COLD)
    frame = pd.DataFrame({
        "item_id": [f"i{item:03d}" for item in items], "colour": np.where(items % 2, "r", "b")
    })  # fmt: skip
    return {"items": frame, "kinds": {"colour": "token"}}


def of_kind(scores: np.ndarray) -> float:
    """Return the share of users who get all unseen items of their parity before the others."""
    cold, users = np.arange(N_SEEN, scores.shape[1]), np.arange(len(scores))
    own = cold % 2 == users[:, None] % 2
    lowest = np.where(own, scores[:, cold], np.inf).min(axis=1)
    return float((lowest > np.where(own, -np.inf, scores[:, cold]).max(axis=1)).mean())


SMALL: dict[str, dict[str, Any]] = {
    "user-knn": {"n_neighbours": 15},
    "item-knn": {"n_neighbours": 9},
    "user-knn-ratings": {"n_neighbours": 15, "shrink": 1.0},
    "item-knn-ratings": {"n_neighbours": 15, "shrink": 1.0},
    "recbole-itemknn": {"k": 9},
    "ease": {"reg_weight": 10.0},
    "slim": {"alpha": 0.001},
    "ials": {"factors": 8},
    "bpr": {"embedding_size": 8, "learning_rate": 0.05, "train_batch_size": 256},
    "neumf": {"mf_embedding_size": 8, "mlp_embedding_size": 8, "mlp_hidden_size": [16],
              "learning_rate": 0.02, "train_batch_size": 64},
    "lightgcn": {"embedding_size": 8, "learning_rate": 0.05, "train_batch_size": 256},
    "multivae": {"mlp_hidden_size": [32], "latent_dimension": 8, "learning_rate": 0.02,
                 "train_batch_size": 8, "dropout_prob": 0.3, "total_anneal_steps": 100},
    "gru4rec": {"embedding_size": 16, "hidden_size": 16, "learning_rate": 0.02, "max_len": 8,
                "train_batch_size": 64, "dropout_prob": 0.1},
    "sasrec": {"hidden_size": 16, "learning_rate": 0.01, "max_len": 8, "train_batch_size": 64,
               "hidden_dropout_prob": 0.1, "attn_dropout_prob": 0.1},
    "caser": {"embedding_size": 16, "learning_rate": 0.02, "max_len": 5, "train_batch_size": 64,
              "dropout_prob": 0.1},
}  # fmt: skip
DEEP = {"embedding_size": 16, "hidden_size": 32, "dropout": 0.1, "learning_rate": 0.02,
        "batch_size": 8, "label_smoothing": 0.0, "cf_l2": 1.0,
        "cf_user_weight": 0.0, "cf_dropout": 0.0, "cf_discount": 0.0}  # fmt: skip
EPOCHS = 15


def small(name: str, epochs: int = EPOCHS) -> dict[str, Any]:
    """Return settings that fit one of these splits within a second or two."""
    family = CATALOGUE[name].family
    if family == "ensemble":
        members = CATALOGUE[name].fixed["members"]
        return {"members": {member: small(member, epochs) for member in members}}
    trained = {"max_epochs": epochs, "patience": epochs}
    if family == "deep":
        return DEEP | trained
    learned = family in ("learned", "sequential")
    return SMALL.get(name, {}) | (trained if learned else {})


def fitted(name: str, split: Split, epochs: int = EPOCHS, seed: int = 2026) -> Recommender:
    """Fit a recommender under its small settings."""
    return build(name, small(name, epochs), seed=seed).fit(split)


def everybody(split: Split) -> np.ndarray:
    """Return all users."""
    return np.arange(split.n_users, dtype=np.int32)


def with_other_tests(split: Split) -> Split:
    """Return the split with other items, and ratings, in its test part."""
    frame, test = split.interactions.copy(), split.interactions["part"] == "test"
    frame.loc[test, "item"] = frame.loc[test, "item"].to_numpy()[::-1]
    if "rating" in frame:
        frame.loc[test, "rating"] = 6 - frame.loc[test, "rating"]
    return replace(split, interactions=frame, checksum=split.checksum + "-other")
