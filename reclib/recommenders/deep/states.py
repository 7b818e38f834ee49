"""Branch states and the gate: everything before the catalogue comes in."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from reclib.recommenders.deep.branches import ATTRIBUTE_STD, SEQUENTIAL, Attributes, Dropout, Side
from reclib.recommenders.deep.cf import CFWeights
from reclib.recommenders.deep.features import Bags
from reclib.recommenders.deep.rated import Ratings
from reclib.recommenders.deep.rows import Touched
from reclib.recommenders.deep.sequences import Batch
from reclib.recommenders.deep.settings import Settings


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
    ratings : Ratings or None
        Needed by the target ``ratings``.
    """

    popularity: Tensor
    users: Bags
    items: Bags
    context: tuple[int, ...]
    cf: CFWeights | None
    ratings: Ratings | None = None


class Liking(nn.Module):
    """Multiplies the vector of an item by what its rating says of it.

    At first half of the vector says what was rated and the other half how: it is turned round
    where the rating is low. A sum of the vectors of item and rating could not tell who likes
    one kind and dislikes another from who does the opposite.

    Parameters
    ----------
    values : Tensor
        The rating of each level, float32 ``[n_levels]``.
    width : int
        Of the item vectors.
    """

    def __init__(self, values: Tensor, width: int) -> None:
        super().__init__()
        self.scale = nn.Embedding(len(values), width)
        with torch.no_grad():
            self.scale.weight.fill_(1.0)
            self.scale.weight[:, width // 2 :] = ((values - values.mean()) / values.std())[:, None]

    def forward(self, x: Tensor, levels: Tensor) -> Tensor:
        """Return the vectors ``[batch, length, width]`` as they were rated."""
        found: Tensor = x * self.scale(levels)
        return found


class States(nn.Module):
    """Reads histories with every trained branch and fuses what they find.

    Parameters
    ----------
    inputs : Inputs
    settings : Settings
    two_sided : bool
        Whether histories are read from their end too, by a second set of branches, so that
        the gap between two interactions is seen from both sides.
    """

    def __init__(self, inputs: Inputs, settings: Settings, two_sided: bool = False) -> None:
        super().__init__()
        n_items, width = len(inputs.popularity), settings.embedding_size
        self.touched: Touched | None = None  # the items that a training step is limited to
        # between two sides the CF scores are no branch of a gap, but of the whole history
        self.names = tuple(n for n in settings.branches if n != "cf" or not two_sided)
        self.items = nn.Embedding(n_items + 1, width, padding_idx=n_items)
        self.items.sparse = settings.touches(n_items)
        nn.init.normal_(self.items.weight, std=width**-0.5)
        nn.init.zeros_(self.items.weight[n_items])
        self.branches = _readers(settings)
        self.back = _readers(settings) if two_sided else nn.ModuleDict()
        if "side" in self.names:
            self.user_attributes = Attributes(inputs.users, width)
            self.item_attributes = Attributes(inputs.items, width)
            context = [nn.Embedding(size, width) for size in inputs.context]
            self.context = nn.ModuleList(context)
            for embedding in context:  # small, or they drown the items that they describe
                nn.init.normal_(embedding.weight, std=ATTRIBUTE_STD)
        rated = inputs.ratings
        self.liking = None if rated is None else Liking(rated.values, width)
        self.norm, self.dropout = nn.LayerNorm(width), Dropout(settings.dropout)
        self.norms = nn.ModuleDict({name: nn.LayerNorm(width) for name in self.branches})
        gates = {name: nn.Linear(width, len(self.names), bias=False) for name in self.branches}
        self.gates = nn.ModuleDict(gates)
        for gate in gates.values():  # all branches count alike until there is a reason
            nn.init.zeros_(gate.weight)
        self.gate_bias = nn.Parameter(torch.zeros(len(self.names)))

    def table(self) -> Tensor:
        """Return the item vectors ``[n_items, width]``, used for input and output alike.

        In a step that is limited to some items, theirs alone.
        """
        only = None if self.touched is None else self.touched.items
        table = self.items.weight[:-1] if only is None else self.items(only)
        return table + self.item_attributes(only) if "side" in self.names else table

    def forward(self, batch: Batch, table: Tensor) -> tuple[Tensor, Tensor]:
        """Return fused states ``[batch, length, width]`` and gates ``[.., n_branches]``.

        Those of a position know its item and what comes before.
        """
        x, side = self.embed(batch, table)
        return self.fuse(self.read(self.branches, x, side), batch.items.shape)

    def sides(self, batch: Batch, table: Tensor) -> dict[str, tuple[Tensor, Tensor]]:
        """Return the states of each branch from both sides, ``[batch, length + 1, width]`` each.

        The first has read the first g interactions, the second all but those, from the end.
        """
        x, side = self.embed(batch, table)
        before = self.read(self.branches, x, side)
        mirror = mirror_of(batch.lengths, x.shape[1])
        mirrored = (*side[:1], *(mirror(part) for part in side[1:]))
        after = self.read(self.back, mirror(x), mirrored)
        inside = torch.arange(x.shape[1], device=x.device) < batch.lengths[:, None]
        return {  # nothing has been read before the first and after the last item
            name: (
                functional.pad(before[name], (0, 0, 1, 0)),
                functional.pad(mirror(after[name]) * inside[..., None], (0, 0, 0, 1)),
            )
            for name in before
        }

    def between(self, batch: Batch, table: Tensor, skip: int) -> tuple[Tensor, Tensor]:
        """Return fused states and gates out of both sides of a gap.

        Parameters
        ----------
        batch : Batch
        table : Tensor
            The item vectors.
        skip : {0, 1}
            0: the ``length + 1`` gaps before, between and after the items. 1: for each of the
            ``length`` items the gap that it leaves when it is taken out.
        """
        n_gaps = batch.items.shape[1] + 1 - skip
        joined = {
            name: left[:, :n_gaps] + right[:, skip:]
            for name, (left, right) in self.sides(batch, table).items()
        }
        return self.fuse(joined, torch.Size([len(batch.items), n_gaps]))

    def embed(self, batch: Batch, table: Tensor) -> tuple[Tensor, tuple[Tensor, ...]]:
        """Return the vectors of the interactions and those of the side features."""
        last = table[:1] * 0 if self.touched is not None else self.items.weight[-1:]
        padded = torch.cat([table, last])
        x = functional.embedding(batch.items, padded)
        if self.liking is not None:
            x = self.liking(x, batch.context[..., 0])
        side = self.side(batch) if "side" in self.names else ()
        if side:
            x = x + side[-1]
        return self.dropout(self.norm(x)), side

    def read(
        self, readers: nn.ModuleDict, x: Tensor, side: tuple[Tensor, ...]
    ) -> dict[str, Tensor]:
        """Return the normalised states of each branch."""
        return {
            name: self.norms[name](branch(*side) if name == "side" else branch(x))
            for name, branch in readers.items()
        }

    def fuse(self, states: dict[str, Tensor], shape: torch.Size) -> tuple[Tensor, Tensor]:
        """Return the states of all branches, weighted by the gate, and the gate."""
        logits = self.gate_bias.expand(*shape, -1)
        for name, state in states.items():
            logits = logits + self.gates[name](state)
        gates = logits.softmax(-1)
        fused = self.items.weight.new_zeros(*shape, self.items.embedding_dim)
        for name, state in states.items():  # times their number, as for one branch alone
            share = len(self.names) * gates[..., self.names.index(name), None]
            fused = fused + share * state
        return fused, gates

    def side(self, batch: Batch) -> tuple[Tensor, Tensor, Tensor]:
        """Return the vectors of the side features of users, items and interactions."""
        only = None if self.touched is None else self.touched.items
        items = self.item_attributes(only)
        items = torch.cat([items, torch.zeros_like(items[:1])])[batch.items]
        context = torch.zeros_like(items)
        for column, embedding in enumerate(self.context):
            context = context + embedding(batch.context[..., column])
        if only is not None:
            return self.user_attributes(batch.users), items, context
        return self.user_attributes()[batch.users], items, context


def _readers(settings: Settings) -> nn.ModuleDict:
    """Return a module for every trained branch."""
    kinds = SEQUENTIAL | {"side": Side}
    chosen = {name: kinds[name](settings) for name in settings.branches if name in kinds}
    return nn.ModuleDict(chosen)


def mirror_of(lengths: Tensor, longest: int) -> Callable[[Tensor], Tensor]:
    """Return what turns each row's stretch round, the padding staying at its end.

    What stands in the padding afterwards means nothing.
    """
    steps = torch.arange(longest, device=lengths.device)
    index = (lengths[:, None] - 1 - steps).clamp(min=0)
    return lambda x: x.gather(1, index[..., None].expand_as(x))
