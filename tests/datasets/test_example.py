from __future__ import annotations

import csv
import re
from pathlib import Path

import pytest
from PIL import Image

from reclib.__main__ import main
from reclib.datasets import image_files, load
from reclib.datasets.example import write_example
from reclib.errors import DataError
from reclib.inclusion import include
from reclib.lists import Lists
from reclib.study import Study

GUIDE = (Path(__file__).parents[2] / "book/reproduce.md").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_example(tmp_path_factory.mktemp("example") / "my-shop")


def test_the_example_has_everything_that_a_folder_can_have(shop: Path) -> None:
    data = load(shop)
    assert data.has_ratings
    assert data.has_times
    assert data.users is not None
    assert data.items is not None
    assert data.links is not None
    assert (data.n_users, data.n_items) == (len(data.users), len(data.items))
    assert data.kinds["price"] == "float"
    assert data.titles()["p001"] == "Alpine Tea"
    assert set(image_files(data)) == set(data.items["item_id"])
    assert all(Image.open(file).size == (32, 32) for file in image_files(data).values())
    friends = data.links.to_numpy()
    assert (friends[:, 0] != friends[:, 1]).all()
    assert include(data).frame().loc["data quality", "met"] == "yes"


def test_it_is_the_same_every_time(shop: Path, tmp_path: Path) -> None:
    again = load(write_example(tmp_path / "my-shop"))
    assert again.checksum == load(shop).checksum
    assert load(write_example(tmp_path / "other", seed=1)).checksum != again.checksum


def test_a_folder_in_use_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "mine.csv").write_text("precious")
    with pytest.raises(DataError, match="something here already"):
        write_example(tmp_path)
    with pytest.raises(DataError, match="something here already"):
        write_example(tmp_path / "mine.csv")
    assert [file.name for file in tmp_path.iterdir()] == ["mine.csv"]


@pytest.mark.parametrize("word", ["{}", "out={}"])
def test_the_command_says_where_it_wrote(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], word: str
) -> None:
    place = tmp_path / "a shop"
    assert main(["example", word.format(place)]) == 0
    assert capsys.readouterr().out.strip() == str(place)
    assert load(place).n_users > 100


def blocks(kind: str = "text") -> list[str]:
    return re.findall(rf"^```{kind}\n(.*?)^```", GUIDE, re.DOTALL | re.MULTILINE)


@pytest.mark.parametrize("stem", ["interactions", "users", "items", "links"])
def test_the_guide_shows_the_first_lines_of_every_file(shop: Path, stem: str) -> None:
    lines = (shop / f"{stem}.csv").read_text(encoding="utf-8").splitlines(keepends=True)
    shown = [block for block in blocks() if block.startswith(lines[0])]
    assert len(shown) == 1
    assert "".join(lines).startswith(shown[0])


def test_the_guide_shows_the_columns(shop: Path) -> None:
    assert (shop / "columns.yaml").read_text(encoding="utf-8") in blocks("yaml")


def test_the_guide_shows_the_lists_that_the_command_writes(shop: Path, tmp_path: Path) -> None:
    """All but the scores, whose last digits differ between machines."""
    (shown,) = [block for block in blocks() if block.startswith('"user_id"')]
    told = list(csv.DictReader(shown.splitlines()))
    study = Study.open(str(shop), build_dir=tmp_path / "build")
    ours = Lists.fit(study, "item-knn").of(study.dataset.interactions["user_id"].unique(), 3)
    for row in told:
        same = (ours["user_id"] == row["user_id"]) & (ours["rank"] == int(row["rank"]))
        found = ours[same].iloc[0]
        assert (found["item_id"], found["title"]) == (row["item_id"], row["title"])
        assert found["score"] == pytest.approx(float(row["score"]), rel=1e-3)
    assert len(told) >= 3
