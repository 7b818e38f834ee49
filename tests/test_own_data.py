"""Whatever folder a reader brings: every table, figure and sentence can be made of it."""

from __future__ import annotations

import re
import shutil
import warnings
from collections.abc import Iterator
from pathlib import Path

import matplotlib.pyplot as plt
import nbformat
import pandas as pd
import pytest
from own_folders import KINDS, SPACED, odd_ids

from reclib import figures, search, tables
from reclib.lists import Lists
from reclib.report import book, check, execute, layout, parameters
from reclib.report.layout import ROOT, Layout
from reclib.report.parameters import Request
from reclib.splits import PROTOCOLS
from reclib.study import Study, grid

SIZES = {"check_ins": 2_000, "half_stars": 1_500, "ordered": 2_000, "movielens_csv": 1_500}
POSSIBLE = {
    "check_ins": ["holdout", "leave-last-out", "temporal", "strong"],
    "half_stars": ["holdout", "strong", "rated-only"],
    "ordered": ["holdout", "leave-last-out", "temporal", "strong"],
    "odd_ids": ["holdout", "leave-last-out", "temporal", "strong"],
    "integer_parquet": ["holdout", "leave-last-out", "temporal", "strong"],
}
"""Protocols that a folder supports; the others have ratings and true times, and few items."""
WITHOUT_SAMPLE = ["holdout", "leave-last-out", "temporal", "strong", "rated-only"]


@pytest.fixture(params=KINDS)
def own(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Study]:
    """Open a study of a folder of one kind; no warning is let through."""
    monkeypatch.setattr(search, "SETTINGS", tmp_path / "settings")
    name = request.param
    sizes = {"n": SIZES[name]} if name in SIZES else {}
    folder = KINDS[name](tmp_path / name, **sizes)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        yield Study.open(str(folder), build_dir=tmp_path / "build", workers=1)
    plt.close("all")


def test_the_first_chapter_can_be_told_of_it(own: Study) -> None:
    data = own.dataset
    per_item = data.interactions["item_id"].value_counts()
    per_user = data.interactions["user_id"].value_counts()
    assert tables.table_one(data).loc[data.title, "users"] == f"{len(per_user):,}"
    assert len(own.inclusion.frame()) == 9
    assert "yes" in set(own.inclusion.frame()["met"])
    figures.long_tail(per_item)
    figures.activity(per_user, per_item)
    if data.has_times:
        figures.over_time(data.interactions["timestamp"])
    if shares := tables.side_feature_counts(data):
        figures.category_shares(shares)
    said = [tables.rating_finding(data), tables.time_finding(data), tables.context_finding(data)]
    card = tables.card(own.inclusion)
    said += [tables.card_finding(card), *tables.card_table(card)[data.title]]
    assert not any("nan" in text or "1970" in text for text in said)


def test_what_it_supports_is_said_with_a_reason_for_the_rest(own: Study) -> None:
    support = tables.protocol_support(own, list(PROTOCOLS))
    expected = POSSIBLE.get(own.dataset.name, WITHOUT_SAMPLE)
    assert set(support.index[support["possible"]]) - {"sampled"} == set(expected)
    assert all(support.loc[~support["possible"], "note"])
    believed = own.dataset.name != "ordered"
    assert (support.loc["temporal", "note"] == "") == (believed and "temporal" in expected)


def test_the_results_can_be_told_of_it(own: Study) -> None:
    supported = own.supported(PROTOCOLS)
    runs = own.run_all(grid(["random", "item-knn", "oracle"], supported))
    metrics = ["precision@10", "recall@10", "map@10"]
    summary = tables.summarize(runs, metrics)
    tables.display_table(summary, digits=2)
    figures.protocol_panels(summary, metrics)
    said = tables.protocol_finding(summary, metrics[0])
    assert "Item-based CF" in said
    assert "nan" not in tables.paper_finding(summary, metrics)
    position = tables.paper_position(summary, metrics)
    assert not position.astype(str).apply(lambda column: column.str.contains("nan")).any().any()
    if "leave-last-out" in supported:
        assert len(tables.traits(own, "leave-last-out"))


def test_everybody_gets_a_list_and_so_does_a_stranger(own: Study) -> None:
    lists = Lists.fit(own, "item-knn")
    known = own.dataset.interactions["user_id"].value_counts().index[-1]  # has much to come
    found = lists.of([known, "nobody", "", None, 3.5, known], 3)  # type: ignore[list-item]
    assert found.groupby("user_id")["rank"].max().to_dict() == {
        known: 3, "nobody": 3, "": 3, "None": 3, "3.5": 3,
    }  # fmt: skip
    assert found.set_index("user_id")["known"].groupby(level=0).first().to_dict() == {
        known: True, "nobody": False, "": False, "None": False, "3.5": False,
    }  # fmt: skip
    assert lists.of([], 3).empty
    path = lists.write(Path(own.build_dir) / "lists.csv", 3)
    read = pd.read_csv(path, dtype={"user_id": str, "item_id": str})
    assert set(read["user_id"]) == set(own.dataset.interactions["user_id"])
    assert set(read["item_id"]) <= set(own.dataset.interactions["item_id"])


@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_identifiers_come_through_as_they_are(tmp_path: Path, kind: str) -> None:
    data = Study.open(str(odd_ids(tmp_path / "odd", kind=kind))).dataset
    users = set(data.interactions["user_id"])
    assert {pattern.format(number) for number, pattern in enumerate(SPACED)} <= users
    assert "00003" in set(data.interactions["item_id"])
    assert data.titles()["00003"] == "Gr\u00f6\u00dfe 00003"


QUICK = {
    "closed_forms": ["random", "popularity", "item-knn", "oracle"], "learned": [],
    "deep": ["rnn"], "peers": ["item-knn"], "ablate": False, "measured": ["item-knn"],
    "fractions": [0.5, 1.0], "cutoffs": [5, 10], "threads": [1], "repeats": 1,
    "batches": {"scoring": [16], "training": [16]}, "catalogues": {"popularity": [1]},
    "parallel": {"threads": [1], "workers": [1], "runs": ["item-knn"], "folds": 1},
    "compared": ["popularity", "item-knn", "integrated"], "shares": [0.3],
}  # fmt: skip
"""What keeps notebooks short; those that have no such parameter are not given it."""


@pytest.mark.slow
def test_every_notebook_runs_on_an_order_without_a_clock(tmp_path: Path) -> None:
    """Times that start anew with each user, nothing rated, nothing known of the items."""
    for name in ("notebooks", "book"):
        shutil.copytree(ROOT / name, tmp_path / name)
    shutil.copy(ROOT / "_config.yml", tmp_path)
    (tmp_path / "reclib").mkdir()
    place = Layout(tmp_path)
    folder = KINDS["ordered"](tmp_path / "own" / "my-log", n=1_500)
    known = {name for notebook in place.notebooks for name in parameters.declared(notebook)}
    quick = {name: value for name, value in QUICK.items() if name in known}
    request = Request((str(folder),), "quick", quick | {"build_dir": str(place.build)})
    jobs = execute.plan(place, layout.sources(request.datasets), request)
    execute.execute_all(place, jobs)
    pages = [nbformat.read(job.output, as_version=4) for job in jobs]
    kinds = {out.output_type for page in pages for c in page.cells for out in c.get("outputs", [])}
    assert kinds <= {"display_data", "execute_result"}, "no warning and no bar in any cell"
    said = [out.get("data", {}).get("text/markdown", "")
            for page in pages for c in page.cells for out in c.get("outputs", [])]  # fmt: skip
    assert not [text for text in said if re.search(r"\bnan\b", text)], "a number that is none"
    book.build(place, jobs, "quick")
    check.require_sound(place.html)
    text = (place.html / "my-log" / "01_data_exploration.html").read_text(encoding="utf-8")
    assert "is not honest here" in text
    for page in place.html.rglob("*.html"):
        assert "Empty DataFrame" not in page.read_text(encoding="utf-8")
