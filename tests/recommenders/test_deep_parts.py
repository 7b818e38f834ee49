"""The parts of the deep recommenders, each against a loop or a formula."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
import torch
from hypothesis import given
from hypothesis import settings as budget
from hypothesis import strategies as st
from planted import DEEP, board, cycle, ring, split_of
from torch import Tensor

from reclib.errors import DataError, UnknownName
from reclib.metrics import at_cutoff, hits_of
from reclib.ranking import top_k
from reclib.recommenders.deep import loss, trained
from reclib.recommenders.deep.branches import SEQUENTIAL, Dropout
from reclib.recommenders.deep.cf import CFWeights
from reclib.recommenders.deep.competitors import Competitors
from reclib.recommenders.deep.data import (
    HistoryData,
    NextBatches,
    SetBatches,
    asking,
    log_of,
)
from reclib.recommenders.deep.features import Context
from reclib.recommenders.deep.integrated import CF_LOGIT, IntegratedModule
from reclib.recommenders.deep.loss import BlockCrossEntropy, hidden_before, set_cross_entropy
from reclib.recommenders.deep.models import inputs
from reclib.recommenders.deep.sequences import Batch, Histories, length_batches
from reclib.recommenders.deep.settings import Settings
from reclib.recommenders.deep.validation import ndcg
from reclib.recommenders.ease import ease
from reclib.recommenders.transitions import gram, solve


def taken(n_users: int = 12, n_items: int = 9, seed: int = 0) -> sp.csr_matrix:
    return sp.csr_matrix((np.random.default_rng(seed).random((n_users, n_items)) < 0.5), dtype="f4")


def histories_of(matrix: sp.csr_matrix) -> Histories:
    """Return histories that take the items of each row in an order of its own."""
    users, items = matrix.nonzero()
    order = np.lexsort((items * (users + 2) % 11, users))
    frame = pd.DataFrame({"user": users[order], "item": items[order]})
    return Histories.of(frame, np.zeros((len(frame), 0)), *matrix.shape)


def weights(matrix: sp.csr_matrix, **changes: Any) -> CFWeights:
    options: dict[str, Any] = {
        "l2": 2.0, "n_folds": 3, "max_items": 99, "decays": (0.5, 1.0), "seed": 1,
        "transition": 0.7, "transition_l2": 3.0,
    }  # fmt: skip
    return CFWeights(histories_of(matrix), **options | changes)


def transitions_of(matrix: sp.csr_matrix, users: np.ndarray | None = None) -> Tensor:
    """Return the transitions of some users, or of all, as `weights` asks for them."""
    histories = histories_of(matrix)
    owner = np.repeat(np.arange(histories.n_users), histories.lengths)
    kept = np.isin(owner, owner if users is None else users)
    sums = gram(owner[kept], histories.items.numpy()[kept], matrix.shape[1], 0.7)
    return torch.from_numpy(solve(*sums, 3.0))


# --- the closed-form branch ---------------------------------------------------------------------


def test_a_user_trains_on_weights_that_have_not_seen_him() -> None:
    matrix, size = taken(), 9
    cf = weights(matrix)
    users = torch.arange(12)
    for user, table in zip(users.tolist(), cf.table_of(users, training=True), strict=True):
        others = cf.folds != cf.folds[user]
        assert not others[user]
        known = np.flatnonzero(others.numpy())
        expected = torch.from_numpy(ease(matrix[known], 2.0))
        torch.testing.assert_close(cf.tables[table * size :][:size], expected)
        torch.testing.assert_close(
            cf.tables[(table + 4) * size :][:size], transitions_of(matrix, known)
        )
    for table in cf.table_of(users, training=False):
        expected = torch.from_numpy(ease(matrix, 2.0))
        torch.testing.assert_close(cf.tables[table * size :][:size], expected)
        torch.testing.assert_close(cf.tables[(table + 4) * size :][:size], transitions_of(matrix))


def test_weights_cover_each_kind_and_fold_once() -> None:
    assert len(weights(taken()).tables) == 2 * 4 * 9
    alone = weights(taken(), transition=0.0)
    assert len(alone.tables) == 4 * 9
    assert alone.decays.tolist() == [0.5, 1.0]


def test_levels_are_the_mean_of_the_largest_scores_out_of_fold() -> None:
    cf, histories = weights(taken()), histories_of(taken())
    largest = []
    for user in range(12):
        items = histories.items[histories.offsets[user] : histories.offsets[user + 1]]
        table = int(cf.table_of(torch.tensor([user]), training=True))
        largest.append(naive_cf(cf, items.tolist(), table).max(1))
    np.testing.assert_allclose(cf.levels, np.mean(largest, axis=0), rtol=1e-5)


def test_own_history_moves_the_scoring_weights_but_not_the_training_weights() -> None:
    matrix = taken()
    other = matrix.toarray()
    other[4] = 1 - other[4]
    before, after = weights(matrix), weights(sp.csr_matrix(other))
    user = torch.tensor([4])
    for training, same in ((True, True), (False, False)):
        for kind in (0, 1):
            start = (before.table_of(user, training)[0] + 4 * kind) * 9
            near = torch.allclose(before.tables[start:][:9], after.tables[start:][:9], atol=1e-6)
            assert near is same


def test_folds_are_even_and_cover_everybody() -> None:
    assert torch.bincount(weights(taken(13)).folds).tolist() == [5, 4, 4]


def test_only_the_most_popular_items_are_covered() -> None:
    matrix = taken()
    cf = weights(matrix, max_items=4)
    counts = np.asarray(matrix.sum(0)).ravel()
    assert min(counts[cf.covered]) >= max(np.delete(counts, cf.covered))
    wide = cf.spread(torch.ones(2, 4))
    assert wide.nonzero()[:, 1].unique().tolist() == cf.covered.tolist()


def naive_cf(cf: CFWeights, items: list[int], table: int) -> np.ndarray:
    """Return the decayed sums of the rows of a history, oldest first, ``[n_scores, n_items]``."""
    result = np.zeros((len(cf.decays), cf.n_items))
    for d, (kind, decay) in enumerate(zip(cf.kinds, cf.decays.tolist(), strict=True)):
        start = (table + kind * (cf.n_folds + 1)) * cf.size
        for age, item in enumerate(reversed(items)):
            place = int(cf.place[item])
            if place >= 0:
                result[d, cf.covered] += decay**age * cf.tables[start + place].numpy()
    return result


HISTORIES = [[3, 1, 4, 0, 5, 2], [2, 6, 5], [8]]


@pytest.mark.parametrize("max_items", [99, 5])
def test_bag_is_the_decayed_sum_over_the_history(max_items: int) -> None:
    cf = weights(taken(), max_items=max_items)
    flat = Histories(
        torch.tensor([item for items in HISTORIES for item in items]),
        torch.zeros(10, 0, dtype=torch.int64),
        torch.tensor([0, 6, 9, 10]), 9,
    )  # fmt: skip
    bag = flat.flat(flat.offsets[:-1], flat.offsets[1:])
    tables = torch.tensor([0, 3, 1])
    found = cf.bag(*bag, tables)
    for user, items in enumerate(HISTORIES):
        expected = naive_cf(cf, items, int(tables[user]))
        np.testing.assert_allclose(found[:, user], expected, atol=1e-5)


@pytest.mark.parametrize("max_items", [99, 5])
@pytest.mark.parametrize("size", [1, 2, 32])
def test_blocks_are_the_decayed_sums_at_every_position(size: int, max_items: int) -> None:
    cf = weights(taken(), max_items=max_items)
    rows = torch.full((3, 6), 9)
    for user, items in enumerate(HISTORIES):
        rows[user, : len(items)] = torch.tensor(items)
    tables, lengths = torch.tensor([0, 3, 1]), torch.tensor([6, 3, 1])
    bags = [[7, 0], [1], []]
    before = torch.stack([
        torch.from_numpy(naive_cf(cf, bag, int(t))).float()
        for bag, t in zip(bags, tables, strict=True)
    ], dim=1)  # fmt: skip
    blocks = list(cf.blocks(rows, before, tables, lengths, size))
    for user, items in enumerate(HISTORIES):
        for step in range(len(items)):
            found = blocks[step // size][:, user, step % size]
            expected = naive_cf(cf, bags[user] + items[: step + 1], int(tables[user]))
            np.testing.assert_allclose(found, expected, atol=1e-5)


def test_blocks_of_some_items_are_columns_of_those_of_all() -> None:
    cf = weights(taken(), max_items=5)
    rows, tables, lengths = torch.tensor(HISTORIES[:1]), torch.tensor([1]), torch.tensor([6])
    before, asked = torch.rand(len(cf.decays), 1, 9), torch.tensor([0, 3, 4, 8])
    whole = cf.blocks(rows, before, tables, lengths, 2)
    some = cf.blocks(rows, before[..., asked], tables, lengths, 2, asked)
    for all_of_them, chosen in zip(whole, some, strict=True):
        torch.testing.assert_close(chosen, all_of_them[..., asked])


def test_a_sample_holds_the_targets_and_some_others_and_places_them() -> None:
    among = Competitors.of(torch.tensor([[7, 2, -1], [2, -1, -1]]), 12, 4)
    assert among.items is not None
    assert {2, 7} < set(among.items.tolist())
    assert len(among.items) == among.n_of(12) == 6
    assert among.items.tolist() == sorted(set(among.items.tolist()))
    assert among.at(among.items).tolist() == list(range(6))
    others = torch.tensor(sorted(set(range(13)) - set(among.items.tolist())))
    assert among.at(others).tolist() == [6] * 7, "those left out and the padding lie nowhere"
    assert among.at(torch.tensor([-1])).tolist() == [-1]
    assert Competitors.of(torch.tensor([[7]]), 12, 11).items is None, "nobody to leave out"


def test_the_sum_over_a_sample_is_right_in_the_mean() -> None:
    torch.manual_seed(0)
    logits, targets, n = torch.randn(12, dtype=torch.float64), torch.tensor([3, 8]), 4000
    sums = torch.zeros(n, dtype=torch.float64)
    for draw in range(n):
        among = Competitors.of(targets, 12, 4)
        sums[draw] = among.corrected(logits).exp().sum()
    error = sums.std() / n**0.5
    assert abs(sums.mean() - logits.exp().sum()) < 3 * error
    assert error < 0.02 * logits.exp().sum()


def test_dropout_silences_its_share_and_keeps_the_mean() -> None:
    torch.manual_seed(0)
    dropout, x = Dropout(0.4), torch.ones(100, 1000)
    found = dropout(x)
    assert (found == 0).float().mean() == pytest.approx(0.4, abs=0.01)
    torch.testing.assert_close(found[found > 0], torch.full((int((found > 0).sum()),), 1 / 0.6))
    assert torch.equal(dropout.eval()(x), x)


# --- the loss -----------------------------------------------------------------------------------


def plain(
    h: Tensor, table: Tensor, bias: Tensor, w: Tensor, items: Tensor, targets: Tensor,
    before: Tensor, scores: Tensor, smoothing: float,
) -> Tensor:  # fmt: skip
    """Return the summed loss, position by position, out of torch's own softmax."""
    total = h.new_zeros(())
    for b in range(len(items)):
        seen = before[b].clone()
        for t in range(items.shape[1]):
            seen[items[b, t]] = True
            target = int(targets[b, t])
            if target < 0:
                continue
            logits = table @ h[b, t] + bias + (w[b, t, :, None] * scores[:, b, t]).sum(0)
            allowed = ~seen[:-1]
            allowed[target] = True
            log_p = logits[allowed].log_softmax(0)
            own = log_p[int(allowed[:target].sum())]
            total = total - (1 - smoothing) * own - smoothing * log_p.mean()
    return total


@pytest.mark.parametrize("size", [1, 2, 64])
@pytest.mark.parametrize("smoothing", [0.0, 0.2])
def test_block_cross_entropy_is_full_softmax_cross_entropy(size: int, smoothing: float) -> None:
    torch.manual_seed(0)
    items = torch.tensor([[3, 1, 4, 0, 5], [2, 6, 5, 7, 7], [1, 7, 7, 7, 7]])  # 7 is padding
    targets = torch.tensor([[1, 4, 0, 5, 2], [6, 5, 2, -1, -1], [4, -1, -1, -1, -1]])
    lengths = torch.tensor([5, 3, 1])
    seen = torch.zeros(3, 8, dtype=torch.bool)
    seen[0, 6] = seen[2, 4] = True  # user 2 takes item 4 again: a target always competes
    shapes = [(3, 5, 4), (7, 4), (7,), (3, 5, 2)]
    parts = [torch.randn(shape, dtype=torch.float64, requires_grad=True) for shape in shapes]
    scores = torch.randn(2, 3, 5, 7, dtype=torch.float64)

    def blocks() -> Any:
        for start in range(0, 5, size):
            rows = int((lengths > start).sum())
            yield scores[:, :rows, start : start + size]

    hidden = hidden_before(seen.clone(), items, lengths, size)
    criterion = partial(loss.with_gradient, smoothing=smoothing)
    found = BlockCrossEntropy.apply(
        *parts, (targets, lengths), hidden, blocks(), criterion, size
    )  # fmt: skip
    expected = plain(*parts, items, targets, seen, scores, smoothing)
    torch.testing.assert_close(found, expected)
    (3 * found).backward()
    taken_ = [part.grad.clone() for part in parts]
    for gradient, part in zip(taken_, torch.autograd.grad(3 * expected, parts), strict=True):
        torch.testing.assert_close(gradient, part)


@pytest.mark.parametrize("t", [0.0, 0.75, 1.0])
def test_gbce_is_the_published_formula_and_its_gradient(t: float) -> None:
    torch.manual_seed(0)
    logits = torch.randn(2, 3, 7, dtype=torch.float64, requires_grad=True)
    targets = torch.tensor([[1, 4, 0], [6, -1, 2]])
    hidden, drawn = torch.rand(2, 3, 7) < 0.3, torch.tensor([1, 0, 1, 1, 0, 1, 1]).bool()
    a = 5 / (20 - 1)
    b = a * (t * (1 - 1 / a) + 1 / a)
    expected = logits.new_zeros(())
    for row, step in np.ndindex(2, 3):
        target = int(targets[row, step])
        if target < 0:
            continue
        p = logits[row, step].sigmoid()
        negatives = [i for i in range(7) if drawn[i] and not hidden[row, step, i] and i != target]
        expected = expected - (p[target] ** b).log() / 6 - (1 - p[negatives]).log().sum() / 6
    found, gradient = loss.gbce_with_gradient(
        logits.detach().clone(), targets, hidden, drawn=drawn, n_items=20, t=t
    )
    torch.testing.assert_close(found.sum(), expected.detach())
    torch.testing.assert_close(gradient, torch.autograd.grad(expected, logits)[0])


def test_the_calibrated_loss_is_asked_for_without_the_correction() -> None:
    network = module(ring(), branches=("rnn",), loss="gbce", n_negatives=5)
    batch = few_targets(batch_of(ring()))
    torch.manual_seed(3)
    among = network.competitors(batch)
    assert among.items is not None
    assert int(among.drawn(batch.targets, 20).sum()) == 5
    states, _ = network.states(batch, network.states.table())
    logits = states @ network.states.table()[among.items].T + network.bias[among.items]
    seen = among.seen(batch.seen(20))
    hidden = torch.cat(list(hidden_before(seen, among.at(batch.items), batch.lengths, 1)), dim=1)
    losses, _ = loss.gbce_with_gradient(
        logits, among.at(batch.targets), hidden,
        drawn=among.drawn(batch.targets, 20), n_items=20, t=0.75,
    )  # fmt: skip
    torch.manual_seed(3)
    expected = losses.sum() / (batch.targets >= 0).sum()
    torch.testing.assert_close(network.next_loss(batch), expected)


def test_set_cross_entropy_is_the_mean_of_users_means() -> None:
    torch.manual_seed(0)
    logits = torch.randn(3, 5, dtype=torch.float64)
    logits[0, 4] = -torch.inf
    targets = torch.tensor([[0, 2, 3], [1, -1, -1], [-1, -1, -1]])
    log_p = logits.log_softmax(-1)
    expected = (-(log_p[0, 0] + log_p[0, 2] + log_p[0, 3]) / 3 - log_p[1, 1]) / 2
    torch.testing.assert_close(set_cross_entropy(logits, targets), expected)


# --- looking back only --------------------------------------------------------------------------


def module(split: Any, target: str = "next", **changes: Any) -> IntegratedModule:
    settings = Settings(**DEEP | changes)
    torch.manual_seed(1)
    context = Context.of(split.train)
    network = IntegratedModule(inputs(split, context, settings, target), settings, target).eval()
    for gate in network.states.gates.values():  # else the shares hide what reaches them
        torch.nn.init.normal_(gate.weight, std=0.5)
    return network


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


@pytest.mark.parametrize(("target", "n_scores"), [("next", 3), ("set", 2), ("gaps", 1)])
def test_transitions_are_read_only_where_the_next_item_is_asked_for(
    target: str, n_scores: int
) -> None:
    network = module(ring(), target, cf_decays=(0.5, 1.0))
    assert network.cf is not None
    assert len(network.cf.decays) == len(network.cf_scale) == n_scores


def batch_of(split: Any, target: str = "next", **changes: Any) -> Any:
    data = HistoryData(
        split, None, Context.of(split.train), Settings(**DEEP | changes), target
    )  # fmt: skip
    return data.batches(0)[0]


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


N_ASKED = 6


def few_targets(batch: Batch) -> Batch:
    """Keep those targets alone that are among the first items, so that others can be drawn."""
    return batch._replace(targets=torch.where(batch.targets < N_ASKED, batch.targets, -1))


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
    assert set(asked) == (set() if target == "gaps" else {True}), "gaps train without CF"
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


def test_the_weight_of_cf_is_the_one_that_ranks_best_on_valid() -> None:
    from reclib.metrics import evaluate
    from reclib.recommenders.deep.models import Integrated

    valid = board().at("valid")
    found = Integrated(**DEEP | {"max_epochs": 1, "branches": ("cf", "rnn")}).fit(valid)
    values = {}
    for weight in trained.CF_WEIGHTS:
        found.module.cf_weight.fill_(weight)
        values[weight] = evaluate(found, valid, (10,)).summary["ndcg@10"]
    best = float(found.curve["valid_ndcg@10"].max())
    assert max(values.values()) == pytest.approx(best, abs=1e-6)
    assert len({round(value, 6) for value in values.values()}) > 1


# --- histories ----------------------------------------------------------------------------------


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


@given(seed=st.integers(0, 10_000), n_items=st.integers(10, 30))
@budget(max_examples=60, deadline=None)
def test_ndcg_is_the_evaluators(seed: int, n_items: int) -> None:
    """Scores are small integers, so that there are ties; some lists are shorter than 10."""
    random = np.random.default_rng(seed)
    scores = random.integers(0, 4, (6, n_items)).astype(np.float32)
    relevant = random.random((6, n_items)) < 0.3
    relevant[:, 0] = True
    allowed = relevant | (random.random((6, n_items)) < random.random((6, 1)))
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
