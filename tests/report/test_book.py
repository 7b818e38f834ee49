"""From executed notebooks to pages that need nothing from anybody."""

from __future__ import annotations

from pathlib import Path

import nbformat
import pytest
from small_checkout import DATA, FIRST, SECOND

from reclib.errors import ReclibError
from reclib.report import book, chapters, check, execute
from reclib.report.layout import Layout
from reclib.report.parameters import Request


def test_labels_of_a_second_dataset_are_its_own() -> None:
    names = chapters.renamed({"sec-data", "fig-long-tail"}, "ml-1m")
    text = chapters.relabel(DATA + " {ref}`there <sec-data>`", names)
    assert "(sec-ml-1m-data)=" in text
    assert "{numref}`fig-ml-1m-long-tail`" in text
    assert "{ref}`there <sec-ml-1m-data>`" in text
    assert "{ref}`the results <sec-results>`" in text  # no label of this dataset: untouched


def test_the_parameters_cell_shows_the_values_that_were_used() -> None:
    source = 'dataset = "ml-100k"  # a name\nfolds = [0,\n    1]  # folds\nseed = 1'
    shown = chapters.fill_in(source, {"dataset": "ml-1m", "folds": [2]})
    assert shown == 'dataset = "ml-1m"  # a name\nfolds = [2]  # folds\nseed = 1'


def test_contents_have_one_part_for_each_dataset(checkout: Layout) -> None:
    (checkout.root / "notebooks" / "02_results.ipynb").unlink()
    request = Request(("ml-100k", "ml-1m"))
    jobs = execute.plan(checkout, [FIRST, SECOND], request)
    toc = book.contents(checkout.root / "book" / "_toc.yml", jobs)
    parts = {part["caption"]: [each["file"] for each in part["chapters"]] for part in toc["parts"]}
    assert parts["MovieLens 1M"] == ["ml-1m/01_data"]
    assert list(parts)[1:3] == ["MovieLens 100K", "MovieLens 1M"]


def test_a_notebook_that_was_not_executed_is_named(checkout: Layout) -> None:
    jobs = execute.plan(checkout, [FIRST], Request())
    with pytest.raises(ReclibError, match=r"01_data.ipynb.*not been executed.*make report"):
        book.build(checkout, jobs, "quick")


@pytest.mark.slow
def test_the_book_of_two_datasets_is_sound(checkout: Layout) -> None:
    jobs = execute.plan(checkout, [FIRST, SECOND], Request())
    execute.execute_all(checkout, jobs)
    index = book.build(checkout, jobs, "quick")
    assert index.exists()
    expected = check.expected_pages(checkout.html)
    assert "ml-1m/02_results.html" in expected
    assert check.complaints(checkout.html, expected) == []
    first = (checkout.html / "ml-100k" / "01_data.html").read_text()
    second = (checkout.html / "ml-1m" / "01_data.html").read_text()
    assert 'id="fig-long-tail"' in first
    assert 'id="fig-ml-1m-long-tail"' in second
    assert "injected-parameters" not in first
    assert "NBVAL" not in first
    assert "fmt: skip" not in first
    assert "<math" in (checkout.html / "method.html").read_text()
    assert "ledger" in (checkout.html / "provenance.html").read_text()
    everything = "".join(page.read_text() for page in checkout.html.rglob("*.html"))
    assert "mathjax@" not in everything.lower()
    assert "fonts.googleapis" not in everything


@pytest.mark.slow
def test_a_reference_to_nowhere_fails_the_build(checkout: Layout) -> None:
    page = checkout.root / "book" / "how-to-read.md"
    page.write_text(page.read_text() + "\nSee {ref}`nowhere <sec-nowhere>`.\n")
    jobs = execute.plan(checkout, [FIRST], Request())
    execute.execute_all(checkout, jobs)
    with pytest.raises(ReclibError, match="sec-nowhere"):
        book.build(checkout, jobs, "quick")


def test_a_picture_is_found_by_the_name_of_its_figure(tmp_path: Path) -> None:
    output = nbformat.v4.new_output("display_data", {"image/png": "aGVsbG8="})
    cell = nbformat.v4.new_code_cell("draw()", outputs=[output])
    cell.metadata["mystnb"] = {"figure": {"name": "fig-a"}, "image": {"alt": "A line."}}
    made = nbformat.v4.new_notebook(cells=[cell])
    assert chapters.picture([made], "fig-a") == (b"hello", "A line.")
    assert chapters.picture([made], "fig-b") is None


def test_a_table_with_nothing_in_it_is_left_out() -> None:
    cell = nbformat.v4.new_code_cell("frame")
    for text in ("Empty DataFrame\nColumns: []\nIndex: []", "   a\n0  1"):
        cell.outputs.append(
            nbformat.v4.new_output("execute_result", {"text/plain": text}, execution_count=1)
        )
    notebook = nbformat.v4.new_notebook(cells=[cell])
    (kept,) = chapters.chapter(notebook, {}, {}).cells[0].outputs
    assert kept["data"]["text/plain"] == "   a\n0  1"
