"""Fixtures that more than one folder of tests uses."""

from __future__ import annotations

import os
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")

import pytest
from small_data import dataset, random_frame, write_dataset

from reclib import search
from reclib.datasets import Dataset, load
from reclib.study import Study


@pytest.fixture(scope="session")
def small() -> Dataset:
    """40 users, 30 items, 500 ratings with times."""
    return dataset(random_frame())


@pytest.fixture(scope="session")
def movielens() -> Dataset:
    """MovieLens 100K, read once for all tests."""
    return load("ml-100k")


@pytest.fixture
def study(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Study:
    """Open a study of the small dataset, its settings in a folder of its own."""
    monkeypatch.setattr(search, "SETTINGS", tmp_path / "settings")
    folder = write_dataset(tmp_path / "small", random_frame())
    return Study.open(str(folder), build_dir=tmp_path / "build", workers=1)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the files that have slow tests, so that no core waits for them at the end."""
    slow = {item.path for item in items if item.get_closest_marker("slow")}
    items.sort(key=lambda item: item.path not in slow)
