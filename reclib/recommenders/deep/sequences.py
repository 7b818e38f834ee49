"""Histories as tensors: all interactions of all users, flat, in the order of time."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import pandas as pd
import torch
from torch import Tensor


class Batch(NamedTuple):
    """Some stretches of histories, longest first, padded on the right.

    Attributes
    ----------
    users : Tensor
        int64 ``[batch]``.
    items : Tensor
        int64 ``[batch, length]``, the inputs; ``n_items`` is padding.
    context : Tensor
        int64 ``[batch, length, n_context]``, levels of the interaction features.
    lengths : Tensor
        int64 ``[batch]``.
    targets : Tensor
        int64 ``[batch, n_targets]``, -1 is padding. For training on ``next`` or ``gaps`` the
        target of each position; otherwise the items that each asked user is to find.
    bag, offsets, ages : Tensor
        A longer history than the stretch, flat: its items, where each row's begin, and how
        many interactions ago each was. In next-item training what came before the stretch;
        otherwise the whole history, which the ranking leaves out.
    allowed : Tensor
        bool ``[n_asked, n_items]``, the candidates, or ``[n_asked, 0]`` where nothing is ranked.
    owners : Tensor
        int64 ``[batch]``, which of the asked users each stretch belongs to.
    """

    users: Tensor
    items: Tensor
    context: Tensor
    lengths: Tensor
    targets: Tensor
    bag: Tensor
    offsets: Tensor
    ages: Tensor
    allowed: Tensor
    owners: Tensor

    def rows(self, index: Tensor) -> Batch:
        """Return some rows, as a batch of the same length in which each is asked for itself."""
        ends = torch.cat([self.offsets[1:], self.offsets.new_tensor([len(self.bag)])])
        sizes = (ends - self.offsets)[index]
        offsets = sizes.cumsum(0) - sizes
        flat = torch.repeat_interleave(self.offsets[index] - offsets, sizes)
        flat = flat + torch.arange(len(flat), device=flat.device)
        names = ("users", "items", "context", "lengths", "targets", "allowed")
        return self._replace(
            **{name: getattr(self, name)[index] for name in names},
            bag=self.bag[flat], offsets=offsets, ages=self.ages[flat],
            owners=torch.arange(len(index), device=index.device),
        )  # fmt: skip

    def seen(self, n_items: int, place: Tensor | None = None) -> Tensor:
        """Return which items the bag of each row holds, bool ``[batch, n_items + 1]``.

        With the ``place`` of each item of the catalogue, which of ``n_items`` places; the last
        column stands for all that has none.
        """
        rows, device = torch.arange(len(self.users), device=self.bag.device), self.bag.device
        seen = torch.zeros(len(rows), n_items + 1, dtype=torch.bool, device=device)
        ends = torch.cat([self.offsets[1:], self.offsets.new_tensor([len(self.bag)])])
        held = self.bag if place is None else place[self.bag]
        seen[torch.repeat_interleave(rows, ends - self.offsets), held] = True
        return seen

    def by_user(self, values: Tensor) -> Tensor:
        """Add up the rows ``[batch, ...]`` that belong to the same asked user."""
        total = values.new_zeros(int(self.owners.max()) + 1, values.shape[1])
        return total.index_add(0, self.owners, values)


class Windows(NamedTuple):
    """Stretches ``[start, stop)`` of the flat histories, each of one user."""

    users: Tensor
    starts: Tensor
    stops: Tensor

    def pick(self, index: Tensor) -> Windows:
        """Return the chosen stretches, longest first."""
        lengths = (self.stops - self.starts)[index]
        index = index[torch.argsort(lengths, descending=True, stable=True)]
        return Windows(self.users[index], self.starts[index], self.stops[index])


@dataclass(frozen=True)
class Histories:
    """The interactions of all users in the order of time.

    Attributes
    ----------
    items : Tensor
        int64 ``[n_interactions]``, user after user.
    context : Tensor
        int64 ``[n_interactions, n_context]``.
    offsets : Tensor
        int64 ``[n_users + 1]``; user u has the interactions ``offsets[u]:offsets[u + 1]``.
    n_items : int
        Size of the catalogue.
    """

    items: Tensor
    context: Tensor
    offsets: Tensor
    n_items: int

    @classmethod
    def of(cls, frame: pd.DataFrame, context: np.ndarray, n_users: int, n_items: int) -> Histories:
        """Build from interactions sorted by user and time, with their context levels."""
        counts = np.bincount(frame["user"].to_numpy(), minlength=n_users)
        offsets = np.concatenate([[0], np.cumsum(counts)])
        items = frame["item"].to_numpy().astype(np.int64)
        flat, levels, bounds = (
            torch.from_numpy(array.astype(np.int64)) for array in (items, context, offsets)
        )
        return cls(flat, levels, bounds, n_items)

    @property
    def n_users(self) -> int:
        """Number of users, with or without a history."""
        return len(self.offsets) - 1

    @property
    def lengths(self) -> Tensor:
        """Length of every history, int64 ``[n_users]``."""
        return self.offsets.diff()

    def stretches(self, max_len: int) -> Windows:
        """Cut every history from its end into stretches that train each interaction once.

        Each stretch is followed by one more interaction, the target of its last position, so
        that only a history's first interaction is nobody's target.
        """
        n_windows = -(-(self.lengths - 1).clamp(min=0) // max_len)
        users = torch.repeat_interleave(torch.arange(self.n_users), n_windows)
        first = torch.cumsum(n_windows, 0) - n_windows
        nth = torch.arange(len(users)) - first[users]
        stops = self.offsets[users + 1] - 1 - nth * max_len
        return Windows(users, torch.maximum(stops - max_len, self.offsets[users]), stops)

    def last(self, users: Tensor, max_len: int) -> Windows:
        """Return the last stretch of each user's history."""
        stops = self.offsets[users + 1]
        return Windows(users, torch.maximum(stops - max_len, self.offsets[users]), stops)

    def cover(self, users: Tensor, max_len: int) -> tuple[Windows, Tensor]:
        """Cut whole histories into stretches, longest first; with the place of their user.

        A user without a history has one empty stretch.
        """
        counts = (-(-self.lengths[users] // max_len)).clamp(min=1)
        owners = torch.repeat_interleave(torch.arange(len(users)), counts)
        nth = torch.arange(len(owners)) - (torch.cumsum(counts, 0) - counts)[owners]
        stops = self.offsets[users + 1][owners] - nth * max_len
        starts = torch.maximum(stops - max_len, self.offsets[users][owners])
        order = torch.argsort(stops - starts, descending=True, stable=True)
        return Windows(users[owners[order]], starts[order], stops[order]), owners[order]

    def gather(self, starts: Tensor, stops: Tensor) -> tuple[Tensor, Tensor]:
        """Return items ``[batch, length]`` and context of some stretches, padded on the right."""
        steps = torch.arange(max(int((stops - starts).max()), 1))
        position = starts[:, None] + steps
        inside = position < stops[:, None]
        if not len(self.items):
            return torch.full(inside.shape, self.n_items), self.context.new_zeros(
                *inside.shape, self.context.shape[1]
            )
        position = position.clamp(max=len(self.items) - 1)
        items = torch.where(inside, self.items[position], self.n_items)
        return items, torch.where(inside[..., None], self.context[position], 0)

    def flat(self, starts: Tensor, stops: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return items, offsets and ages of some stretches without padding."""
        lengths = stops - starts
        offsets = torch.cumsum(lengths, 0) - lengths
        owner = torch.repeat_interleave(torch.arange(len(starts)), lengths)
        nth = torch.arange(len(owner)) - offsets[owner]
        return self.items[starts[owner] + nth], offsets, lengths[owner] - 1 - nth

    def next_batch(self, windows: Windows) -> Batch:
        """Batch for next-item training: the target of each position is the item after it."""
        users, starts, stops = windows
        items, context = self.gather(starts, stops)
        targets, _ = self.gather(starts + 1, stops + 1)
        targets = torch.where(targets == self.n_items, -1, targets)
        bag = self.flat(self.offsets[users], starts)
        return Batch(users, items, context, stops - starts, targets, *bag, *_nobody(users))

    def gap_batch(self, windows: Windows) -> Batch:
        """Batch for training on gaps: the target of each position is its own item."""
        batch = self.whole_batch(windows, torch.empty(0))
        return batch._replace(targets=torch.where(batch.items == self.n_items, -1, batch.items))

    def whole_batch(
        self,
        windows: Windows,
        targets: Tensor,
        allowed: Tensor | None = None,
        owners: Tensor | None = None,
    ) -> Batch:
        """Batch whose targets ``[n_asked, n_targets]`` are to be found out of whole histories."""
        users, starts, stops = windows
        items, context = self.gather(starts, stops)
        bag = self.flat(self.offsets[users], self.offsets[users + 1])
        nobody, rows = _nobody(users)
        asked = nobody if allowed is None else allowed, rows if owners is None else owners
        return Batch(users, items, context, stops - starts, targets, *bag, *asked)

    def sets(self, users: Tensor) -> Tensor:
        """Return the whole histories as targets ``[batch, longest]``, padded with -1."""
        items, _ = self.gather(self.offsets[users], self.offsets[users + 1])
        return torch.where(items == self.n_items, -1, items)


def _nobody(users: Tensor) -> tuple[Tensor, Tensor]:
    """Return candidates and owners of a batch in which every row is asked for itself."""
    return torch.zeros(len(users), 0, dtype=torch.bool), torch.arange(len(users))


def length_batches(lengths: Tensor, batch_size: int, seed: int, pool: int = 8) -> Iterator[Tensor]:
    """Yield shuffled batches of similar length: shuffle, sort within pools, shuffle batches."""
    generator = torch.Generator().manual_seed(seed)
    order = torch.randperm(len(lengths), generator=generator)
    pools = order.split(batch_size * pool)
    ordered = [part[torch.argsort(lengths[part], descending=True, stable=True)] for part in pools]
    batches = [batch for part in ordered for batch in part.split(batch_size)]
    for index in torch.randperm(len(batches), generator=generator).tolist():
        yield batches[index]
