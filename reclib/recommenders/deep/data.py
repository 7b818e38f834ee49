"""Batches for training and validation as a Lightning data module."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pytorch_lightning as pl
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from reclib.memory import rows_at_once
from reclib.recommenders.deep.features import Context
from reclib.recommenders.deep.sequences import Batch, Histories, Windows, length_batches
from reclib.recommenders.deep.settings import TWO_SIDED, Settings

if TYPE_CHECKING:
    from reclib.splits import Split

SCORING_BATCH = 128
SCORING_MB = 1000.0
CELL_BYTES = 60
"""Of a user and item while scores are computed: those of network and CF, and their sums."""


@dataclass(frozen=True)
class Log:
    """Interactions, and how they become histories.

    Attributes
    ----------
    frame : pandas.DataFrame
        ``user``, ``item`` and more, in the order of users and time.
    context : Context
        How interaction features become levels.
    n_users, n_items : int
    """

    frame: pd.DataFrame
    context: Context
    n_users: int
    n_items: int

    def histories(self, kept: np.ndarray | None = None) -> Histories:
        """Return the histories, of the interactions alone that are ``kept`` (bool).

        What an interaction says of the one before it is said of the one kept before it.
        """
        frame = self.frame if kept is None else self.frame[kept]
        return Histories.of(frame, self.context.levels(frame), self.n_users, self.n_items)


class NextBatches(Dataset[Batch]):
    """One epoch of next-item training: stretches of similar length, in shuffled batches."""

    def __init__(self, log: Log, settings: Settings, seed: int) -> None:
        self.histories = log.histories()
        self.windows = self.histories.stretches(settings.max_len)
        lengths = self.windows.stops - self.windows.starts
        self.batches = list(length_batches(lengths, settings.batch_size, seed))

    def __len__(self) -> int:
        return len(self.batches)

    def __getitem__(self, index: int) -> Batch:
        return self.histories.next_batch(self.windows.pick(self.batches[index]))


class Thinned:
    """What is left of each history for an epoch, and what was dropped from it at random."""

    def __init__(self, log: Log, settings: Settings, seed: int) -> None:
        generator = torch.Generator().manual_seed(seed)
        dropped = torch.rand(len(log.frame), generator=generator) < settings.drop_rate
        self.rest = log.histories(~dropped.numpy())
        self.dropped = log.histories(dropped.numpy())
        self.batches: list[Tensor] = []

    def cut(self, windows: Windows, settings: Settings, seed: int) -> None:
        """Put stretches of similar length into shuffled batches."""
        self.windows, lengths = windows, windows.stops - windows.starts
        self.batches = list(length_batches(lengths, settings.batch_size, seed))

    def __len__(self) -> int:
        return len(self.batches)


class SetBatches(Thinned, Dataset[Batch]):
    """One epoch of set training: the end of each thinned history, and what was dropped."""

    def __init__(self, log: Log, settings: Settings, seed: int) -> None:
        super().__init__(log, settings, seed)
        usable = (self.rest.lengths > 0) & (self.dropped.lengths > 0)
        windows = self.rest.last(usable.nonzero()[:, 0], settings.max_len)
        self.cut(windows, settings, seed)

    def __getitem__(self, index: int) -> Batch:
        windows = self.windows.pick(self.batches[index])
        return self.rest.whole_batch(windows, self.dropped.sets(windows.users))


class GapBatches(Thinned, Dataset[Batch]):
    """One epoch of training on gaps: thinned histories, cut into stretches."""

    def __init__(self, log: Log, settings: Settings, seed: int) -> None:
        super().__init__(log, settings, seed)
        usable = (self.rest.lengths > 1).nonzero()[:, 0]
        self.cut(self.rest.cover(usable, settings.max_len)[0], settings, seed)

    def __getitem__(self, index: int) -> Batch:
        windows = self.windows.pick(self.batches[index])
        return self.rest.gap_batch(windows)


class RankingBatches(Dataset[Batch]):
    """Whole histories with their relevant targets and candidates, for validation."""

    def __init__(self, split: Split, histories: Histories, settings: Settings, target: str) -> None:
        self.split, self.histories = split, histories
        self.max_len, self.target = settings.max_len, target
        relevant = split.relevant().tocoo()
        order = np.lexsort((relevant.col, relevant.row))
        counts = np.bincount(relevant.row, minlength=split.n_users)
        offsets = torch.from_numpy(np.concatenate([[0], np.cumsum(counts)]))
        items = torch.from_numpy(relevant.col[order].astype(np.int64))
        empty = torch.zeros(len(items), 0, dtype=torch.int64)
        self.targets = Histories(items, empty, offsets, split.n_items)
        users = torch.from_numpy(split.users().astype(np.int64))
        most = settings.validated(split.n_items)
        if most is not None and most < len(users):
            generator = torch.Generator().manual_seed(settings.seed)
            users = users[torch.randperm(len(users), generator=generator)[:most]]
        self.users = users[torch.argsort(histories.lengths[users], descending=True, stable=True)]
        self.batches = self.users.split(scored_at_once(split.n_items))

    def share(self, rank: int, world: int) -> RankingBatches:
        """Return the batches of every ``world``-th user from one on."""
        mine = copy.copy(self)
        mine.batches = self.users[rank::world].split(scored_at_once(self.split.n_items))
        return mine

    def __len__(self) -> int:
        return len(self.batches)

    def __getitem__(self, index: int) -> Batch:
        users = self.batches[index]
        allowed = to_tensor(self.split.candidates(users.numpy().astype(np.int32)))
        targets = self.targets.sets(users)
        return asking(self.histories, users, self.max_len, self.target, targets, allowed)


def scored_at_once(n_items: int) -> int:
    """Return how many users are scored together over a catalogue of some size."""
    return rows_at_once(CELL_BYTES * n_items, SCORING_MB, SCORING_BATCH)


def asking(
    histories: Histories,
    users: Tensor,
    max_len: int,
    target: str,
    targets: Tensor | None = None,
    allowed: Tensor | None = None,
) -> Batch:
    """Return the batch that asks for users, whose histories fall in length.

    Reading both sides, the network answers from all stretches of a history, else from the last.
    """
    targets = torch.full((len(users), 0), -1) if targets is None else targets
    if target not in TWO_SIDED:
        return histories.whole_batch(histories.last(users, max_len), targets, allowed)
    windows, owners = histories.cover(users, max_len)
    allowed = torch.zeros(len(users), 0, dtype=torch.bool) if allowed is None else allowed
    return histories.whole_batch(windows, targets, allowed, owners)


def to_tensor(mask: np.ndarray) -> Tensor:
    """Return a bool tensor of a mask."""
    return torch.from_numpy(np.ascontiguousarray(mask))


def log_of(split: Split, part: str, context: Context) -> Log:
    """Return the interactions in ``train`` or ``history``."""
    return Log(getattr(split, part), context, split.n_users, split.n_items)


KINDS: dict[str, type[NextBatches | GapBatches | SetBatches]] = {
    "next": NextBatches, "gaps": GapBatches, "ratings": GapBatches, "set": SetBatches,
}  # fmt: skip


class HistoryData(pl.LightningDataModule):
    """Training and validation batches of a split; the order depends on seed and epoch alone.

    Parameters
    ----------
    split : Split
        What is trained on.
    validation : Split or None
        What is validated on after every epoch, if anything.
    context : Context
        How interaction features become levels.
    settings : Settings
        Batch size, longest stretch, seed.
    target : {"next", "gaps", "ratings", "set"}
        What is learned.
    """

    def __init__(
        self,
        split: Split,
        validation: Split | None,
        context: Context,
        settings: Settings,
        target: str,
    ) -> None:
        super().__init__()
        self.allow_zero_length_dataloader_with_multiple_devices = True  # fewer users than processes
        self.train = log_of(split, "train", context)
        self.settings, self.target = settings, target
        self.ranking: RankingBatches | None = None
        if validation is not None and len(validation.users()):
            known = log_of(validation, "history", context).histories()
            self.ranking = RankingBatches(validation, known, settings, target)

    def batches(self, epoch: int) -> Dataset[Batch]:
        """Return the training batches of one epoch."""
        return KINDS[self.target](self.train, self.settings, self.settings.seed * 1000 + epoch)

    def train_dataloader(self) -> DataLoader[Batch]:
        """Return the batches of the current epoch; Lightning asks again for every epoch."""
        epoch = self.trainer.current_epoch if self.trainer is not None else 0
        # a generator of its own: on a resume Lightning opens the loader once less
        return DataLoader(self.batches(epoch), batch_size=None, generator=torch.Generator())

    def val_dataloader(self) -> DataLoader[Batch] | list[DataLoader[Batch]]:
        """Return the validation batches, none where there is nothing to validate on."""
        if self.ranking is None:
            return []
        rank, world = (0, 1) if self.trainer is None else (
            self.trainer.global_rank, self.trainer.world_size
        )  # fmt: skip
        return DataLoader(self.ranking.share(rank, world), batch_size=None)
