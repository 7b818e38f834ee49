"""Fetch an archive from its provider once, and check it."""

from __future__ import annotations

import http.client
import math
import ssl
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import certifi
import pooch
from filelock import FileLock

from reclib.datasets.entry import Entry
from reclib.datasets.unpack import unpack
from reclib.errors import DataError
from reclib.progress import track

ATTEMPTS = 5
CHUNK = 1 << 20
TIMEOUT = 30
GZIP = b"\x1f\x8b"


class InterruptedDownloadError(OSError):
    """The connection ended before the whole file had come."""


def fetch(entry: Entry, folder: Path) -> None:
    """Make sure that a dataset's files lie in ``folder``, downloading them if they do not.

    An archive is kept beside the folder, which appears only when it is complete. Files that
    come one by one lie in the folder, each once it is whole, the interactions last. One process
    downloads while others wait.

    Raises
    ------
    reclib.errors.DataError
        If there is no address for the data, it cannot be reached, or what comes is not what
        the provider published.
    """
    if entry.url is None and not entry.downloads:
        raise _by_hand(entry, folder)
    archive = folder.with_name(folder.name + ".zip")
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(archive.with_suffix(".lock")):
            if entry.downloads:
                folder.mkdir(exist_ok=True)
                for name, url in entry.downloads.items():
                    _check_format(_retrieve(url, folder / name, name), url)
            elif not folder.exists():
                unpack(_archive(entry, archive), folder, inside=entry.layout)
    except OSError as error:
        remedy = "Choose another folder with `data_dir` or RECLIB_DATA."
        raise DataError(f"cannot be written ({error})", remedy, file=folder.parent) from error
    if not folder.is_dir():
        raise DataError("is not a folder", "Move it out of the way.", file=folder)


def _by_hand(entry: Entry, folder: Path) -> DataError:
    why = f": {entry.consent}" if entry.consent else ""
    theirs = "the provider's files, or " if entry.reader else ""
    more = f" The provider's page is {entry.page}." if entry.page else ""
    return DataError(
        f"{entry.title} cannot be downloaded by code{why}",
        f"Put {theirs}RecBole atomic files there, {entry.name}.inter first.{more}",
        file=folder,
    )


def _check_format(path: Path, url: str) -> None:
    """Refuse a file that is not what its name says; without a checksum that is all one can do.

    A packed file also carries a checksum of its own, which is compared when it is read.
    """
    with path.open("rb") as file:
        start = file.read(64).lstrip().lower()
    wrong = not start.startswith(GZIP) if path.suffix == ".gz" else start[:1] in (b"<", b"")
    if wrong:
        path.unlink()
        raise DataError(
            f"what {url} sends is not {path.name}",
            f"Try later, or put a good copy at {path}.",
        )


def _archive(entry: Entry, path: Path) -> Path:
    return _retrieve(str(entry.url), path, entry.title, entry.md5)


def _retrieve(url: str, path: Path, label: str, md5: str | None = None) -> Path:
    """Return a file, from the cache or the network; a corrupt one is fetched anew, once."""
    pooch.get_logger().setLevel("WARNING")  # the progress bar says enough
    for again in (True, False):
        try:
            return Path(
                pooch.retrieve(
                    url,
                    known_hash=f"md5:{md5}" if md5 else None,
                    fname=path.name,
                    path=path.parent,
                    downloader=Resuming(path.with_suffix(".part"), label),
                )
            )
        except PermissionError:
            raise
        except (OSError, http.client.HTTPException) as error:
            raise DataError(
                f"{url} cannot be reached ({error})",
                f"Check the network, or download it elsewhere and put it at {path}.",
            ) from error
        except ValueError as error:  # pooch's word for a checksum that does not match
            if not again:
                raise DataError(
                    f"what {url} sends is not the published file (its MD5 differs)",
                    f"Try later, or put a good copy at {path}.",
                ) from error
    raise AssertionError  # the loop returns or raises


class Resuming:
    """A downloader for pooch that goes on where a broken download stopped.

    Parameters
    ----------
    part : Path
        What has come so far; it outlives this process.
    label : str
        Stands before the progress bar.
    """

    def __init__(self, part: Path, label: str) -> None:
        self.part, self.label = part, label

    def __call__(self, url: str, output_file: str | Path, _pooch: Any) -> None:
        """Download ``url`` to ``output_file``; the third argument is pooch's and not used."""
        for attempt in range(ATTEMPTS):
            try:
                self._go_on(url)
                break
            except urllib.error.HTTPError:
                raise
            except (OSError, http.client.HTTPException):
                if attempt == ATTEMPTS - 1:
                    raise
        self.part.replace(output_file)

    def _go_on(self, url: str) -> None:
        start = self.part.stat().st_size if self.part.exists() else 0
        headers = {"User-Agent": "reclib"} | ({"Range": f"bytes={start}-"} if start else {})
        context = ssl.create_default_context(cafile=certifi.where())
        request = urllib.request.Request(url, headers=headers)
        try:
            with urllib.request.urlopen(request, timeout=TIMEOUT, context=context) as answer:
                resumed = answer.status == http.HTTPStatus.PARTIAL_CONTENT
                self._store(answer, start if resumed else 0)
        except urllib.error.HTTPError as error:
            if error.code != http.HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE:
                raise
            self.part.unlink()  # as long as the file or longer: begin again
            raise InterruptedDownloadError("the server has no such range") from error

    def _store(self, answer: http.client.HTTPResponse, start: int) -> None:
        length = answer.headers.get("Content-Length")
        expected = None if length is None else int(length)
        total = None if expected is None else math.ceil(expected / CHUNK)
        come = 0
        with self.part.open("ab" if start else "wb") as file:
            for chunk in track(_chunks(answer), total=total, label=f"{self.label} (MiB)"):
                come += file.write(chunk)
        if expected is not None and come < expected:
            raise InterruptedDownloadError(f"{come:,} of {expected:,} bytes came")


def _chunks(answer: http.client.HTTPResponse) -> Iterator[bytes]:
    while chunk := answer.read(CHUNK):
        yield chunk
