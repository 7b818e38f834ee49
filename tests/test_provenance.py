from __future__ import annotations

import subprocess
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path

import numpy as np
import pytest

from reclib import provenance

CACHED = (provenance.versions, provenance.fingerprint, provenance.commit, provenance.machine)


@pytest.fixture(autouse=True)
def _nothing_remembered() -> Iterator[None]:
    for function in CACHED:
        function.cache_clear()
    yield
    for function in CACHED:
        function.cache_clear()


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Make a package of two files in a folder of its own."""
    folder = tmp_path / "package"
    (folder / "deep").mkdir(parents=True)
    (folder / "metrics.py").write_text("a = 1\n")
    (folder / "deep" / "model.py").write_text("b = 2\n")
    monkeypatch.setattr(provenance, "PACKAGE", folder)
    return folder


def prints(*patterns: str) -> str:
    provenance.fingerprint.cache_clear()
    return provenance.fingerprint(*patterns)


def test_versions_name_every_library_that_results_depend_on() -> None:
    found = provenance.versions()
    assert set(found) == {"python", "reclib", *provenance.LIBRARIES}
    assert found["numpy"] == np.__version__


def test_versions_name_what_only_some_results_depend_on_when_asked() -> None:
    assert provenance.versions("implicit") == provenance.versions() | {
        "implicit": version("implicit")
    }


def test_a_library_that_is_not_installed_is_unknown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(provenance, "LIBRARIES", ("no-such-library",))
    assert provenance.versions()["no-such-library"] == "unknown"


def test_a_fingerprint_changes_with_content_and_name_of_the_files_it_covers(package: Path) -> None:
    before, elsewhere = prints("metrics.py", "deep/*.py"), prints("metrics.py")
    assert prints("deep/*.py", "metrics.py", "metrics.py") == before, "order or repetition counts"
    (package / "deep" / "model.py").write_text("b = 3\n")
    changed = prints("metrics.py", "deep/*.py")
    assert changed != before
    assert prints("metrics.py") == elsewhere, "a file that is not covered counts"
    (package / "deep" / "model.py").rename(package / "deep" / "other.py")
    assert prints("metrics.py", "deep/*.py") not in (before, changed)


def test_a_fingerprint_covers_files_that_are_added(package: Path) -> None:
    before = prints("deep/*.py")
    (package / "deep" / "new.py").write_text("")
    assert prints("deep/*.py") != before


def test_outside_a_checkout_the_commit_is_unknown(
    package: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(package.parent.parent))
    assert provenance.commit() == "unknown"


def test_without_git_the_commit_is_unknown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    assert provenance.commit() == "unknown"


def test_a_changed_file_is_marked_and_an_untracked_one_is_not(package: Path) -> None:
    def git(*arguments: str) -> str:
        command = ["git", "-C", str(package.parent), "-c", "user.name=a", "-c", "user.email=a@b.c"]
        done = subprocess.run([*command, *arguments], capture_output=True, text=True, check=True)
        return done.stdout.strip()

    git("init")
    git("add", ".")
    git("commit", "-m", "first")
    head = git("rev-parse", "--short=12", "HEAD")
    (package / "untracked.py").write_text("")
    assert provenance.commit() == head
    provenance.commit.cache_clear()
    (package / "metrics.py").write_text("a = 2\n")
    assert provenance.commit() == head + "+"


def test_the_machine_has_cores_memory_and_a_processor() -> None:
    found = provenance.machine()
    assert int(found["cores"]) >= 1
    assert int(found["memory_gib"]) >= 1
    assert found["processor"]


def test_a_machine_without_proc_is_described_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Path, "exists", lambda _: False)
    found = provenance.machine()
    assert found["memory_gib"] == 0
    assert found["processor"]
