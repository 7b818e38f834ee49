"""Which runs stand for a recommender."""

from __future__ import annotations

from typing import Any

import pytest
from ledger_rows import row

from reclib.recommenders.deep.settings import Settings
from reclib.standing import brief_runs, conditioned_results, newest

OTHER = {"dropout": 0.5}
ALL = list(Settings.branches)
THIN = {"name": "thin", "share": 0.1, "code": "one"}


def kept(*rows: dict[str, Any]) -> list[str]:
    return [each["key"] for each in newest(rows)]


def test_of_several_versions_of_the_code_the_last_to_finish_counts() -> None:
    assert kept(row("new", "2026-02-01"), row("old")) == ["new"]
    assert kept(row("a"), row("b", seed=2), row("c", fold=1)) == ["a", "b", "c"]
    assert newest([]) == []


def test_of_several_settings_the_newest_count_whatever_the_seed() -> None:
    old = [row("a"), row("b", seed=2), row("other", recommender="ease", settings={"l2": 1.0})]
    assert kept(*old, row("c", "2026-02-01", settings=OTHER)) == ["other", "c"]


@pytest.mark.parametrize(
    "change",
    [{"kind": "trial"}, {"stage": "valid"}, {"settings": {"branches": ["cf", "rnn"]}},
     {"settings": {"branches": ALL[:-1]}}, {"settings": {"branches": [*ALL, "image"]}}],
)  # fmt: skip
def test_trials_and_ablations_are_no_results(change: dict[str, Any]) -> None:
    later = row("b", "2026-02-01") | change
    assert kept(row("a"), later) == ["a"]
    assert kept(later) == []
    assert kept(row("c", settings={"branches": ALL})) == ["c"]


def test_runs_on_a_split_that_was_left_do_not_count() -> None:
    old = row("a", recommender="ease", split_checksum="before")
    assert kept(old, row("b", "2026-02-01")) == ["b"]
    assert kept(old, row("b", "2026-02-01", fold=1)) == ["a", "b"]


def test_runs_on_data_since_changed_do_not_count() -> None:
    assert kept(row("a"), row("b", "2026-02-01", dataset_checksum="y", fold=1)) == ["b"]
    assert kept(row("a"), row("b", "2026-02-01", dataset_checksum="y", dataset="e")) == ["a", "b"]


def under(*rows: dict[str, Any]) -> list[str]:
    return [each["key"] for each in conditioned_results(rows)]


def test_runs_under_conditions_count_with_the_chosen_settings_alone() -> None:
    plain = row("plain")
    short = row("short", condition=THIN, settings={"epochs": 1})
    silenced = row("silenced", condition=THIN, seed=2, settings={"item_dropout": 0.5})
    assert under(plain, row("a", condition=THIN), short, silenced) == ["a", "silenced"]
    assert under(row("alone", condition=THIN)) == [], "nothing says which settings are chosen"
    closed = row("closed", condition=THIN, recommender="content", settings={"discount": 0.5})
    assert under(closed) == ["closed"], "which is not trained, for longer or shorter"
    assert kept(plain, row("a", "2026-02-01", condition=THIN, settings=OTHER)) == ["plain"]


def test_of_one_condition_the_last_run_counts_whatever_its_code() -> None:
    old = row("old", condition=THIN)
    new = row("new", "2026-02-01", condition=THIN | {"code": "two"})
    more = row("more", condition=THIN | {"share": 0.2})
    assert set(under(row("plain"), new, old, more)) == {"new", "more"}


def test_what_a_quick_chapter_makes_for_itself_is_not_published() -> None:
    """The chosen settings are those of the run on the data as they are."""
    thin, as_is = ({"name": name, "seed": 1} for name in ("thin", "as-is"))
    brief, some = {"max_epochs": 1}, {"branches": ["cf", "rnn"]}
    rows = [
        row("chosen"),
        row("in full", condition=thin),
        row("brief", condition=thin, settings=brief),
        row("brief whole", condition=as_is, settings=brief),
        row("brief part", condition=as_is, settings=brief | some),
        row("twin of pictures", condition=thin, settings=brief | some),
        row("part", settings=some),
        row("trial", kind="trial", stage="valid"),
    ]
    found = [each["key"] for each in brief_runs(rows)]
    assert found == ["brief", "brief whole", "brief part"]
