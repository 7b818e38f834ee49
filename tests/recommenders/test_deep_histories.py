"""Histories, batches, validation and settings."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.sparse as sp
import torch
from hypothesis import given
from hypothesis import settings as budget
from hypothesis import strategies as st
from planted import DEEP, board, cycle, ring, split_of

from reclib.errors import DataError, UnknownName
from reclib.metrics import at_cutoff, hits_of
from reclib.ranking import top_k
from reclib.recommenders.deep.data import (
    HistoryData,
    NextBatches,
    SetBatches,
    log_of,
)
from reclib.recommenders.deep.features import Context
from reclib.recommenders.deep.models import inputs
from reclib.recommenders.deep.sequences import Histories, length_batches
from reclib.recommenders.deep.settings import Settings
from reclib.recommenders.deep.validation import ndcg
from reclib.recommenders.ease import ease


@given(
    lengths=st.lists(st.integers(0, 9), min_size=1, max_size=6),
    max_len=st.integers(1, 5),
)
@budget(max_examples=50, deadline=None)
def test_stretches_train_every_interaction_but_the_first_once(
    lengths: list[int], max_len: int
) -> None:
    offsets = torch.tensor([0, *np.cumsum(lengths)])
    n = int(offsets[-1])
    flat = Histories(torch.arange(n), torch.zeros(n, 0, dtype=torch.int64), offsets, n)
    windows = flat.stretches(max_len)
    targets, users = [], torch.arange(flat.n_users).repeat_interleave(flat.lengths)
    for i in range(len(windows.users)):
        batch = flat.next_batch(windows.pick(torch.tensor([i])))
        assert int(batch.lengths) <= max_len
        start = int(offsets[batch.users])
        whole = [*batch.bag.tolist(), *batch.items[0].tolist()]
        assert whole == list(range(start, start + len(whole))), "bag and stretch are the history"
        assert batch.targets[0].tolist() == [item + 1 for item in batch.items[0].tolist()]
        assert (users[batch.targets[0]] == batch.users).all()
        assert batch.ages.tolist() == list(range(len(batch.bag)))[::-1]
        targets += batch.targets[0].tolist()
    firsts = {int(o) for o, length in zip(offsets, lengths, strict=False) if length}
    assert sorted(targets) == sorted(set(range(n)) - firsts)


def test_length_batches_take_everything_once_and_depend_on_the_seed_alone() -> None:
    lengths = torch.randint(1, 50, (103,), generator=torch.Generator().manual_seed(0))
    one, two, other = (
        [batch.tolist() for batch in length_batches(lengths, 8, seed)] for seed in (3, 3, 4)
    )
    assert sorted(item for batch in one for item in batch) == list(range(103))
    assert one == two != other


def test_set_batches_ask_for_what_they_dropped_and_show_the_rest() -> None:
    split = board()
    known = log_of(split, "train", Context.of(split.train))
    batches = SetBatches(known, Settings(**DEEP), seed=1)
    shown = set()
    for batch in (batches[i] for i in range(len(batches))):
        for row, user in enumerate(batch.users.tolist()):
            rest = set(batch.items[row].tolist()) - {split.n_items}
            dropped = set(batch.targets[row].tolist()) - {-1}
            assert not rest & dropped
            assert rest | dropped == set(split.train.query("user == @user")["item"])
            shown.add(user)
    assert len(shown) > 0.8 * split.n_users


@pytest.mark.parametrize("target", ["next", "set"])
@pytest.mark.parametrize("protocol", ["holdout", "leave-last-out", "temporal", "strong"])
def test_no_batch_holds_an_interaction_of_the_valid_or_test_part(
    protocol: str, target: str
) -> None:
    split = split_of(cycle(), protocol).at("valid")
    data = HistoryData(split, split, Context.of(split.train), Settings(**DEEP), target)
    known = set(zip(split.train["user"], split.train["item"], strict=True))
    hidden = split.interactions[split.interactions["part"] != "train"]
    assert not known & set(zip(hidden["user"], hidden["item"], strict=True))
    for epoch in range(3):
        batches = data.batches(epoch)
        assert isinstance(batches, NextBatches if target == "next" else SetBatches)
        for batch in (batches[i] for i in range(len(batches))):
            for row, user in enumerate(batch.users.tolist()):
                found = {*batch.items[row].tolist(), *batch.targets[row].tolist()}
                assert {(user, item) for item in found - {split.n_items, -1}} <= known


def test_what_the_network_knows_comes_from_the_training_part() -> None:
    split = ring()
    found = inputs(split, Context.of(split.train), Settings(**DEEP), "next")
    counts = np.bincount(split.train["item"], minlength=split.n_items)
    assert found.popularity.tolist() == counts.tolist()
    assert found.cf is not None
    whole = torch.from_numpy(ease(split.matrix("train"), 1.0))
    n_kinds = 2
    table = found.cf.tables.view(n_kinds, -1, split.n_items, split.n_items)[0, -1]
    torch.testing.assert_close(table, whole)


# --- validation and settings --------------------------------------------------------------------


@given(
    seed=st.integers(0, 10_000),
    n_items=st.integers(10, 30),
    n_levels=st.sampled_from([4, 100_000]),
    few=st.booleans(),
)
@budget(max_examples=90, deadline=None)
def test_ndcg_is_the_evaluators(seed: int, n_items: int, n_levels: int, few: bool) -> None:
    """With scores of few levels there are ties, and with few candidates lists shorter than 10."""
    random = np.random.default_rng(seed)
    scores = random.integers(0, n_levels, (6, n_items)).astype(np.float32)
    relevant = random.random((6, n_items)) < 0.3
    relevant[:, 0] = True
    share = random.random((6, 1)) if few else 1.0
    allowed = relevant | (random.random((6, n_items)) < share)
    top = top_k(np.where(allowed, scores, -np.inf), 10)
    expected = at_cutoff(hits_of(top, sp.csr_matrix(relevant)), relevant.sum(1))["ndcg"]
    targets = torch.full((6, n_items), -1)
    for row, mask in enumerate(relevant):
        targets[row, : mask.sum()] = torch.from_numpy(np.flatnonzero(mask))
    found = ndcg(torch.from_numpy(scores), targets, torch.from_numpy(allowed))
    np.testing.assert_allclose(found, expected, rtol=1e-12)


def test_settings_refuse_what_cannot_work() -> None:
    with pytest.raises(UnknownName, match="Did you mean 'attention'"):
        Settings(branches=("atention",))
    with pytest.raises(UnknownName, match="Did you mean 'next'"):
        Settings(target="nxt")
    with pytest.raises(DataError, match="no branch"):
        Settings(branches=())


def test_settings_refuse_heads_that_do_not_divide_the_item_vectors() -> None:
    with pytest.raises(DataError):
        Settings(embedding_size=16, hidden_size=30, n_heads=3)
