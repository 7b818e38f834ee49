"""EASE, closed form, with what was added to it since."""

from __future__ import annotations

import numpy as np
import scipy.sparse as sp
import torch

from reclib.memory import require
from reclib.recommenders.similarity import Floats, discounted

PEAK_BYTES = 32
"""Of each pair of items while EASE is solved: four matrices in double precision at a time."""


def ease(
    matrix: sp.csr_matrix,
    l2: float,
    *,
    user_weight: float = 0.0,
    dropout: float = 0.0,
    discount: float = 0.0,
) -> Floats:
    """Return the item-item weights of least squared error ``|X - X B|^2``, diagonal zero.

    ``B = I - P diag(P)^-1`` with ``P = (X'X + l2 I)^-1``: Steck, "Embarrassingly shallow
    autoencoders for sparse data", WWW 2019, equation 8. The additions are off at 0.

    Parameters
    ----------
    matrix : scipy.sparse.csr_matrix
        Interactions X, binary, ``[n_users, n_items]``.
    l2 : float
        The ridge.
    user_weight : float
        A user with n interactions counts ``n ** -user_weight``, scaled so that the mean
        interaction counts 1: Deshpande and Karypis, TOIS 2004, weight users so, with the
        exponent 1, before they compare items.
    dropout : float
        The share p of a history that is imagined to be dropped while learning, which adds
        ``p / (1 - p) diag(X'X)`` to the ridge: Steck, "Autoencoders that don't overfit towards
        the identity", NeurIPS 2020.
    discount : float
        See `discounted`.

    Returns
    -------
    numpy.ndarray
        float32 ``[n_items, n_items]``; the scores of a history are the sum of its rows.

    Raises
    ------
    reclib.errors.DataError
        If the matrices do not fit into memory; see `reclib.memory.limit`.
    """
    n_items = matrix.shape[1]
    require(
        PEAK_BYTES * n_items**2,
        f"EASE on {n_items:,} items",
        "Choose 'item-knn', which keeps the nearest of each item alone, or leave rare items out "
        "(min_item).",
    )
    gram = torch.from_numpy(weighted_gram(matrix, user_weight).astype(np.float64))
    diagonal = gram.diagonal()
    diagonal += l2 + dropout / (1 - dropout) * diagonal
    inverse = torch.cholesky_inverse(torch.linalg.cholesky(gram))
    weights = -inverse / inverse.diagonal()
    weights.fill_diagonal_(0.0)
    found: Floats = weights.float().numpy()
    return found * discounted(matrix.getnnz(axis=0), discount)


def weighted_gram(matrix: sp.csr_matrix, user_weight: float) -> Floats:
    """Return how often each two items are taken together, users weighted; see `ease`."""
    size = matrix.getnnz(axis=1)
    weight = np.maximum(size, 1.0) ** -user_weight
    weight *= size.sum() / max(float(weight @ size), 1e-12)
    rows = (sp.diags(np.sqrt(weight).astype(np.float32)) @ matrix).tocsr()
    found: Floats = (rows.T @ rows).toarray()
    return found
