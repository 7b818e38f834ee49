"""Similarities and weights against formulas that are written out as loops."""

from __future__ import annotations

import math

import numpy as np
import pytest
import scipy.sparse as sp
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from reclib.errors import UnknownName
from reclib.meter import Meter
from reclib.recommenders import similarity
from reclib.recommenders.similarity import (
    dense_product,
    largest,
    largest_stored,
    neighbours,
    reach,
    weighted,
)

values = st.sampled_from([0.0, 0.0, 0.5, 1.0, 3.0])
matrices = arrays(np.float32, st.tuples(st.integers(1, 7), st.just(5)), elements=values)


def naive(kind: str, q: np.ndarray, r: np.ndarray, shrink: float, alpha: float) -> float:
    if kind == "jaccard":
        shared = sum(bool(a) and bool(b) for a, b in zip(q, r, strict=True))
        union = sum(bool(a) or bool(b) for a, b in zip(q, r, strict=True))
        return shared / (union + shrink) if union + shrink else 0.0
    dot = sum(float(a) * float(b) for a, b in zip(q, r, strict=True))
    qq, rr = (sum(float(a) ** 2 for a in x) for x in (q, r))
    power = alpha if kind == "asymmetric" else 0.5
    below = qq ** (1 - power) * rr**power + shrink
    return dot / below if below else 0.0


@pytest.mark.parametrize("kind", ["cosine", "asymmetric", "jaccard"])
@given(
    queries=matrices,
    rows=matrices,
    shrink=st.sampled_from([0.0, 1.0, 7.5]),
    alpha=st.sampled_from([0.2, 0.5, 0.9]),
)
@settings(max_examples=60, deadline=None)
def test_similarities_are_their_formulas(
    kind: str, queries: np.ndarray, rows: np.ndarray, shrink: float, alpha: float
) -> None:
    found = neighbours(
        sp.csr_matrix(queries), sp.csr_matrix(rows), similarity=kind, k=99, shrink=shrink,
        alpha=alpha,
    )  # fmt: skip
    expected = [[naive(kind, q, r, shrink, alpha) for r in rows] for q in queries]
    assert found.dtype == np.float32
    np.testing.assert_allclose(found.toarray(), expected, rtol=1e-5, atol=1e-6)


def test_asymmetric_cosine_is_asymmetric_the_way_round_that_aiolli_writes_it() -> None:
    """With alpha near 1 the row's norm counts, not the query's: shared / size of the row."""
    small, large = sp.csr_matrix([[1.0, 0, 0, 0]]), sp.csr_matrix([[1.0, 1, 1, 1]])
    ask = {"similarity": "asymmetric", "k": 1, "alpha": 1.0}
    assert neighbours(small, large, **ask)[0, 0] == pytest.approx(1 / 4)
    assert neighbours(large, small, **ask)[0, 0] == pytest.approx(1.0)


def test_locality_raises_the_similarities_that_are_kept() -> None:
    rows = sp.random(12, 9, 0.5, format="csr", dtype=np.float32, random_state=4)
    once = neighbours(rows, rows, similarity="cosine", k=4).toarray()
    cubed = neighbours(rows, rows, similarity="cosine", k=4, locality=3.0).toarray()
    np.testing.assert_allclose(cubed, once**3, rtol=1e-5)


@pytest.mark.parametrize("kind", ["cosine", "asymmetric", "jaccard"])
def test_nobody_is_his_own_neighbour_and_minus_one_is_nobody(kind: str) -> None:
    rows = sp.csr_matrix(np.ones((3, 4), np.float32))
    own = np.array([0, 1, -1])
    found = neighbours(rows, rows, similarity=kind, k=9, own=own).toarray()
    assert (found == 0).tolist() == [[True, False, False], [False, True, False], [False] * 3]


@pytest.mark.parametrize("full", [0.0, 2.0])
@pytest.mark.parametrize("kind", ["cosine", "asymmetric", "jaccard"])
@given(data=st.data(), k=st.integers(1, 9), cells=st.integers(1, 40))
@settings(max_examples=60, deadline=None)
def test_blocks_give_what_one_piece_gives(
    full: float, kind: str, data: st.DataObject, k: int, cells: int
) -> None:
    """Whatever the size of the blocks, and whether they are written out or stay sparse."""
    values = st.sampled_from([0.0, 0.0, 0.0, -1.0, 0.5, 1.0, 3.0])
    shape = st.tuples(st.integers(1, 12), st.just(6))
    rows = sp.csr_matrix(data.draw(arrays(np.float32, shape, elements=values)))
    ask = {"similarity": kind, "k": k, "own": np.arange(rows.shape[0]), "shrink": 0.5}
    whole = neighbours(rows, rows, **ask)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(similarity, "FULL", full)
        found = neighbours(rows, rows, **ask, block_mb=4e-6 * cells)
    for name in ("data", "indices", "indptr"):
        np.testing.assert_array_equal(getattr(found, name), getattr(whole, name))


def test_a_block_holds_no_more_products_than_were_asked_for() -> None:
    rows = sp.random(200, 50, 0.05, format="csr", dtype=np.float32, random_state=1)
    transposed = rows.T.tocsr()
    blocks = [block for block, _ in similarity.query_blocks(rows, transposed, 300)]
    assert [i for b in blocks for i in range(b.start, min(b.stop, 200))] == list(range(200))
    sizes = [(rows[block] @ transposed).nnz for block in blocks]
    assert max(sizes) <= 300
    assert len(blocks) < 100, "blocks of one query each are no blocks"


def test_a_large_catalogue_is_compared_in_little_memory() -> None:
    """All similarities of 60,000 items at once would take 14 GB."""
    random = np.random.default_rng(0)
    place = random.integers(0, 60_000, 120_000), random.integers(0, 20_000, 120_000)
    items = sp.csr_matrix((np.ones(120_000, np.float32), place), (60_000, 20_000))
    with Meter() as meter:
        near = neighbours(items, items, similarity="cosine", k=5, block_mb=10)
    assert meter.peak_memory_mb < 300
    assert near.shape == (60_000, 60_000)
    row = int(near.getnnz(axis=1).argmax())
    alone = neighbours(items[row], items, similarity="cosine", k=5)
    np.testing.assert_array_equal(near[row].toarray(), alone.toarray())


@pytest.mark.parametrize("kind", ["cosine", "asymmetric", "jaccard"])
def test_reach_is_the_similarity_of_the_kth_nearest_seen_from_the_query(kind: str) -> None:
    rows = sp.random(9, 12, 0.5, format="csr", dtype=np.float32, random_state=6)
    ask = {"similarity": kind, "alpha": 0.8, "shrink": 1.0, "locality": 2.0}
    everyone = neighbours(rows, rows, k=99, own=np.arange(9), **ask).toarray()
    third = np.sort(everyone, axis=0)[-3]  # of each column: queries are rows
    np.testing.assert_allclose(reach(rows, k=3, **ask), third, rtol=1e-5)
    assert (reach(rows, k=9, **ask) == 0).all(), "fewer than k others: everybody is near"


@given(
    rows=arrays(np.float32, st.tuples(st.integers(1, 5), st.integers(1, 8)),
                elements=st.sampled_from([-1.0, 0.0, 1.0, 2.0, 3.5])),
    k=st.integers(1, 9),
)  # fmt: skip
@settings(max_examples=100, deadline=None)
def test_largest_keeps_the_k_largest_positive_values_and_ties(rows: np.ndarray, k: int) -> None:
    stored = largest_stored(sp.csr_matrix(rows), k).toarray()
    np.testing.assert_array_equal(stored, largest(rows, k).toarray())
    for row, kept in zip(rows, stored, strict=True):
        last = sorted(row, reverse=True)[min(k, len(row)) - 1]
        assert kept.tolist() == [v if v > 0 and v >= last else 0.0 for v in row.tolist()]


BASKETS = np.array([[1, 1, 0, 0], [1, 0, 1, 0], [1, 0, 0, 0]], np.float32)


@pytest.mark.parametrize("with_mkl", [True, False])
@given(left=matrices, right=arrays(np.float32, st.just((5, 4)), elements=values))
@settings(max_examples=60, deadline=None)
def test_a_dense_product_is_the_product_whatever_was_in_its_place(
    with_mkl: bool, left: np.ndarray, right: np.ndarray
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        if not with_mkl:
            patch.setattr(torch.backends.mkl, "is_available", lambda: False)
        patch.setattr(torch, "empty", lambda *shape: torch.full(shape, torch.nan))
        wide = sp.csr_matrix(left, dtype=np.float64)
        wide.indptr, wide.indices = wide.indptr.astype(np.int64), wide.indices.astype(np.int64)
        found = dense_product(wide, sp.csr_matrix(right))
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, left @ right, rtol=1e-6)


def test_tf_idf_by_hand() -> None:
    """Three rows have column 0, one each 1 and 2: ln(3/4) < 0 counts as 0, then ln(3/2)."""
    once = math.log(3 / 2)
    matrix = sp.csr_matrix(BASKETS)
    expected = [[0, once, 0, 0], [0, 0, once, 0], [0, 0, 0, 0]]
    np.testing.assert_allclose(weighted("tf-idf", matrix, matrix).toarray(), expected, rtol=1e-6)


def test_bm25_by_hand() -> None:
    """Mean length 5/3; a row of length 2 has the norm 1.2 (0.25 + 0.75 * 2 / (5/3)) = 1.38."""
    matrix = sp.csr_matrix(BASKETS)
    often, once = math.log(1 + 0.5 / 3.5), math.log(1 + 2.5 / 1.5)
    long, short = 2.2 / (1 + 1.38), 2.2 / (1 + 1.2 * (0.25 + 0.75 * 1 / (5 / 3)))
    expected = [
        [often * long, once * long, 0, 0],
        [often * long, 0, once * long, 0],
        [often * short, 0, 0, 0],
    ]
    np.testing.assert_allclose(weighted("bm25", matrix, matrix).toarray(), expected, rtol=1e-6)


@pytest.mark.parametrize("name", ["tf-idf", "bm25"])
def test_weights_of_a_query_come_from_the_reference_alone(name: str) -> None:
    reference = sp.csr_matrix(BASKETS)
    alone = weighted(name, reference[:1], reference).toarray()
    np.testing.assert_array_equal(alone, weighted(name, reference, reference).toarray()[:1])


def test_weighting_leaves_its_input_alone() -> None:
    for name in similarity.WEIGHTINGS:
        matrix = sp.csr_matrix(BASKETS)
        weighted(name, matrix, matrix)
        np.testing.assert_array_equal(matrix.toarray(), BASKETS)


def test_unknown_names_suggest_the_nearest() -> None:
    matrix = sp.csr_matrix(BASKETS)
    with pytest.raises(UnknownName, match="Did you mean 'tf-idf'"):
        weighted("tfidf", matrix, matrix)
    with pytest.raises(UnknownName, match="Did you mean 'cosine'"):
        neighbours(matrix, matrix, similarity="cosin", k=1)
