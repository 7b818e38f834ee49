"""Friends: who they are, how far trust reaches, and what they say in CF and in the network."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
import torch
from networks import batch_of, module
from planted import DEEP, board, circles, everybody, in_circle

from reclib.errors import DataError
from reclib.recommenders import build
from reclib.recommenders.deep.models import Integrated
from reclib.recommenders.deep.social import profiles
from reclib.recommenders.social import friends, to_one, trust
from reclib.splits import Split

TARGETS = [("holdout", True), ("holdout", False), ("leave-last-out", True)]
"""Protocols, and whether there are times: the targets ``gaps``, ``set`` and ``next``."""


def linked(pairs: list[tuple[str, str]]) -> Split:
    """Return the checkerboard with these links alone."""
    data = board().dataset
    links = pd.DataFrame(pairs, columns=["user_id", "friend_id"])
    return replace(board(), dataset=replace(data, links=links, checksum=""))


def network(split: Split, **changes: Any) -> Integrated:
    settings = DEEP | {"epochs": 6, "branches": ("ann", "social")} | changes
    return Integrated(**settings).fit(split)


# --- who is a friend ------------------------------------------------------------------------------


def test_friends_are_others_of_the_split_named_once() -> None:
    split = linked([("u000", "u001"), ("u000", "u001"), ("u002", "u002"), ("u001", "nobody")])
    graph = friends(split)
    assert graph.shape == (80, 80)
    assert list(zip(*graph.nonzero(), strict=True)) == [(0, 1)], "links are directed"
    assert graph[0, 1] == 1
    assert friends(board()).nnz == 0, "no links, no friends"


def test_trust_falls_with_the_distance_up_to_the_horizon() -> None:
    chain = sp.csr_matrix(np.eye(5, k=1, dtype=np.float32))
    ring = sp.csr_matrix(np.roll(np.eye(3, dtype=np.float32), 1, axis=1))
    assert trust(chain, 3).dtype == np.float32
    np.testing.assert_allclose(trust(chain, 1).toarray(), chain.toarray())
    np.testing.assert_allclose(trust(chain, 3).toarray()[0], [0, 1, 2 / 3, 1 / 3, 0], rtol=1e-6)
    far = trust(ring, 4).toarray()
    np.testing.assert_allclose(far, [[0, 1, 0.75], [0.75, 0, 1], [1, 0.75, 0]])


def test_few_friends_say_less_and_none_say_nothing() -> None:
    votes = to_one(sp.csr_matrix([[1.0, 3.0, 0.0], [0.0, 0.0, 0.0]]), few=4.0).toarray()
    np.testing.assert_allclose(votes, [[0.125, 0.375, 0], [0, 0, 0]])
    assert to_one(sp.csr_matrix([[1.0, 3.0]])).sum() == 1


# --- the peer -------------------------------------------------------------------------------------


def test_social_cf_finds_what_only_friends_tell() -> None:
    split = circles()
    assert in_circle(build("social-cf").fit(split).scores(everybody(split))) == 1
    alone = build("social-cf", {"share": 0.0}).fit(split).scores(everybody(split))
    assert in_circle(alone) <= 0.5, "then friends would not be needed"


def test_without_friends_social_cf_is_user_based_cf_but_for_the_scale() -> None:
    split = linked([("u000", "u001")])
    alike = {"n_neighbours": 15, "shrink": 10.0, "alpha": 0.5, "locality": 1.0,
             "weighting": "none"}  # fmt: skip
    found = build("social-cf", alike).fit(split).scores(everybody(split))
    knn = build("user-knn", alike).fit(split).scores(everybody(split))
    scale = found[1:].max(1, keepdims=True) / knn[1:].max(1, keepdims=True)
    np.testing.assert_allclose(found[1:], knn[1:] * scale, rtol=1e-4, atol=1e-6)
    assert not np.allclose(found[0] / found[0].max(), knn[0] / knn[0].max()), "u000 has a friend"


def test_friends_alone_are_the_mean_of_their_histories_shrunk() -> None:
    split = linked([("u000", "u001"), ("u000", "u003")])
    found = build("social-cf", {"share": 1.0, "few": 1.0}).fit(split)
    expected = split.matrix("train")[[1, 3]].sum(axis=0) / (2 + 1)
    np.testing.assert_allclose(found.scores(np.array([0], np.int32)), expected, rtol=1e-6)
    assert not found.scores(np.array([5], np.int32)).any()


def test_without_links_social_cf_says_so() -> None:
    with pytest.raises(DataError, match="no links between users"):
        build("social-cf").fit(board())


# --- the branch -----------------------------------------------------------------------------------


@pytest.mark.parametrize(("protocol", "times"), TARGETS)
def test_the_network_finds_what_only_friends_tell(protocol: str, times: bool) -> None:
    split = circles(protocol, times=times)
    found = network(split)
    assert in_circle(found.scores(everybody(split))) >= 0.9
    assert list(found.gate(everybody(split)).columns) == ["ann", "social"]
    blind = network(split, branches=("ann",))
    assert in_circle(blind.scores(everybody(split))) <= 0.5


def test_the_branch_is_left_out_without_links_and_changes_nothing() -> None:
    split = circles(linked=False)
    one, two = network(split, epochs=1), network(split, epochs=1, branches=("ann",))
    users = everybody(split)
    np.testing.assert_array_equal(one.scores(users), two.scores(users))
    assert list(one.gate(users).columns) == ["ann"]
    with pytest.raises(DataError, match="no data for the branch social"):
        network(split, branches=("social",))


def test_friends_take_part_by_default_where_there_are_links() -> None:
    found = Integrated(**DEEP | {"epochs": 1}).fit(circles())
    columns = list(found.gate(np.array([0], np.int32)).columns)
    assert columns == ["cnn", "rnn", "attention", "side", "social"], "CF stands beside the gate"


def test_profiles_are_the_mean_of_what_each_friend_took_in_training() -> None:
    split = linked([("u000", "u001"), ("u000", "u003"), ("u001", "u002")])
    found, taken = profiles(split).toarray(), split.matrix("train").toarray()
    parts = taken / taken.sum(1, keepdims=True)
    np.testing.assert_allclose(found[0], (parts[1] + parts[3]) / 2, rtol=1e-5)
    np.testing.assert_allclose(found[1], parts[2], rtol=1e-5)
    assert not found[2:].any()


def test_the_state_is_the_perceptron_of_the_mean_vector_of_the_profile() -> None:
    split = linked([("u000", "u001"), ("u000", "u003"), ("u007", "u002")])
    states = module(split, "set", branches=("ann", "social")).states
    assert states.social is not None
    table, users = states.table(), torch.tensor([5, 0, 7, 0])
    mean = torch.from_numpy(profiles(split).toarray()) @ table
    expected = states.social.layers(states.social.norm(mean[users]))
    found = states.social(users, table)
    torch.testing.assert_close(found[1:], expected[1:], rtol=1e-4, atol=1e-5)
    friendless = states.social.layers(torch.zeros(1, table.shape[1]))
    torch.testing.assert_close(found[:1], friendless)


def test_friends_teach_the_item_vectors() -> None:
    """Were the vectors of friends' items taken as they are, only perceptrons would learn."""
    network = module(circles("leave-last-out"), branches=("social",)).train()
    network.next_loss(batch_of(circles("leave-last-out"))).backward()
    assert network.states.social is not None
    assert network.states.social.layers[0].weight.grad.any()
    assert network.states.items.weight.grad[:-1].any()


@pytest.mark.parametrize(("protocol", "times"), TARGETS)
def test_nothing_but_the_training_part_of_friends_is_read(protocol: str, times: bool) -> None:
    """Friends' tested items would be an answer: move them, and the profiles stay."""
    split = circles(protocol, times=times)
    frame = split.interactions.copy()
    tested = frame["part"] == "test"
    frame.loc[tested, "item"] = (frame.loc[tested, "item"] + 1) % 20
    moved = replace(split, interactions=frame)
    assert (profiles(split) != profiles(moved)).nnz == 0


def test_strangers_get_what_friends_took_beside_what_is_popular() -> None:
    split = circles()
    stranger = split.n_users - 1
    frame = split.interactions[split.interactions["user"] != stranger]
    without = replace(split, interactions=frame, checksum=split.checksum + "-without")
    found = network(without, epochs=1)
    users = np.array([0, stranger], np.int32)
    counts = np.bincount(without.train["item"], minlength=22)
    expected = np.log1p(counts + counts.sum() * profiles(without)[stranger].toarray()[0])
    np.testing.assert_allclose(found.scores(users)[1], expected, rtol=1e-4)
    alone = found.scores(users[1:])
    np.testing.assert_allclose(alone[0], expected, rtol=1e-4)
