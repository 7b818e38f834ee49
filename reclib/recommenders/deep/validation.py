"""The metric that decides when training stops, equal to the evaluator's."""

from __future__ import annotations

import torch
from torch import Tensor


def ndcg(scores: Tensor, targets: Tensor, allowed: Tensor, cutoff: int = 10) -> Tensor:
    """Return NDCG at a cutoff for every user, float64 ``[batch]``.

    Parameters
    ----------
    scores : Tensor
        ``[batch, n_items]``.
    targets : Tensor
        int64 ``[batch, n_targets]``, relevant items, -1 is padding.
    allowed : Tensor
        bool ``[batch, n_items]``, the candidates.

    Notes
    -----
    Binary gains over the ideal of ``min(cutoff, number of relevant items)``; of items with equal
    scores the one with the lower index ranks first.
    """
    scores = scores.masked_fill(~allowed, -torch.inf)
    top = scores.sort(dim=-1, descending=True, stable=True).indices[:, :cutoff]
    reachable = allowed.gather(-1, top)
    hits = (top[:, :, None] == targets[:, None, :]).any(-1) & reachable  # [batch, cutoff]
    ranks = torch.arange(2, cutoff + 2, device=scores.device, dtype=torch.float64)
    gains = 1 / ranks.log2()
    ideal = gains.cumsum(0)[(targets >= 0).sum(-1).clamp(1, cutoff) - 1]
    return (hits * gains[: hits.shape[1]]).sum(-1) / ideal
