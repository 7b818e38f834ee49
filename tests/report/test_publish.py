"""Outputs of a build in the committed notebooks."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import nbformat
import pytest
from small_checkout import FIRST, notebook
from small_data import random_frame, write_dataset

from reclib.errors import DataError
from reclib.report import execute, publish
from reclib.report.layout import Layout, Source
from reclib.report.parameters import Request
from reclib.tables.cards import read_cards


def test_the_card_of_a_dataset_is_put_into_the_book(tmp_path: Path) -> None:
    folder = write_dataset(tmp_path / "own", random_frame())
    path = publish.publish_card(Source(str(folder), "own", "own"), Layout(tmp_path))
    assert path == tmp_path / "book/ledger/cards/own.json"
    (card,) = read_cards(path.parent)
    assert (card["title"], card["users"]) == ("own", 40)


@pytest.mark.slow
def test_outputs_are_published_and_nothing_else_changes(
    checkout: Layout, request_for: Callable[..., Request]
) -> None:
    jobs = execute.plan(checkout, [FIRST], request_for())
    with pytest.raises(DataError, match="was not executed"):
        publish.publish_notebooks(jobs)
    execute.execute_all(checkout, jobs)
    before = nbformat.read(jobs[1].notebook, as_version=4)
    publish.publish_notebooks(jobs)
    after = nbformat.read(jobs[1].notebook, as_version=4)
    assert [c.source for c in after.cells] == [c.source for c in before.cells]
    assert [c.metadata for c in after.cells] == [c.metadata for c in before.cells]
    assert after.metadata == before.metadata
    assert [c.execution_count for c in after.cells if c.cell_type == "code"] == [1, 2]
    output = after.cells[-1].outputs[0]
    assert (output["data"]["text/plain"], output.execution_count) == ("'ml-100k at 7'", 2)
    execute.execute_all(checkout, jobs)
    assert publish.publish_notebooks(jobs), "outputs do not make a notebook another one"
    notebook(jobs[1].notebook, "# Other", "1 + 1")
    with pytest.raises(DataError, match="changed since"):
        publish.publish_notebooks(jobs)
