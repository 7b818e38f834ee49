"""EASE against the condition that its minimum meets."""

from __future__ import annotations

import numpy as np
import scipy.sparse as sp

from reclib.recommenders.ease import ease


def taken(n_users: int = 12, n_items: int = 9) -> sp.csr_matrix:
    return sp.csr_matrix((np.random.default_rng(0).random((n_users, n_items)) < 0.5), dtype="f4")


def test_ease_is_the_minimum_of_its_objective() -> None:
    """Of the penalized squared error, among weights with a diagonal of zero."""
    x = taken().toarray().astype(float)
    b = ease(taken(), 2.0).astype(float)
    gradient = x.T @ (x @ b - x) + 2.0 * b
    assert (np.diag(b) == 0).all()
    np.testing.assert_allclose(gradient - np.diag(np.diag(gradient)), 0, atol=1e-5)
