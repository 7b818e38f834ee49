"""The collaborative-filtering branch: scores from closed-form weights, out of fold."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from reclib.recommenders.deep.loss import position_blocks
from reclib.recommenders.deep.sequences import Histories
from reclib.recommenders.deep.tables import EASE, TRANSITIONS, Taken, out_of_fold

N_SAMPLED = 1000
"""Users on whom the scale of the scores is measured."""


class CFWeights(nn.Module):
    """Closed-form weights of the whole training part, and once more without each fold of users.

    EASE has seen the whole history of a user whom it was trained on, also what comes after the
    position that the network is learning from. So the network trains on the weights that were
    computed without that user's fold, and scores with the weights of all users. The same holds
    for the linear transitions.

    Parameters
    ----------
    histories : Histories
        The training part.
    n_folds : int
        0 where the network does not train on the scores: there are the weights of all users.
    max_items, decays, transition, transition_l2, seed
        See `Settings`; a ``transition`` of 0 leaves the transitions out.
    **options : float
        Of `reclib.recommenders.ease.ease`.

    Raises
    ------
    reclib.errors.DataError
        If the weights do not fit into memory; see `reclib.memory.limit`.

    Attributes
    ----------
    tables : Tensor
        float32 ``[n_kinds * (n_folds + 1) * covered, covered]``: for each kind the weights
        without fold 0, 1, ..., and of all users, below each other.
    folds : Tensor
        int64 ``[n_users]``, the fold that each user belongs to.
    kinds, decays : list of int, Tensor
        Kind and decay of each score.
    levels : Tensor
        float32 ``[n_scores]``, the mean of the largest score of a user that was not trained on:
        the scale on which a score says something.
    """

    tables: Tensor
    folds: Tensor
    decays: Tensor
    levels: Tensor
    covered: Tensor
    place: Tensor

    def __init__(
        self,
        histories: Histories,
        *,
        n_folds: int,
        max_items: int,
        decays: tuple[float, ...],
        transition: float,
        transition_l2: float,
        seed: int,
        **options: float,
    ) -> None:
        super().__init__()
        self.n_items, self.n_folds = histories.n_items, n_folds
        steps = (transition,) if transition else ()
        self.kinds = [EASE] * len(decays) + [TRANSITIONS] * len(steps)
        generator = torch.Generator().manual_seed(seed)
        self._keep("decays", torch.tensor(decays + steps))
        order = torch.randperm(histories.n_users, generator=generator)
        self._keep("folds", order % max(n_folds, 1))
        users, items = self._cover(histories, max_items)
        taken = Taken(users, items, self.folds.numpy(), self.size, n_folds)
        self._keep("tables", out_of_fold(taken, transition, transition_l2, options))
        self._keep("levels", self._levels(histories, generator))

    def _keep(self, name: str, values: Tensor) -> None:
        """Keep what moves to the device with the network, and is made anew, not stored."""
        self.register_buffer(name, values, persistent=False)

    def _cover(self, histories: Histories, max_items: int) -> tuple[np.ndarray, np.ndarray]:
        """Choose the most popular items, and return the interactions with them."""
        counts = np.bincount(histories.items, minlength=self.n_items)
        covered = np.sort(np.argsort(-counts, kind="stable")[:max_items])
        self._keep("covered", torch.from_numpy(covered))
        self._keep("place", torch.full((self.n_items + 1,), -1))
        self.place[self.covered] = torch.arange(len(covered))
        users = torch.repeat_interleave(torch.arange(histories.n_users), histories.lengths)
        items = self.place[histories.items]
        return users[items >= 0].numpy(), items[items >= 0].numpy()

    def _levels(self, histories: Histories, generator: torch.Generator) -> Tensor:
        """Return the mean over some users of the largest score of the weights without them."""
        users = torch.randperm(histories.n_users, generator=generator)[:N_SAMPLED]
        largest = []
        for part in users.split(100):
            flat = histories.flat(histories.offsets[part], histories.offsets[part + 1])
            sums = self.sums(*flat, self.table_of(part, training=True)).amax(-1)
            largest.append(sums if self.size == self.n_items else sums.clamp(min=0))
        return torch.cat(largest, 1).mean(1)

    def table_of(self, users: Tensor, training: bool) -> Tensor:
        """Return which table each user reads, int64 ``[batch]``."""
        return self.folds[users] if training else torch.full_like(users, self.n_folds)

    def bag(
        self,
        items: Tensor,
        offsets: Tensor,
        ages: Tensor,
        tables: Tensor,
        asked: Tensor | None = None,
    ) -> Tensor:
        """Return the decayed sums over whole histories, float32 ``[n_scores, batch, n_asked]``.

        The scores of the catalogue, or of the ``asked`` items alone.
        """
        sums = self.sums(items, offsets, ages, tables)
        if asked is None:
            return self.spread(sums)
        place = self.place[asked]
        return sums[..., place.clamp(min=0)] * (place >= 0)

    def sums(self, items: Tensor, offsets: Tensor, ages: Tensor, tables: Tensor) -> Tensor:
        """Return the decayed sums for the covered items, ``[n_scores, batch, covered]``."""
        ends = torch.cat([offsets[1:], offsets.new_tensor([len(items)])])
        tables = torch.repeat_interleave(tables, ends - offsets)
        known = (self.place[items] >= 0).float()
        sums = [
            functional.embedding_bag(
                self.at(items, tables, kind),
                self.tables,
                offsets,
                mode="sum",
                per_sample_weights=known * decay**ages,
            )
            for kind, decay in zip(self.kinds, self.decays, strict=True)
        ]
        return torch.stack(sums)

    def at(self, items: Tensor, tables: Tensor, kind: int) -> Tensor:
        """Return where the weights of items lie in the tables."""
        table = tables + kind * (self.n_folds + 1)
        return (self.place[items] + table * self.size).clamp(min=0)

    def blocks(
        self,
        items: Tensor,
        before: Tensor,
        tables: Tensor,
        lengths: Tensor,
        size: int,
        asked: Tensor | None = None,
    ) -> Iterator[Tensor]:
        """Yield the scores at every position, a block of positions at a time.

        ``S_t = decay * S_{t-1} + B[i_t]``, where ``S_{-1}`` is ``before``, ``[n_scores, batch,
        n_asked]``; only the rows that reach into a block (``lengths`` descends) are computed,
        and the scores of the ``asked`` items alone, if they are given.

        Yields
        ------
        Tensor
            float32 ``[n_scores, rows, positions, n_asked]``.
        """
        state, ways = before, list(zip(self.kinds, self.decays.tolist(), strict=True))
        for active, block in position_blocks(lengths, size):
            here, mine = items[active, block], tables[active]
            rows = {kind: self.rows(here, mine, kind, asked) for kind in set(self.kinds)}
            scores = before.new_empty(len(ways), *here.shape, before.shape[-1])
            for out, last, (kind, decay) in zip(scores, state, ways, strict=True):
                last = last[active]
                for step in range(here.shape[1]):
                    last = torch.add(rows[kind][:, step], last, alpha=decay, out=out[:, step])
            yield scores
            state = scores[:, :, -1]

    def rows(self, items: Tensor, tables: Tensor, kind: int, asked: Tensor | None = None) -> Tensor:
        """Return the weights of each item of a block, float32 ``[rows, positions, n_asked]``."""
        at, known = self.at(items, tables[:, None], kind), (self.place[items] >= 0)[..., None]
        if asked is None:
            return self.spread(self.tables[at] * known)
        place = self.place[asked]
        return self.tables[at[..., None], place.clamp(min=0)] * (known & (place >= 0))

    @property
    def size(self) -> int:
        """Number of items that the weights cover."""
        return len(self.covered)

    def spread(self, scores: Tensor) -> Tensor:
        """Widen ``[..., covered]`` to ``[..., n_items]``; items that are not covered score 0."""
        if self.size == self.n_items:
            return scores
        wide = scores.new_zeros(*scores.shape[:-1], self.n_items)
        wide[..., self.covered] = scores
        return wide
