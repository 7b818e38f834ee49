"""What a person meets who runs a report, stops it, breaks it and runs it again."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import nbformat
import pytest
from small_checkout import FIRST, notebook

from reclib.errors import DataError, UnknownName
from reclib.report import execute, layout
from reclib.report.layout import ROOT, Layout
from reclib.report.parameters import Request

Requests = Callable[..., Request]


def run(checkout: Layout, request: Request) -> list[execute.Job]:
    jobs = execute.plan(checkout, [FIRST], request)
    execute.execute_all(checkout, jobs)
    return jobs


def test_parameters_come_from_the_file_and_then_from_the_command_line(
    checkout: Layout, request_for: Requests
) -> None:
    jobs = execute.plan(checkout, [FIRST], request_for())
    assert jobs[0].parameters == {"dataset": "ml-100k", "edition": "quick", "cutoff": 7}
    jobs = execute.plan(checkout, [FIRST], request_for(cutoff=20))
    assert jobs[1].parameters["cutoff"] == 20


def test_a_parameter_that_no_notebook_has_is_named_with_the_nearest(
    checkout: Layout, request_for: Requests
) -> None:
    with pytest.raises(UnknownName, match=r"unknown parameter 'cutof'. Did you mean 'cutoff'"):
        execute.plan(checkout, [FIRST], request_for(cutof=20))


def test_a_wrong_parameter_file_is_named(checkout: Layout, request_for: Requests) -> None:
    file = checkout.root / "notebooks" / "parameters" / "ml-100k.quick.yaml"
    file.write_text("cutof: 7\n")
    with pytest.raises(DataError, match=r"ml-100k.quick.yaml.*cutof"):
        execute.plan(checkout, [FIRST], request_for())


@pytest.mark.slow
def test_what_is_finished_and_unchanged_is_not_executed_again(
    checkout: Layout, request_for: Requests, capsys: pytest.CaptureFixture[str]
) -> None:
    jobs = run(checkout, request_for())
    assert "[2/2] 02_results, ml-100k\n" in capsys.readouterr().out
    before = jobs[0].output.stat().st_mtime_ns
    run(checkout, request_for())
    assert capsys.readouterr().out.count("unchanged") == 2
    assert jobs[0].output.stat().st_mtime_ns == before
    run(checkout, request_for(cutoff=20))
    assert "unchanged" not in capsys.readouterr().out
    (checkout.root / "reclib" / "code.py").write_text("answer = 43\n")
    run(checkout, request_for(cutoff=20))
    assert "unchanged" not in capsys.readouterr().out
    text = nbformat.read(jobs[1].output, as_version=4).cells[-1].outputs[0]["data"]["text/plain"]
    assert text == "'ml-100k at 20'"


@pytest.mark.slow
def test_a_failing_notebook_names_cell_error_and_file(
    checkout: Layout, request_for: Requests
) -> None:
    path = checkout.root / "notebooks" / "02_results.ipynb"
    notebook(path, "# Results", "first = 1", "first / 0")
    with pytest.raises(execute.NotebookError) as caught:
        run(checkout, request_for())
    said = str(caught.value)
    assert "02_results, ml-100k failed in cell [4]" in said
    assert "    first / 0" in said
    assert "ZeroDivisionError: division by zero" in said
    partly = checkout.executed / "ml-100k" / "02_results.ipynb"
    assert str(partly) in said
    assert partly.exists()
    assert not partly.with_suffix(".json").exists()


@pytest.mark.slow
def test_ctrl_c_ends_with_one_line_and_the_next_run_continues(
    checkout: Layout, request_for: Requests
) -> None:
    waiting = checkout.root / "waiting"
    wait = f"import os, pathlib, time\npathlib.Path({str(waiting)!r}).write_text(str(os.getpid()))"
    path = checkout.root / "notebooks" / "02_results.ipynb"
    notebook(path, "# Results", wait + "\ntime.sleep(60)")
    program = (
        "import pathlib, signal, sys\n"
        "from reclib import __main__; from reclib.report import layout\n"
        # as at a terminal: what a shell starts in the background is deaf to Ctrl-C
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        f"layout.Layout.__init__.__defaults__ = (pathlib.Path({str(checkout.root)!r}),)\n"
        "sys.exit(__main__.main(['report']))"
    )
    process = subprocess.Popen([sys.executable, "-c", program], cwd=ROOT, stderr=subprocess.PIPE,
                               stdout=subprocess.PIPE, text=True)  # fmt: skip
    for _ in range(600):
        if waiting.exists() and waiting.read_text():
            break
        time.sleep(0.1)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 130
    assert errors.strip().endswith("interrupted; the next run continues from here")
    assert "Traceback" not in errors, errors
    assert not _alive(int(waiting.read_text()))
    jobs = execute.plan(checkout, [FIRST], request_for())
    assert [job.finished() is not None for job in jobs] == [True, False]


def _alive(process: int) -> bool:
    for _ in range(50):
        try:
            os.kill(process, 0)
        except ProcessLookupError:
            return False
        time.sleep(0.1)
    return True


def test_a_process_that_does_not_answer_ends_with_one_line(
    checkout: Layout, request_for: Requests, monkeypatch: pytest.MonkeyPatch
) -> None:
    def silent(*_: object, **__: object) -> None:
        raise RuntimeError("Kernel didn't respond in 60 seconds")

    monkeypatch.setattr(execute.papermill, "execute_notebook", silent)
    jobs = execute.plan(checkout, [FIRST], request_for())
    with pytest.raises(execute.NotebookError, match=r"does not answer\. Kernel didn't respond"):
        execute.execute_all(checkout, jobs)


def test_an_unwritable_folder_is_said_at_once(checkout: Layout, request_for: Requests) -> None:
    (checkout.root / "build").write_text("a file where the folder should be")
    with pytest.raises(DataError, match=r"build: nothing can be written here \(File exists\)"):
        run(checkout, request_for())


def test_a_full_disk_leaves_no_half_written_stamp(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(self: Path, *_: object, **__: object) -> int:
        self.touch()
        raise OSError(28, "No space left on device", str(self))

    monkeypatch.setattr(Path, "write_text", full)
    with pytest.raises(OSError, match="No space left"):
        execute.write_whole(tmp_path / "stamp.json", json.dumps({}))
    assert list(tmp_path.iterdir()) == []


def test_datasets_are_known_names_or_folders(tmp_path: Path) -> None:
    folder = tmp_path / "My Shop"
    folder.mkdir()
    found = layout.sources(["ml-100k", str(folder)])
    assert [source.slug for source in found] == ["ml-100k", "my-shop"]
    assert found[1].folder == folder
    with pytest.raises(UnknownName, match="Did you mean 'ml-100k'"):
        layout.sources(["ml-100"])
