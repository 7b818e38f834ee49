"""A provider on this machine that serves the files of a folder."""

from __future__ import annotations

import functools
import gzip
import http.server
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest


@dataclass
class Shelf:
    """Files under an address.

    Parameters
    ----------
    folder : Path
    url : str
        Its address, without a slash at the end.
    asked : list of str
        Every path that was asked for.
    """

    folder: Path
    url: str
    asked: list[str]

    def put(self, path: str, content: str | bytes) -> None:
        """Offer a file, packed if its name says so."""
        raw = content.encode() if isinstance(content, str) else content
        file = self.folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(gzip.compress(raw) if path.endswith(".gz") else raw)


@pytest.fixture
def shelf(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shelf]:
    folder, asked = tmp_path_factory.mktemp("shelf"), []

    class Handler(http.server.SimpleHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            super().do_GET()

        def log_message(self, *_: object) -> None:
            pass

    made: Callable[..., Handler] = functools.partial(Handler, directory=str(folder))
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), made)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield Shelf(folder, f"http://127.0.0.1:{server.server_port}", asked)
    server.shutdown()
    server.server_close()
    thread.join()
