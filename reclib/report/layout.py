"""Where the parts of a report lie, and which notebooks and datasets it covers."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from reclib.errors import DataError

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Layout:
    """Folders of a checkout; only ``build`` is written to.

    Parameters
    ----------
    root : Path
        The checkout.
    """

    root: Path = ROOT

    @property
    def build(self) -> Path:
        """Everything that is made."""
        return self.root / "build"

    @property
    def executed(self) -> Path:
        """The executed notebooks, one folder a dataset."""
        return self.build / "notebooks"

    @property
    def source(self) -> Path:
        """The assembled source of the book."""
        return self.build / "book"

    @property
    def html(self) -> Path:
        """The rendered pages."""
        return self.source / "_build" / "html"

    @cached_property
    def notebooks(self) -> list[Path]:
        """The notebooks in reading order."""
        found = sorted((self.root / "notebooks").glob("[0-9]*.ipynb"))
        if not found:
            raise DataError(
                "there is no notebook here", "Run from a checkout.", file=self.root / "notebooks"
            )
        return found


@dataclass(frozen=True)
class Source:
    """A dataset of the report.

    Parameters
    ----------
    name : str
        What the notebooks are given: a name from the catalogue or an absolute path.
    slug : str
        How its folder and labels are called.
    title : str
        How its part of the book is called.
    """

    name: str
    slug: str
    title: str

    @property
    def folder(self) -> Path | None:
        """The folder of the reader's own data, None for a dataset of the catalogue."""
        return Path(self.name) if Path(self.name).is_absolute() else None


def sources(names: Sequence[str]) -> list[Source]:
    """Return the datasets of these names, each once.

    Raises
    ------
    reclib.errors.UnknownName
        For a name that is neither in the catalogue nor a folder.
    reclib.errors.DataError
        If there is none, or two folders would share one place in the book.
    """
    found = [_source(name) for name in dict.fromkeys(names)]
    if not found:
        raise DataError("no dataset was named", 'Give at least one: DATASETS="ml-100k".')
    slugs = [source.slug for source in found]
    twice = next((slug for slug in slugs if slugs.count(slug) > 1), None)
    if twice:
        raise DataError(f"two datasets are called '{twice}'", "Rename one of the folders.")
    return found


def _source(name: str) -> Source:
    from reclib import datasets  # only here: `make book` and `check` need no loader

    if (entry := datasets.find(name)) is not None:
        return Source(name, name, entry.title)
    folder = Path(name).expanduser()
    if folder.is_dir():
        slug = re.sub(r"[^a-z0-9]+", "-", folder.resolve().name.lower()).strip("-") or "data"
        return Source(str(folder.resolve()), slug, folder.resolve().name)
    raise datasets.unknown(name)
