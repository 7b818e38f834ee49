"""A cluster on loopback, and a file as Amazon's."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from distributed import LocalCluster
from preparing import AMAZON, digest

from reclib.prepare import Settings, prepare, write_ratings


@pytest.fixture(scope="session")
def address() -> Iterator[str]:
    """Start a scheduler with two workers, in this process, and give its address."""
    with LocalCluster(
        n_workers=2, threads_per_worker=1, processes=False, protocol="tcp://",
        host="127.0.0.1", dashboard_address=":0", memory_limit=0, silence_logs=50,
    ) as cluster:  # fmt: skip
        yield cluster.scheduler_address


@pytest.fixture(scope="session")
def ratings(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write 30,000 ratings in Amazon's form."""
    return write_ratings(tmp_path_factory.mktemp("ratings") / "ratings.csv", 30_000)


@pytest.fixture(scope="session")
def right(ratings: Path, address: str, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Return the digests of the result without any fault."""
    out = tmp_path_factory.mktemp("right") / "out"
    return digest(prepare(Settings((str(ratings),), str(out), cluster=address, **AMAZON)))
