"""The image branch: a small convolutional network over the pictures of the items."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from reclib.recommenders.deep.branches import ATTRIBUTE_STD, mlp, running_mean
from reclib.recommenders.deep.settings import Settings
from reclib.recommenders.pictures import Pictures

GROUPS = 4
ENCODED = 256
"""Pictures encoded at a time where nothing is learned."""
SHIFT = 8
"""An augmented picture is moved by up to one part in this many of its sides."""
JITTER = 0.2
"""Most that contrast and each colour of an augmented picture change by, of the range."""


class Encoder(nn.Module):
    """Strided convolutions, each halving the picture, their mean over it, and a linear map.

    What all pictures have in common, which is most of the mean of a picture, is taken off, and
    how large the vectors are is learned: else they drown those of the items.

    Parameters
    ----------
    channels : tuple of int
        Of each convolution.
    width : int
        Of the vector that a picture becomes.
    """

    def __init__(self, channels: tuple[int, ...], width: int) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for before, after in zip((3, *channels), channels, strict=False):
            convolution = nn.Conv2d(before, after, 3, stride=2, padding=1)
            layers += [convolution, nn.GroupNorm(GROUPS, after), nn.GELU()]
        self.layers = nn.Sequential(*layers)
        self.project = nn.Linear(channels[-1], width)
        self.norm = nn.BatchNorm1d(width, affine=False)
        self.scale = nn.Parameter(torch.tensor(ATTRIBUTE_STD))

    def forward(self, pixels: Tensor) -> Tensor:
        """Return ``[n, width]`` of pictures in [-1, 1], float32 ``[n, 3, height, width]``."""
        found = self.project(self.layers(pixels).mean((2, 3)))
        if not self.training or len(found) > 1:  # one picture has nothing in common with others
            found = self.norm(found)
        return self.scale * found


def augmented(pixels: Tensor) -> Tensor:
    """Return pictures in [-1, 1] mirrored, moved and tinted at random, each in its own way."""
    n, _, height, width = pixels.shape
    device = pixels.device
    rows, columns = (
        torch.arange(side, device=device)
        + torch.randint(-(side // SHIFT), side // SHIFT + 1, (n, 1), device=device)
        for side in (height, width)
    )
    columns = torch.where(torch.rand(n, 1, device=device) < 0.5, columns, width - 1 - columns)
    rows, columns = rows.clamp(0, height - 1), columns.clamp(0, width - 1)
    each = torch.arange(n, device=device)[:, None, None]
    moved = pixels[each, :, rows[:, :, None], columns[:, None]].permute(0, 3, 1, 2)
    contrast = 1 + JITTER * (2 * torch.rand(n, 1, 1, 1, device=device) - 1)
    tint = JITTER * (2 * torch.rand(n, 3, 1, 1, device=device) - 1)
    return moved * contrast + tint


class Gallery(nn.Module):
    """The vectors of all pictures, of which some are encoded anew in each step of training.

    Encoding a whole catalogue in every step would be most of the work. The vectors that are not
    encoded in a step are those of the last step that did, and learn nothing in this one. Where
    nothing is learned, all are encoded once, without augmentation.

    Parameters
    ----------
    pictures : Pictures
    n_items : int
        Size of the catalogue.
    settings : Settings
    """

    pixels: Tensor
    items: Tensor
    place: Tensor
    vectors: Tensor

    def __init__(self, pictures: Pictures, n_items: int, settings: Settings) -> None:
        super().__init__()
        self.n_encoded = settings.image_batch
        items = torch.from_numpy(pictures.items)
        if settings.image_shuffle:
            generator = torch.Generator().manual_seed(settings.seed)
            items = items[torch.randperm(len(items), generator=generator)]
        place = torch.full((n_items + 1,), -1)
        place[items] = torch.arange(len(items))
        for name, values in (
            ("pixels", torch.from_numpy(pictures.pixels)), ("items", items), ("place", place)
        ):  # fmt: skip
            self.register_buffer(name, values, persistent=False)
        self.register_buffer("vectors", torch.zeros(n_items, settings.embedding_size))
        self.encoder = Encoder(settings.image_channels, settings.embedding_size)
        self.stale = True

    def train(self, mode: bool = True) -> Gallery:
        """Switch between learning and scoring, for which all vectors are encoded again."""
        self.stale = True
        return super().train(mode)

    def forward(self, near: Tensor) -> Tensor:
        """Return ``[n_items, width]``, zero for items without a picture.

        Parameters
        ----------
        near : Tensor
            int64, items that the batch holds: those that are encoded while learning.
        """
        if not self.training:
            self.refresh()
            return self.vectors
        wanted = self.place[near.unique()]
        wanted = wanted[wanted >= 0]
        wanted = wanted[torch.randperm(len(wanted), device=wanted.device)[: self.n_encoded]]
        if not len(wanted):
            return self.vectors.clone()
        fresh, items = self.encoder(augmented(self.read(wanted))), self.items[wanted]
        self.vectors[items] = fresh.detach()
        return self.vectors.index_copy(0, items, fresh)

    @torch.no_grad()
    def refresh(self) -> None:
        """Encode all pictures as they are, unless that was done since the last training."""
        if self.stale:
            for part in torch.arange(len(self.items), device=self.items.device).split(ENCODED):
                self.vectors[self.items[part]] = self.encoder(self.read(part))
            self.stale = False

    def read(self, index: Tensor) -> Tensor:
        """Return pictures in [-1, 1], float32."""
        return self.pixels[index].float() / 127.5 - 1


class Looks(nn.Module):
    """Perceptron over the pictures of the history: of the last item, and of all so far."""

    def __init__(self, settings: Settings) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(settings.embedding_size)
        self.layers = mlp(2 * settings.embedding_size, settings)

    def forward(self, pictures: Tensor) -> Tensor:
        """Return the states of picture vectors ``[batch, length, width]``."""
        seen = self.norm(pictures)
        return self.layers(torch.cat([running_mean(seen), seen], -1))


def seen_in(gallery: Gallery, items: Tensor) -> Tensor:
    """Return the picture vectors of items ``[batch, length]``, zero for padding.

    They learn through the vectors of the items; here they are taken as they are.
    """
    padded = functional.pad(gallery.vectors, (0, 0, 0, 1))
    return padded[items]
