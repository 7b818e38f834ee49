"""Branch states and the gate: everything before the catalogue comes in."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional

from reclib.recommenders.deep.branches import ATTRIBUTE_STD, SEQUENTIAL, Attributes, Dropout, Side
from reclib.recommenders.deep.images import Gallery, Looks, seen_in
from reclib.recommenders.deep.inputs import Inputs
from reclib.recommenders.deep.rated import Liking
from reclib.recommenders.deep.rows import Touched
from reclib.recommenders.deep.sequences import Batch
from reclib.recommenders.deep.settings import Settings
from reclib.recommenders.deep.social import Social

Given = dict[str, tuple[Tensor, ...]]
"""What a branch reads if not the vectors of the interactions, by its name."""


class States(nn.Module):
    """Reads histories with every trained branch and fuses what they find.

    Parameters
    ----------
    inputs : Inputs
    settings : Settings
    two_sided : bool
        Whether histories are read from their end too, by a second set of branches, so that
        the gap between two interactions is seen from both sides.
    gates_cf : bool
        Whether the CF scores have a share of the gate; else they are added afterwards.
    """

    known: Tensor

    def __init__(
        self,
        inputs: Inputs,
        settings: Settings,
        two_sided: bool = False,
        gates_cf: bool = True,
    ) -> None:
        super().__init__()
        n_items, width = len(inputs.popularity), settings.embedding_size
        self.touched: Touched | None = None  # the items that a training step is limited to
        self.names = tuple(n for n in settings.branches if n != "cf" or gates_cf)
        self.items = nn.Embedding(n_items + 1, width, padding_idx=n_items)
        self.items.sparse = touches(settings, n_items)
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
        self.gallery = None
        if inputs.pictures is not None and "image" in self.names:
            self.gallery = Gallery(inputs.pictures, n_items, settings)
        self.social = None
        if inputs.friends is not None and "social" in self.names:
            self.social = Social(inputs.friends, settings)
        self.item_dropout = settings.item_dropout
        self.register_buffer("known", inputs.popularity > 0, persistent=False)
        self.heard: Tensor | None = None  # the items whose own vectors count in this step
        self.described: Tensor | None = None  # what their attributes and pictures add to them
        rated = inputs.ratings
        self.liking = None if rated is None else Liking(rated.values, width)
        self.norm, self.dropout = nn.LayerNorm(width), Dropout(settings.dropout)
        states = [*self.branches, *(["social"] if self.social is not None else [])]
        self.norms = nn.ModuleDict({name: nn.LayerNorm(width) for name in states})
        gates = {name: nn.Linear(width, len(self.names), bias=False) for name in states}
        self.gates = nn.ModuleDict(gates)
        for gate in gates.values():  # all branches count alike until there is a reason
            nn.init.zeros_(gate.weight)
        self.gate_bias = nn.Parameter(torch.zeros(len(self.names)))

    def table(self, near: Tensor | None = None) -> Tensor:
        """Return the item vectors ``[n_items, width]``, used for input and output alike.

        In a step that is limited to some items, theirs alone.

        Parameters
        ----------
        near : Tensor, optional
            int64, items whose pictures are encoded while training; all by default.
        """
        only = None if self.touched is None else self.touched.items
        own = self.own() if only is None else self.items(only)
        described = torch.zeros_like(own)
        if "side" in self.names:
            described = described + self.item_attributes(only)
        if self.gallery is not None:
            described = described + self.gallery(self.gallery.items if near is None else near)
        self.described = described
        return own + described

    def own(self) -> Tensor:
        """Return what of the item vectors belongs to no attribute, ``[n_items, width]``.

        Items that are silenced, or that training with silenced ones has never seen, have none.
        """
        table = self.items.weight[:-1]
        if not self.item_dropout:
            return table
        drawn = torch.rand_like(table[:, 0]) >= self.item_dropout
        self.heard = drawn if self.training else self.known
        return table * self.heard[:, None]

    def forward(self, batch: Batch, table: Tensor) -> tuple[Tensor, Tensor]:
        """Return fused states ``[batch, length, width]`` and gates ``[.., n_branches]``.

        Those of a position know its item and what comes before.
        """
        x, given = self.embed(batch, table)
        states = self.read(self.branches, x, given)
        return self.fuse(states | self.constant(batch, table, x.shape[1]), batch.items.shape)

    def sides(self, batch: Batch, table: Tensor) -> dict[str, tuple[Tensor, Tensor]]:
        """Return the states of each branch from both sides, ``[batch, length + 1, width]`` each.

        The first has read the first g interactions, the second all but those, from the end.
        """
        x, given = self.embed(batch, table)
        before = self.read(self.branches, x, given)
        mirror = mirror_of(batch.lengths, x.shape[1])
        mirrored = {  # what belongs to a user and to no position stays as it is
            name: tuple(mirror(part) if part.ndim == 3 else part for part in parts)
            for name, parts in given.items()
        }
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
        joined |= self.constant(batch, table, n_gaps)
        return self.fuse(joined, torch.Size([len(batch.items), n_gaps]))

    def constant(self, batch: Batch, table: Tensor, length: int) -> dict[str, Tensor]:
        """Return the states that no position changes, ``[batch, length, width]``: of friends."""
        if self.social is None:
            return {}
        state = self.norms["social"](self.social(batch.users, table))
        return {"social": state[:, None].expand(-1, length, -1)}

    def embed(self, batch: Batch, table: Tensor) -> tuple[Tensor, Given]:
        """Return the vectors of the interactions, and what some branches read instead."""
        last = table[:1] * 0 if self.touched is not None else self.items.weight[-1:]
        padded = torch.cat([table, last])
        x = functional.embedding(batch.items, padded)
        if self.liking is not None:
            x = self.liking(x, batch.context[..., 0])
        given: Given = {}
        if "side" in self.names:
            given["side"] = self.side(batch)
            x = x + given["side"][-1]
        if self.gallery is not None:
            given["image"] = (seen_in(self.gallery, batch.items),)
        return self.dropout(self.norm(x)), given

    def read(self, readers: nn.ModuleDict, x: Tensor, given: Given) -> dict[str, Tensor]:
        """Return the normalised states of each branch."""
        return {
            name: self.norms[name](branch(*given.get(name, (x,))))
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


def touches(settings: Settings, n_items: int) -> bool:
    """Return whether a step may be limited to the item vectors of its batch.

    Not where it needs others too: those of what friends took, of pictures, of silenced items.
    """
    wide = settings.item_dropout > 0 or {"social", "image"} & set(settings.branches)
    return settings.touches(n_items) and not wide


def _readers(settings: Settings) -> nn.ModuleDict:
    """Return a module for every trained branch."""
    kinds = SEQUENTIAL | {"side": Side, "image": Looks}
    chosen = {name: kinds[name](settings) for name in settings.branches if name in kinds}
    return nn.ModuleDict(chosen)


def mirror_of(lengths: Tensor, longest: int) -> Callable[[Tensor], Tensor]:
    """Return what turns each row's stretch round, the padding staying at its end.

    What stands in the padding afterwards means nothing.
    """
    steps = torch.arange(longest, device=lengths.device)
    index = (lengths[:, None] - 1 - steps).clamp(min=0)
    return lambda x: x.gather(1, index[..., None].expand_as(x))
