from __future__ import annotations

from pathlib import Path

import pytest

from reclib.datasets import image_files, images_checksum, load

INTER = "user_id:token\titem_id:token\n1\t01\n1\t2\n1\t3\n"


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    folder = tmp_path / "shop"
    folder.mkdir()
    (folder / "shop.inter").write_text(INTER)
    return folder


def picture(folder: Path, name: str, content: bytes = b"red") -> None:
    folder.mkdir(exist_ok=True)
    (folder / name).write_bytes(content)


def test_pictures_are_joined_by_item_whatever_their_kind(shop: Path) -> None:
    for name in ("01.jpg", "2.PNG", "2.jpeg", "9.jpg", "readme.txt"):
        picture(shop / "images", name)
    data = load(shop)
    assert data.images == shop / "images"
    assert {item: file.name for item, file in image_files(data).items()} == {
        "01": "01.jpg", "2": "2.jpeg",
    }  # fmt: skip


def test_the_dataset_has_one_checksum_with_and_without_pictures(shop: Path) -> None:
    before = load(shop)
    assert before.images is None
    assert (image_files(before), images_checksum(before)) == ({}, "")
    picture(shop / "images", "2.jpg")
    assert load(shop).checksum == before.checksum


def test_a_folder_without_a_picture_counts_as_none(shop: Path) -> None:
    picture(shop / "images", "readme.txt")
    assert load(shop).images is None


def test_the_checksum_of_the_pictures_tells_content_and_item(shop: Path) -> None:
    picture(shop / "images", "2.jpg")
    first = images_checksum(load(shop))
    assert len(first) == 64
    picture(shop / "images", "unknown.jpg")  # belongs to no item
    assert images_checksum(load(shop)) == first
    picture(shop / "images", "2.jpg", b"blue")
    assert images_checksum(load(shop)) != first
    (shop / "images/2.jpg").rename(shop / "images/3.jpg")
    picture(shop / "images", "3.jpg", b"red")
    assert images_checksum(load(shop)) != first


def test_posters_lie_beside_a_dataset_of_the_catalogue(tmp_path: Path) -> None:
    assert load("ml-100k", data_dir=tmp_path).images is None
    picture(tmp_path / "ml-100k-posters", "242.jpg")
    data = load("ml-100k", data_dir=tmp_path)
    assert data.images == tmp_path / "ml-100k-posters"
    assert list(image_files(data)) == ["242"]
    assert data.checksum == load("ml-100k").checksum
