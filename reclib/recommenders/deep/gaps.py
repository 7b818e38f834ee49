"""What a user's gaps say together: hidden interactions may stand in any of them."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from reclib.recommenders.deep import loss
from reclib.recommenders.deep.sequences import Batch

SMALLEST = 1e-30


def mean_probability(batch: Batch, table: Tensor, bias: Tensor, states: Tensor) -> Tensor:
    """Return the log of the mean probability over a user's gaps, ``[n_asked, n_items]``."""
    n_items = len(table)
    seen, n_gaps = batch.seen(n_items)[:, None, :-1], batch.lengths + 1
    size = loss.block_size(n_gaps, n_items)
    sums = states.new_zeros(len(states), n_items)
    for rows, steps in loss.position_blocks(n_gaps, size):
        logits = functional.linear(states[rows, steps], table, bias)
        p = logits.masked_fill_(seen[rows], -torch.inf).softmax(-1)
        inside = torch.arange(states.shape[1], device=p.device)[steps] < n_gaps[rows, None]
        sums[rows] += (p * inside[..., None]).sum(1)
    total, n_all = batch.by_user(sums), batch.by_user(n_gaps[:, None])
    return (total / n_all).clamp(min=SMALLEST).log()


def mean_over_gaps(batch: Batch, values: Tensor) -> Tensor:
    """Return the mean over a user's gaps of ``[batch, n_gaps, ...]``, ``[n_asked, ...]``."""
    inside = torch.arange(values.shape[1], device=values.device) <= batch.lengths[:, None]
    total = batch.by_user((values * inside[..., None]).sum(1))
    return total / batch.by_user(batch.lengths[:, None] + 1)
