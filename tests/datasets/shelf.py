"""Files under an address on this machine."""

from __future__ import annotations

import gzip
from dataclasses import dataclass
from pathlib import Path


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
