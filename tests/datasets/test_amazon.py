from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from shelf import Shelf

from reclib.datasets import CATALOGUE, amazon_entries, find, load
from reclib.datasets.amazon import read_metadata
from reclib.errors import DataError, UnknownName
from reclib.inclusion import include
from reclib.report.layout import sources

SNAP = "data/amazon/productGraph/categoryFiles"
UCSD = "data/amazon_v2"
NEW = "data/amazon_2023"


@pytest.fixture(autouse=True)
def addresses(shelf: Shelf, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(amazon_entries, "SNAP", f"{shelf.url}/{SNAP}")
    monkeypatch.setattr(amazon_entries, "MCAULEY", f"{shelf.url}/data")


def lines(*records: Any) -> str:
    return "".join((r if isinstance(r, str) else json.dumps(r)) + "\n" for r in records)


def review(user: str, item: str, stars: Any = 5.0, time: Any = 1_400_000_000) -> dict[str, Any]:
    return {"reviewerID": user, "asin": item, "overall": stars, "unixReviewTime": time,
            "reviewText": "Good, \u00e4 \"bit\"\nlong", "helpful": [1, 2]}  # fmt: skip


META_2014 = [
    "{'asin': 'B1', 'title': \"Bob's &amp; Co\", 'price': 12.5, 'brand': 'Acme', "
    "'categories': [['Sports & Outdoors', 'Golf'], ['Sports & Outdoors', 'Balls']]}",
    "{'asin': 'unwanted', 'title': __import__('os')}",
    "{'asin': 'B2', 'title': __import__('os')}",
    "{'asin': 'B3'}",
]


def test_the_5_core_of_2014_with_its_metadata_in_python(shelf: Shelf, tmp_path: Path) -> None:
    rows = lines(review("u1", "B1"), review("u1", "B2", 3.0, 1_300_000_000), review("u2", "B3"))
    shelf.put(f"{SNAP}/reviews_Sports_and_Outdoors_5.json.gz", rows)
    shelf.put(f"{SNAP}/meta_Sports_and_Outdoors.json.gz", lines(*META_2014))
    data = load("amazon-2014-sports", data_dir=tmp_path)
    assert data.interactions.to_numpy().tolist() == [
        ["u1", "B1", 5.0, 1.4e9], ["u1", "B2", 3.0, 1.3e9], ["u2", "B3", 5.0, 1.4e9],
    ]  # fmt: skip
    assert data.items is not None
    first = data.items.iloc[0].to_dict()
    assert first == {"item_id": "B1", "title": "Bob's & Co", "brand": "Acme", "price": 12.5,
                     "category": "Sports_&_Outdoors Golf Balls"}  # fmt: skip
    assert data.items["item_id"].tolist() == ["B1", "B3"]
    assert data.kinds["price"] == "float"
    assert data.titles().to_dict() == {"B1": "Bob's & Co", "B3": "B3", "B2": "B2"}
    note = "1 line was left out of meta_Sports_and_Outdoors.json.gz as broken, the first in row 3"
    assert note in data.notes[0]
    load("amazon-2014-sports", data_dir=tmp_path)
    assert len(shelf.asked) == 2  # once each, interactions last
    assert "reviews_" in shelf.asked[1]


def test_broken_lines_are_counted_and_the_first_is_named(shelf: Shelf, tmp_path: Path) -> None:
    wrong = [
        '{"reviewerID": "u9", "asin": ', "[1]", lines(review("u1", "B1", "five")).strip(),
        lines(review("u1", "B1", True)).strip(), '{"reviewerID": "u9"}',
    ]  # fmt: skip
    shelf.put(f"{UCSD}/categoryFilesSmall/Gift_Cards_5.json.gz",
              lines(review("u1", "B1"), "", *wrong, review("u2", "B1", 4)))  # fmt: skip
    shelf.put(f"{UCSD}/metaFiles2/meta_Gift_Cards.json.gz", lines({"asin": "B1", "price": "$1.5"}))
    data = load("amazon-2018-gifts", data_dir=tmp_path)
    assert data.interactions["user_id"].tolist() == ["u1", "u2"]
    assert data.interactions["rating"].tolist() == [5.0, 4.0]
    (note,) = data.notes
    assert note.startswith("5 lines were left out of Gift_Cards_5.json.gz as broken, the first in "
                           "row 3: it is no object")  # fmt: skip
    assert note in include(data).frame().loc["data quality", "finding"]


def test_a_file_without_a_good_line_is_refused(shelf: Shelf, tmp_path: Path) -> None:
    folder = tmp_path / "amazon-2018-gifts"
    folder.mkdir()
    (folder / "Gift_Cards_5.json").write_text('{"asin": "B1"}\n')
    with pytest.raises(DataError, match="row 1: 'reviewerID' is missing") as caught:
        load("amazon-2018-gifts", data_dir=tmp_path)
    assert caught.value.file == folder / "Gift_Cards_5.json"
    assert not shelf.asked


@pytest.mark.parametrize(("year", "row"), [
    ("2014", "u1,B1,4.0,1400000000\n"), ("2018", "B1,u1,4.0,1400000000\n"),
])  # fmt: skip
def test_ratings_have_no_header_and_each_year_its_order(
    shelf: Shelf, tmp_path: Path, year: str, row: str
) -> None:
    places = {"2014": f"{SNAP}/ratings_Video_Games.csv",
              "2018": f"{UCSD}/categoryFilesSmall/Video_Games.csv"}  # fmt: skip
    meta = {"2014": f"{SNAP}/meta_Video_Games.json.gz",
            "2018": f"{UCSD}/metaFiles2/meta_Video_Games.json.gz"}  # fmt: skip
    shelf.put(places[year], row)
    shelf.put(meta[year], "{}\n")
    data = load(f"amazon-{year}-games-ratings", data_dir=tmp_path)
    assert data.interactions.to_numpy().tolist() == [["u1", "B1", 4.0, 1.4e9]]
    assert data.items is None
    assert data.kinds == {}


def test_a_wrong_line_of_packed_ratings_is_refused_with_its_place(tmp_path: Path) -> None:
    folder = tmp_path / "amazon-2018-games-ratings"
    folder.mkdir()
    (folder / "Video_Games.csv").write_text("B1,u1,4.0,1400000000\nB1,u2,x,1400000000\n")
    with pytest.raises(DataError, match="'x' is not a number") as caught:
        load("amazon-2018-games-ratings", data_dir=tmp_path)
    assert (caught.value.row, caught.value.column) == (2, "rating")


def test_2023_counts_milliseconds_and_has_a_header(shelf: Shelf, tmp_path: Path) -> None:
    head = "user_id,parent_asin,rating,timestamp\n"
    shelf.put(f"{NEW}/benchmark/5core/rating_only/Software.csv.gz",
              head + "AG,B1,3.0,1452647382000\n")  # fmt: skip
    shelf.put(f"{NEW}/raw/meta_categories/meta_Software.jsonl.gz", lines(
        {"parent_asin": "B1", "main_category": "Software", "store": "Acme", "price": None,
         "title": "Draw", "categories": ["Software", "Image Editing"]},
    ))  # fmt: skip
    data = load("amazon-2023-software", data_dir=tmp_path)
    assert data.interactions.to_numpy().tolist() == [["AG", "B1", 3.0, 1_452_647_382.0]]
    assert data.items is not None
    assert data.items.to_dict("records") == [
        {"item_id": "B1", "title": "Draw", "brand": "Acme", "category": "Software Image_Editing"}
    ]


def test_a_wrong_line_in_a_packed_csv_is_found(tmp_path: Path, shelf: Shelf) -> None:
    shelf.put(f"{NEW}/raw/meta_categories/meta_Software.jsonl.gz", "{}\n")
    shelf.put(f"{NEW}/benchmark/5core/rating_only/Software.csv.gz",
              "user_id,parent_asin,rating,timestamp\nAG,B1,3.0\n")  # fmt: skip
    with pytest.raises(DataError, match="3 fields where 4 belong") as caught:
        load("amazon-2023-software", data_dir=tmp_path)
    assert caught.value.row == 2


def test_reviews_of_2023_name_the_parent_product(shelf: Shelf, tmp_path: Path) -> None:
    shelf.put(f"{NEW}/raw/meta_categories/meta_Gift_Cards.jsonl.gz", "{}\n")
    shelf.put(f"{NEW}/raw/review_categories/Gift_Cards.jsonl.gz", lines(
        {"rating": 5.0, "title": "!", "asin": "child", "parent_asin": "P", "user_id": "AG",
         "timestamp": 1452647382000, "verified_purchase": True},
    ))  # fmt: skip
    data = load("amazon-2023-gifts-reviews", data_dir=tmp_path)
    assert data.interactions.to_numpy().tolist() == [["AG", "P", 5.0, 1_452_647_382.0]]


@pytest.mark.parametrize("content", [b"<!DOCTYPE html>", b"just text", b""])
def test_without_a_checksum_the_format_is_looked_at(
    shelf: Shelf, tmp_path: Path, content: bytes
) -> None:
    file = shelf.folder / f"{UCSD}/metaFiles2/meta_Gift_Cards.json.gz"
    file.parent.mkdir(parents=True)
    file.write_bytes(content)
    with pytest.raises(DataError, match=r"is not meta_Gift_Cards\.json\.gz"):
        load("amazon-2018-gifts", data_dir=tmp_path)
    assert not (tmp_path / "amazon-2018-gifts" / "meta_Gift_Cards.json.gz").exists()


@pytest.mark.parametrize("name", ["Gift_Cards_5.json.gz", "meta_Gift_Cards.json.gz"])
def test_a_packed_file_that_is_cut_off_is_named(tmp_path: Path, shelf: Shelf, name: str) -> None:
    shelf.put("whole.gz", lines(*[review(f"u{n}", f"B{n}") for n in range(500)]))
    folder = tmp_path / "amazon-2018-gifts"
    folder.mkdir()
    (folder / "Gift_Cards_5.json").write_text(lines(review("u", "B1")))
    if name.startswith("G"):
        (folder / "Gift_Cards_5.json").unlink()
    (folder / name).write_bytes((shelf.folder / "whole.gz").read_bytes()[:-100])
    with pytest.raises(DataError, match=r"damaged|cannot be read") as caught:
        load("amazon-2018-gifts", data_dir=tmp_path)
    assert caught.value.file == folder / name


@pytest.mark.parametrize(("said", "price"), [
    ("$1,234.50", 1234.5), ("12", 12.0), ("$5.00 - $9.00", np.nan), ("", np.nan),
    ("None", np.nan), (None, np.nan), (True, np.nan), (7, 7.0), (float("inf"), np.nan),
])  # fmt: skip
def test_a_price_is_one_number_or_unknown(tmp_path: Path, said: Any, price: float) -> None:
    path = tmp_path / "meta.json"
    path.write_text(lines({"asin": "B1", "title": "T", "price": said}))
    found, _ = read_metadata(path, {"B1"})
    assert found is not None
    known = found["price"].tolist() if "price" in found else [np.nan]
    np.testing.assert_equal(known, [price])


def test_a_literal_of_python_is_never_run(tmp_path: Path) -> None:
    path, trace = tmp_path / "meta.json", tmp_path / "trace"
    path.write_text(f"{{'asin': 'B1', 'title': open({str(trace)!r}, 'w')}}\n")
    found, notes = read_metadata(path, {"B1"}, python=True)
    assert found is None
    assert "row 1" in notes[0]
    assert not trace.exists()


def test_every_category_of_every_year_has_two_files() -> None:
    for year, names in amazon_entries.CATEGORIES.items():
        for slug, kind in ((slug, kind) for slug in names for kind in amazon_entries.KINDS[year]):
            entry = find(f"amazon-{year}-{slug}{kind}")
            assert entry is not None
            meta, reviews = entry.downloads
            assert meta.startswith("meta_")
            assert names[slug] in reviews
            assert entry.md5 is None


def test_names_that_are_nearly_right_are_answered(tmp_path: Path) -> None:
    with pytest.raises(UnknownName, match="Did you mean 'sports'"):
        load("amazon-2018-sport")
    with pytest.raises(UnknownName, match="unknown dataset"):
        load("amazon-2018-sports-reviews")  # those are of 2023
    (tmp_path / "amazon-2018-mine").mkdir()
    (tmp_path / "amazon-2018-mine/x.csv").write_text("user_id,item_id\n1,a\n")
    assert load(tmp_path / "amazon-2018-mine").n_users == 1, "a folder may be called so"
    assert find("amazon-sports") is CATALOGUE["amazon-sports"]
    assert sources(["amazon-2018-games"])[0].title == "Amazon Video Games 2018, 5-core"
