"""User-based and item-based CF as RecBole models: RecBole has no user-based one at all."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp
import torch
from torch import Tensor

from reclib.recommenders.base import FloatArray
from reclib.recommenders.recbole_bridge import (
    GeneralRecommender,
    InputType,
    Interaction,
    ModelType,
)
from reclib.recommenders.similarity import (
    Floats,
    dense_product,
    discounted,
    neighbours,
    reach,
    weighted,
)
from reclib.recommenders.simple import damped


class ClosedForm(GeneralRecommender):
    """A RecBole model that is solved, not trained, and scores any history.

    Parameters
    ----------
    config : recbole.config.Config
    dataset : recbole.data.dataset.Dataset
        The training part.
    """

    input_type = InputType.POINTWISE
    type = ModelType.TRADITIONAL

    def __init__(self, config: Any, dataset: Any) -> None:
        super().__init__(config, dataset)
        self.dummy_param = torch.nn.Parameter(torch.zeros(1))  # RecBole's trainer wants one
        self.config, self.train_matrix = config, self.read(dataset)
        self.learn()

    def read(self, dataset: Any) -> sp.csr_matrix:
        """Return the training interactions, ones ``[n_users, n_items]`` in RecBole's indices."""
        return dataset.inter_matrix(form="csr").astype(np.float32)

    def learn(self) -> None:
        """Prepare everything that does not depend on the user who asks."""
        raise NotImplementedError

    def scores_for(self, history: sp.csr_matrix, users: npt.NDArray[np.int64]) -> FloatArray:
        """Return scores from the users' histories, float32 ``[len(users), n_items]``."""
        raise NotImplementedError

    def calculate_loss(self, interaction: Interaction) -> Tensor:
        """Return zero: nothing is trained by gradient."""
        return self.dummy_param.sum()

    def full_sort_predict(self, interaction: Interaction) -> Tensor:
        """Return the scores of the whole catalogue from the training histories, flat."""
        users = interaction[self.USER_ID].cpu().numpy()
        return torch.from_numpy(self.scores_for(self.train_matrix[users], users).ravel())

    def predict(self, interaction: Interaction) -> Tensor:
        """Return the score of one item for each user."""
        users = interaction[self.USER_ID].cpu().numpy()
        items = interaction[self.ITEM_ID].cpu().numpy()
        found = self.scores_for(self.train_matrix[users], users)
        return torch.from_numpy(found[np.arange(len(users)), items])


class Neighbours(ClosedForm):
    """What user-based and item-based CF share.

    Options, read from RecBole's configuration: ``similarity``, ``n_neighbours``, ``shrink``,
    ``alpha``, ``locality``, ``weighting``; see `reclib.recommenders.similarity`.
    """

    @property
    def options(self) -> dict[str, Any]:
        """How neighbours are chosen."""
        names = ("similarity", "shrink", "alpha", "locality")
        return {name: self.config[name] for name in names} | {"k": self.config["n_neighbours"]}

    @property
    def weighting(self) -> str:
        """How interactions are weighted before they are compared."""
        return str(self.config["weighting"])


class UserKNN(Neighbours):
    """User-based CF: the items of the users whose histories are most alike.

    ``score(u, i) = sum over neighbours v of sim(u, v) x_vi``: Herlocker et al., SIGIR 1999, for
    implicit interactions as in Ferrari Dacrema et al., TOIS 2021, section 4.1. With a weighting,
    users are documents and items terms; it enters the similarities, not the votes.

    Options beyond those of `Neighbours`: ``inverted`` lets those vote who would have u among
    their own nearest (Vargas and Castells, "Improving sales diversity by recommending users to
    items", RecSys 2014), and ``discount``, see `discounted`.
    """

    def learn(self) -> None:
        """Weight the training histories and, if inverted, see how far each user reaches."""
        self.rows = weighted(self.weighting, self.train_matrix, self.train_matrix)
        popularity = self.train_matrix.getnnz(axis=0)
        self.votes = self.train_matrix @ sp.diags(discounted(popularity, self.config["discount"]))
        self.reach = reach(self.rows, **self.options) if self.config["inverted"] else None

    def scores_for(self, history: sp.csr_matrix, users: npt.NDArray[np.int64]) -> FloatArray:
        """Find the neighbours of the histories and add up their items."""
        queries = weighted(self.weighting, history, self.train_matrix)
        options = self.options
        if self.reach is not None:
            options["k"] = self.rows.shape[0]  # how many vote is up to the voters
        near = neighbours(queries, self.rows, own=users, **options)
        if self.reach is not None:
            near.data[near.data < self.reach[near.indices]] = 0.0
        return dense_product(near, self.votes)


class ItemKNN(Neighbours):
    """Item-based CF: the items that are most like those of the history.

    ``score(u, i) = sum over items j of the history of sim(i, j)``, each item i keeping its
    nearest neighbours: Sarwar et al., WWW 2001, section 3; Deshpande and Karypis, TOIS 2004.
    With a weighting, items are documents and users terms.
    """

    def learn(self) -> None:
        """Compare all items once."""
        items = self.train_matrix.T.tocsr()
        items = weighted(self.weighting, items, items)
        own = np.arange(items.shape[0])
        self.similar = neighbours(items, items, own=own, **self.options).T.tocsr()

    def scores_for(self, history: sp.csr_matrix, users: npt.NDArray[np.int64]) -> FloatArray:
        """Add up the similarities to the items of the histories."""
        return dense_product(history, self.similar)


class RatedNeighbours(Neighbours):
    """What rating-based CF shares: ratings less their expectation from item and user.

    Options beyond those of `Neighbours`: ``damping`` of the deviations and ``centre``: "user"
    takes the user's mean off (the classic mean-centring), "bias" item and user deviations
    (Koren, TKDD 2010, section 2.1).
    """

    def read(self, dataset: Any) -> sp.csr_matrix:
        """Return the training ratings."""
        return dataset.inter_matrix(form="csr", value_field="rating").astype(np.float32)

    def learn(self) -> None:
        """Take the expectations off the ratings."""
        self.damping, ratings = self.config["damping"], self.train_matrix.tocoo()
        self.mean, n_items = float(ratings.data.mean()), ratings.shape[1]
        self.item_bias: Floats = np.zeros(n_items, np.float32)
        if self.config["centre"] == "bias":
            self.item_bias = damped(ratings.col, ratings.data - self.mean, n_items, self.damping)
        _, self.rows = self.centred(self.train_matrix)

    def centred(self, ratings: sp.csr_matrix) -> tuple[Floats, sp.csr_matrix]:
        """Return each row's expectation beyond the items' and the ratings less both."""
        place = ratings.tocoo()
        rest = place.data - self.mean - self.item_bias[place.col]
        deviation = damped(place.row, rest, ratings.shape[0], self.damping)
        kept = sp.csr_matrix((rest - deviation[place.row], (place.row, place.col)), ratings.shape)
        return self.mean + deviation, kept.astype(np.float32)

    def expected(self, deviation: Floats, above: Any, below: Any) -> FloatArray:
        """Return expected ratings from the weighted deviations of the neighbours."""
        above, below = above.toarray(), below.toarray()
        shift = np.divide(above, below + self.config["shrink_mean"])
        result: FloatArray = (deviation[:, None] + self.item_bias + shift).astype(np.float32)
        return result


def pattern(matrix: sp.csr_matrix) -> sp.csr_matrix:
    """Return ones where the matrix has entries."""
    ones = np.ones(matrix.nnz, np.float32)
    return sp.csr_matrix((ones, matrix.indices, matrix.indptr), matrix.shape)


class RatedUserKNN(RatedNeighbours):
    """Rating-based user CF: Resnick et al., CSCW 1994, equation 1, with damped baselines."""

    def scores_for(self, history: sp.csr_matrix, users: npt.NDArray[np.int64]) -> FloatArray:
        """Return expected ratings."""
        deviation, queries = self.centred(history)
        near = neighbours(queries, self.rows, own=users, **self.options)
        return self.expected(deviation, near @ self.rows, near @ pattern(self.rows))


class RatedItemKNN(RatedNeighbours):
    """Rating-based item CF: Sarwar et al., WWW 2001, section 3.2, with damped baselines."""

    def learn(self) -> None:
        """Compare all items once."""
        super().learn()
        items = self.rows.T.tocsr()
        own = np.arange(items.shape[0])
        self.similar = neighbours(items, items, own=own, **self.options).T.tocsr()

    def scores_for(self, history: sp.csr_matrix, users: npt.NDArray[np.int64]) -> FloatArray:
        """Return expected ratings."""
        deviation, rows = self.centred(history)
        return self.expected(deviation, rows @ self.similar, pattern(rows) @ self.similar)
