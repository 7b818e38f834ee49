"""The trained branches: each maps item vectors to one state a position, looking only back.

All take ``[batch, length, width]`` and return the same shape; histories are padded on the right,
so that looking only back also means never looking at padding.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from reclib.recommenders.deep.features import Bags
from reclib.recommenders.deep.settings import Settings
from reclib.recommenders.deep.share import uniform_like

ATTRIBUTE_STD = 0.01


def running_mean(x: Tensor) -> Tensor:
    """Return the mean of everything up to each position, ``[batch, length, width]``."""
    return x.cumsum(1) / torch.arange(1, x.shape[1] + 1, device=x.device)[:, None]


class Dropout(nn.Module):
    """Dropout as in `torch.nn.Dropout`, from uniform numbers: on a processor three times as fast.

    Its Bernoulli numbers are otherwise a tenth of the time of training.
    """

    def __init__(self, share: float) -> None:
        super().__init__()
        self.share = share

    def forward(self, x: Tensor) -> Tensor:
        """Return ``x`` with units silenced at random and the others scaled up."""
        if not self.training or not self.share:
            return x
        return x * (uniform_like(x) >= self.share) / (1 - self.share)


def mlp(width_in: int, settings: Settings) -> nn.Sequential:
    """Return a perceptron with one hidden layer, onto the width of the item vectors."""
    return nn.Sequential(
        nn.Linear(width_in, settings.hidden_size),
        nn.GELU(),
        Dropout(settings.dropout),
        nn.Linear(settings.hidden_size, settings.embedding_size),
    )


class Ann(nn.Module):
    """Multi-layer perceptron over the bag of the history up to each position."""

    def __init__(self, settings: Settings) -> None:
        super().__init__()
        self.layers = mlp(settings.embedding_size, settings)

    def forward(self, x: Tensor) -> Tensor:
        """Return the states."""
        return self.layers(running_mean(x))


class Rnn(nn.Module):
    """Gated recurrent units: Hidasi et al., "Session-based recommendations with RNNs", 2016."""

    def __init__(self, settings: Settings) -> None:
        super().__init__()
        width, hidden, layers = (
            settings.embedding_size,
            settings.hidden_size,
            settings.n_layers,
        )
        self.gru = nn.GRU(
            width, hidden, layers, batch_first=True, dropout=settings.dropout if layers > 1 else 0.0
        )
        self.project = nn.Sequential(Dropout(settings.dropout), nn.Linear(hidden, width))

    def forward(self, x: Tensor) -> Tensor:
        """Return the states."""
        states, _ = self.gru(x)
        return self.project(states)


class LookBack(nn.Module):
    """Self-attention over the past with linear distance biases.

    Scaled dot products minus ``slope * distance``, a slope a head (Press et al., "Train short,
    test long", ICLR 2022, section 3); the first head has slope 0 and so sees the far past too.
    """

    slopes: Tensor

    def __init__(self, width: int, n_heads: int) -> None:
        super().__init__()
        self.n_heads = n_heads
        self.qkv = nn.Linear(width, 3 * width)
        self.out = nn.Linear(width, width)
        slopes = torch.tensor([0.0] + [2.0 ** (-2 * head) for head in range(n_heads - 1)])
        self.register_buffer("slopes", slopes, persistent=False)

    def bias(self, length: int) -> Tensor:
        """Return what is added to the scores, ``[n_heads, length, length]``."""
        steps = torch.arange(length, device=self.slopes.device)
        gap = (steps[:, None] - steps).to(self.slopes.dtype)
        return torch.where(gap >= 0, -self.slopes[:, None, None] * gap, -torch.inf)

    def forward(self, x: Tensor) -> Tensor:
        """Return a mixture of the past for every position."""
        batch, length, width = x.shape
        q, k, v = self.qkv(x).view(batch, length, 3, self.n_heads, -1).permute(2, 0, 3, 1, 4)
        # written out: on a processor this is twice as fast as the fused form with a mask
        likeness = q @ k.transpose(-1, -2) / q.shape[-1] ** 0.5 + self.bias(length).to(x.dtype)
        mixed = likeness.softmax(-1) @ v
        return self.out(mixed.transpose(1, 2).reshape(batch, length, width))


class Attention(nn.Module):
    """Causal transformer: Kang and McAuley, "Self-attentive sequential recommendation", 2018."""

    def __init__(self, settings: Settings) -> None:
        super().__init__()
        width, layers = settings.embedding_size, range(settings.n_layers)
        self.looks = nn.ModuleList(LookBack(width, settings.n_heads) for _ in layers)
        self.mlps = nn.ModuleList(mlp(width, settings) for _ in layers)
        self.norms = nn.ModuleList(nn.LayerNorm(width) for _ in range(2 * settings.n_layers))
        self.dropout = Dropout(settings.dropout)

    def forward(self, x: Tensor) -> Tensor:
        """Return the states."""
        for layer, (look, layers) in enumerate(zip(self.looks, self.mlps, strict=True)):
            x = x + self.dropout(look(self.norms[2 * layer](x)))
            x = x + self.dropout(layers(self.norms[2 * layer + 1](x)))
        return x


class Cnn(nn.Module):
    """Stacked dilated causal convolutions, then attention over time.

    The convolutions double their reach from layer to layer (Yuan et al., "A simple convolutional
    generative network for next item recommendation", WSDM 2019, section 3.2); what they find is
    weighted over the whole past by attention.
    """

    def __init__(self, settings: Settings) -> None:
        super().__init__()
        width = settings.embedding_size
        self.dilations = [2**layer for layer in range(settings.n_layers + 1)]
        self.convolutions = nn.ModuleList(
            nn.Conv1d(width, 2 * width, 3, dilation=step) for step in self.dilations
        )
        self.norms = nn.ModuleList(nn.LayerNorm(width) for _ in self.dilations)
        self.look = LookBack(width, settings.n_heads)
        self.norm = nn.LayerNorm(width)
        self.dropout = Dropout(settings.dropout)

    def forward(self, x: Tensor) -> Tensor:
        """Return the states."""
        for norm, convolution, step in zip(
            self.norms, self.convolutions, self.dilations, strict=True
        ):
            past = functional.pad(norm(x).transpose(1, 2), (2 * step, 0))
            x = x + self.dropout(functional.glu(convolution(past), dim=1).transpose(1, 2))
        return x + self.dropout(self.look(self.norm(x)))


class Attributes(nn.Module):
    """Vector of each user or item from the bag of its attributes; zero where it has none."""

    levels: Tensor
    offsets: Tensor

    def __init__(self, bags: Bags, width: int) -> None:
        super().__init__()
        self.bag = nn.EmbeddingBag(max(bags.n_levels, 1), width, mode="mean")
        nn.init.normal_(self.bag.weight, std=ATTRIBUTE_STD)
        self.register_buffer("levels", bags.levels, persistent=False)
        self.register_buffer("offsets", bags.offsets, persistent=False)

    def forward(self, chosen: Tensor | None = None) -> Tensor:
        """Return ``[n_entities, width]``, or those of the chosen entities alone."""
        if chosen is None:
            return self.bag(self.levels, self.offsets)
        ends = torch.cat([self.offsets[1:], self.offsets.new_tensor([len(self.levels)])])
        sizes = (ends - self.offsets)[chosen]
        offsets = sizes.cumsum(0) - sizes
        flat = torch.repeat_interleave(self.offsets[chosen] - offsets, sizes)
        return self.bag(self.levels[flat + torch.arange(len(flat), device=flat.device)], offsets)


class Side(nn.Module):
    """Side features: the user's own, those of the items so far, those of the interactions."""

    def __init__(self, settings: Settings) -> None:
        super().__init__()
        self.layers = mlp(4 * settings.embedding_size, settings)

    def forward(self, user: Tensor, items: Tensor, context: Tensor) -> Tensor:
        """Return the states.

        Parameters
        ----------
        user : Tensor
            ``[batch, width]``, from the user's attributes.
        items, context : Tensor
            ``[batch, length, width]``, from the attributes of the items and the features of the
            interactions.
        """
        wide = user[:, None].expand_as(items)
        return self.layers(torch.cat([wide, running_mean(items), items, context], -1))


SEQUENTIAL: dict[str, type[nn.Module]] = {
    "ann": Ann,
    "cnn": Cnn,
    "rnn": Rnn,
    "attention": Attention,
}
