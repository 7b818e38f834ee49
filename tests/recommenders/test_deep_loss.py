"""The losses and the items that compete, against formulas."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
import pytest
import torch
from networks import batch_of, few_targets, module
from planted import ring
from torch import Tensor

from reclib.recommenders.deep import loss
from reclib.recommenders.deep.competitors import Competitors
from reclib.recommenders.deep.loss import BlockCrossEntropy, hidden_before, set_cross_entropy


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


def test_items_begin_as_likely_one_by_one_as_they_are_popular() -> None:
    """From logits around 0 their level alone takes thousands of steps to learn."""
    network = module(ring(), branches=("rnn",), loss="gbce", n_negatives=5)
    likely = network.popularity + 1
    torch.testing.assert_close(network.bias.exp(), likely / likely.sum())


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
    seen = network.seen(batch, among)
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
