"""The integrated model: a learned gate over the branches, one Lightning module for all."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytorch_lightning as pl
import torch
from torch import Tensor, nn

from reclib.recommenders.deep.branches import ATTRIBUTE_STD, SEQUENTIAL, Attributes, Side
from reclib.recommenders.deep.cf import CFWeights
from reclib.recommenders.deep.features import Bags
from reclib.recommenders.deep.loss import BlockCrossEntropy, set_cross_entropy
from reclib.recommenders.deep.sequences import Batch
from reclib.recommenders.deep.settings import Settings
from reclib.recommenders.deep.validation import ndcg

BLOCK_FLOATS = 4_000_000


@dataclass(frozen=True)
class Inputs:
    """What the module knows of the data: sizes, popularity, side features, CF weights.

    Attributes
    ----------
    popularity : Tensor
        float32 ``[n_items]``, interactions of each item in training.
    users, items : Bags
        Attributes of users and items.
    context : tuple of int
        Number of levels of each interaction feature.
    cf : CFWeights or None
        Needed by the branch ``cf``.
    """

    popularity: Tensor
    users: Bags
    items: Bags
    context: tuple[int, ...]
    cf: CFWeights | None


class States(nn.Module):
    """Branch states and the gate: everything before the catalogue comes in."""

    def __init__(self, inputs: Inputs, settings: Settings) -> None:
        super().__init__()
        n_items, width = len(inputs.popularity), settings.embedding_size
        self.names = settings.branches
        self.items = nn.Embedding(n_items + 1, width, padding_idx=n_items)
        nn.init.normal_(self.items.weight, std=width**-0.5)
        nn.init.zeros_(self.items.weight[n_items])
        self.branches = nn.ModuleDict(
            {name: SEQUENTIAL[name](settings) for name in self.names if name in SEQUENTIAL}
        )
        if "side" in self.names:
            self.branches["side"] = Side(settings)
            self.user_attributes = Attributes(inputs.users, width)
            self.item_attributes = Attributes(inputs.items, width)
            context = [nn.Embedding(size, width) for size in inputs.context]
            self.context = nn.ModuleList(context)
            for embedding in context:  # small, or they drown the items that they describe
                nn.init.normal_(embedding.weight, std=ATTRIBUTE_STD)
        self.norm, self.dropout = nn.LayerNorm(width), nn.Dropout(settings.dropout)
        self.norms = nn.ModuleDict({name: nn.LayerNorm(width) for name in self.branches})
        gates = {name: nn.Linear(width, len(self.names), bias=False) for name in self.branches}
        self.gates = nn.ModuleDict(gates)
        for gate in gates.values():  # all branches count alike until there is a reason
            nn.init.zeros_(gate.weight)
        self.gate_bias = nn.Parameter(torch.zeros(len(self.names)))

    def table(self) -> Tensor:
        """Return the item vectors ``[n_items, width]``, used for input and output alike."""
        table = self.items.weight[:-1]
        return table + self.item_attributes() if "side" in self.names else table

    def forward(self, batch: Batch, table: Tensor) -> tuple[Tensor, Tensor]:
        """Return fused states ``[batch, length, width]`` and gates ``[.., n_branches]``."""
        padded = torch.cat([table, self.items.weight[-1:]])
        x = nn.functional.embedding(batch.items, padded)
        if "side" in self.names:
            side = self.side(batch)
            x = x + side[-1]
        x = self.dropout(self.norm(x))
        states = {
            name: self.norms[name](branch(*side) if name == "side" else branch(x))
            for name, branch in self.branches.items()
        }
        logits = self.gate_bias.expand(*batch.items.shape, -1)
        for name, state in states.items():
            logits = logits + self.gates[name](state)
        gates = logits.softmax(-1)
        fused = torch.zeros_like(x)
        for name, state in states.items():  # times their number, as for one branch alone
            share = len(self.names) * gates[..., self.names.index(name), None]
            fused = fused + share * state
        return fused, gates

    def side(self, batch: Batch) -> tuple[Tensor, Tensor, Tensor]:
        """Return the vectors of the side features of users, items and interactions."""
        items = self.item_attributes()
        items = torch.cat([items, torch.zeros_like(items[:1])])[batch.items]
        context = torch.zeros_like(items)
        for column, embedding in enumerate(self.context):
            context = context + embedding(batch.context[..., column])
        return self.user_attributes()[batch.users], items, context


class IntegratedModule(pl.LightningModule):
    """Fuses the branches, scores the catalogue, and knows its loss.

    The logits of item i after a history are ``e_i h + b_i + g sum_d w_d S_di``: e the item
    vectors (also the input: tied), h the sum of the branch states weighted by the gate, b the
    popularity, S_d the CF scores with decay d, g the gate's share for the CF branch and w_d a
    positive scale. The CF branch enters as logits, so that with its share at 1 and the decay 1
    the ranking is EASE's own.
    """

    popularity: Tensor

    def __init__(self, inputs: Inputs, settings: Settings, target: str) -> None:
        super().__init__()
        self.settings, self.target, self.cf = settings, target, inputs.cf
        self.states = States(inputs, settings)
        prior = (inputs.popularity + 1).log()
        self.bias = nn.Parameter(prior - prior.mean())
        self.register_buffer("popularity", inputs.popularity, persistent=False)
        n_decays = len(settings.cf_decays) if "cf" in settings.branches else 0
        self.cf_scale = nn.Parameter(torch.full((n_decays,), 2.0))

    def cf_weights(self, gates: Tensor) -> Tensor:
        """Return the weight of every CF score, ``[..., n_decays]``."""
        if "cf" not in self.settings.branches:
            return gates[..., :0]
        share = gates[..., self.settings.branches.index("cf"), None]
        return share * len(self.settings.branches) * self.cf_scale.exp()

    def training_step(self, batch: Batch, index: int) -> Tensor:
        """Return the loss of a batch, with the CF weights that have not seen its users."""
        loss = self.next_loss(batch) if self.target == "next" else self.set_loss(batch)
        self.log("train_loss", loss, on_step=False, on_epoch=True, batch_size=len(batch.users))
        return loss

    def next_loss(self, batch: Batch) -> Tensor:
        """Return the mean cross-entropy of the next item over all positions."""
        table = self.states.table()
        states, gates = self.states(batch, table)
        weights = self.cf_weights(gates)
        n_items = len(table)
        size = max(1, min(32, BLOCK_FLOATS // (len(batch.users) * n_items)))
        seen = self.seen(batch)
        scores = None
        if self.cf is not None:
            tables = self.cf.table_of(batch.users, training=True)
            before = self.cf.bag(batch.bag, batch.offsets, batch.ages, tables)
            scores = self.cf.blocks(batch.items, before, tables, batch.lengths, size)
        known = (batch.targets >= 0).sum()
        total: Tensor = BlockCrossEntropy.apply(
            states,
            table,
            self.bias,
            weights,
            (batch.items, batch.targets, batch.lengths, seen),
            scores,
            self.settings.label_smoothing,
            size,
        )
        return total / known

    def set_loss(self, batch: Batch) -> Tensor:
        """Return the multinomial loss of the items dropped from the histories."""
        logits = self.scores(batch, training=True)
        return set_cross_entropy(
            logits.masked_fill(self.seen(batch)[:, :-1], -torch.inf), batch.targets
        )

    def seen(self, batch: Batch) -> Tensor:
        """Return which items the bag of each user holds, bool ``[batch, n_items + 1]``."""
        seen = torch.zeros(
            len(batch.users), len(self.bias) + 1, dtype=torch.bool, device=self.device
        )
        ends = torch.cat([batch.offsets[1:], batch.offsets.new_tensor([len(batch.bag)])])
        rows = torch.arange(len(batch.users), device=self.device)
        seen[torch.repeat_interleave(rows, ends - batch.offsets), batch.bag] = True
        return seen

    def last(self, batch: Batch, table: Tensor) -> tuple[Tensor, Tensor]:
        """Return fused state and gates after the whole history, ``[batch, ...]``."""
        states, gates = self.states(batch, table)
        rows = torch.arange(len(states), device=states.device)
        end = (batch.lengths - 1).clamp(min=0)
        return states[rows, end], gates[rows, end]

    def scores(self, batch: Batch, training: bool = False) -> Tensor:
        """Return the logits of the catalogue after whole histories, ``[batch, n_items]``.

        Users without a history get the popularity.
        """
        table = self.states.table()
        state, gates = self.last(batch, table)
        logits = state @ table.T + self.bias
        if self.cf is not None:
            tables = self.cf.table_of(batch.users, training=training)
            extra = self.cf.bag(batch.bag, batch.offsets, batch.ages, tables)
            logits = logits + torch.einsum("bd,dbn->bn", self.cf_weights(gates), extra)
        nothing_known = (batch.lengths == 0)[:, None]
        return torch.where(nothing_known, self.popularity.log1p(), logits)

    def validation_step(self, batch: Batch, index: int) -> None:
        """Log NDCG@10 over the candidates of each user."""
        value = ndcg(self.scores(batch), batch.targets, batch.allowed)
        self.log(
            "valid_ndcg@10", value.mean(), on_step=False, on_epoch=True, batch_size=len(batch.users)
        )

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
        )
        schedule = torch.optim.lr_scheduler.LinearLR(
            optimizer, 1.0, 0.05, total_iters=settings.max_epochs
        )
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": schedule}}

    def on_train_epoch_start(self) -> None:
        """Make an epoch's dropout depend on the seed and the epoch alone, also after a resume."""
        torch.manual_seed(self.settings.seed * 1000 + self.current_epoch)
