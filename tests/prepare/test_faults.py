"""Faults of real processes on loopback: the same bytes as without, or one clear error."""

from __future__ import annotations

import os
import resource
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from distributed import LocalCluster
from preparing import AMAZON, ROOT, digest, marks, start, unfinished, wait_for

from reclib.errors import DataError
from reclib.prepare import ClusterError, Settings, prepare, workspace

MANY = {"partition_mb": 0.05, "rows_per_bucket": 2000}
WORDS = [f"{name}={value}" for name, value in MANY.items()] + ["workers=1"]
SCHEDULER = """
import time
from distributed import LocalCluster
if __name__ == "__main__":
    cluster = LocalCluster(n_workers=1, threads_per_worker=1, processes=False, protocol="tcp://",
                           host="127.0.0.1", dashboard_address=":0", memory_limit=0)
    print(cluster.scheduler_address, flush=True)
    time.sleep(600)
"""


def half_written(out: Path) -> list[Path]:
    return [path for path in unfinished(out).rglob(".*") if path.name != ".lock"]


def test_a_worker_killed_in_the_middle_changes_nothing(
    ratings: Path, right: dict[str, str], tmp_path: Path
) -> None:
    out = tmp_path / "out"
    with LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=":0", memory_limit=0,
                      silence_logs=50) as cluster:  # fmt: skip
        victim = next(iter(cluster.workers.values())).pid
        killed: list[int] = []

        def kill() -> None:
            wait_for(lambda: marks(out))
            os.kill(victim, signal.SIGKILL)
            killed.append(len(marks(out)))

        killer = threading.Thread(target=kill)
        killer.start()
        asked = Settings((str(ratings),), str(out), cluster=cluster.scheduler_address,
                         **AMAZON, **MANY)  # fmt: skip
        prepare(asked)
        killer.join()
        assert next(iter(cluster.workers.values())).pid != victim
    assert killed[0] < 20, "it was killed too late to matter"
    assert digest(out) == right


def test_a_killed_preparation_goes_on_where_it_was(
    ratings: Path, right: dict[str, str], tmp_path: Path
) -> None:
    out = tmp_path / "out"
    first = start(ratings, out, *WORDS)
    wait_for(lambda: len(marks(out)) > 2)
    os.killpg(first.pid, signal.SIGKILL)
    first.communicate()
    done = {path: path.stat().st_mtime_ns for path in marks(out)}
    assert 2 < len(done) < 25
    assert not out.exists()
    second = start(ratings, out, *WORDS)
    wait_for(lambda: len(marks(out)) > len(done) or out.exists())
    kept = {path: path.stat().st_mtime_ns for path in done if path.exists()}
    assert all(done[path] == when for path, when in kept.items()), "finished work was done again"
    printed, said = second.communicate(timeout=240)
    assert second.returncode == 0, said
    assert printed.rstrip().endswith(str(out))
    assert digest(out) == right


def test_a_full_disk_is_one_error_and_its_remedy_works(
    ratings: Path, right: dict[str, str], tmp_path: Path
) -> None:
    """No file may exceed 40 kB, so that writing fails in the worker as on a full disk."""
    out = tmp_path / "out"

    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (40_000, resource.RLIM_INFINITY))

    full = start(ratings, out, "workers=1", preexec_fn=limit)
    _, said = full.communicate(timeout=240)
    assert full.returncode == 1
    assert "error: " in said
    assert "the disk is full (" in said
    assert "Traceback" not in said
    assert not out.exists()
    assert half_written(out) == []
    again = start(ratings, out, "workers=1")
    _, said = again.communicate(timeout=240)
    assert again.returncode == 0, said
    assert digest(out) == right


def test_a_disk_too_small_is_refused_before_the_start(
    ratings: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def almost_full(folder: Path) -> object:
        return type("Usage", (), {"free": 1_000_000})()

    monkeypatch.setattr(workspace.shutil, "disk_usage", almost_full)
    with pytest.raises(DataError, match=r"about 0\.003\d* GB are needed and 0\.001 GB are free"):
        prepare(Settings((str(ratings),), str(tmp_path / "out"), workers=1, **AMAZON))


def test_a_scheduler_that_goes_away_is_one_error_and_loses_nothing(
    ratings: Path, address: str, right: dict[str, str], tmp_path: Path
) -> None:
    out = tmp_path / "out"
    script = tmp_path / "scheduler.py"
    script.write_text(SCHEDULER)
    head = subprocess.Popen([sys.executable, script], stdout=subprocess.PIPE, text=True,
                            env=os.environ | {"PYTHONPATH": str(ROOT)})  # fmt: skip
    assert head.stdout is not None
    place = head.stdout.readline().strip()

    def kill() -> None:
        wait_for(lambda: len(marks(out)) > 1)
        head.kill()

    killer = threading.Thread(target=kill)
    killer.start()
    with pytest.raises(ClusterError, match=r"the scheduler is gone\. .* the same command again"):
        prepare(Settings((str(ratings),), str(out), cluster=place, **AMAZON, **MANY))
    killer.join()
    head.communicate()
    assert not out.exists()
    assert len(marks(out)) < 25
    prepare(Settings((str(ratings),), str(out), cluster=address, **AMAZON, **MANY))
    assert digest(out) == right


def test_an_address_without_a_scheduler_is_named(ratings: Path, tmp_path: Path) -> None:
    asked = Settings((str(ratings),), str(tmp_path / "out"), cluster="tcp://127.0.0.1:9")
    with pytest.raises(ClusterError, match=r"tcp://127\.0\.0\.1:9: there is no scheduler"):
        prepare(asked)
