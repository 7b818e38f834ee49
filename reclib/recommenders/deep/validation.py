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
    top = first(scores, min(cutoff, scores.shape[1]))
    reachable = allowed.gather(-1, top)
    hits = (top[:, :, None] == targets[:, None, :]).any(-1) & reachable  # [batch, cutoff]
    ranks = torch.arange(2, cutoff + 2, device=scores.device, dtype=torch.float64)
    gains = 1 / ranks.log2()
    ideal = gains.cumsum(0)[(targets >= 0).sum(-1).clamp(1, cutoff) - 1]
    return (hits * gains[: hits.shape[1]]).sum(-1) / ideal


def first(scores: Tensor, k: int) -> Tensor:
    """Return the places of the k highest scores, falling, int64 ``[batch, k]``.

    Of equal scores the one with the lower index comes first, which ``topk`` does not promise;
    sorting whole catalogues takes five times as long.
    """
    top = scores.topk(k)
    lowest = top.values[:, -1:]
    if int((scores >= lowest).sum()) == k * len(scores):  # nothing outside is equal to the last
        items = top.indices.sort(dim=-1).values
    else:
        above, equal = scores > lowest, scores == lowest
        room = k - above.sum(-1, keepdim=True)
        chosen = above | (equal & (equal.cumsum(-1) <= room))
        items = chosen.nonzero()[:, 1].view(len(scores), k)
    order = scores.gather(-1, items).sort(dim=-1, descending=True, stable=True).indices
    return items.gather(-1, order)
