"""Social CF: the votes of friends beside those of the users whose histories are alike."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

import numpy as np
import pandas as pd
import scipy.sparse as sp

from reclib.errors import DataError
from reclib.recommenders.base import FloatArray, IntArray, Recommender
from reclib.recommenders.similarity import Floats, neighbours, weighted

if TYPE_CHECKING:
    from reclib.splits import Split


@dataclass(kw_only=True)
class SocialCF(Recommender):
    """User-based CF in which friends vote too.

    ``score(u, i) = sum over users v of ((1 - s) N_uv / sum N_u + s T_uv / (sum T_u + h)) x_vi``
    with the likeness N of the nearest histories, as in user-based CF, and the trust T in friends:
    Massa and Avesani, "Trust-aware recommender systems", RecSys 2007, put trust beside likeness
    in the same way, and let it fall with the distance along the links. Where N says nothing,
    friends vote alone, and the other way round.

    Parameters
    ----------
    similarity, n_neighbours, shrink, alpha, locality, weighting
        Of the likeness; see `reclib.recommenders.similarity`.
    share : float
        What friends count beside those who are alike, s above.
    horizon : int
        How many links away a friend may be; of H, one at distance d counts ``(H - d + 1) / H``.
    few : float
        Friends at no vote that are added to those of each user, h above: the fewer friends, the
        less they say.
    """

    similarity: str = "asymmetric"
    n_neighbours: int = 300
    shrink: float = 50.0
    alpha: float = 0.5
    locality: float = 3.0
    weighting: str = "tf-idf"
    share: float = 0.1
    horizon: int = 1
    few: float = 1.0

    def fit(self, split: Split) -> Self:
        """Keep the training histories, and who trusts whom.

        Raises
        ------
        reclib.errors.DataError
            If the dataset has no links.
        """
        if split.dataset.links is None:
            raise DataError(
                f"{split.dataset.title} has no links between users",
                "Supply them, or choose a recommender that needs none.",
            )
        self.train, self.history = split.matrix("train"), split.matrix("history")
        self.rows = weighted(self.weighting, self.train, self.train)
        self.trust = to_one(trust(friends(split), self.horizon), self.few)
        return self

    def scores(self, users: IntArray) -> FloatArray:
        """Return float32 scores ``[len(users), n_items]``."""
        queries = weighted(self.weighting, self.history[users], self.train)
        near = neighbours(
            queries,
            self.rows,
            similarity=self.similarity,
            k=self.n_neighbours,
            shrink=self.shrink,
            alpha=self.alpha,
            locality=self.locality,
            own=users,
        )
        votes = (1 - self.share) * to_one(near) + self.share * self.trust[users]
        found: FloatArray = (votes @ self.train).toarray()
        return found


def friends(split: Split) -> sp.csr_matrix:
    """Return who names whom as a friend, float32 ones ``[n_users, n_users]``; nobody oneself.

    Friends who are not among the users of the split are left out.
    """
    size, links = split.n_users, split.dataset.links
    if links is None:
        return sp.csr_matrix((size, size), dtype=np.float32)
    index = pd.Index(split.user_ids)
    here, there = (index.get_indexer(links[name]) for name in ("user_id", "friend_id"))
    known = (here >= 0) & (there >= 0) & (here != there)
    ones = np.ones(int(known.sum()), np.float32)
    found = sp.csr_matrix((ones, (here[known], there[known])), shape=(size, size))
    found.data[:] = 1.0  # a link that is listed twice is one
    return found


def trust(graph: sp.csr_matrix, horizon: int) -> sp.csr_matrix:
    """Return what a user trusts others within some links, falling with the distance.

    Parameters
    ----------
    graph : scipy.sparse.csr_matrix
        Ones ``[n_users, n_users]``, the diagonal empty.
    horizon : int
        Largest distance H; distance d counts ``(H - d + 1) / H``.
    """
    reached = total = graph
    for _ in range(horizon - 1):  # what is nearer is counted once more in every round
        reached = ((reached @ graph + reached) > 0).astype(np.float32)
        reached = reached - sp.diags(reached.diagonal())
        total = total + reached
    return (total * np.float32(1 / horizon)).tocsr()


def to_one(matrix: sp.csr_matrix, few: float = 0.0) -> sp.csr_matrix:
    """Scale each row to the sum 1, or less the less there is beside ``few``; empty ones stay."""
    sums = np.asarray(matrix.sum(axis=1), dtype=np.float32).ravel()
    scale: Floats = np.divide(1.0, sums + few, out=np.zeros_like(sums), where=sums > 0)
    return (sp.diags(scale) @ matrix).tocsr()
