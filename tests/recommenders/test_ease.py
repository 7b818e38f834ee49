"""EASE against the condition that its minimum meets."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.sparse as sp
import torch
from hypothesis import given
from hypothesis import strategies as st

from reclib.recommenders.ease import by_items, by_users, ease, weighted


def taken(n_users: int = 12, n_items: int = 9) -> sp.csr_matrix:
    return sp.csr_matrix((np.random.default_rng(0).random((n_users, n_items)) < 0.5), dtype="f4")


@pytest.mark.parametrize("n_users", [12, 5], ids=["by items", "by users"])
def test_ease_is_the_minimum_of_its_objective(n_users: int) -> None:
    """Of the penalized squared error, among weights with a diagonal of zero."""
    x = taken(n_users).toarray().astype(float)
    b = ease(taken(n_users), 2.0).astype(float)
    gradient = x.T @ (x @ b - x) + 2.0 * b
    assert (np.diag(b) == 0).all()
    np.testing.assert_allclose(gradient - np.diag(np.diag(gradient)), 0, atol=1e-5)


@given(
    n_users=st.integers(1, 20),
    n_items=st.integers(1, 20),
    user_weight=st.floats(0, 1),
    ridges=st.tuples(st.floats(0.5, 50), st.floats(0, 50)),
)
def test_both_systems_give_the_same_weights(
    n_users: int, n_items: int, user_weight: float, ridges: tuple[float, float]
) -> None:
    """Whichever of users and items there are more of."""
    rows = weighted(taken(n_users, n_items), user_weight)
    ridge = torch.linspace(ridges[0], sum(ridges), n_items, dtype=torch.float64)
    one, other = by_items(rows, ridge), by_users(rows, ridge)
    off = ~torch.eye(n_items, dtype=torch.bool)
    np.testing.assert_allclose(one[off], other[off], atol=2e-6)
