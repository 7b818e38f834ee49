"""Pictures: what is decoded, what is skipped and said to be, and what a run's key knows."""

from __future__ import annotations

import contextlib
import io
import warnings
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image
from planted import board

from reclib.experiment import key_of, origin_of
from reclib.recommenders.pictures import UNREADABLE, Pictures, decode, pictures_of, read
from reclib.splits import Split

SIZE = (4, 6)
RED = (200, 10, 30)


def content(kind: str = "PNG", mode: str = "RGB", size: tuple[int, int] = (9, 12)) -> bytes:
    """Return a red picture, its right half black."""
    picture = Image.new("RGB", size, RED)
    picture.paste((0, 0, 0), (size[0] // 2, 0, *size))
    file = io.BytesIO()
    picture.convert(mode).save(file, kind)
    return file.getvalue()


def with_pictures(folder: Path, **files: bytes) -> Split:
    folder.mkdir(exist_ok=True)
    for name, values in files.items():
        (folder / name.replace("_", ".")).write_bytes(values)
    return replace(board(), dataset=replace(board().dataset, images=folder))


def of(folder: Path, **files: bytes) -> Pictures:
    found = pictures_of(with_pictures(folder, **files), SIZE)
    assert found is not None
    return found


@pytest.mark.parametrize("kind", ["PNG", "JPEG"])
def test_a_picture_is_brought_to_one_size_with_its_colours_in_their_places(kind: str) -> None:
    found = decode(content(kind, size=(80, 120)), SIZE)
    assert (found.dtype, found.shape) == (np.uint8, (3, 6, 4))
    np.testing.assert_allclose(found[:, 2, 0], RED, atol=4)
    np.testing.assert_allclose(found[:, 2, 3], 0, atol=4)


@pytest.mark.parametrize("mode", ["L", "P", "RGBA", "1"])
def test_grey_palette_and_transparent_pictures_are_pictures(mode: str) -> None:
    assert decode(content(mode=mode), SIZE).shape == (3, 6, 4)


def test_items_keep_their_pictures_and_the_others_are_named_with_the_reason(
    tmp_path: Path,
) -> None:
    whole = content("JPEG", size=(60, 90))
    found = of(
        tmp_path, i007_jpg=whole, i003_PNG=content(), i001_jpg=b"not a picture",
        i005_jpeg=whole[: len(whole) // 2], i006_png=b"", i099_jpg=whole,
    )  # fmt: skip
    assert found.items.tolist() == [3, 7]
    assert found.pixels.shape == (2, 3, 6, 4)
    skipped = found.skipped.set_index("item_id")
    assert len(skipped) == 18
    assert skipped.loc["i001", ["file", "reason"]].tolist() == [
        "i001.jpg", "cannot be decoded (UnidentifiedImageError)",
    ]  # fmt: skip
    assert skipped.loc["i005", "file"] == "i005.jpeg"
    assert skipped.loc["i006", "reason"].startswith("cannot be decoded")
    assert skipped.loc["i000", ["file", "reason"]].tolist() == ["", "no file"]
    assert found.finding() == (
        "2 of 20 items have a picture; for 15 there is no file, and 3 cannot be decoded "
        "(i001.jpg, i005.jpeg, i006.png)."
    )


def test_a_picture_that_would_fill_the_memory_is_skipped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    large = {"i001_png": content(size=(15, 10)), "i002_png": content(size=(30, 10))}
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 100)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = of(tmp_path, **large, i003_png=content(size=(9, 10)))
    assert found.items.tolist() == [3]
    reasons = found.skipped.set_index("item_id").loc[["i001", "i002"], "reason"]
    assert reasons.str.contains("DecompressionBomb").all()


@given(cut=st.integers(0, 400), change=st.integers(0, 255))
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_whatever_is_in_a_file_is_decoded_or_refused_in_a_known_way(cut: int, change: int) -> None:
    for kind in ("PNG", "JPEG"):
        values = bytearray(content(kind, size=(40, 60)))
        values[cut % len(values)] = change
        for broken in (bytes(values), bytes(values[:cut])):
            with contextlib.suppress(*UNREADABLE):
                assert decode(broken, SIZE).shape == (3, 6, 4)


def test_other_formats_are_not_opened(tmp_path: Path) -> None:
    found = of(tmp_path, i001_jpg=content("BMP"), i002_png=content())
    assert found.items.tolist() == [2]


def test_no_pictures_are_none_and_a_catalogue_of_broken_ones_is_empty(tmp_path: Path) -> None:
    assert pictures_of(board(), SIZE) is None
    assert pictures_of(with_pictures(tmp_path), SIZE) is None
    assert read([("a", None)], SIZE).pixels.shape == (0, 3, 6, 4)


def test_pictures_are_decoded_once_until_they_change(tmp_path: Path) -> None:
    first = of(tmp_path, i001_png=content())
    assert of(tmp_path) is first
    changed = of(tmp_path, i001_png=content(size=(9, 13)))
    assert changed is not first


def test_the_key_of_a_run_knows_the_pictures_if_it_looks_at_them(tmp_path: Path) -> None:
    def origin(split: Split, *branches: str) -> dict[str, object]:
        return origin_of("integrated", split, {"branches": list(branches)}, 1, [10])

    one = with_pictures(tmp_path / "one", i001_png=content())
    two = with_pictures(tmp_path / "two", i001_png=content("JPEG"))
    assert origin(one, "rnn") == origin(two, "rnn") == origin(board(), "rnn")
    keys = {key_of(origin(split, "rnn", "image")) for split in (one, two, board())}
    assert len(keys) == 3
    assert "images_checksum" in origin(one, "rnn", "image")
