"""What each of several processes takes of a batch, so that together they learn what one would."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import NamedTuple

import torch
from torch import Tensor

from reclib.recommenders.deep.sequences import Batch


class Place(NamedTuple):
    """Number of this process among those started together, how many they are, and machines."""

    rank: int
    world: int
    nodes: int = 1


def launched(environment: Mapping[str, str] = os.environ) -> Place | None:
    """Return this process's place as ``torchrun`` or Slurm's ``srun`` tells it; else None."""
    if "TORCHELASTIC_RUN_ID" in environment:
        world, here = int(environment["WORLD_SIZE"]), int(environment["LOCAL_WORLD_SIZE"])
        return Place(int(environment["RANK"]), world, world // here)
    if "SLURM_STEP_ID" in environment and "SLURM_PROCID" in environment:
        world, nodes = int(environment["SLURM_NTASKS"]), int(environment["SLURM_NNODES"])
        return Place(int(environment["SLURM_PROCID"]), world, nodes)
    return None


class Share(NamedTuple):
    """The rows that one process takes of a batch: every ``world``-th from its own number on.

    Histories fall in length along a batch, so that all shares take about as long.
    """

    n_rows: int
    rows: Tensor


_now: list[Share] = []
"""The share of the batch that is being learned from; empty if that is all of it."""


@contextmanager
def taken(batch: Batch, rank: int, world: int) -> Iterator[Batch]:
    """Lend a process its share of a batch; inside, `uniform_like` knows of it.

    A process with fewer than two rows takes the last one along without its targets: all take the
    same steps, also where there are fewer rows than processes, and a tensor of one row does not
    tell in which order its axes lie in memory (`uniform_like`).
    """
    if world == 1:
        yield batch
        return
    n_rows = len(batch.users)
    own = torch.arange(n_rows, device=batch.users.device)[rank::world]
    rows = torch.cat([own, own.new_full((max(0, 2 - len(own)),), n_rows - 1)])
    mine = batch.rows(rows)
    mine.targets[len(own) :] = -1
    _now.append(Share(n_rows, rows))
    try:
        yield mine
    finally:
        _now.pop()


def uniform_like(x: Tensor) -> Tensor:
    """Return uniform numbers in the shape of ``x``, whose rows are those of the batch.

    A process that has a share of a batch draws for all of it and keeps its own rows, so that the
    numbers, and what is drawn after them, are those of a single process.
    """
    if not _now or len(x) != len(_now[-1].rows):
        return torch.rand_like(x)
    share = _now[-1]
    # `rand_like` fills in the order in which x lies in memory, which is not always that of its axes
    order = sorted(range(x.ndim), key=x.stride, reverse=True)
    shape = (share.n_rows, *x.shape[1:])
    drawn = torch.empty_permuted(shape, order, dtype=x.dtype, device=x.device).uniform_()
    return drawn[share.rows]
