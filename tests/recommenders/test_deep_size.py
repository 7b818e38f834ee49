"""Large catalogues: a sample competes, and rows are read and updated alone."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from networks import batch_of, module
from planted import DEEP, board, rated_in_time, ring, split_of
from torch import Tensor, nn

from reclib.datasets import Dataset
from reclib.metrics import evaluate
from reclib.recommenders.deep.cf import CFWeights
from reclib.recommenders.deep.data import HistoryData, scored_at_once
from reclib.recommenders.deep.features import Context
from reclib.recommenders.deep.models import Integrated
from reclib.recommenders.deep.rows import RowAdamW, Touched, clip
from reclib.recommenders.deep.settings import NEGATIVES, VALID_USERS, Settings
from reclib.splits import Split

BRANCHES = ("cf", "rnn", "side")


def test_size_decides_what_competes_unless_it_is_said() -> None:
    small, large = 50_000, 50_001
    chosen = Settings()
    assert (chosen.negatives(small), chosen.negatives(large)) == (0, NEGATIVES)
    assert (chosen.touches(small), chosen.touches(large)) == (False, True)
    assert (chosen.validated(small), chosen.validated(large)) == (None, VALID_USERS)
    explicit = Settings(n_negatives=0, sparse=False, valid_users=7)
    assert (explicit.negatives(large), explicit.touches(large)) == (0, False)
    assert explicit.validated(small) == 7
    assert not Settings(n_negatives=0).touches(large), "all compete, so all are touched"
    assert Settings(full_items=10).negatives(11) == NEGATIVES


def test_scores_are_computed_for_as_many_users_as_fit() -> None:
    assert [scored_at_once(n) for n in (20_000, 1_000_000, 10**9)] == [128, 16, 1]


@given(parts=st.lists(st.lists(st.integers(0, 9)), min_size=1, max_size=3))
@settings(deadline=None)
def test_what_is_touched_is_numbered_anew(parts: list[list[int]]) -> None:
    """Nine items; 9 is the padding."""
    found = Touched.of(9, *(torch.tensor(part, dtype=torch.int64) for part in parts))
    assert found.items.tolist() == sorted({i for part in parts for i in part} - {9})
    assert found.place[found.items].tolist() == list(range(len(found.items)))
    others = sorted(set(range(10)) - set(found.items.tolist()))
    assert set(found.place[others].tolist()) <= {len(found.items)}


# --- the optimizer ------------------------------------------------------------------------------


def test_each_row_moves_as_under_adamw_without_the_steps_that_do_not_touch_it() -> None:
    torch.manual_seed(0)
    table = nn.Embedding(6, 3, sparse=True)
    alone = [table.weight[row].detach().clone().requires_grad_() for row in range(6)]
    options = {"lr": 0.1, "weight_decay": 0.2}
    ours = RowAdamW(table.parameters(), **options)
    theirs = [torch.optim.AdamW([row], **options) for row in alone]
    for _ in range(12):
        rows = torch.randint(0, 5, (4,))  # repeated ones too; the sixth is never touched
        target = torch.randn(4, 3)
        ours.zero_grad()
        (table(rows) * target).sum().backward()
        assert table.weight.grad is not None
        assert table.weight.grad.is_sparse
        dense = table.weight.grad.to_dense()
        ours.step()
        for row in set(rows.tolist()):
            alone[row].grad = dense[row]
            theirs[row].step()
    torch.testing.assert_close(table.weight.detach(), torch.stack([r.detach() for r in alone]))
    steps = ours.state[table.weight]["step"]
    assert steps[5] == 0 < steps.max()


def test_the_optimizer_goes_on_from_its_state() -> None:
    def moved(breaks: bool) -> Tensor:
        torch.manual_seed(0)
        table = nn.Embedding(5, 2, sparse=True)
        optimizer = RowAdamW(table.parameters(), lr=0.1)
        for step in range(6):
            if breaks and step == 3:
                state = optimizer.state_dict()
                optimizer = RowAdamW(table.parameters(), lr=0.1)
                optimizer.load_state_dict(state)
            optimizer.zero_grad()
            (table(torch.tensor([step % 3, 4])) ** 2).sum().backward()
            optimizer.step()
        return table.weight.detach()

    torch.testing.assert_close(moved(True), moved(False), rtol=0, atol=0)


def test_dense_and_sparse_gradients_are_clipped_together() -> None:
    def clipped(sparse: bool) -> list[Tensor]:
        torch.manual_seed(0)
        table, layer = nn.Embedding(5, 2, sparse=sparse), nn.Linear(2, 2)
        parameters = [*table.parameters(), *layer.parameters()]
        (9 * layer(table(torch.tensor([1, 1, 3])))).sum().backward()
        if sparse:
            clip(parameters, 1.0)
        else:
            nn.utils.clip_grad_norm_(parameters, 1.0)
        return [p.grad.to_dense() for p in parameters if p.grad is not None]

    torch.testing.assert_close(clipped(True), clipped(False))


# --- the network --------------------------------------------------------------------------------


def many(n_users: int = 60, n_items: int = 400) -> Dataset:
    """More items than a batch touches, with attributes."""
    random = np.random.default_rng(0)
    base = pd.DataFrame({
        "user_id": [f"u{u:03d}" for u in range(n_users) for _ in range(8)],
        "item_id": [f"i{(7 * u + t) % n_items:03d}" for u in range(n_users) for t in range(8)],
        "timestamp": 3600.0 * np.arange(8 * n_users),
    })  # fmt: skip
    items = pd.DataFrame({
        "item_id": [f"i{i:03d}" for i in range(n_items)],
        "genre": [f"g{i % 7} {'rare' if i % 50 == 0 else 'known'}" for i in range(n_items)],
    })  # fmt: skip
    users = pd.DataFrame({"user_id": [f"u{u:03d}" for u in range(n_users)],
                          "sex": random.choice(["f", "m"], n_users)})  # fmt: skip
    kinds = {"genre": "token_seq", "sex": "token"}
    return Dataset("many", "Many", base, users=users, items=items, kinds=kinds)


def wide(protocol: str = "leave-last-out") -> Split:
    return split_of(many(), protocol)


def losses(split: Split, target: str, sparse: bool) -> tuple[Tensor, dict[str, Tensor]]:
    """Return the loss of one batch and the gradients."""
    network = module(split, target, branches=BRANCHES, n_negatives=9, sparse=sparse).train()
    network.log = lambda *_, **__: None  # type: ignore[method-assign]
    torch.manual_seed(3)
    found = network.training_step(batch_of(split, target), 0)
    found.backward()
    assert network.states.touched is None
    return found.detach(), {
        name: p.grad.to_dense() for name, p in network.named_parameters() if p.grad is not None
    }


@pytest.mark.parametrize("target", ["next", "gaps", "set"])
def test_rows_alone_give_the_loss_and_the_gradients_of_the_whole_table(target: str) -> None:
    split = wide() if target == "next" else wide("holdout")
    (one, ours), (two, theirs) = (losses(split, target, sparse) for sparse in (True, False))
    torch.testing.assert_close(one, two)
    assert ours.keys() == theirs.keys()
    torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-6)
    rows = (ours["states.items.weight"] != 0).any(-1).sum()
    assert 10 < rows < 200, "the batch touches a part of the catalogue"


def test_rows_alone_give_the_ratings_loss_too() -> None:
    split = rated_in_time()
    (one, ours), (two, theirs) = (losses(split, "ratings", sparse) for sparse in (True, False))
    torch.testing.assert_close(one, two)
    torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-6)


def test_the_cf_scores_of_some_items_are_those_among_all() -> None:
    split = wide()
    cf = module(split, branches=("cf",), cf_items=300, cf_folds=2).cf
    assert isinstance(cf, CFWeights)
    tables, asked = cf.table_of(torch.tensor([3, 8]), training=True), torch.tensor([0, 5, 399, 17])
    flat = (torch.tensor([5, 17, 399]), torch.tensor([0, 2]), torch.tensor([1, 0, 0]), tables)
    assert cf.bag(*flat, asked).any()
    torch.testing.assert_close(cf.bag(*flat, asked), cf.bag(*flat)[..., asked], rtol=0, atol=0)


def test_the_items_of_a_sample_that_were_seen_are_those_of_all() -> None:
    network, batch = module(wide(), branches=("rnn",), n_negatives=9), batch_of(wide())
    bag, offsets = batch.bag.new_tensor([0, 5, 399]), torch.arange(8).clamp(max=3)
    batch = batch._replace(bag=bag, offsets=offsets)
    among = network.competitors(batch)
    assert among.items is not None
    expected = batch.seen(400)[:, :-1][:, among.items]
    assert torch.equal(network.seen(batch, among)[:, :-1], expected)


@pytest.mark.parametrize(("split", "target"), [(ring, "next"), (board, "gaps")])
def test_planted_answers_are_found_with_a_sample_and_rows_alone(split: Any, target: str) -> None:
    settings = DEEP | {"max_epochs": 8, "patience": 8, "branches": ("rnn",), "n_negatives": 6}
    found = Integrated(**settings, sparse=True, target=target).fit(split().at("valid"))
    assert found.module.states.items.sparse
    full = Integrated(**settings | {"n_negatives": 0}).fit(split().at("valid"))
    value, best = (evaluate(m, split().at("valid")).summary["ndcg@10"] for m in (found, full))
    assert value > best - 0.03
    assert best > 0.7


def test_validation_on_some_users_ranks_as_many_and_always_the_same() -> None:
    split = ring().at("valid")
    context = Context.of(split.train)
    drawn = [
        HistoryData(split, split, context, Settings(valid_users=n), "next").ranking for n in (9, 9)
    ]
    users = [torch.cat(list(each.batches)) for each in drawn if each is not None]
    assert torch.equal(*users)
    assert len(users[0]) == 9 == len(set(users[0].tolist()))
    assert set(users[0].tolist()) < set(split.users().tolist())


def test_validation_is_shared_among_processes_without_loss() -> None:
    split = ring().at("valid")
    whole = HistoryData(split, split, Context.of(split.train), Settings(), "next").ranking
    assert whole is not None
    parts = [torch.cat(list(whole.share(rank, 3).batches)) for rank in range(3)]
    assert sorted(torch.cat(parts).tolist()) == sorted(split.users().tolist())
    assert {len(part) for part in parts} == {20}


def test_a_step_moves_the_rows_that_it_touches_and_no_others() -> None:
    moved = {}
    for sparse in (True, False):
        network = module(wide(), branches=("rnn",), n_negatives=9, sparse=sparse).train()
        network.log = lambda *_, **__: None  # type: ignore[method-assign]
        optimizer: Any = network.configure_optimizers()["optimizer"]
        before = network.states.items.weight.detach().clone()
        batch = batch_of(wide())
        torch.manual_seed(3)
        network.training_step(batch, 0).backward()
        optimizer.step()
        moved[sparse] = (network.states.items.weight.detach() != before).any(-1).nonzero()[:, 0]
    assert set(batch.items[batch.items < 400].tolist()) <= set(moved[True].tolist())
    assert len(moved[True]) < 100
    assert len(moved[False]) == 400, "all decay"
