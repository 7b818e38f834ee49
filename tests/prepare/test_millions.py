"""More than two million rows; run by ``make test-large``."""

from __future__ import annotations

from pathlib import Path

import pytest
from preparing import AMAZON, counts, digest

from reclib.prepare import Settings, prepare, write_ratings

pytestmark = pytest.mark.large


def test_three_million_rows_are_the_same_from_one_worker_and_two(tmp_path: Path) -> None:
    file = write_ratings(tmp_path / "ratings.csv", 3_000_000)
    results = [
        prepare(Settings((str(file),), str(tmp_path / str(workers)), workers=workers,
                         partition_mb=8.0 * workers, **AMAZON))
        for workers in (1, 2)
    ]  # fmt: skip
    assert digest(results[0]) == digest(results[1])
    found = counts(results[0])
    assert found["read"]["rows"] == 3_000_000
    assert 0 < found["kept"]["rows"] < 3_000_000
