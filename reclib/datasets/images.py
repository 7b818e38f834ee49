"""One picture an item, in a folder beside the data."""

from __future__ import annotations

import hashlib
from pathlib import Path

from reclib.datasets.canonical import Dataset

ENDINGS = (".jpg", ".jpeg", ".png")


def images_folder(folder: Path) -> Path | None:
    """Return the folder if it is there and holds a picture, else None."""
    there = folder.is_dir() and any(file.suffix.lower() in ENDINGS for file in folder.iterdir())
    return folder if there else None


def image_files(dataset: Dataset) -> dict[str, Path]:
    """Return the picture of each item that has one, by item id in sorted order.

    Parameters
    ----------
    dataset : Dataset
        Its pictures are named by item: ``<item_id>.jpg``, ``.jpeg`` or ``.png``. Of several
        pictures of one item the first in this order counts; files named otherwise do not.
    """
    if dataset.images is None:
        return {}
    listed = [] if dataset.items is None else list(dataset.items["item_id"])
    known = {*dataset.interactions["item_id"], *listed}
    files = [file for file in dataset.images.iterdir() if file.suffix.lower() in ENDINGS]
    files.sort(key=lambda file: (file.stem, ENDINGS.index(file.suffix.lower()), file.name))
    found: dict[str, Path] = {}
    for file in files:
        if file.stem in known:
            found.setdefault(file.stem, file)
    return found


def images_checksum(dataset: Dataset) -> str:
    """Return the SHA-256 over item ids and bytes of the pictures; empty without any.

    The checksum of a dataset leaves its pictures out, since most recommenders never look at
    them. A run that does puts this one into its provenance beside it.
    """
    files = image_files(dataset)
    digest = hashlib.sha256()
    for item, file in files.items():
        content = hashlib.sha256(file.read_bytes()).hexdigest()
        digest.update(f"{item}\x1f{content}\n".encode())
    return digest.hexdigest() if files else ""
