"""Content-based recommendation, and how items that training has not seen are ranked."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from networks import batch_of, module
from planted import (
    DEEP,
    N_SEEN,
    board,
    checkerboard,
    colours,
    everybody,
    newly_listed,
    of_kind,
    split_of,
)

from reclib.errors import DataError
from reclib.recommenders import build
from reclib.recommenders.content import levels_of
from reclib.recommenders.deep.models import Integrated
from reclib.splits import Split

TARGETS = [("holdout", True), ("holdout", False), ("leave-last-out", True)]
DROPPED = {"epochs": 8, "branches": ("ann", "side"), "item_dropout": 0.5}


def two_columns() -> Split:
    """Return the checkerboard, its items with a genre of two words and a label of few."""
    items = [f"i{item:03d}" for item in range(20)]
    frame = pd.DataFrame({
        "item_id": items,
        "genre": ["a b" if item % 2 else "b" for item in range(20)],
        "label": ["x" if item < 5 else np.nan for item in range(20)],
    })  # fmt: skip
    kinds = {"genre": "token_seq", "label": "token"}
    return split_of(checkerboard(items=frame, kinds=kinds), "holdout")


# --- the peer -------------------------------------------------------------------------------------


def test_unseen_items_rank_by_what_the_history_shares_with_them() -> None:
    split = newly_listed(**colours())
    assert of_kind(build("content").fit(split).scores(everybody(split))) == 1
    blind = build("item-knn").fit(split).scores(everybody(split))
    assert of_kind(blind) == 0, "their scores are all equal"


@pytest.mark.parametrize("weighting", ["none", "tf-idf"])
def test_scores_are_the_cosines_of_profile_and_item(weighting: str) -> None:
    split = two_columns()
    levels = levels_of(split).toarray()
    assert levels.shape == (20, 3)
    if weighting == "tf-idf":
        levels = levels * np.maximum(np.log(20 / (1 + levels.sum(0))), 0)
    length = np.linalg.norm(levels, axis=1, keepdims=True)
    items = np.divide(levels, length, out=np.zeros_like(levels), where=length > 0)
    profiles = split.matrix("history").toarray() @ items
    norms = np.linalg.norm(profiles, axis=1, keepdims=True)
    expected = np.divide(profiles, norms, out=np.zeros_like(profiles), where=norms > 0) @ items.T
    found = build("content", {"weighting": weighting}).fit(split).scores(everybody(split))
    np.testing.assert_allclose(found, expected, atol=1e-5)
    assert expected.max() > 0.5


def test_popularity_and_recency_come_in_when_asked_for() -> None:
    split = two_columns()
    plain, popular, recent = (
        build("content", settings).fit(split).scores(everybody(split))
        for settings in ({}, {"discount": -1.0}, {"last_n": 1})
    )
    counts = np.maximum(np.bincount(split.train["item"], minlength=20), 1)
    np.testing.assert_allclose(popular, plain * counts, rtol=1e-5)
    last = split.history.groupby("user")["item"].last().to_numpy()
    own = recent[np.arange(len(last)), last]
    known = levels_of(split).toarray()[last].any(axis=1) & (own > 0)
    np.testing.assert_allclose(own[known], 1, rtol=1e-5)
    assert known.any()


def test_without_attributes_content_says_so() -> None:
    with pytest.raises(DataError, match="no attributes of items"):
        build("content").fit(board())


# --- the network ----------------------------------------------------------------------------------


def network(split: Split, **changes: Any) -> Integrated:
    return Integrated(**DEEP | DROPPED | changes).fit(split)


@pytest.mark.parametrize(("protocol", "times"), TARGETS)
def test_unseen_items_rank_by_their_attributes(protocol: str, times: bool) -> None:
    split = newly_listed(protocol, times=times, **colours())
    assert of_kind(network(split).scores(everybody(split))) == 1
    assert of_kind(network(split, branches=("ann",)).scores(everybody(split))) < 0.5


def test_unseen_items_of_one_kind_are_held_to_be_the_same() -> None:
    split = newly_listed(**colours())
    scores = network(split).scores(everybody(split))[:, N_SEEN:]
    np.testing.assert_allclose(scores[:, ::2], scores[:, :1].repeat(3, 1), rtol=1e-5)
    as_before = network(split, item_dropout=0.0).scores(everybody(split))[:, N_SEEN:]
    assert not np.allclose(as_before[:, ::2], as_before[:, :1].repeat(3, 1), rtol=1e-3)


def test_attributes_say_how_popular_items_without_a_vector_are() -> None:
    found = module(newly_listed(**colours()), item_dropout=0.5)
    found.bias.data = torch.arange(30.0)
    torch.nn.init.normal_(found.guess.weight)
    found.states.table()
    said = found.states.item_attributes() @ found.guess.weight[0] + found.guess.bias + 14.5
    levels = found.levels()
    assert levels[:N_SEEN].tolist() == list(range(N_SEEN))
    torch.testing.assert_close(levels[N_SEEN:], said[N_SEEN:])
    found.train().states.table()
    silent = ~found.states.heard
    assert 0 < silent[:N_SEEN].sum() < N_SEEN, "in training some that are known, too"
    torch.testing.assert_close(found.levels(), torch.where(silent, said, found.bias))
    without = module(newly_listed(**colours()))
    assert without.levels() is without.bias


def test_what_attributes_say_of_popularity_is_learned() -> None:
    found = module(newly_listed(**colours()), "next", item_dropout=0.5).train()
    found.next_loss(batch_of(newly_listed(**colours()), "next")).backward()
    assert found.guess.weight.grad.abs().sum() > 0


def test_silenced_items_keep_their_attributes_and_the_others_their_vectors() -> None:
    states = module(newly_listed(**colours()), branches=("side",), item_dropout=0.5).states
    attributes, whole = states.item_attributes(), states.items.weight[:-1]
    scored = states.table()
    torch.testing.assert_close(scored[:N_SEEN], (whole + attributes)[:N_SEEN])
    torch.testing.assert_close(scored[N_SEEN:], attributes[N_SEEN:])
    states.train()
    own = [states.table() - attributes for _ in range(40)]
    silent = torch.stack([(each == 0).all(1) for each in own]).float().mean(0)
    assert 0.4 < silent.mean() < 0.6
    assert (silent > 0).all(), "every item has its turn"


@pytest.mark.parametrize(
    ("protocol", "target"), [("holdout", "gaps"), ("holdout", "set"), ("leave-last-out", "next")]
)
def test_unseen_items_compete_with_none_in_training(protocol: str, target: str) -> None:
    """They would learn that their colour is never asked for."""
    split = newly_listed(protocol, **colours())
    losses = {}
    for dropout in (0.0, 1e-9):
        found = module(split, target, item_dropout=dropout, branches=("ann",))
        found.bias.data[N_SEEN:] = 50.0
        loss = getattr(found, f"{target}_loss" if target != "gaps" else "gap_loss")
        losses[dropout] = loss(batch_of(split, target)).item()
    assert losses[0.0] > 40 > losses[1e-9]


def test_a_share_outside_its_range_is_refused() -> None:
    with pytest.raises(DataError, match="item_dropout 1 is not in"):
        Integrated(item_dropout=1.0)


def test_items_listed_after_training_do_not_change_what_is_learned() -> None:
    split = newly_listed(**colours())
    fewer = replace(split, interactions=split.interactions[split.interactions["item"] < 26])
    one, two = (network(each, epochs=1).module.state_dict() for each in (split, fewer))
    torch.testing.assert_close(one, two, rtol=0, atol=0)
