"""EASE, closed form, with what was added to it since."""

from __future__ import annotations

import numpy as np
import scipy.sparse as sp
import torch
from torch import Tensor

from reclib.memory import require
from reclib.recommenders.similarity import Floats, discounted

WIDE_BYTES, NARROW_BYTES, WEIGHT_BYTES = 32, 28, 4
"""Of each pair of items, of a user and an item, and of each weight: see `peak_bytes`."""


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
    n_users, n_items = matrix.shape
    require(
        peak_bytes(n_users, n_items),
        f"EASE on {n_items:,} items",
        "Choose 'item-knn', which keeps the nearest of each item alone, or leave rare items out "
        "(min_item).",
    )
    rows = weighted(matrix, user_weight)
    ridge = l2 + dropout / (1 - dropout) * np.asarray(rows.power(2).sum(0)).ravel()
    solve = by_users if n_users < n_items else by_items
    weights = solve(rows, torch.from_numpy(ridge.astype(np.float64)))
    weights.fill_diagonal_(0.0)
    weights *= torch.from_numpy(discounted(matrix.getnnz(axis=0), discount))
    found: Floats = weights.numpy()
    return found


def peak_bytes(n_users: int, n_items: int) -> int:
    """Return what EASE takes while it is solved.

    Four matrices of the items in double precision at a time; with fewer users than items
    instead three of users and items in double precision, one in single, and the weights.
    """
    if n_users < n_items:
        return NARROW_BYTES * n_users * n_items + WEIGHT_BYTES * n_items**2
    return WIDE_BYTES * n_items**2


def weighted(matrix: sp.csr_matrix, user_weight: float) -> sp.csr_matrix:
    """Return the interactions times the root of what their user counts; see `ease`."""
    size = matrix.getnnz(axis=1)
    weight = np.maximum(size, 1.0) ** -user_weight
    weight *= size.sum() / max(float(weight @ size), 1e-12)
    return (sp.diags(np.sqrt(weight).astype(np.float32)) @ matrix).tocsr()


def by_items(rows: sp.csr_matrix, ridge: Tensor) -> Tensor:
    """Return ``-P diag(P)^-1`` with ``P = (X'X + R)^-1``, R the diagonal of ridges ``[n_items]``.

    Float32 ``[n_items, n_items]``, its diagonal not yet zero.
    """
    gram = torch.from_numpy((rows.T @ rows).toarray().astype(np.float64))
    gram.diagonal().add_(ridge)
    inverse = torch.cholesky_inverse(torch.linalg.cholesky(gram))
    weights: Tensor = -inverse / inverse.diagonal()
    return weights.float()


def by_users(rows: sp.csr_matrix, ridge: Tensor) -> Tensor:
    """Return the same out of a system of ``n_users``, the smaller one for a wide catalogue.

    ``P = R^-1 - R^-1 X' (I + X R^-1 X')^-1 X R^-1`` by the identity of Woodbury (Hager, "Updating
    the inverse of a matrix", SIAM Review 1989); off the diagonal the first term is 0.
    """
    x = torch.from_numpy(rows.toarray().astype(np.float64))
    scaled = x / ridge
    system = scaled @ x.T
    system.diagonal().add_(1.0)
    half = torch.linalg.solve_triangular(torch.linalg.cholesky(system), scaled, upper=False)
    diagonal = 1 / ridge - half.square().sum(0)
    half = half.float()
    return (half.T @ half).div_(diagonal.float())
