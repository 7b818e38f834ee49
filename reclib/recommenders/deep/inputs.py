"""What a network knows of the data before it is trained."""

from __future__ import annotations

from dataclasses import dataclass, replace

import scipy.sparse as sp
from torch import Tensor

from reclib.errors import DataError
from reclib.recommenders.deep.cf import CFWeights
from reclib.recommenders.deep.features import Bags
from reclib.recommenders.deep.rated import Ratings
from reclib.recommenders.deep.settings import Settings
from reclib.recommenders.pictures import Pictures


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
    friends : scipy.sparse.csr_matrix or None
        Needed by the branch ``social``; see `reclib.recommenders.deep.social.profiles`.
    pictures : Pictures or None
        Needed by the branch ``image``.
    """

    popularity: Tensor
    users: Bags
    items: Bags
    context: tuple[int, ...]
    cf: CFWeights | None
    ratings: Ratings | None = None
    friends: sp.csr_matrix | None = None
    pictures: Pictures | None = None

    def served(self, settings: Settings) -> Settings:
        """Return the settings without the branches for which there is no data.

        Raises
        ------
        reclib.errors.DataError
            If none is left.
        """
        missing = {"social": self.friends is None, "image": self.pictures is None}
        kept = tuple(name for name in settings.branches if not missing.get(name))
        if not kept:
            raise DataError(
                f"there is no data for the branch {' or '.join(settings.branches)}",
                "Name another one too.",
            )
        return replace(settings, branches=kept)
