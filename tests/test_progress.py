from __future__ import annotations

import io
import sys
from collections.abc import Iterable, Iterator
from typing import Any

import pytest

from reclib import progress
from reclib.progress import track


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_items_come_in_order_and_nothing_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    assert list(track(iter(range(5)), label="runs", total=5)) == [0, 1, 2, 3, 4]
    assert capsys.readouterr() == ("", "")


def test_a_person_at_a_terminal_sees_a_bar_that_is_gone_at_the_end(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    terminal = Terminal()
    monkeypatch.setattr(sys, "__stderr__", terminal)
    items = track(range(3), label="runs", total=3)
    next(items)
    assert "runs" in terminal.getvalue()
    list(items)
    assert terminal.getvalue().rstrip("\r").endswith(" "), "the bar was left on the line"


def test_a_file_gets_no_bar(monkeypatch: pytest.MonkeyPatch) -> None:
    file = io.StringIO()
    monkeypatch.setattr(sys, "__stderr__", file)
    list(track(range(3), label="runs"))
    assert file.getvalue() == ""


def test_a_process_without_error_stream_does_without(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "__stderr__", None)
    assert list(track(range(3), label="runs")) == [0, 1, 2]


@pytest.mark.parametrize(("variable", "widgets"), [(None, 1), ("terminal", 0)])
def test_a_notebook_gets_a_widget_unless_it_is_executed_for_the_report(
    monkeypatch: pytest.MonkeyPatch, variable: str | None, widgets: int
) -> None:
    made: list[Any] = []

    def widget(items: Iterable[int], **options: Any) -> Iterator[int]:
        made.append(options)
        return iter(items)

    monkeypatch.setattr(progress, "_in_notebook", lambda: True)
    monkeypatch.setattr(progress, "tqdm_notebook", widget)
    monkeypatch.delenv("RECLIB_PROGRESS", raising=False)
    if variable:
        monkeypatch.setenv("RECLIB_PROGRESS", variable)
    assert list(track(range(3), label="runs")) == [0, 1, 2]
    assert len(made) == widgets


def test_an_error_of_the_work_is_not_swallowed() -> None:
    def work() -> Iterator[int]:
        yield 1
        raise RuntimeError("broken")

    with pytest.raises(RuntimeError, match="broken"):
        list(track(work(), label="runs"))
