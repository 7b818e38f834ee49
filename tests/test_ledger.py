from __future__ import annotations

import fcntl
import json
import multiprocessing
import os
import resource
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from small_data import FULL

from reclib import ledger as module
from reclib.errors import DataError
from reclib.ledger import Ledger, append_row, read_rows

PER_USER = pd.DataFrame({"recall@5": [0.5, 1.0]}, index=pd.Index([3, 8], name="user"))
TOP = np.array([[1, 2], [4, -1]], dtype=np.int32)
CURVE = pd.DataFrame({"epoch": [1, 2], "train_loss": [0.5, 0.25]})


def add(ledger: Ledger, key: str, **row: object) -> module.Run:
    return ledger.add({"key": key, **row}, per_user=PER_USER, top=TOP, curve=CURVE)


def keys(ledger: Ledger) -> list[str]:
    return [row["key"] for row in ledger.rows()]


@contextmanager
def file_size_limit(size: int) -> Iterator[None]:
    """Let every file grow to this size and no further, as a disk does that fills up."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_a_run_is_found_again_with_all_that_belongs_to_it(tmp_path: Path) -> None:
    add(Ledger(tmp_path), "a", value=0.1)
    found = Ledger(tmp_path).find("a")
    assert found is not None
    assert found.row == {"key": "a", "value": 0.1}
    pd.testing.assert_frame_equal(found.per_user, PER_USER)
    np.testing.assert_array_equal(found.top, TOP)
    assert found.curve is not None
    pd.testing.assert_frame_equal(found.curve, CURVE)


def test_a_closed_form_has_no_curve_and_an_unknown_key_no_run(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path)
    assert ledger.add({"key": "a"}, per_user=PER_USER, top=TOP).curve is None
    assert ledger.find("b") is None
    assert Ledger(tmp_path / "new").rows() == []


def test_a_row_cut_short_anywhere_spoils_no_other(tmp_path: Path) -> None:
    path = tmp_path / "ledger.jsonl"
    append_row(path, {"key": "first", "text": "é"})
    whole = path.stat().st_size
    append_row(path, {"key": "second", "text": "é"})
    content = path.read_bytes()
    for end in range(whole, len(content)):
        path.write_bytes(content[:end])
        lost = end < len(content) - 1  # the last byte is only the end of the line
        before = ["first"] if lost else ["first", "second"]
        assert [row["key"] for row in read_rows(path)] == before
        append_row(path, {"key": "third"})
        assert [row["key"] for row in read_rows(path)] == [*before, "third"]


def test_artefacts_without_their_row_are_not_found_and_are_replaced(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path)
    add(ledger, "a")
    ledger.path.unlink()  # a crash after the artefacts and before the row
    assert ledger.find("a") is None
    (tmp_path / "runs" / "a" / "top.npy").write_bytes(b"half")
    np.testing.assert_array_equal(add(ledger, "a").top, TOP)
    assert ledger.find("a") is not None


def test_a_row_without_its_artefacts_is_not_found(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path)
    append_row(ledger.path, {"key": "a"})
    assert ledger.find("a") is None


def _append_many(path: Path, name: str) -> None:
    for number in range(100):
        append_row(path, {"key": f"{name}{number}", "padding": "x" * 500})


def test_two_processes_append_at_the_same_time_and_lose_nothing(tmp_path: Path) -> None:
    path = tmp_path / "ledger.jsonl"
    fork = multiprocessing.get_context("fork")
    workers = [fork.Process(target=_append_many, args=(path, name)) for name in "ab"]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(30)
        assert worker.exitcode == 0
    assert path.read_bytes().count(b"\n") == 200
    found = [row["key"] for row in read_rows(path)]
    assert sorted(found) == sorted(f"{name}{number}" for name in "ab" for number in range(100))
    assert [key for key in found if key[0] == "a"] == [f"a{number}" for number in range(100)]


def test_a_row_waits_for_the_one_that_is_being_written(tmp_path: Path) -> None:
    path = tmp_path / "ledger.jsonl"
    waiting = threading.Thread(target=append_row, args=(path, {"key": "b"}))
    with path.open("ab") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        other.write(b'{"key": ')
        other.flush()
        waiting.start()
        waiting.join(0.2)
        assert waiting.is_alive(), "a row was written into the middle of another"
        other.write(b'"a"}\n')
    waiting.join(10)
    assert [row["key"] for row in read_rows(path)] == ["a", "b"]


def test_a_row_is_on_disk_before_the_run_is_done(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    on_disk = []
    path = tmp_path / "ledger.jsonl"
    monkeypatch.setattr(os, "fsync", lambda file: on_disk.append(path.read_bytes()))
    append_row(path, {"key": "a"})
    assert on_disk == [b'{"key": "a"}\n']


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(DataError, match=r"file.*cannot be written.*build_dir"):
        Ledger(tmp_path / "file")


def test_a_full_disk_leaves_neither_artefacts_nor_a_row(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(path: Path, _: object) -> None:
        path.write_bytes(b"half")
        raise FULL

    ledger = Ledger(tmp_path)
    with monkeypatch.context() as patch:
        patch.setattr(np, "save", full)
        with pytest.raises(DataError, match="No space left on device"):
            add(ledger, "a")
    assert list((tmp_path / "runs").iterdir()) == []
    assert ledger.rows() == []
    assert add(ledger, "a").top.tolist() == TOP.tolist()


def test_a_disk_that_fills_up_within_a_row_loses_that_row_only(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path)
    add(ledger, "a", padding="x" * 20_000)  # larger than any artefact
    size = ledger.path.stat().st_size
    with file_size_limit(size + 10), pytest.raises(DataError, match="cannot be written"):
        add(ledger, "b")
    assert ledger.path.stat().st_size == size + 10, "the row was not cut short as intended"
    assert keys(ledger) == ["a"]
    assert ledger.find("b") is None
    add(ledger, "b")
    add(ledger, "c")
    assert keys(ledger) == ["a", "b", "c"]


def test_the_frame_has_the_last_row_of_each_key(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path)
    for key, value in (("a", 1), ("b", 2), ("a", 3)):
        add(ledger, key, value=value)
    assert ledger.frame().set_index("key")["value"].to_dict() == {"a": 3, "b": 2}
    assert ledger.find("a").row["value"] == 3
    assert Ledger(tmp_path / "new").frame().empty


def test_published_rows_fill_the_gaps_and_replace_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    published = tmp_path / "published"
    published.mkdir()
    for name, key in (("one", "a"), ("two", "b")):
        rows = json.dumps({"key": key, "value": f"published {key}"})
        (published / f"{name}.jsonl").write_text(rows + "\n")
    monkeypatch.setattr(module, "PUBLISHED", published)
    ledger = Ledger(tmp_path / "own")
    add(ledger, "a", value="own a")
    together = ledger.frame(published=True).set_index("key")["value"].to_dict()
    assert together == {"a": "own a", "b": "published b"}
    assert ledger.frame()["key"].tolist() == ["a"]
    assert ledger.find("b") is None, "a published row has no artefacts to read"
