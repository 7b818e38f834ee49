"""Only what a batch touches: rows of large tables, read and updated without the others."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple, Self

import torch
from torch import Tensor


class Touched(NamedTuple):
    """Some items of the catalogue, numbered anew.

    Attributes
    ----------
    items : Tensor
        int64 ``[n_touched]``, rising.
    place : Tensor
        int64 ``[n_items + 1]``, the new number of each; ``n_touched`` of all others.
    """

    items: Tensor
    place: Tensor

    @classmethod
    def of(cls, n_items: int, *parts: Tensor) -> Self:
        """Return the items that are in any of the parts; ``n_items`` is padding."""
        wanted = torch.zeros(n_items + 1, dtype=torch.bool, device=parts[0].device)
        for part in parts:
            wanted[part.flatten()] = True
        wanted[n_items] = False
        items = wanted.nonzero()[:, 0]
        place = torch.full((n_items + 1,), len(items), device=items.device)
        place[items] = torch.arange(len(items), device=items.device)
        return cls(items, place)


class RowAdamW(torch.optim.AdamW):
    """AdamW that of a parameter with a sparse gradient moves the touched rows alone.

    Each row moves as under AdamW if the steps that do not touch it had not been: its moments do
    not fade, it does not decay, and its bias correction counts its own steps. ``SparseAdam``
    counts the steps of all, so that what is first touched late moves three times too far, and
    knows no decay: Loshchilov and Hutter, "Decoupled weight decay regularization", ICLR 2019,
    algorithm 2.
    """

    @torch.no_grad()
    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Move all parameters that have a gradient."""
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        for group in self.param_groups:
            for parameter in group["params"]:
                if parameter.grad is not None and parameter.grad.is_sparse:
                    self._move(parameter, group)
                    parameter.grad = None
        super().step()
        return loss

    def _move(self, parameter: Tensor, group: dict[str, Any]) -> None:
        gradient = parameter.grad.coalesce()  # type: ignore[union-attr]
        rows, g = gradient.indices()[0], gradient.values()
        state, (one, two) = self.state[parameter], group["betas"]
        if not state:
            state["step"] = torch.zeros(len(parameter), device=parameter.device)
            state["mean"], state["square"] = (torch.zeros_like(parameter) for _ in range(2))
        state["step"][rows] += 1
        steps = state["step"][rows, None]
        mean = state["mean"][rows].lerp_(g, 1 - one)
        square = state["square"][rows].mul_(two).addcmul_(g, g, value=1 - two)
        state["mean"][rows], state["square"][rows] = mean, square
        root = (square / (1 - two**steps)).sqrt_().add_(group["eps"])
        kept = parameter[rows] * (1 - group["lr"] * group["weight_decay"])
        parameter[rows] = kept - group["lr"] * mean / (1 - one**steps) / root


def clip(parameters: list[Tensor], most: float) -> None:
    """Scale all gradients, dense and sparse, to a total norm of at most ``most``, in place."""
    values = []
    for parameter in parameters:
        if parameter.grad is not None and parameter.grad.is_sparse:
            parameter.grad = parameter.grad.coalesce()
            values.append(parameter.grad.values())
        elif parameter.grad is not None:
            values.append(parameter.grad)
    norm = torch.nn.utils.get_total_norm(values)
    for value in values:
        value.mul_((most / (norm + 1e-6)).clamp(max=1.0))
