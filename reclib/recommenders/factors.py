"""Matrix factorization by alternating least squares, through the library ``implicit``."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

import numpy as np
import pandas as pd
import scipy.sparse as sp
from implicit.cpu.als import AlternatingLeastSquares
from threadpoolctl import threadpool_limits

from reclib.recommenders.base import FloatArray, IntArray, Recommender

if TYPE_CHECKING:
    from reclib.splits import Split


@dataclass(kw_only=True)
class IALS(Recommender):
    """Vectors of users and items whose products are 1 where there is an interaction, 0 elsewhere.

    It minimises ``sum over S of (w_u h_i - 1)^2 + a sum over all of (w_u h_i)^2 + l (|W|^2 +
    |H|^2)``: Rendle et al., "Revisiting the performance of iALS on item recommendation
    benchmarks", RecSys 2022, equations 2 to 5 with the exponent nu of their regularisation at 0.
    ``implicit`` has no other; the best published settings are for nu = 1, so the strength is
    given on that scale, and carried over as they carry it (appendix A): the sum of all weights
    stays the same. Each half of an iteration is solved exactly.

    A user is folded in from the history: what is remembered of the training are the items.

    Parameters
    ----------
    factors : int
        Length of the vectors, d in the paper.
    regularization : float
        ``lambda*`` on the scale of nu = 1: l is this, times the mean over users and items of how
        much they weigh in the first two terms.
    unobserved_weight : float
        The a above, ``alpha_0`` in the paper.
    iterations : int
    last_n : int, optional
        How many of the last interactions of a history are looked at when it is scored.
    seed : int
        Of the vectors at the start.
    """

    factors: int = 192
    regularization: float = 0.007
    unobserved_weight: float = 0.3
    iterations: int = 16
    last_n: int | None = None
    seed: int = 2026

    def fit(self, split: Split) -> Self:
        """Learn the items' vectors from ``split.train``."""
        seen = matrix_of(split.train, split)
        with one_thread():
            self.model = AlternatingLeastSquares(
                factors=self.factors,
                regularization=self._ridge(seen) * (1 + 1 / self.unobserved_weight),
                alpha=1 + 1 / self.unobserved_weight,
                iterations=self.iterations,
                use_cg=False,
                num_threads=1,
                random_state=self.seed,
            )
            self.model.fit(seen, show_progress=False)
        self.history = matrix_of(last(split.history, self.last_n), split)
        return self

    def _ridge(self, seen: sp.csr_matrix) -> float:
        """Return l of the loss: a user weighs one for each interaction, and a for each item.

        ``implicit`` gives what is unobserved the weight 1, hence what is observed 1 + 1 / a; its
        loss is then the paper's divided by a, for the target 1 + a instead of 1, which scales
        all vectors alike and takes the ridge (1 + a) / a to be the same.
        """
        n_users, n_items = seen.shape
        weights = 2 * (seen.nnz + self.unobserved_weight * n_users * n_items)
        return self.regularization * weights / (n_users + n_items)

    def scores(self, users: IntArray) -> FloatArray:
        """Return float32 scores ``[len(users), n_items]`` of the users' histories."""
        with one_thread():
            vectors = self.model.recalculate_user(users, self.history[users])
            found: FloatArray = vectors @ self.model.item_factors.T
        return found


def matrix_of(frame: pd.DataFrame, split: Split) -> sp.csr_matrix:
    """Return interactions as float32 ones ``[n_users, n_items]``."""
    place = (frame["user"].to_numpy(), frame["item"].to_numpy())
    shape = (split.n_users, split.n_items)
    return sp.csr_matrix((np.ones(len(frame), np.float32), place), shape=shape)


def last(frame: pd.DataFrame, n: int | None) -> pd.DataFrame:
    """Return each user's last n interactions; all of them if n is None."""
    return frame if n is None else frame.groupby("user", sort=False).tail(n)


@contextmanager
def one_thread() -> Iterator[None]:
    """Keep BLAS to one thread: ``implicit`` warns of more, and their sums would vary."""
    with threadpool_limits(1, "blas"):
        yield
