"""EASE as a RecBole model with the additions that RecBole's own lacks."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp

from reclib.recommenders.base import FloatArray
from reclib.recommenders.ease import ease
from reclib.recommenders.neighbours import ClosedForm


class TunedEASE(ClosedForm):
    """EASE; without the additions it is RecBole's.

    Options, read from RecBole's configuration: ``reg_weight`` (the ridge), ``user_weight``,
    ``dropout``, ``discount``; see `reclib.recommenders.ease.ease`.
    """

    def learn(self) -> None:
        """Solve for the item-item weights."""
        names = ("user_weight", "dropout", "discount")
        options = {name: self.config[name] or 0.0 for name in names}
        self.item_similarity = ease(self.train_matrix, self.config["reg_weight"], **options)

    def scores_for(self, history: sp.csr_matrix, users: npt.NDArray[np.int64]) -> FloatArray:
        """Add up the weights of the items of the histories."""
        found: FloatArray = history @ self.item_similarity
        return found
