"""The integrated model and its losses: one Lightning module for all targets."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import torch
from torch import Tensor

from reclib.recommenders.deep import loss
from reclib.recommenders.deep.competitors import Competitors
from reclib.recommenders.deep.scored import RATING_SCALE, Scored
from reclib.recommenders.deep.sequences import Batch


class IntegratedModule(Scored):
    """Learns what it scores by: a loss for each target, all with memory that is bounded.

    What the scores are is said in `Scored`.
    """

    def loss_of(self, batch: Batch) -> Tensor:
        """Return the loss of a batch, with the CF weights that have not seen its users."""
        losses = {"next": self.next_loss, "gaps": self.gap_loss, "set": self.set_loss,
                  "ratings": self.rating_loss}  # fmt: skip
        return losses[self.target](batch)

    def seen(self, batch: Batch, among: Competitors) -> Tensor:
        """Return which of those that compete are left out, bool ``[batch, n_competing + 1]``.

        Those of the history and, where items are silenced, those that nobody took: to learn
        that they are never wanted would be to learn it of their attributes and pictures.
        """
        seen = batch.seen(among.n_of(self.n_items), among.place)
        if self.settings.item_dropout:
            seen[:, :-1] |= ~among.of_rows(self.states.known)
        return seen

    def next_loss(self, batch: Batch) -> Tensor:
        """Return the mean cross-entropy of the next item over all positions."""
        among = self.competitors(batch)
        table, near = self.narrowed(batch, among)
        states, gates = self.states(near, table)
        size = loss.block_size(batch.lengths, among.n_of(self.n_items))
        seen = self.seen(batch, among)
        hidden = loss.hidden_before(seen, among.at(batch.items), batch.lengths, size)
        scores = self.cf_scores(batch, among, size)
        return self.cross_entropy(
            batch, table, states, self.cf_weights(gates), among, hidden, scores
        )

    def gap_loss(self, batch: Batch) -> Tensor:
        """Return the mean cross-entropy of the item that each position would leave a gap for."""
        among = self.competitors(batch)
        table, near = self.narrowed(batch, among)
        states, gates = self.states.between(near, table, skip=1)
        size = loss.block_size(batch.lengths, among.n_of(self.n_items))
        hidden = loss.hidden_always(self.seen(batch, among), batch.lengths, size)
        return self.cross_entropy(batch, table, states, gates[..., :0], among, hidden, None)

    def competitors(self, batch: Batch) -> Competitors:
        """Return the items that compete for the positions of a batch, of all processes' shares."""
        targets = batch.targets if self.whole is None else self.whole.targets
        return Competitors.of(targets, self.n_items, self.settings.negatives(self.n_items))

    def cross_entropy(
        self,
        batch: Batch,
        table: Tensor,
        states: Tensor,
        weights: Tensor,
        among: Competitors,
        hidden: Iterator[Tensor],
        scores: Iterator[Tensor] | None,
    ) -> Tensor:
        """Return the mean cross-entropy of the targets of all positions."""
        binary, criterion = self.settings.loss == "gbce", self.criterion(batch, among)
        levels = self.levels()
        total: Tensor = loss.BlockCrossEntropy.apply(
            states,
            self.competing(table, among),
            among.of_rows(levels) if binary else among.corrected(levels),
            weights,
            (among.at(batch.targets), batch.lengths),
            hidden,
            scores,
            criterion,
            loss.block_size(batch.lengths, among.n_of(self.n_items)),
        )
        return total / (batch.targets >= 0).sum().clamp(min=1)

    def criterion(self, batch: Batch, among: Competitors) -> loss.Criterion:
        """Return the loss of a position."""
        settings = self.settings
        if settings.loss == "softmax":
            return partial(loss.with_gradient, smoothing=settings.label_smoothing)
        drawn = among.drawn(batch.targets, self.n_items)
        return partial(
            loss.gbce_with_gradient, drawn=drawn, n_items=self.n_items, t=settings.gbce_t
        )

    def cf_scores(self, batch: Batch, among: Competitors, size: int) -> Iterator[Tensor] | None:
        """Return the CF scores by block, from weights that have not seen the batch's users."""
        if self.cf is None or self.mixes:
            return None
        tables = self.cf.table_of(batch.users, training=True)
        before = self.cf.bag(batch.bag, batch.offsets, batch.ages, tables, among.items)
        return self.cf.blocks(batch.items, before, tables, batch.lengths, size, among.items)

    def set_loss(self, batch: Batch) -> Tensor:
        """Return the multinomial loss of the items dropped from the histories."""
        among = self.competitors(batch)
        logits = self.after(batch, among=among)
        hidden = self.seen(batch, among)[:, :-1]
        return loss.set_cross_entropy(
            logits.masked_fill(hidden, -torch.inf), among.at(batch.targets)
        )

    def rating_loss(self, batch: Batch) -> Tensor:
        """Return the mean squared error of the rating that each position leaves a gap for."""
        assert self.ratings is not None
        known, target = batch.targets >= 0, batch.targets.clamp(min=0)
        table, near = self.narrowed(batch, Competitors(items=batch.targets[known]))
        states, _ = self.states.between(near, table, skip=1)
        own = torch.where(known, near.items, 0)  # each position asks for its own item
        match = RATING_SCALE * (states * table[own]).sum(-1)
        expected = self.ratings.mean + match + self.bias[target] + self.level(states)[..., 0]
        error = expected - self.ratings.values[batch.context[..., 0]]
        return error[known].square().sum() / known.sum().clamp(min=1)
