"""The network: what it may look at, and what it is trained for."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given
from hypothesis import settings as budget
from hypothesis import strategies as st
from networks import N_ASKED, batch_of, few_targets, module
from planted import DEEP, board, cycle, rated_in_time, ring, split_of
from torch import Tensor

from reclib.recommenders.deep import loss, trained
from reclib.recommenders.deep.branches import SEQUENTIAL, Dropout
from reclib.recommenders.deep.cf import CFWeights
from reclib.recommenders.deep.data import (
    HistoryData,
    asking,
    log_of,
)
from reclib.recommenders.deep.features import Context
from reclib.recommenders.deep.integrated import IntegratedModule
from reclib.recommenders.deep.scored import CF_LOGIT
from reclib.recommenders.deep.sequences import Batch, Histories
from reclib.recommenders.deep.settings import Settings


def test_dropout_silences_its_share_and_keeps_the_mean() -> None:
    torch.manual_seed(0)
    dropout, x = Dropout(0.4), torch.ones(100, 1000)
    found = dropout(x)
    assert (found == 0).float().mean() == pytest.approx(0.4, abs=0.01)
    torch.testing.assert_close(found[found > 0], torch.full((int((found > 0).sum()),), 1 / 0.6))
    assert torch.equal(dropout.eval()(x), x)


@pytest.mark.parametrize("name", SEQUENTIAL)
@pytest.mark.parametrize("n_layers", [1, 3])
def test_branches_never_look_ahead(name: str, n_layers: int) -> None:
    torch.manual_seed(0)
    branch = SEQUENTIAL[name](Settings(**DEEP, n_layers=n_layers)).eval()
    x = torch.randn(2, 20, DEEP["embedding_size"])
    other = x.clone()
    other[:, 11:] += 1
    before, after = branch(x), branch(other)
    torch.testing.assert_close(after[:, :11], before[:, :11], rtol=1e-4, atol=1e-5)
    assert not torch.isclose(after[:, 11:], before[:, 11:]).all(-1).any(), "nor at the present"


def test_every_cf_score_begins_with_the_same_say_whatever_its_scale() -> None:
    network = module(ring(), cf_decays=(0.5, 1.0))
    assert network.cf is not None
    assert network.cf.levels.max() > 1.5 * network.cf.levels.min(), "else nothing is shown"
    first = network.cf_scale.exp() * network.cf.levels
    torch.testing.assert_close(first, torch.full((3,), CF_LOGIT))


def test_a_cf_score_that_says_nothing_to_anybody_has_a_finite_weight() -> None:
    assert module(ring(), cf_folds=1).cf_scale.isfinite().all(), "trained on nobody else"


@pytest.mark.parametrize(("target", "n_scores"), [("next", 3), ("set", 1), ("gaps", 1)])
def test_transitions_are_read_only_where_the_next_item_is_asked_for(
    target: str, n_scores: int
) -> None:
    network = module(ring(), target, cf_decays=(0.5, 1.0))
    assert network.cf is not None
    assert len(network.cf.decays) == len(network.cf_scale) == n_scores


def test_fused_states_and_gates_never_look_ahead() -> None:
    network, batch = module(ring()), batch_of(ring())
    items, context = batch.items.clone(), batch.context.clone()
    items[:, 4:], context[:, 4:] = (items[:, 4:] + 1) % 20, 0
    table = network.states.table()
    before = network.states(batch, table)
    after = network.states(batch._replace(items=items, context=context), table)
    for one, two in zip(before, after, strict=True):
        torch.testing.assert_close(one[:, :4], two[:, :4])
        assert not torch.isclose(one[:, 4:], two[:, 4:]).all()


def test_gate_shares_sum_to_one_at_every_position() -> None:
    network, batch = module(ring()), batch_of(ring())
    _, gates = network.states(batch, network.states.table())
    torch.testing.assert_close(gates.sum(-1), torch.ones(gates.shape[:2]))
    assert gates.shape[-1] == 5
    assert (gates > 0).all()


@pytest.mark.parametrize("target", ["next", "gaps", "set"])
def test_training_reads_the_weights_out_of_fold_and_scoring_those_of_all(
    target: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []
    real = CFWeights.table_of

    def spy(cf: CFWeights, users: Tensor, training: bool) -> Tensor:
        asked.append(training)
        return real(cf, users, training)

    network, batch = module(board(), target), batch_of(board(), target)
    monkeypatch.setattr(CFWeights, "table_of", spy)
    monkeypatch.setattr(network, "log", lambda *a, **k: None)
    network.training_step(batch, 0)
    assert set(asked) == ({True} if target == "next" else set()), "the others train without CF"
    asked.clear()
    network.scores(batch)
    assert asked == [False]


def test_next_loss_is_the_same_however_it_is_cut_into_blocks(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    network, batch = module(ring()), batch_of(ring())
    whole = network.next_loss(batch)
    monkeypatch.setattr(loss, "BLOCK_FLOATS", 1)
    torch.testing.assert_close(network.next_loss(batch), whole)


def drawn(network: IntegratedModule, batch: Batch) -> Any:
    """Return a function from logits and target to the cross-entropy among the next sample."""
    torch.manual_seed(3)
    among = network.competitors(batch)
    torch.manual_seed(3)
    if among.items is None or among.correction is None:
        return lambda logits, target: -logits.log_softmax(0)[target]
    items, correction = among.items, among.correction

    def of(logits: Tensor, target: int) -> Tensor:
        found = (logits[items] + correction).log_softmax(0)
        return -found[items.tolist().index(int(target))]

    return of


@pytest.mark.parametrize("n_negatives", [0, 5])
def test_next_loss_is_the_mean_of_the_cross_entropies_of_the_scores(n_negatives: int) -> None:
    """Training and scoring see the same logits: those after each prefix, out of one function."""
    split = ring()
    network = module(
        split, cf_folds=2, cf_items=18, branches=("cf", "rnn"), n_negatives=n_negatives
    )
    batch = few_targets(batch_of(split))
    # weights of all users in every fold, so that training and scoring read the same table
    assert network.cf is not None
    first, second = network.cf.tables.view(2, 3, 18, 18)[:, -1]
    network.cf.tables = torch.cat([first.repeat(3, 1), second.repeat(3, 1)])
    cross_entropy, losses = drawn(network, batch), []
    for row, user in enumerate(batch.users.tolist()):
        for step in range(int(batch.lengths[row])):
            items = batch.items[row, : step + 1]
            frame = pd.DataFrame({"user": 0, "item": items.numpy()})
            one = Histories.of(frame, np.zeros((step + 1, batch.context.shape[-1])), 1, 20)
            asked = one.whole_batch(one.last(torch.tensor([0]), 99), torch.full((1, 0), -1))
            logits = network.scores(asked._replace(users=torch.tensor([user])))[0]
            logits[items] = -torch.inf
            if batch.targets[row, step] >= 0:
                losses.append(cross_entropy(logits, batch.targets[row, step]))
    torch.testing.assert_close(network.next_loss(batch), torch.stack(losses).mean())


# --- gaps, seen from both sides -------------------------------------------------------------------


ALL = ("ann", "cnn", "rnn", "attention", "side", "cf")


def without(batch: Any, step: int) -> Any:
    """Return the batch with one interaction of every row taken out."""
    kept = [t for t in range(batch.items.shape[1]) if t != step]
    return batch._replace(
        items=batch.items[:, kept], context=batch.context[:, kept], lengths=batch.lengths - 1
    )


def test_a_position_is_trained_as_the_gap_that_its_item_would_leave() -> None:
    """What training sees of a position is what scoring sees once its item is gone."""
    network = module(board(), "gaps", branches=ALL)
    batch = batch_of(board(), "gaps", drop_rate=0.0)
    assert batch.lengths.unique().tolist() == [8], "or the rows would not lose the same step"
    table = network.states.table()
    trained = network.states.between(batch, table, skip=1)
    for step in range(8):
        scored = network.states.between(without(batch, step), table, skip=0)
        for one, two in zip(trained, scored, strict=True):
            torch.testing.assert_close(one[:, step], two[:, step], rtol=1e-4, atol=1e-5)


def test_the_second_side_of_a_short_row_does_not_read_padding() -> None:
    network, batch = module(board(), "gaps", branches=ALL), batch_of(board(), "gaps")
    table = network.states.table()
    padded = batch._replace(
        items=torch.nn.functional.pad(batch.items, (0, 3), value=20),
        context=torch.nn.functional.pad(batch.context, (0, 0, 0, 3)),
    )
    n_gaps = batch.items.shape[1] + 1
    before, after = (network.states.between(each, table, skip=0)[0] for each in (batch, padded))
    for row, length in enumerate(batch.lengths.tolist()):
        torch.testing.assert_close(before[row, : length + 1], after[row, : length + 1])
    assert after.shape[1] == n_gaps + 3


def test_scores_are_the_mean_probability_over_all_gaps_of_all_stretches() -> None:
    split = board()
    network = module(split, "gaps", branches=("rnn",))
    flat = log_of(split, "train", Context.of(split.train)).histories()
    users = torch.tensor([3, 0])
    batch = asking(flat, users, 3, "gaps")
    assert batch.owners.bincount().tolist() == [3, 3], "eight items in stretches of three"
    table, expected = network.states.table(), torch.zeros(2, 20)
    for row, owner in enumerate(batch.owners.tolist()):
        one = batch._replace(
            items=batch.items[row : row + 1], context=batch.context[row : row + 1],
            lengths=batch.lengths[row : row + 1], users=batch.users[row : row + 1],
        )  # fmt: skip
        states, _ = network.states.between(one, table, skip=0)
        logits = states[0] @ table.T + network.bias
        logits[:, flat.items[flat.offsets[users[owner]] : flat.offsets[users[owner] + 1]]] = -1e9
        expected[owner] += logits[: int(batch.lengths[row]) + 1].softmax(-1).sum(0)
    expected = (expected / 11).clamp(min=1e-30).log()  # eight items and three stretches
    torch.testing.assert_close(network.scores(batch), expected, rtol=1e-4, atol=1e-5)


@given(
    lengths=st.lists(st.integers(0, 9), min_size=1, max_size=6),
    max_len=st.integers(1, 5),
)
@budget(max_examples=50, deadline=None)
def test_stretches_cover_whole_histories_once(lengths: list[int], max_len: int) -> None:
    offsets = torch.tensor([0, *np.cumsum(lengths)])
    n = int(offsets[-1])
    flat = Histories(torch.arange(n), torch.zeros(n, 0, dtype=torch.int64), offsets, n)
    users = torch.arange(len(lengths)).flip(0)
    windows, owners = flat.cover(users, max_len)
    sizes = windows.stops - windows.starts
    assert sizes.max() <= max_len
    assert (sizes.diff() <= 0).all(), "the longest come first"
    assert torch.equal(users[owners], windows.users)
    assert set(owners.tolist()) == set(range(len(lengths))), "also users without a history"
    covered = [i for a, b in zip(windows.starts, windows.stops, strict=True) for i in range(a, b)]
    assert sorted(covered) == list(range(n))


def test_gap_batches_ask_for_what_they_show_and_never_for_what_they_dropped() -> None:
    split = board()
    data = HistoryData(split, None, Context.of(split.train), Settings(drop_rate=0.4), "gaps")
    seen = [
        {(u, i) for b in map(epoch.__getitem__, range(len(epoch)))
         for u, row in zip(b.users.tolist(), b.targets.tolist(), strict=True)
         for i in row if i >= 0}
        for epoch in (data.batches(0), data.batches(1))
    ]  # fmt: skip
    whole = set(zip(split.train["user"], split.train["item"], strict=True))
    for shown in seen:
        assert shown < whole
        assert 0.4 < len(shown) / len(whole) < 0.8
    assert seen[0] != seen[1]
    all_of_it = HistoryData(split, None, Context.of(split.train), Settings(drop_rate=0.0), "gaps")
    batches = all_of_it.batches(0)
    users = torch.cat([batches[i].users for i in range(len(batches))])
    assert sorted(users.tolist()) == list(range(split.n_users)), "everybody takes part"


def test_a_dropped_interaction_leaves_no_trace_in_the_time_gap_of_the_next() -> None:
    split = split_of(cycle(), "leave-last-out")
    context = Context.of(split.train)
    log = log_of(split, "train", context)
    assert context.times
    kept = np.arange(len(log.frame)) % 3 != 1
    rest = log.frame[kept]
    seconds = rest.groupby("user")["timestamp"].diff().fillna(0)
    expected = np.ceil(np.log2(seconds + 1)).to_numpy()
    assert np.array_equal(log.histories(kept).context[:, -1], expected)
    assert not np.array_equal(log.histories().context[kept, -1], expected)


@pytest.mark.parametrize("n_negatives", [0, 5])
def test_gap_loss_is_the_mean_cross_entropy_with_the_rest_of_the_history_out_of_the_way(
    n_negatives: int,
) -> None:
    network = module(board(), "gaps", branches=("rnn",), n_negatives=n_negatives)
    batch = few_targets(batch_of(board(), "gaps"))
    cross_entropy = drawn(network, batch)
    table = network.states.table()
    states, _ = network.states.between(batch, table, skip=1)
    losses = []
    for row, length in enumerate(batch.lengths.tolist()):
        history = batch.items[row, :length]
        for step, item in enumerate(history.tolist()):
            logits = table @ states[row, step] + network.bias
            logits[history[history != item]] = -torch.inf
            if item < N_ASKED:
                losses.append(cross_entropy(logits, item))
    torch.testing.assert_close(network.gap_loss(batch), torch.stack(losses).mean())


@pytest.mark.parametrize("target", ["gaps", "set", "next"])
def test_the_weight_of_cf_is_the_one_that_ranks_best_on_valid(target: str) -> None:
    from reclib.metrics import evaluate
    from reclib.recommenders.deep.models import Integrated

    valid, briefly = board().at("valid"), {"max_epochs": 1, "branches": ("cf", "rnn")}
    found = Integrated(**DEEP | briefly, target=target, fusion="added").fit(valid)
    choices = trained.CF_MULTIPLES if target == "next" else trained.CF_WEIGHTS
    assert found.module.choices == choices
    assert found.found["cf_weight"] in choices
    values = {}
    for weight in choices:
        found.module.cf_weight.fill_(weight)
        values[weight] = evaluate(found, valid, (10,)).summary["ndcg@10"]
    best = float(found.curve["valid_ndcg@10"].max())
    assert max(values.values()) == pytest.approx(best, abs=1e-6)
    assert len({round(value, 6) for value in values.values()}) > 1


def test_the_score_of_a_set_is_the_log_probability_plus_that_of_cf() -> None:
    network, batch = module(board(), "set"), batch_of(board(), "set")
    assert network.cf is not None
    network.cf_weight.fill_(3.0)
    table = network.states.table()
    states, gates = network.states(batch, table)
    assert gates.shape[-1] == 4, "CF has no share of the gate"
    for row, length in enumerate(batch.lengths.tolist()):
        history = batch.items[row, :length]
        likely = (table @ states[row, length - 1] + network.bias).softmax(0).log()
        weights = network.cf.tables[-network.n_items :]  # those of all users
        expected = likely + 3.0 * weights[history].sum(0)
        torch.testing.assert_close(network.scores(batch)[row], expected, atol=1e-5, rtol=1e-5)


def test_a_network_that_cf_is_added_to_learns_as_if_there_were_none() -> None:
    """And the score of the next item is its log probability plus every CF score to scale."""
    batch, settings = batch_of(ring()), {"dropout": 0.0, "fusion": "added"}
    network = module(ring(), branches=("cf", "rnn"), **settings)
    alone = module(ring(), branches=("rnn",), **settings)
    shared = {k: v for k, v in network.state_dict().items() if k != "cf_scale"}
    alone.load_state_dict(shared, strict=False)
    torch.testing.assert_close(network.next_loss(batch), alone.next_loss(batch), rtol=0, atol=0)
    network.cf_weight.fill_(2.0)
    assert network.cf is not None
    network.cf.levels.copy_(torch.tensor([0.5, 2.0, 4.0]))
    histories = log_of(ring(), "history", Context.of(ring().train)).histories()
    asked = asking(histories, torch.arange(6), 99, "next")
    tables = network.cf.table_of(asked.users, training=False)
    bags = network.cf.bag(asked.bag, asked.offsets, asked.ages, tables)
    assert len(bags) == 3, "two of EASE and the transitions"
    assert bags.abs().amax((1, 2)).min() > 0
    expected = alone.scores(asked).log_softmax(-1)
    for bag, level in zip(bags, network.cf.levels, strict=True):
        expected = expected + 2.0 * bag / level
    torch.testing.assert_close(network.scores(asked), expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    ("split", "target"), [(ring, "next"), (board, "gaps"), (rated_in_time, "ratings")]
)
def test_all_that_the_network_knows_moves_to_the_device_with_it(split: Any, target: str) -> None:
    network = module(split(), target)
    for part in network.modules():
        stray = [name for name, value in vars(part).items() if isinstance(value, Tensor)]
        assert not stray, f"{type(part).__name__} keeps {stray} where it is"
    network.to("meta")
    tensors = [*network.parameters(), *network.buffers()]
    assert {tensor.device.type for tensor in tensors} == {"meta"}
    assert len(tensors) > 20
    assert not [name for name in network.state_dict() if name.startswith(("cf.", "ratings."))]
