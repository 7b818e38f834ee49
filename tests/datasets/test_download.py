from __future__ import annotations

import hashlib
import http.server
import io
import stat
import threading
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from reclib import datasets
from reclib.datasets import download
from reclib.datasets.catalogue import Entry
from reclib.datasets.download import fetch
from reclib.datasets.unpack import unpack
from reclib.errors import DataError

Answer = Callable[[http.server.BaseHTTPRequestHandler], None]


def zipped(**members: str) -> bytes:
    memory = io.BytesIO()
    with zipfile.ZipFile(memory, "w") as file:
        for name, text in members.items():
            file.writestr(f"ml-1m/{name}.dat", text)
    return memory.getvalue()


GOOD = zipped(
    ratings="1::10::5::978300760\n", users="1::F::1::10::48067\n", movies="10::Toy (1995)::Comedy\n"
)


@dataclass
class Provider:
    """A server on this machine that goes through a list of misdeeds, then behaves."""

    url: str = ""
    misdeeds: list[str] = field(default_factory=list)
    asked: list[str | None] = field(default_factory=list)

    def answer(self, handler: http.server.BaseHTTPRequestHandler) -> None:
        span = handler.headers.get("Range")
        self.asked.append(span)
        deed = self.misdeeds.pop(0) if self.misdeeds else ""
        if deed == "404":
            return handler.send_error(404)
        start = int(span.split("=")[1].rstrip("-")) if span and deed != "no ranges" else 0
        if start >= len(GOOD):
            return handler.send_error(416)
        body = GOOD[start:]
        if deed == "corrupt":
            body = bytes(byte ^ 1 for byte in body)
        handler.send_response(206 if start else 200)
        handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        handler.wfile.write(body[: len(body) // 2] if deed == "truncate" else body)
        return None


@pytest.fixture
def provider() -> Iterator[Provider]:
    state = Provider()

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            state.answer(self)

        def log_message(self, *_: object) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    state.url = f"http://127.0.0.1:{server.server_port}/ml-1m.zip"
    yield state
    server.shutdown()
    server.server_close()
    thread.join()


def entry(url: str) -> Entry:
    md5 = hashlib.md5(GOOD).hexdigest()
    return Entry(
        "ml-1m",
        "MovieLens 1M",
        "films",
        "",
        "",
        url=url,
        md5=md5,
        layout="ml-1m",
        reader="movielens",
    )


@pytest.mark.parametrize(
    ("misdeeds", "asked"),
    [
        ([], [None]),
        (["truncate"], [None, f"bytes={len(GOOD) // 2}-"]),
        (["truncate", "no ranges"], [None, f"bytes={len(GOOD) // 2}-"]),
        (["corrupt"], [None, None]),
        (["truncate", "corrupt"], [None, f"bytes={len(GOOD) // 2}-", None]),
    ],
)
def test_a_broken_download_is_resumed_or_repeated(
    tmp_path: Path, provider: Provider, misdeeds: list[str], asked: list[str | None]
) -> None:
    provider.misdeeds = misdeeds
    fetch(entry(provider.url), tmp_path / "cache/ml-1m")
    assert provider.asked == asked
    assert (tmp_path / "cache/ml-1m.zip").read_bytes() == GOOD
    found = sorted(path.name for path in (tmp_path / "cache/ml-1m").iterdir())
    assert found == ["movies.dat", "ratings.dat", "users.dat"]
    left = {path.name for path in (tmp_path / "cache").iterdir()}
    assert left <= {"ml-1m", "ml-1m.zip", "ml-1m.lock"}


def test_a_part_left_by_another_process_is_gone_on_with(tmp_path: Path, provider: Provider) -> None:
    (tmp_path / "ml-1m.part").write_bytes(GOOD[:100])
    fetch(entry(provider.url), tmp_path / "ml-1m")
    assert provider.asked == ["bytes=100-"]


def test_a_part_that_is_too_long_is_begun_again(tmp_path: Path, provider: Provider) -> None:
    (tmp_path / "ml-1m.part").write_bytes(GOOD + b"more")
    fetch(entry(provider.url), tmp_path / "ml-1m")
    assert provider.asked == [f"bytes={len(GOOD) + 4}-", None]
    assert (tmp_path / "ml-1m/ratings.dat").is_file()


def test_what_never_matches_the_checksum_is_refused(tmp_path: Path, provider: Provider) -> None:
    provider.misdeeds = ["corrupt"] * 9
    with pytest.raises(DataError, match="MD5 differs") as caught:
        fetch(entry(provider.url), tmp_path / "ml-1m")
    assert provider.url in str(caught.value)
    assert not (tmp_path / "ml-1m").exists()
    assert not (tmp_path / "ml-1m.zip").exists()


def test_a_missing_page_is_not_asked_for_again(tmp_path: Path, provider: Provider) -> None:
    provider.misdeeds = ["404"] * 9
    with pytest.raises(DataError, match="404"):
        fetch(entry(provider.url), tmp_path / "ml-1m")
    assert len(provider.asked) == 1


def test_a_connection_that_always_breaks_ends_in_an_error_and_keeps_the_part(
    tmp_path: Path, provider: Provider
) -> None:
    provider.misdeeds = ["truncate"] * download.ATTEMPTS
    with pytest.raises(DataError, match="cannot be reached"):
        fetch(entry(provider.url), tmp_path / "ml-1m")
    assert (tmp_path / "ml-1m.part").stat().st_size > len(GOOD) // 2


def test_offline_without_a_copy_names_the_address_and_the_place(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="cannot be reached") as caught:
        fetch(entry("http://127.0.0.1:9/ml-1m.zip"), tmp_path / "ml-1m")
    assert "http://127.0.0.1:9/ml-1m.zip" in str(caught.value)
    assert str(tmp_path / "ml-1m.zip") in caught.value.remedy


def test_what_is_in_the_cache_needs_no_network(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    dead = entry("http://127.0.0.1:9/ml-1m.zip")
    monkeypatch.setitem(datasets.CATALOGUE, "ml-1m", dead)
    (tmp_path / "ml-1m.zip").write_bytes(GOOD)
    first = datasets.load("ml-1m", data_dir=tmp_path)
    (tmp_path / "ml-1m.zip").unlink()
    assert datasets.load("ml-1m", data_dir=tmp_path).checksum == first.checksum
    assert first.titles().tolist() == ["Toy (1995)"]


def test_two_at_once_download_once(tmp_path: Path, provider: Provider) -> None:
    wanted = entry(provider.url)
    threads = [threading.Thread(target=fetch, args=(wanted, tmp_path / "ml-1m")) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert provider.asked == [None]


def test_a_folder_that_cannot_be_made_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(DataError, match="RECLIB_DATA"):
        fetch(entry("http://127.0.0.1:9/ml-1m.zip"), tmp_path / "file/ml-1m")


@pytest.mark.parametrize(
    "name", ["../evil", "a/../../evil", "/evil", "C:\\evil", "..\\evil", "\\e"]
)
def test_an_archive_cannot_write_outside_its_folder(tmp_path: Path, name: str) -> None:
    home = tmp_path / "cache"
    home.mkdir()
    with zipfile.ZipFile(home / "bad.zip", "w") as file:
        file.writestr("fine", "")
        file.writestr(name, "")
    with pytest.raises(DataError, match="outside"):
        unpack(home / "bad.zip", home / "bad")
    assert [path.name for path in tmp_path.rglob("*")] == ["cache", "bad.zip"]


def test_an_archive_cannot_smuggle_a_link(tmp_path: Path) -> None:
    link = zipfile.ZipInfo("link")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    with zipfile.ZipFile(tmp_path / "bad.zip", "w") as file:
        file.writestr(link, "/etc/passwd")
    with pytest.raises(DataError, match="is a link"):
        unpack(tmp_path / "bad.zip", tmp_path / "bad")


@pytest.mark.parametrize("content", [b"", b"no archive", GOOD[:-30]])
def test_a_damaged_archive_leaves_nothing_behind(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "bad.zip").write_bytes(content)
    with pytest.raises(DataError, match="damaged"):
        unpack(tmp_path / "bad.zip", tmp_path / "bad", inside="ml-1m")
    assert [path.name for path in tmp_path.iterdir()] == ["bad.zip"]


def test_an_archive_of_something_else_is_said(tmp_path: Path) -> None:
    (tmp_path / "good.zip").write_bytes(GOOD)
    with pytest.raises(DataError, match="no folder 'ml-20m'"):
        unpack(tmp_path / "good.zip", tmp_path / "ml-20m", inside="ml-20m")
