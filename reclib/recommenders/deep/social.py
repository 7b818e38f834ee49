"""The social branch: what the friends of a user have taken, as one vector a user."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import scipy.sparse as sp
import torch
from torch import Tensor, nn
from torch.nn import functional

from reclib.recommenders.deep.branches import mlp
from reclib.recommenders.deep.settings import Settings
from reclib.recommenders.social import friends, to_one

if TYPE_CHECKING:
    from reclib.splits import Split


def profiles(split: Split) -> sp.csr_matrix:
    """Return the mean over each user's friends of what they took in training.

    Returns
    -------
    scipy.sparse.csr_matrix
        float32 ``[n_users, n_items]``; a row sums to 1, or is empty where no friend has taken
        anything. Each friend counts alike, however much was taken.
    """
    return to_one((friends(split) @ to_one(split.matrix("train"))).tocsr())


class Social(nn.Module):
    """Perceptron over the mean vector of the items that a user's friends have taken.

    The vectors are those of the catalogue, so that friends are read in the same terms as the
    own history. The state is the same at every position. Users without friends share one.

    Parameters
    ----------
    profile : scipy.sparse.csr_matrix
        See `profiles`.
    settings : Settings
    """

    items: Tensor
    weights: Tensor
    offsets: Tensor

    def __init__(self, profile: sp.csr_matrix, settings: Settings) -> None:
        super().__init__()
        self.n_items = profile.shape[1]
        for name, values in (
            ("items", profile.indices.astype(np.int64)),
            ("weights", profile.data.astype(np.float32)),
            ("offsets", profile.indptr.astype(np.int64)),
        ):
            self.register_buffer(name, torch.from_numpy(values), persistent=False)
        self.norm = nn.LayerNorm(settings.embedding_size)
        self.layers = mlp(settings.embedding_size, settings)

    def forward(self, users: Tensor, table: Tensor) -> Tensor:
        """Return one state a user, ``[batch, width]``, out of the item vectors."""
        items, weights, first = self.rows(users)
        mean = functional.embedding_bag(items, table, first, mode="sum", per_sample_weights=weights)
        befriended = (self.offsets[users + 1] > self.offsets[users])[:, None]
        found: Tensor = self.layers(self.norm(mean) * befriended)
        return found

    def taken(self, users: Tensor) -> Tensor:
        """Return the profiles of users, float32 ``[batch, n_items]``."""
        items, weights, first = self.rows(users)
        ends = torch.cat([first[1:], first.new_tensor([len(items)])])
        owner = torch.repeat_interleave(ends - first)
        wide = self.weights.new_zeros(len(users), self.n_items)
        return wide.index_put((owner, items), weights)

    def rows(self, users: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return items and weights of some profiles, flat, and where each begins."""
        starts = self.offsets[users]
        lengths = self.offsets[users + 1] - starts
        first = lengths.cumsum(0) - lengths
        owner = torch.repeat_interleave(lengths)
        at = starts[owner] + torch.arange(len(owner), device=users.device) - first[owner]
        return self.items[at], self.weights[at], first
