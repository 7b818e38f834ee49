"""Pictures of items, decoded once: which there are, what they hold, which cannot be read."""

from __future__ import annotations

import io
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import PIL
from PIL import Image

from reclib.datasets import image_files, images_checksum

if TYPE_CHECKING:
    from reclib.splits import Split

FORMATS = ("JPEG", "PNG")
MOST_NAMED = 10
"""Files that a sentence names."""
UNREADABLE = (
    OSError, ValueError, SyntaxError, EOFError, Image.DecompressionBombError,
    Image.DecompressionBombWarning,
)  # fmt: skip
"""What Pillow raises for a file that is no picture, is cut off, or would fill the memory."""


@dataclass(frozen=True, eq=False)
class Pictures:
    """The pictures of a catalogue, all of one size.

    Attributes
    ----------
    pixels : numpy.ndarray
        uint8 ``[n_pictures, 3, height, width]``.
    items : numpy.ndarray
        int64 ``[n_pictures]``, the item that each shows, rising.
    skipped : pandas.DataFrame
        ``item_id``, ``file`` and ``reason`` of each item that has no picture here: there is no
        file, or it cannot be decoded.
    """

    pixels: npt.NDArray[np.uint8]
    items: npt.NDArray[np.int64]
    skipped: pd.DataFrame

    def finding(self) -> str:
        """Say in a sentence how many items have a picture, and name what cannot be decoded."""
        total = len(self.items) + len(self.skipped)
        broken = self.skipped.loc[self.skipped["file"] != "", "file"]
        named = f" ({', '.join(broken)})" if 0 < len(broken) <= MOST_NAMED else ""
        return (
            f"{len(self.items):,} of {total:,} items have a picture; for "
            f"{len(self.skipped) - len(broken):,} there is no file, and {len(broken):,} cannot be "
            f"decoded{named}."
        )


def read(files: Sequence[tuple[str, Path | None]], size: tuple[int, int]) -> Pictures:
    """Decode the pictures of items to one size.

    Parameters
    ----------
    files : sequence of tuple
        Identifier and file of every item of the catalogue, None where there is no file.
    size : tuple of int
        Width and height in pixels.
    """
    pixels, items, skipped = [], [], []
    for place, (item, path) in enumerate(files):
        if path is None:
            skipped.append((item, "", "no file"))
            continue
        try:
            pixels.append(decode(path.read_bytes(), size))
            items.append(place)
        except UNREADABLE as problem:
            reason = f"cannot be decoded ({type(problem).__name__})"
            skipped.append((item, path.name, reason))
    empty = np.empty((0, 3, size[1], size[0]), np.uint8)
    return Pictures(
        np.stack(pixels) if pixels else empty,
        np.array(items, np.int64),
        pd.DataFrame(skipped, columns=["item_id", "file", "reason"]),
    )


def decode(content: bytes, size: tuple[int, int]) -> npt.NDArray[np.uint8]:
    """Return a JPEG or PNG as uint8 ``[3, height, width]``."""
    with warnings.catch_warnings():
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        with Image.open(io.BytesIO(content), formats=FORMATS) as picture:
            small = picture.convert("RGB").resize(size, Image.Resampling.BILINEAR)
    return np.ascontiguousarray(np.asarray(small, np.uint8).transpose(2, 0, 1))


def pictures_of(split: Split, size: tuple[int, int]) -> Pictures | None:
    """Return the pictures of a split's catalogue, kept in memory; None if it has none."""
    found = image_files(split.dataset)
    if not found:
        return None
    files = tuple((str(item), found.get(str(item))) for item in split.item_ids)
    return _kept(files, tuple(size), images_checksum(split.dataset))


@lru_cache(maxsize=2)
def _kept(
    files: tuple[tuple[str, Path | None], ...], size: tuple[int, int], checksum: str
) -> Pictures:
    return read(files, size)


def origin(split: Split, settings: Mapping[str, Any]) -> dict[str, str]:
    """Return what a run depends on if its settings have it look at pictures, else nothing."""
    checksum = images_checksum(split.dataset) if "image" in settings.get("branches", ()) else ""
    # how a picture is decoded and brought to a size is up to the library
    return {"images_checksum": checksum, "pillow": PIL.__version__} if checksum else {}
