from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from small_data import dataset, random_frame

from reclib import tables
from reclib.datasets import CATALOGUE, Dataset
from reclib.inclusion import honesty, include
from reclib.report.cards import datasets_page
from reclib.splits import PROTOCOLS
from reclib.tables.cards import CARDS, card, lines, read_cards, write_card

YEAR_2001 = 10**9


def timed(times: list[float], users: str = "uuuvvv", name: str = "small") -> Dataset:
    frame = pd.DataFrame({"user_id": list(users), "item_id": list("abcabc")})
    return Dataset(name, name.title(), frame.assign(timestamp=np.asarray(times, dtype=float)))


def test_gini_of_equal_counts_is_zero_and_of_one_owner_nearly_one() -> None:
    assert tables.gini([3, 3, 3]) == pytest.approx(0)
    assert tables.gini([0, 0, 0, 8]) == pytest.approx(0.75)
    assert tables.gini([1, 3]) == pytest.approx(0.25)  # half the mean difference over the mean


@given(st.lists(st.integers(0, 50), min_size=2, max_size=12).filter(any))
def test_gini_is_half_the_mean_difference_over_the_mean(counts: list[int]) -> None:
    pairs = np.abs(np.subtract.outer(counts, counts)).mean()
    assert tables.gini(counts) == pytest.approx(pairs / (2 * np.mean(counts)))


def test_times_that_start_anew_with_each_user_make_a_cut_in_time_dishonest() -> None:
    data = timed([0, 1, 2, 0, 1, 2])
    assert list(honesty.dishonest(data)) == ["temporal"]
    assert "of no clock" in " ".join(honesty.faults(data))
    assert honesty.dishonest(timed([0, 1, 2, 3, 4, 5])) == {}  # one order for everybody
    assert honesty.dishonest(timed([YEAR_2001 + t for t in (0, 1, 2, 0, 1, 2)])) == {}


def test_a_surrogate_is_told_by_its_step_and_only_where_the_catalogue_knows_one() -> None:
    steps = [YEAR_2001 + t for t in (0, 30, 60, 100, 130, 160)]
    made_up = timed(steps, name="ml-1m")
    assert honesty.is_surrogate(made_up)
    assert "only the last time" in honesty.dishonest(made_up)["temporal"]
    assert any("reconstructed" in fault for fault in honesty.faults(made_up))
    true = timed([YEAR_2001 + t for t in (0, 31, 99, 100, 130, 175)], name="ml-1m")
    assert honesty.dishonest(true) == {}
    assert not any("reconstructed" in fault for fault in honesty.faults(true))
    assert honesty.dishonest(timed(steps, name="another")) == {}


def test_the_share_of_users_whose_last_item_is_a_tie() -> None:
    data = timed([YEAR_2001 + t for t in (1, 2, 2, 1, 2, 3)])
    assert honesty.undecided_last(data) == 0.5
    assert any("For 50 % of the users" in fault for fault in honesty.faults(data))


def test_a_card_holds_what_json_can_and_reads_back_the_same(tmp_path: Path) -> None:
    made = card(include(dataset(random_frame())))
    path = write_card(made, tmp_path)
    assert json.loads(path.read_text(encoding="utf-8")) == made
    assert read_cards(tmp_path) == [made]
    assert (made["users"], made["items"], made["interactions"]) == (40, 30, 500)
    assert made["times"] == "order"
    assert made["protocols"] == list(PROTOCOLS)


def test_a_card_prints_ratings_times_friends_and_pictures(tmp_path: Path) -> None:
    (tmp_path / "1.jpg").write_bytes(b"x")
    links = pd.DataFrame({"user_id": ["1", "2"], "friend_id": ["2", "1"]})
    frame = random_frame().assign(timestamp=lambda f: f["timestamp"] + YEAR_2001)
    data = replace(dataset(frame), links=links, images=tmp_path, checksum="")
    said = lines(card(include(data)))
    assert said["times"] == "2001-09-09 to 2001-09-09"
    assert said["ratings"].startswith("1 to 5, mean ")
    assert said["friend graph"] == "2 directed links"
    assert said["pictures"] == "1 items have one"
    assert "sampled" not in said["honest protocols"]


def test_without_ratings_and_times_the_card_says_what_is_impossible() -> None:
    plain = dataset(random_frame()[["user_id", "item_id"]])
    said = lines(card(include(plain)))
    assert (said["ratings"], said["times"]) == ("none", "none")
    assert said["honest protocols"] == "holdout, strong"
    assert said["impossible"] == "leave-last-out, temporal, rated-only, sampled"
    assert tables.card_table(card(include(plain))).columns.tolist() == ["Small"]


def test_the_finding_counts_faults_and_warns() -> None:
    text = tables.card_finding(card(include(timed([0, 1, 2, 0, 1, 2]))))
    assert text.startswith("1 fault is known of Small.")
    assert "`temporal` is not honest here" in text


def test_the_page_has_a_card_for_every_set_on_record() -> None:
    cards = read_cards()
    page = datasets_page(cards)
    assert {it["name"] for it in cards} == {path.stem for path in CARDS.glob("*.json")}
    assert {"ml-100k", "ml-1m", "lastfm", "yelp"} <= {it["name"] for it in cards}
    for it in cards:
        assert f"## {it['title']}" in page
        assert it["citation"] == CATALOGUE[it["name"]].citation
        assert f"{it['interactions']:,}" in page
    assert "[grouplens.org](https://grouplens.org/datasets/movielens/)" in page
    assert "| https://" not in page, "a bare address makes the table wider than the page"
    assert datasets_page([]) == "No card is on record."


def test_no_path_of_a_machine_is_on_record() -> None:
    assert not any("/home" in path.read_text() or "/work" in path.read_text()
                   for path in CARDS.glob("*.json"))  # fmt: skip


def test_every_citation_is_in_the_bibliography() -> None:
    text = (Path(__file__).parents[2] / "book/references.bib").read_text(encoding="utf-8")
    for entry in CATALOGUE.values():
        assert f"{{{entry.citation}," in text
