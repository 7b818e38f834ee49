"""The collaborative-filtering branch: closed-form item-item weights, out of fold."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import scipy.sparse as sp
import torch
from torch import Tensor
from torch.nn import functional

from reclib.recommenders.deep.loss import position_blocks
from reclib.recommenders.ease import ease


class CFWeights:
    """EASE on the whole training part, and once more without each fold of its users.

    EASE has seen the whole history of a user whom it was trained on, also what comes after the
    position that the network is learning from. So the network trains on the weights that were
    computed without that user's fold, and scores with the weights of all users.

    Parameters
    ----------
    matrix : scipy.sparse.csr_matrix
        Training interactions, binary, ``[n_users, n_items]``.
    n_folds, max_items, decays, seed
        See `Settings`.
    **options : float
        Of `reclib.recommenders.ease.ease`.

    Attributes
    ----------
    tables : Tensor
        float32 ``[(n_folds + 1) * covered, covered]``: the weights without fold 0, 1, ..., and
        of all users, below each other.
    folds : Tensor
        int64 ``[n_users]``, the fold that each user belongs to.
    """

    def __init__(
        self,
        matrix: sp.csr_matrix,
        *,
        n_folds: int,
        max_items: int,
        decays: tuple[float, ...],
        seed: int,
        **options: float,
    ) -> None:
        n_users, self.n_items = matrix.shape
        counts = np.asarray(matrix.sum(0)).ravel()
        self.covered = np.sort(np.argsort(-counts, kind="stable")[:max_items])
        matrix = matrix[:, self.covered]
        generator = torch.Generator().manual_seed(seed)
        self.folds = torch.randperm(n_users, generator=generator) % n_folds
        self.n_folds, self.decays = n_folds, torch.tensor(decays)
        folds = self.folds.numpy()
        parts = [matrix[np.flatnonzero(folds != fold)] for fold in range(n_folds)]
        self.tables = torch.cat([torch.from_numpy(ease(m, **options)) for m in [*parts, matrix]])
        place = torch.full((self.n_items + 1,), -1)
        place[torch.from_numpy(self.covered)] = torch.arange(len(self.covered))
        self.place = place

    def to(self, device: torch.device) -> CFWeights:
        """Move the weights to a device."""
        for name in ("folds", "decays", "tables", "place"):
            setattr(self, name, getattr(self, name).to(device))
        return self

    def table_of(self, users: Tensor, training: bool) -> Tensor:
        """Return which table each user reads, int64 ``[batch]``."""
        return self.folds[users] if training else torch.full_like(users, self.n_folds)

    def bag(self, items: Tensor, offsets: Tensor, ages: Tensor, tables: Tensor) -> Tensor:
        """Return the decayed sums over whole histories, float32 ``[n_decays, batch, n_items]``."""
        ends = torch.cat([offsets[1:], offsets.new_tensor([len(items)])])
        rows = self.place[items] + torch.repeat_interleave(tables, ends - offsets) * self.size
        known = (self.place[items] >= 0).float()
        sums = [
            functional.embedding_bag(
                rows.clamp(min=0),
                self.tables,
                offsets,
                mode="sum",
                per_sample_weights=known * decay**ages,
            )
            for decay in self.decays
        ]
        return self.spread(torch.stack(sums))

    def blocks(
        self, items: Tensor, before: Tensor, tables: Tensor, lengths: Tensor, size: int
    ) -> Iterator[Tensor]:
        """Yield the scores at every position, a block of positions at a time.

        With ``S_t = decay * S_{t-1} + B[i_t]`` (``S_{-1}`` is ``before``, ``[n_decays, batch,
        n_items]``), a block of positions is one lower-triangular product; only the rows that
        reach into the block (``lengths`` descends) are computed.

        Yields
        ------
        Tensor
            float32 ``[n_decays, rows, positions, n_items]``.
        """
        state = before
        for active, block in position_blocks(lengths, size):
            rows = self.rows(items[active, block], tables[active])
            scores = rows.new_empty(len(self.decays), *rows.shape)
            for out, last, decay in zip(scores, state, self.decays.tolist(), strict=True):
                last = last[active]
                for step in range(rows.shape[1]):
                    last = torch.add(rows[:, step], last, alpha=decay, out=out[:, step])
            yield scores
            state = scores[:, :, -1]

    def rows(self, items: Tensor, tables: Tensor) -> Tensor:
        """Return the weights of each item of a block, float32 ``[rows, positions, n_items]``."""
        place = self.place[items]
        found = self.tables[(place + tables[:, None] * self.size).clamp(min=0)]
        return self.spread(found * (place >= 0)[..., None])

    @property
    def size(self) -> int:
        """Number of items that the weights cover."""
        return len(self.covered)

    def spread(self, scores: Tensor) -> Tensor:
        """Widen ``[..., covered]`` to ``[..., n_items]``; items that are not covered score 0."""
        if self.size == self.n_items:
            return scores
        wide = scores.new_zeros(*scores.shape[:-1], self.n_items)
        wide[..., torch.as_tensor(self.covered, device=scores.device)] = scores
        return wide
