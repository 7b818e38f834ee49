"""The integrated model: a learned gate over the branches, one Lightning module for all."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytorch_lightning as pl
import torch
from torch import Tensor, nn

from reclib.recommenders.deep import loss
from reclib.recommenders.deep.competitors import Competitors
from reclib.recommenders.deep.sequences import Batch
from reclib.recommenders.deep.settings import Settings
from reclib.recommenders.deep.states import Inputs, States
from reclib.recommenders.deep.validation import ndcg

SMALLEST = 1e-30
SMALLEST_LEVEL = 1e-3
CF_LOGIT = 2.0
"""What the CF branch adds at first to the logit of the item that it is surest of."""
CF_WEIGHTS = (0.0, 4.0, 8.0, 16.0, 24.0, 32.0, 48.0, 64.0, 96.0, 128.0)


class IntegratedModule(pl.LightningModule):
    """Fuses the branches, scores the catalogue, and knows its loss.

    The logits of item i after a history are ``e_i h + b_i + g sum_d w_d S_di``: e the item
    vectors (also the input: tied), h the sum of the branch states weighted by the gate, b the
    popularity, S_d the CF scores with decay d, g the gate's share for the CF branch and w_d a
    positive scale. The CF branch enters as logits, so that with its share at 1 and the decay 1
    the ranking is EASE's own.

    Trained on gaps, h is the state of a gap, seen from both sides, and ``e_i h + b_i`` the
    logit of item i in it. The hidden interactions may stand in any gap, so the score of an item
    is the log of its mean probability over all gaps plus ``w S_i``. On the training part the
    states know the answers and would leave nothing to w: it is the one of `CF_WEIGHTS` that
    ranks best on the valid part.
    """

    popularity: Tensor
    cf_weight: Tensor

    def __init__(self, inputs: Inputs, settings: Settings, target: str) -> None:
        super().__init__()
        self.settings, self.target, self.cf = settings, target, inputs.cf
        self.states = States(inputs, settings, two_sided=target == "gaps")
        prior = (inputs.popularity + 1).log()
        self.bias = nn.Parameter(prior - prior.mean())
        self.register_buffer("popularity", inputs.popularity, persistent=False)
        levels = torch.ones(0) if inputs.cf is None else inputs.cf.levels
        self.cf_scale = nn.Parameter((CF_LOGIT / levels.clamp(min=SMALLEST_LEVEL)).log())
        self.register_buffer("cf_weight", torch.tensor(8.0))

    @property
    def n_items(self) -> int:
        """Size of the catalogue."""
        return len(self.bias)

    @property
    def weighs(self) -> bool:
        """Whether CF scores are added to the mean of gaps, with a weight chosen on valid."""
        return self.target == "gaps" and self.cf is not None

    def cf_weights(self, gates: Tensor) -> Tensor:
        """Return the weight of every CF score, ``[..., n_scores]``."""
        if "cf" not in self.settings.branches:
            return gates[..., :0]
        share = gates[..., self.settings.branches.index("cf"), None]
        return share * len(self.settings.branches) * self.cf_scale.exp()

    def training_step(self, batch: Batch, index: int) -> Tensor:
        """Return the loss of a batch, with the CF weights that have not seen its users."""
        losses = {"next": self.next_loss, "gaps": self.gap_loss, "set": self.set_loss}
        total = losses[self.target](batch)
        self.log("train_loss", total, on_step=False, on_epoch=True, batch_size=len(batch.users))
        return total

    def next_loss(self, batch: Batch) -> Tensor:
        """Return the mean cross-entropy of the next item over all positions."""
        table, among = self.states.table(), self.competitors(batch)
        states, gates = self.states(batch, table)
        size = loss.block_size(batch.lengths, among.n_of(self.n_items))
        seen = among.seen(batch.seen(self.n_items))
        hidden = loss.hidden_before(seen, among.at(batch.items), batch.lengths, size)
        scores = self.cf_scores(batch, among, size)
        return self.cross_entropy(
            batch, table, states, self.cf_weights(gates), among, hidden, scores
        )

    def gap_loss(self, batch: Batch) -> Tensor:
        """Return the mean cross-entropy of the item that each position would leave a gap for."""
        table, among = self.states.table(), self.competitors(batch)
        states, gates = self.states.between(batch, table, skip=1)
        size = loss.block_size(batch.lengths, among.n_of(self.n_items))
        hidden = loss.hidden_always(among.seen(batch.seen(self.n_items)), batch.lengths, size)
        return self.cross_entropy(batch, table, states, gates[..., :0], among, hidden, None)

    def competitors(self, batch: Batch) -> Competitors:
        """Return the items that compete for the positions of a batch."""
        return Competitors.of(batch.targets, self.n_items, self.settings.n_negatives)

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
        total: Tensor = loss.BlockCrossEntropy.apply(
            states,
            among.of_rows(table),
            among.corrected(self.bias),
            weights,
            (among.at(batch.targets), batch.lengths),
            hidden,
            scores,
            self.settings.label_smoothing,
            loss.block_size(batch.lengths, among.n_of(self.n_items)),
        )
        return total / (batch.targets >= 0).sum()

    def cf_scores(self, batch: Batch, among: Competitors, size: int) -> Iterator[Tensor] | None:
        """Return the CF scores by block, from weights that have not seen the batch's users."""
        if self.cf is None:
            return None
        tables = self.cf.table_of(batch.users, training=True)
        bag = self.cf.bag(batch.bag, batch.offsets, batch.ages, tables)
        before = among.of_columns(bag)
        return self.cf.blocks(batch.items, before, tables, batch.lengths, size, among.items)

    def set_loss(self, batch: Batch) -> Tensor:
        """Return the multinomial loss of the items dropped from the histories."""
        logits = self.scores(batch, training=True)
        return loss.set_cross_entropy(
            logits.masked_fill(batch.seen(self.n_items)[:, :-1], -torch.inf), batch.targets
        )

    def last(self, batch: Batch, table: Tensor) -> tuple[Tensor, Tensor]:
        """Return fused state and gates after the whole history, ``[batch, ...]``."""
        states, gates = self.states(batch, table)
        rows = torch.arange(len(states), device=states.device)
        end = (batch.lengths - 1).clamp(min=0)
        return states[rows, end], gates[rows, end]

    def scores(self, batch: Batch, training: bool = False) -> Tensor:
        """Return the scores of the catalogue for each asked user, ``[n_asked, n_items]``.

        Users without a history get the popularity.
        """
        found = self.scores_of_gaps(batch) if self.target == "gaps" else self.after(batch, training)
        known = torch.zeros(len(found), device=found.device)
        known.index_add_(0, batch.owners, batch.lengths.to(known.dtype))
        return torch.where((known == 0)[:, None], self.popularity.log1p(), found)

    def after(self, batch: Batch, training: bool) -> Tensor:
        """Return the logits after whole histories, ``[batch, n_items]``."""
        table = self.states.table()
        state, gates = self.last(batch, table)
        logits = state @ table.T + self.bias
        if self.cf is None:
            return logits
        extra = self.cf.bag(
            batch.bag, batch.offsets, batch.ages, self.cf.table_of(batch.users, training)
        )
        return logits + torch.einsum("bd,dbn->bn", self.cf_weights(gates), extra)

    def scores_of_gaps(self, batch: Batch) -> Tensor:
        """Return the scores out of all gaps of a user's history, ``[n_asked, n_items]``."""
        mean, cf = self.parts_of_gaps(batch)
        return mean + self.cf_weight * cf

    def parts_of_gaps(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """Return the log of the mean probability and the CF score, ``[n_asked, n_items]`` each."""
        table = self.states.table()
        states, _ = self.states.between(batch, table, skip=0)
        mean = self.mean_of_gaps(batch, table, states)
        if self.cf is None:
            return mean, torch.zeros_like(mean)
        tables = self.cf.table_of(batch.users, training=False)
        bag = self.cf.bag(batch.bag, batch.offsets, batch.ages, tables)[0]
        return mean, torch.zeros_like(mean).index_copy_(0, batch.owners, bag)

    def mean_of_gaps(self, batch: Batch, table: Tensor, states: Tensor) -> Tensor:
        """Return the log of the mean probability over a user's gaps, ``[n_asked, n_items]``."""
        seen, n_gaps = batch.seen(self.n_items)[:, None, :-1], batch.lengths + 1
        size = loss.block_size(n_gaps, self.n_items)
        sums = states.new_zeros(len(states), self.n_items)
        for rows, steps in loss.position_blocks(n_gaps, size):
            logits = nn.functional.linear(states[rows, steps], table, self.bias)
            p = logits.masked_fill_(seen[rows], -torch.inf).softmax(-1)
            inside = torch.arange(states.shape[1], device=p.device)[steps] < n_gaps[rows, None]
            sums[rows] += (p * inside[..., None]).sum(1)
        total, n_all = batch.by_user(sums), batch.by_user(n_gaps[:, None])
        return (total / n_all).clamp(min=SMALLEST).log()

    def mean_gate(self, batch: Batch, gates: Tensor) -> Tensor:
        """Return the mean of the gates over a user's gaps, ``[n_asked, n_branches]``."""
        inside = torch.arange(gates.shape[1], device=gates.device) <= batch.lengths[:, None]
        sums = batch.by_user((gates * inside[..., None]).sum(1))
        return sums / sums.sum(-1, keepdim=True)

    def shares(self, batch: Batch) -> Tensor:
        """Return the gate's mean share of each branch, ``[n_asked, n_branches]``.

        After the whole history; trained on gaps, over all gaps.
        """
        table = self.states.table()
        if self.target != "gaps":
            return self.last(batch, table)[1]
        _, gates = self.states.between(batch, table, skip=0)
        return self.mean_gate(batch, gates)

    def validation_step(self, batch: Batch, index: int) -> None:
        """Measure NDCG@10 over the candidates of each user, for each CF weight to choose from."""
        if self.weighs:
            mean, cf = self.parts_of_gaps(batch)
            found = [mean + weight * cf for weight in CF_WEIGHTS]
        else:
            found = [self.scores(batch)]
        values = [ndcg(scores, batch.targets, batch.allowed) for scores in found]
        self.validated.append(torch.stack(values))

    def on_validation_epoch_start(self) -> None:
        """Begin to collect."""
        self.validated: list[Tensor] = []

    def on_validation_epoch_end(self) -> None:
        """Log NDCG@10, and keep the CF weight that has the best one."""
        means = torch.cat(self.validated, 1).mean(1)
        if self.weighs:
            self.cf_weight.fill_(CF_WEIGHTS[int(means.argmax())])
        self.log("valid_ndcg@10", means.max())

    def configure_optimizers(self) -> Any:
        """Return AdamW with decay on the matrices only, and its linearly falling rate."""
        matrices = [p for p in self.parameters() if p.ndim > 1]
        vectors = [p for p in self.parameters() if p.ndim <= 1]
        settings = self.settings
        optimizer = torch.optim.AdamW(
            [
                {"params": matrices, "weight_decay": settings.weight_decay},
                {"params": vectors, "weight_decay": 0.0},
            ],
            lr=settings.learning_rate,
            fused=True,
        )
        schedule = torch.optim.lr_scheduler.LinearLR(
            optimizer, 1.0, 0.05, total_iters=settings.max_epochs
        )
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": schedule}}

    def on_train_epoch_start(self) -> None:
        """Make an epoch's dropout depend on the seed and the epoch alone, also after a resume."""
        torch.manual_seed(self.settings.seed * 1000 + self.current_epoch)
