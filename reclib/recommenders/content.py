"""Content-based recommendation: items whose attributes are those of the history."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

import numpy as np
import scipy.sparse as sp

from reclib.errors import DataError
from reclib.recommenders.base import FloatArray, IntArray, Recommender
from reclib.recommenders.deep.features import bags
from reclib.recommenders.similarity import discounted, weighted

if TYPE_CHECKING:
    from reclib.splits import Split


@dataclass(kw_only=True)
class Content(Recommender):
    """Cosine of an item's attributes and the profile of the user, the sum over the history.

    Items are documents and attribute levels terms, each document scaled to length 1: Pazzani and
    Billsus, "Content-based recommendation systems", The Adaptive Web, 2007. An item
    that nobody took is ranked like any other.

    Parameters
    ----------
    weighting : {"tf-idf", "none", "bm25"}
        Of the levels of an item; see `reclib.recommenders.similarity`.
    discount : float
        See `reclib.recommenders.similarity.discounted`: negative values favour what is popular,
        0 asks the attributes alone.
    last_n : int, optional
        How many of the last interactions of a history are looked at.
    """

    weighting: str = "tf-idf"
    discount: float = 0.0
    last_n: int | None = None

    def fit(self, split: Split) -> Self:
        """Weight the attributes, and sum up those of each history.

        Raises
        ------
        reclib.errors.DataError
            If the dataset has no attributes of items.
        """
        levels = levels_of(split)
        if not levels.nnz:
            raise DataError(
                f"{split.dataset.title} has no attributes of items that several share",
                "Supply some, or choose a recommender that needs none.",
            )
        self.items = unit(weighted(self.weighting, levels, levels))
        history = split.history
        if self.last_n is not None:
            history = history.groupby("user", sort=False).tail(self.last_n)
        place = (history["user"].to_numpy(), history["item"].to_numpy())
        ones = np.ones(len(history), np.float32)
        taken = sp.csr_matrix((ones, place), shape=(split.n_users, split.n_items))
        self.profiles = unit(taken @ self.items)
        self.scale = discounted(split.matrix("train").getnnz(axis=0), self.discount)
        return self

    def scores(self, users: IntArray) -> FloatArray:
        """Return float32 scores ``[len(users), n_items]``; 0 where nothing is shared."""
        found: FloatArray = (self.profiles[users] @ self.items.T).toarray() * self.scale
        return found


def levels_of(split: Split) -> sp.csr_matrix:
    """Return which item has which attribute level, float32 ones ``[n_items, n_levels]``."""
    dataset = split.dataset
    found = bags(dataset.items, "item_id", split.item_ids, dataset.kinds)
    ends = np.append(found.offsets.numpy(), len(found.levels))
    ones = np.ones(len(found.levels), np.float32)
    shape = (split.n_items, found.n_levels)
    return sp.csr_matrix((ones, found.levels.numpy(), ends), shape=shape)


def unit(rows: sp.csr_matrix) -> sp.csr_matrix:
    """Scale each row to length 1; empty ones stay empty."""
    length = np.sqrt(np.asarray(rows.multiply(rows).sum(axis=1), dtype=np.float32).ravel())
    scale = np.divide(1.0, length, out=np.zeros_like(length), where=length > 0)
    return (sp.diags(scale) @ rows).tocsr()
