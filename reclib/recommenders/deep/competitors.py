"""Which items compete with the target of a position: all, or a sample with its correction."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Self

import torch
from torch import Tensor


@dataclass(frozen=True)
class Competitors:
    """The items that compete for the positions of a batch: the catalogue, or a sample of it.

    The sample holds every target of the batch, and of the other items some drawn at random,
    each with the same chance p. With ``-log p`` added to the logits of those, the sum of the
    exponentials over the sample is right in the mean: Horvitz and Thompson, JASA 1952, section
    3, and the log-Q correction of Bengio and Senecal, IEEE TNN 2008, for these chances.

    Attributes
    ----------
    items : Tensor or None
        int64 ``[n_competing]``, rising; None is the catalogue.
    place : Tensor or None
        int64 ``[n_items + 1]``, where each item lies in ``items``; ``n_competing`` if nowhere.
    correction : Tensor or None
        float32 ``[n_competing]``, what is added to the logits.
    """

    items: Tensor | None = None
    place: Tensor | None = None
    correction: Tensor | None = None

    @classmethod
    def of(cls, targets: Tensor, n_items: int, n_negatives: int) -> Self:
        """Draw some items beside the targets (-1: none) of a batch; all of them for 0."""
        wanted = torch.zeros(n_items, dtype=torch.bool, device=targets.device)
        wanted[targets[targets >= 0]] = True
        others = (~wanted).nonzero()[:, 0]
        if not 0 < n_negatives < len(others):
            return cls()
        drawn = torch.randperm(len(others), device=targets.device)[:n_negatives]
        correction = torch.zeros(n_items, device=targets.device)
        correction[others] = math.log(len(others) / n_negatives)
        wanted[others[drawn]] = True
        items = wanted.nonzero()[:, 0]
        place = torch.full((n_items + 1,), len(items), device=targets.device)
        place[items] = torch.arange(len(items), device=targets.device)
        return cls(items, place, correction[items])

    def n_of(self, n_items: int) -> int:
        """Return how many compete, out of ``n_items``."""
        return n_items if self.items is None else len(self.items)

    def of_rows(self, values: Tensor) -> Tensor:
        """Return the rows of those that compete out of ``[n_items, ...]``."""
        return values if self.items is None else values[self.items]

    def corrected(self, bias: Tensor) -> Tensor:
        """Return the part of their logits that no state changes, ``[n_competing]``."""
        return bias if self.correction is None else bias[self.items] + self.correction

    def drawn(self, targets: Tensor, n_items: int) -> Tensor:
        """Return which of them were drawn and did not just come with the targets, bool."""
        if self.correction is None:
            return torch.ones(n_items, dtype=torch.bool, device=targets.device)
        return self.correction > 0

    def at(self, items: Tensor) -> Tensor:
        """Return where items lie among those that compete; -1 stays -1."""
        return items if self.place is None else torch.where(items < 0, -1, self.place[items])
