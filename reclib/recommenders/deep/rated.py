"""Ratings in the network: what is expected of each, and what item-based CF adds to it."""

from __future__ import annotations

import numpy as np
import scipy.sparse as sp
import torch
from torch import Tensor, nn

from reclib.recommenders.deep.sequences import Batch, Histories
from reclib.recommenders.similarity import Floats, neighbours
from reclib.recommenders.simple import damped

DAMPING = 10.0
"""Ratings at the mean that are added to those of every item and user."""
SHRINK_MEAN = 1.0
"""Weight at no deviation that is added to that of the neighbours."""


class Ratings(nn.Module):
    """Expected ratings from the items, the users' level and the nearest rated items.

    ``mean + d_i + d_u`` with damped deviations of item and user (Koren, TKDD 2010, section 2.1);
    item-based CF adds the mean of the user's deviations from it, weighted by the similarity of
    the items that have them (Sarwar et al., WWW 2001, section 3.2). An item is no neighbour of
    its own, so that a rating does not take part in the expectation of itself.

    Parameters
    ----------
    histories : Histories
        The training part, with the level of the rating as its first context.
    values : numpy.ndarray
        The rating of each level.
    n_neighbours : int
        Of each item; 0 for none, where there is no CF.
    shrink : float
        Against similarities that rest on few users; see `reclib.recommenders.similarity`.
    """

    values: Tensor
    items: Tensor
    similar: Tensor

    def __init__(
        self, histories: Histories, values: np.ndarray, n_neighbours: int, shrink: float
    ) -> None:
        super().__init__()
        self.register_buffer("values", torch.tensor(values, dtype=torch.float32), persistent=False)
        rating = self.values[histories.context[:, 0]].numpy()
        users = torch.repeat_interleave(torch.arange(histories.n_users), histories.lengths).numpy()
        items, n_items = histories.items.numpy(), histories.n_items
        self.mean = float(rating.mean())
        deviation = damped(items, rating - self.mean, n_items, DAMPING).astype(np.float32)
        self.register_buffer("items", torch.from_numpy(deviation), persistent=False)
        rest = rating - self.mean - deviation[items]
        rest -= damped(users, rest, histories.n_users, DAMPING)[users]
        rated = sp.csr_matrix((rest, (items, users)), (n_items, histories.n_users), np.float32)
        near = sparse(_near(rated, n_neighbours, shrink))
        self.register_buffer("similar", near, persistent=False)

    def expected(self, batch: Batch) -> Tensor:
        """Return the ratings that item-based CF expects, float32 ``[n_asked, n_items]``.

        Without the user's own level, which changes no ranking.
        """
        n_items, inside = len(self.items), batch.items < len(self.items)
        known = torch.cat([self.items, self.items.new_zeros(1)])[batch.items]
        rest = torch.where(inside, self.values[batch.context[..., 0]] - self.mean - known, 0.0)
        total, count = batch.by_user(rest.sum(1, True)), batch.by_user(inside.sum(1, True))
        rest = rest - (total / (count + DAMPING))[batch.owners]
        above, below = (
            torch.zeros(len(total), n_items + 1, device=rest.device)
            .index_put_((batch.owners[:, None].expand_as(batch.items), batch.items), part, True)
            .T[:-1]
            for part in (rest * inside, inside.float())
        )
        shift = (self.similar @ above) / (self.similar @ below + SHRINK_MEAN)
        return self.mean + self.items + shift.T


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


def _near(rated: sp.csr_matrix, n_neighbours: int, shrink: float) -> sp.csr_matrix:
    """Return the similarities of each item to its nearest, ``[n_items, n_items]``."""
    n_items = rated.shape[0]
    if not n_neighbours:
        return sp.csr_matrix((n_items, n_items), dtype=np.float32)
    own = np.arange(n_items)
    return neighbours(rated, rated, similarity="cosine", k=n_neighbours, shrink=shrink, own=own)


def sparse(matrix: sp.csr_matrix) -> Tensor:
    """Return a matrix as a sparse tensor."""
    place, shape = matrix.tocoo(), matrix.shape
    indices = torch.from_numpy(np.stack([place.row, place.col]).astype(np.int64))
    values: Floats = place.data.astype(np.float32)
    data = torch.from_numpy(values)
    return torch.sparse_coo_tensor(indices, data, shape, check_invariants=True).coalesce()
