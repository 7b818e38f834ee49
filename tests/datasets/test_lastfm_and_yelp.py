from __future__ import annotations

import io
import json
import zipfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from shelf import Shelf

from reclib import datasets
from reclib.datasets import CATALOGUE, load
from reclib.errors import DataError

LASTFM = {
    "user_artists.dat": "userID\tartistID\tweight\r\n2\t51\t13883\r\n3\t52\t1\r\n",
    "artists.dat": 'id\tname\turl\tpictureURL\r\n51\tDuran "D" Duran\thttp://x\t\r\n52\tBj\u00f6rk\t\t\r\n',
    "user_friends.dat": "userID\tfriendID\r\n2\t3\r\n3\t2\r\n",
    "tags.dat": "tagID\ttagValue\r\n1\tmetal\r\n",
}


def test_lastfm_comes_with_counts_artists_and_friends(
    shelf: Shelf, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    memory = io.BytesIO()
    with zipfile.ZipFile(memory, "w") as file:
        for name, text in LASTFM.items():
            file.writestr(name, text)
    shelf.put("hetrec2011-lastfm-2k.zip", memory.getvalue())
    here = replace(CATALOGUE["lastfm"], url=f"{shelf.url}/hetrec2011-lastfm-2k.zip")
    monkeypatch.setitem(datasets.CATALOGUE, "lastfm", here)
    data = load("lastfm", data_dir=tmp_path)
    assert data.interactions.to_dict("list") == {
        "user_id": ["2", "3"], "item_id": ["51", "52"], "count": [13883.0, 1.0],
    }  # fmt: skip
    assert not data.has_ratings
    assert data.titles().tolist() == ['Duran "D" Duran', "Bj\u00f6rk"]
    assert data.links is not None
    assert data.links.to_numpy().tolist() == [["2", "3"], ["3", "2"]]


def test_the_weight_of_atomic_files_is_a_count_and_no_rating(tmp_path: Path) -> None:
    folder = tmp_path / "lastfm"
    folder.mkdir()
    text = "user_id:token\titem_id:token\tweight:float\n2\t51\t13883\n"
    (folder / "lastfm.inter").write_text(text)
    data = load("lastfm", data_dir=tmp_path)
    assert data.interactions["count"].tolist() == [13883.0]
    assert not data.has_ratings


def test_a_column_called_count_is_taken_only_when_it_is_named(tmp_path: Path) -> None:
    (tmp_path / "interactions.csv").write_text("user_id,item_id,count\n1,a,many\n")
    assert list(load(tmp_path).interactions) == ["user_id", "item_id"]
    (tmp_path / "columns.yaml").write_text("count: count\n")
    with pytest.raises(DataError, match="'many' is not a number"):
        load(tmp_path)


REVIEWS = [
    {"review_id": "r1", "user_id": "u1", "business_id": "b1", "stars": 4.0, "text": "a\nb",
     "date": "2018-07-07 22:09:11"},
    {"review_id": "r2", "user_id": "u2", "business_id": "b1", "stars": 1.0, "text": "",
     "date": "1970-01-02 00:00:00"},
]  # fmt: skip
BUSINESSES = [
    {"business_id": "b1", "name": "The Inn", "city": "Santa Barbara", "state": "CA",
     "categories": "Bars, Night Life", "hours": None},
    {"business_id": "b2", "name": "No Words", "city": "", "state": "CA", "categories": None},
]  # fmt: skip
USERS = [
    {"user_id": "u1", "friends": "u2, stranger"}, {"user_id": "u2", "friends": "None"},
    {"user_id": "quiet", "friends": "u1"},
]  # fmt: skip


def write_yelp(tmp_path: Path, **files: list[dict[str, object]]) -> None:
    folder = tmp_path / "yelp"
    folder.mkdir()
    for stem, records in files.items():
        text = "".join(json.dumps(record) + "\n" for record in records)
        (folder / f"yelp_academic_dataset_{stem}.json").write_text(text)


def test_yelp_reads_what_a_reader_supplies(tmp_path: Path) -> None:
    write_yelp(tmp_path, review=REVIEWS, business=BUSINESSES, user=USERS)
    data = load("yelp", data_dir=tmp_path)
    assert data.interactions.to_numpy().tolist() == [
        ["u1", "b1", 4.0, 1_531_001_351.0], ["u2", "b1", 1.0, 86_400.0],
    ]  # fmt: skip
    assert data.items is not None
    assert data.items.loc[0, "categories"] == "Bars Night_Life"
    assert data.items["categories"].isna().tolist() == [False, True]
    assert data.items["city"].replace(np.nan, "?").tolist() == ["Santa Barbara", "?"]
    assert data.links is not None
    assert data.links.to_numpy().tolist() == [["u1", "u2"]]
    assert data.notes == ()


def test_reviews_alone_are_enough_and_bad_dates_are_refused(tmp_path: Path) -> None:
    write_yelp(tmp_path, review=REVIEWS)
    data = load("yelp", data_dir=tmp_path)
    assert (data.items, data.links) == (None, None)
    path = tmp_path / "yelp/yelp_academic_dataset_review.json"
    path.write_text(json.dumps(REVIEWS[0] | {"date": "yesterday"}) + "\n")
    with pytest.raises(DataError, match="'yesterday' is no date"):
        load("yelp", data_dir=tmp_path)


def test_yelp_without_files_says_that_consent_is_asked_for(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="agree to its terms") as caught:
        load("yelp", data_dir=tmp_path)
    assert "business.yelp.com" in caught.value.remedy
