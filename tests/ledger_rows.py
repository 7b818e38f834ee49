"""Rows of a ledger that nothing was trained for."""

from __future__ import annotations

from typing import Any


def row(key: str, finished: str = "2026-01-01", **values: Any) -> dict[str, Any]:
    """Return a row of the integrated model, with some values changed."""
    return {
        "key": key, "kind": "run", "stage": "test", "dataset": "d", "dataset_checksum": "x",
        "protocol": "holdout", "split_checksum": "s", "recommender": "integrated", "settings": {},
        "fold": 0, "seed": 1, "finished": finished,
    } | values  # fmt: skip
