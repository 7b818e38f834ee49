"""Full-softmax cross-entropy over the catalogue with bounded memory."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

BLOCK_FLOATS = 250_000
"""Of the logits of some positions: a megabyte, which the second-level cache holds."""
Criterion = Callable[[Tensor, Tensor, Tensor], tuple[Tensor, Tensor]]
"""Of logits, targets and what is hidden: losses, and their gradient by the logits."""


def block_size(lengths: Tensor, n_items: int) -> int:
    """Return how many positions of a batch are scored at once: few enough for the cache."""
    return max(1, min(32, BLOCK_FLOATS // (len(lengths) * n_items)))


def position_blocks(lengths: Tensor, size: int) -> Iterator[tuple[slice, slice]]:
    """Yield (rows, positions) that cover every position of a batch sorted by falling length."""
    for start in range(0, int(lengths.max()), size):
        yield slice(0, int((lengths > start).sum())), slice(start, start + size)


def hidden_before(seen: Tensor, items: Tensor, lengths: Tensor, size: int) -> Iterator[Tensor]:
    """Yield, block by block, which items a history already holds at each position."""
    for rows, steps in position_blocks(lengths, size):
        yield seen_penalty(seen[rows], items[rows, steps])


def hidden_always(seen: Tensor, lengths: Tensor, size: int) -> Iterator[Tensor]:
    """Yield, block by block, which items the whole history holds, bool ``[rows, 1, n_items]``."""
    for rows, _ in position_blocks(lengths, size):
        yield seen[rows, None, :-1]


def seen_penalty(seen: Tensor, items: Tensor) -> Tensor:
    """Return which items a history holds at each position of a block, and update ``seen``.

    Parameters
    ----------
    seen : Tensor
        bool ``[rows, n_items + 1]``, what came before the block; updated in place.
    items : Tensor
        int64 ``[rows, positions]``; ``n_items`` is padding.

    Returns
    -------
    Tensor
        bool ``[rows, positions, n_items]``.
    """
    rows, steps = items.shape
    here = seen[:, None].repeat(1, steps, 1)
    later = torch.arange(steps, device=items.device)
    at, source = torch.tril_indices(steps, steps, device=items.device)
    here[torch.arange(rows, device=items.device)[:, None], later[at], items[:, source]] = True
    seen.copy_(here[:, -1])
    return here[..., :-1]


def with_gradient(
    logits: Tensor, target: Tensor, hidden: Tensor, *, smoothing: float
) -> tuple[Tensor, Tensor]:
    """Return the cross-entropies ``[rows, positions]`` and their gradient by the logits.

    The logits ``[rows, positions, n_items]`` are written over; ``hidden`` items do not compete,
    but targets always do. Where there is no target (-1), loss and gradient are 0.
    """
    known, place = target >= 0, target.clamp(min=0)[..., None]
    hidden = hidden.expand_as(logits).scatter(-1, place, False)
    g = logits.masked_fill_(hidden, -torch.inf).log_softmax(-1)
    loss, share = -g.gather(-1, place)[..., 0], smoothing / (~hidden).sum(-1)
    if smoothing:
        flat = g.masked_fill(hidden, 0.0).sum(-1) * share
        loss = (1 - smoothing) * loss - flat
    g.exp_()
    if smoothing:
        g.sub_(share[..., None]).masked_fill_(hidden, 0.0)
    g.scatter_add_(-1, place, torch.full_like(place, smoothing - 1, dtype=g.dtype))
    return loss.masked_fill(~known, 0.0), g.mul_(known[..., None])


def gbce_with_gradient(
    logits: Tensor, target: Tensor, hidden: Tensor, *, drawn: Tensor, n_items: int, t: float
) -> tuple[Tensor, Tensor]:
    """Return the generalised binary cross-entropies and their gradient, as `with_gradient` does.

    ``(b softplus(-s_target) + sum over negatives of softplus(s)) / (k + 1)`` for k negatives out of
    n items, with ``b = a (t (1 - 1 / a) + 1 / a)`` and ``a = k / (n - 1)``: Petrov and
    Macdonald, "gSASRec: reducing overconfidence in sequential recommendation trained with
    negative sampling", RecSys 2023 (gBCE, there written with the sigmoid to the power b).

    Parameters
    ----------
    logits, target, hidden : Tensor
        See `with_gradient`.
    drawn : Tensor
        bool ``[n_competing]``, those that may be negatives.
    n_items : int
        Size of the catalogue.
    t : float
        Calibration in [0, 1]: at 0 the plain binary cross-entropy, at 1 probabilities that are
        those of the whole catalogue.
    """
    known, place = target >= 0, target.clamp(min=0)[..., None]
    negative = (drawn & ~hidden).expand_as(logits).scatter(-1, place, False)
    k = max(int(drawn.sum()), 1)
    a = min(1.0, k / (n_items - 1))
    b = a * (t * (1 - 1 / a) + 1 / a)
    own = logits.gather(-1, place)
    below = (functional.softplus(logits) * negative).sum(-1)
    loss = (below + b * functional.softplus(-own)[..., 0]) / (k + 1)
    g = (logits.sigmoid() * negative).scatter(-1, place, b * (own.sigmoid() - 1)) / (k + 1)
    return loss.masked_fill(~known, 0.0), g.mul_(known[..., None])


class BlockCrossEntropy(torch.autograd.Function):
    """Sum of the cross-entropies of all positions, a block of positions at a time.

    The logits of a position are ``E h + b + sum_d c_d S_d`` with the table E of the items that
    compete, the state h, the popularity b and the CF scores S_d. All logits at once would take
    ``positions x n_items`` floats several times over. Here each block's gradient is taken while
    its logits are there, so that only one block of them exists at a time. Items that the history
    holds can never be recommended and do not compete.
    """

    @staticmethod
    def forward(
        ctx: Any,
        states: Tensor,
        table: Tensor,
        bias: Tensor,
        weights: Tensor,
        batch: tuple[Tensor, Tensor],
        hidden: Iterator[Tensor],
        scores: Iterator[Tensor] | None,
        criterion: Criterion,
        size: int,
    ) -> Tensor:
        """Return the summed loss.

        Parameters
        ----------
        ctx : Any
            Keeps the gradients for ``backward``.
        states : Tensor
            ``[batch, length, width]``.
        table, bias : Tensor
            ``[n_items, width]`` and ``[n_items]``.
        weights : Tensor
            ``[batch, length, n_scores]``, of the CF scores at each position.
        batch : tuple of Tensor
            Targets ``[batch, length]`` (-1: none) and lengths (falling).
        hidden : iterator of Tensor
            By block, the items that do not compete, bool ``[rows, positions or 1, n_items]``;
            the target of a position always does.
        scores : iterator of Tensor or None
            CF scores by block, ``[n_scores, rows, positions, n_items]``.
        criterion : callable
            The loss of some positions and its gradient.
        size : int
            Positions in a block.
        """
        targets, lengths = batch
        grads = [torch.zeros_like(x) for x in (states, table, bias, weights)]
        total = states.new_zeros(())
        for rows, steps in position_blocks(lengths, size):
            h, target = states[rows, steps], targets[rows, steps]
            extra = () if scores is None else tuple(next(scores))
            logits = functional.linear(h, table, bias)  # [rows, positions, n_items]
            for decay, score in enumerate(extra):
                logits.addcmul_(weights[rows, steps, decay, None], score)
            loss, g = criterion(logits, target, next(hidden))
            total += loss.sum()
            grads[0][rows, steps] = g @ table
            grads[1] += g.flatten(0, 1).T @ h.flatten(0, 1)
            grads[2] += g.sum((0, 1))
            for decay, score in enumerate(extra):
                grads[3][rows, steps, decay] = (g * score).sum(-1)
        ctx.save_for_backward(*grads)
        return total

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Tensor) -> Any:
        """Return the gradients that ``forward`` has taken."""
        gradients = [grad_outputs[0] * grad for grad in ctx.saved_tensors]
        return (*gradients, None, None, None, None, None)


def set_cross_entropy(logits: Tensor, targets: Tensor) -> Tensor:
    """Return the mean over users of the multinomial loss of their targets.

    Parameters
    ----------
    logits : Tensor
        ``[batch, n_items]``, ``-inf`` where nothing may be recommended.
    targets : Tensor
        int64 ``[batch, n_targets]``, -1 is padding.

    Notes
    -----
    ``-sum_i log softmax(logits)_i / n`` over a user's n targets: Liang et al., "Variational
    autoencoders for collaborative filtering", WWW 2018, equation 2, each user counting once.
    """
    known = targets >= 0
    chosen = logits.log_softmax(-1).gather(-1, targets.clamp(min=0))
    per_user = chosen.masked_fill(~known, 0.0).sum(-1) / known.sum(-1).clamp(min=1)
    return -per_user.sum() / known.any(-1).sum().clamp(min=1)
