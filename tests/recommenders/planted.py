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
