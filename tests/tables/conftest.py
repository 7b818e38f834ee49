"""Runs with planted values."""

from __future__ import annotations

from pathlib import Path

import pytest
from planted_runs import Plant, planter


@pytest.fixture
def plant(tmp_path: Path) -> Plant:
    """Return a function that writes a run with one value a user into a ledger."""
    return planter(tmp_path / "planted")
