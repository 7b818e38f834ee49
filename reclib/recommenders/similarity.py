"""Weights and similarities of sparse rows, and the neighbours they choose."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp
import torch

from reclib.errors import UnknownName

Floats = npt.NDArray[np.float32]
BLOCK_MB = 80.0
"""Most similarities held at a time, in MB of float32; the work on them takes a few times that."""
FULL = 0.25
"""Share of similarities that may differ from 0 from which on all of them are written out."""


def none(matrix: sp.csr_matrix, reference: sp.csr_matrix) -> sp.csr_matrix:
    """Return the matrix as it is."""
    return matrix


def tf_idf(matrix: sp.csr_matrix, reference: sp.csr_matrix) -> sp.csr_matrix:
    """Weight a column by the log of the share of rows of ``reference`` that have it.

    Rows are documents and columns terms: ``idf = ln(n_rows / (1 + rows with the column))``.
    """
    present = np.bincount(reference.indices, minlength=reference.shape[1])
    idf = np.log(reference.shape[0] / (1 + present))
    return _scaled(matrix, np.maximum(idf, 0.0))


def bm25(matrix: sp.csr_matrix, reference: sp.csr_matrix) -> sp.csr_matrix:
    """Weight by Okapi BM25 with k1 = 1.2 and b = 0.75.

    Robertson and Zaragoza, "The probabilistic relevance framework: BM25 and beyond", 2009,
    equation 3.15.
    """
    k1, b = 1.2, 0.75
    present = np.bincount(reference.indices, minlength=reference.shape[1])
    idf = np.log1p((reference.shape[0] - present + 0.5) / (present + 0.5))
    length = np.asarray(matrix.sum(axis=1)).ravel()
    mean = max(float(reference.sum()) / reference.shape[0], 1e-12)
    norm = np.repeat(k1 * (1 - b + b * length / mean), np.diff(matrix.indptr))
    saturated = matrix.copy()
    saturated.data = matrix.data * (k1 + 1) / (matrix.data + norm)
    return _scaled(saturated, idf)


def _scaled(matrix: sp.csr_matrix, columns: npt.NDArray[np.float64]) -> sp.csr_matrix:
    scaled = matrix.copy()
    scaled.data = (matrix.data * columns[matrix.indices]).astype(np.float32)
    return scaled


WEIGHTINGS: dict[str, Callable[[sp.csr_matrix, sp.csr_matrix], sp.csr_matrix]] = {
    "none": none, "tf-idf": tf_idf, "bm25": bm25,
}  # fmt: skip


def weighted(name: str, matrix: sp.csr_matrix, reference: sp.csr_matrix) -> sp.csr_matrix:
    """Weight a matrix by name, with the frequencies of the reference."""
    if name not in WEIGHTINGS:
        raise UnknownName("weighting", name, WEIGHTINGS)
    return WEIGHTINGS[name](matrix, reference)


def neighbours(
    queries: sp.csr_matrix,
    rows: sp.csr_matrix,
    *,
    similarity: str,
    k: int,
    shrink: float = 0.0,
    alpha: float = 0.5,
    locality: float = 1.0,
    own: npt.NDArray[np.integer] | None = None,
    block_mb: float = BLOCK_MB,
) -> sp.csr_matrix:
    """Return the similarities to the k nearest rows, float32 ``[n_queries, n_rows]``.

    Rows that share no column are never compared: the work grows with the pairs that do, and the
    memory with ``block_mb`` and what is returned, at most k (and those equal to the k-th) a query.

    Parameters
    ----------
    queries, rows : scipy.sparse.csr_matrix
        Vectors over the same columns.
    similarity : {"cosine", "asymmetric", "jaccard"}
        Cosine ``q.r / (|q| |r| + shrink)``; asymmetric cosine, with the norms raised to
        ``2 (1 - alpha)`` and ``2 alpha`` (Aiolli, RecSys 2013, equation 3); Jaccard, the shared
        over the united entries.
    k : int
        Most neighbours of each query.
    shrink : float
        Added to the denominator, against similarities that rest on few shared entries.
    alpha : float
        Of the asymmetric cosine; 0.5 makes it the cosine.
    locality : float
        Exponent of the similarities: above 1 it favours the nearest (Aiolli, section 3.2).
    own : numpy.ndarray, optional
        int ``[n_queries]``, the row that is the query itself and no neighbour; -1 for none.
    block_mb : float
        Most similarities held at a time; changes nothing but memory and time.
    """
    if similarity not in ("cosine", "asymmetric", "jaccard"):
        raise UnknownName("similarity", similarity, ("cosine", "asymmetric", "jaccard"))
    if similarity == "jaccard":
        queries, rows = (part.astype(bool).astype(np.float32) for part in (queries, rows))
    q_part, r_part = _square_norms(queries), _square_norms(rows)
    if similarity != "jaccard":
        power = alpha if similarity == "asymmetric" else 0.5
        q_part, r_part = q_part ** (1 - power), r_part**power

    def alike(dots: Floats, q: Floats, r: Floats) -> Floats:
        below = (q + r - dots if similarity == "jaccard" else q * r) + shrink
        return np.divide(dots, below, out=np.zeros_like(dots), where=below > 0)

    transposed, cells, blocks = rows.T.tocsr(), block_mb * 1e6 / 4, []
    for block, most in query_blocks(queries, transposed, cells):
        q, here = q_part[block], None if own is None else own[block]
        if FULL * len(q) * len(r_part) <= most and len(q) * len(r_part) <= cells:
            dense = dense_product(queries[block], transposed)
            if here is not None:
                dense[np.flatnonzero(here >= 0), here[here >= 0]] = 0.0
            near = largest(alike(dense, q[:, None], r_part), k)
        else:
            dots = (queries[block] @ transposed).tocsr()
            size = np.diff(dots.indptr)
            if here is not None:
                dots.data[dots.indices == np.repeat(here, size)] = 0.0
            dots.data = alike(dots.data, np.repeat(q, size), r_part[dots.indices])
            near = largest_stored(dots, k)
        blocks.append(near.power(locality))
    return sp.vstack(blocks, format="csr")


def query_blocks(
    queries: sp.csr_matrix, transposed: sp.csr_matrix, cells: float
) -> Iterator[tuple[slice, float]]:
    """Yield stretches of queries and the most products of each that are not 0.

    They are no more than ``cells``, unless one query has more. It has no more than there are
    rows, nor than the entries of its columns.
    """
    held = sp.csr_matrix((np.ones(queries.nnz), queries.indices, queries.indptr), queries.shape)
    most = np.minimum(held @ np.diff(transposed.indptr).astype(float), transposed.shape[1])
    total, start = np.cumsum(most), 0
    while start < queries.shape[0]:
        before = total[start - 1] if start else 0.0
        stop = max(start + 1, int(np.searchsorted(total, before + cells, side="right")))
        yield slice(start, stop), float(total[stop - 1] - before)
        start = stop


def discounted(columns: npt.NDArray[np.number], discount: float | None) -> Floats:
    """Return what scores are multiplied by: each item's interactions to the power -discount.

    Paudel et al., "Updatable, accurate, diverse, and scalable recommendations for interactive
    applications", TiiS 2017 (RP3-beta), there for the scores of random walks.

    Parameters
    ----------
    columns : numpy.ndarray
        ``[n_items]``, training interactions of each item.
    discount : float or None
        0 or None leaves the scores as they are; negative values favour what is popular.
    """
    return np.asarray(np.maximum(columns, 1.0) ** -(discount or 0.0), dtype=np.float32)


def reach(rows: sp.csr_matrix, *, k: int, alpha: float = 0.5, **options: Any) -> Floats:
    """Return how alike a query must be to be among the k nearest of each row, ``[n_rows]``.

    Parameters
    ----------
    rows : scipy.sparse.csr_matrix
    k : int
    alpha : float
        Of the asymmetric cosine, as seen from the query; a row that looks for its nearest is
        on the other side of it.
    **options : Any
        Of `neighbours`.
    """
    own = np.arange(rows.shape[0])
    near = neighbours(rows, rows, k=k, alpha=1 - alpha, own=own, **options)
    last = [near.data[a:b].min() if b - a >= k else 0.0 for a, b in pairwise(near.indptr)]
    return np.asarray(last, dtype=np.float32) * np.float32(1 - 1e-6)  # the k-th itself is in


def _square_norms(matrix: sp.csr_matrix) -> Floats:
    return np.asarray(matrix.multiply(matrix).sum(axis=1), dtype=np.float32).ravel()


def largest(values: Floats, k: int) -> sp.csr_matrix:
    """Keep the k largest positive values of each row, float32; those equal to the last stay."""
    kept = values > 0
    if k < values.shape[1]:
        place = values.shape[1] - k
        kept &= values >= np.partition(values, place, axis=1)[:, place, None]
    rows = np.concatenate([[0], np.count_nonzero(kept, axis=1).cumsum()])
    flat = np.flatnonzero(kept)
    parts = (values.ravel()[flat].astype(np.float32), flat % values.shape[1], rows)
    return sp.csr_matrix(parts, shape=values.shape)


def dense_product(left: sp.csr_matrix, right: sp.csr_matrix) -> Floats:
    """Return ``left @ right`` as a dense float32 array ``[n_left, n_columns]``.

    MKL, which comes with PyTorch on x86, adds straight into the dense result and may use several
    threads; SciPy counts the non-zeros of a sparse result first, and serves where there is no MKL.
    """
    if not torch.backends.mkl.is_available():
        return np.asarray((left @ right).toarray(), dtype=np.float32)
    out = torch.empty(left.shape[0], right.shape[1])
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Sparse CSR tensor support is in beta")
        torch.addmm(out, _as_torch(left), _as_torch(right), beta=0, out=out)
    dense: Floats = out.numpy()
    return dense


def _as_torch(matrix: sp.csr_matrix) -> torch.Tensor:
    """Share the arrays of a matrix with torch; MKL takes no indices wider than 32 bits."""
    rows = torch.from_numpy(matrix.indptr.astype(np.int32, copy=False))
    columns = torch.from_numpy(matrix.indices.astype(np.int32, copy=False))
    values = torch.from_numpy(matrix.data.astype(np.float32, copy=False))
    return torch.sparse_csr_tensor(rows, columns, values, size=matrix.shape, check_invariants=False)


def largest_stored(matrix: sp.csr_matrix, k: int) -> sp.csr_matrix:
    """Do as `largest` to a matrix that stores its positive values, in place."""
    ends = matrix.indptr
    for row in np.flatnonzero(np.diff(ends) > k):
        values = matrix.data[ends[row] : ends[row + 1]]
        values[values < np.partition(values, len(values) - k)[len(values) - k]] = 0.0
    np.maximum(matrix.data, 0.0, out=matrix.data)
    matrix.eliminate_zeros()
    matrix.sort_indices()
    return matrix
