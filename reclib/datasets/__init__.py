"""Datasets by name or by folder, all in one canonical form."""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

import pooch

from reclib.datasets.amazon import has_amazon, read_amazon
from reclib.datasets.atomic import interactions_file, read_atomic
from reclib.datasets.canonical import Dataset
from reclib.datasets.catalogue import CATALOGUE, Entry, find, unknown
from reclib.datasets.download import fetch
from reclib.datasets.images import image_files, images_checksum, images_folder
from reclib.datasets.lastfm import has_lastfm, read_lastfm
from reclib.datasets.movielens import has_movielens, read_movielens
from reclib.datasets.tabular import column_names, read_tabular
from reclib.datasets.yelp import has_yelp, read_yelp
from reclib.errors import DataError

__all__ = [
    "CATALOGUE",
    "Dataset",
    "Entry",
    "find",
    "image_files",
    "images_checksum",
    "load",
    "unknown",
]

OFFICIAL: dict[str, tuple[Callable[[Path, Entry], bool], Callable[[Path, Entry], Dataset]]] = {
    "movielens": (has_movielens, read_movielens),
    "amazon": (has_amazon, read_amazon),
    "lastfm": (has_lastfm, read_lastfm),
    "yelp": (has_yelp, read_yelp),
}
"""Who reads the providers' own files: whether they are there, and what is in them."""


def load(
    name_or_path: str | Path,
    data_dir: str | Path | None = None,
    columns: Mapping[str, str] | None = None,
) -> Dataset:
    """Load a dataset.

    Links between users are read where there are any. Pictures are looked for in ``NAME-posters``
    beside a dataset of the catalogue, and in ``images`` within a folder.

    Parameters
    ----------
    name_or_path : str or Path
        A name in `CATALOGUE`, a category of the Amazon reviews such as ``amazon-2018-games``
        (see `find`), or a folder: RecBole atomic files, or CSV or Parquet files.
    data_dir : str or Path, optional
        Where datasets lie and are downloaded to, one folder each; by default the environment
        variable ``RECLIB_DATA``, else the user's cache folder.
    columns : mapping of str to str, optional
        For a folder, canonical names to its own, such as ``{"user_id": "customer"}``; by
        default what its ``columns.yaml`` says.

    Raises
    ------
    reclib.errors.UnknownName
        For a name that is neither in the catalogue nor a folder.
    reclib.errors.DataError
        For data that cannot be had or used, with the place and the remedy.

    Examples
    --------
    >>> load("ml-100k").n_users
    943
    """
    name, path = str(name_or_path), Path(name_or_path).expanduser()
    root = _root(data_dir)
    if (entry := find(name)) is not None:
        posters = root / f"{entry.files or name}-posters"
        return replace(_load_entry(entry, root), images=images_folder(posters))
    if not path.is_dir() and path.name == name and (root / name).is_dir():
        path = root / name
    if path.is_dir():
        return _load_folder(path.resolve(), columns)
    if path.exists():
        raise DataError("is a file", "Give the folder that it lies in.", file=path)
    if path.name != name:
        raise DataError("the folder is not there", "Check its path.", file=path)
    raise unknown(name)


def _root(data_dir: str | Path | None) -> Path:
    chosen = data_dir or os.environ.get("RECLIB_DATA") or pooch.os_cache("reclib")
    return Path(chosen).expanduser()


def _load_entry(entry: Entry, root: Path) -> Dataset:
    """Load by name: the reader's own files first, then those installed, then a download."""
    files = entry.files or entry.name
    folder = root / files
    if (folder / f"{files}.inter").is_file():
        return _atomic(folder, entry)
    if entry.embedded:
        return _atomic(_embedded(files), entry)
    there, read_official = OFFICIAL.get(entry.reader, (_nothing, None))
    if not there(folder, entry):
        fetch(entry, folder)
    if read_official is None or not there(folder, entry):
        remedy = f"Put the provider's files or {files}.inter there, or delete the folder."
        raise DataError("there are no interactions in the folder", remedy, file=folder)
    return read_official(folder, entry)


def _nothing(folder: Path, entry: Entry) -> bool:
    return False


def _atomic(folder: Path, entry: Entry) -> Dataset:
    found = read_atomic(folder, name=entry.name, title=entry.title, columns=entry.columns)
    return replace(found, scale=entry.scale)


def _embedded(name: str) -> Path:
    """Find RecBole's example data without importing RecBole, which would import torch."""
    package = importlib.util.find_spec("recbole")
    places = (package.submodule_search_locations if package else None) or []
    for place in places:
        if (folder := Path(place) / "dataset_example" / name).is_dir():
            return folder
    remedy = "Install it with `pip install recbole==1.2.1`, or give a `data_dir` that has it."
    raise DataError(f"'{name}' ships inside the recbole package, which is not installed", remedy)


def _load_folder(folder: Path, columns: Mapping[str, str] | None) -> Dataset:
    name = folder.name
    names = column_names(folder, columns)
    read = read_tabular if interactions_file(folder) is None else read_atomic
    found = read(folder, name=name, title=name, columns=names)
    return replace(found, images=images_folder(folder / "images"))
