"""Read the built pages as a browser with the network off would, and complain of what it misses."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

from reclib.errors import ReclibError

LOADED = {
    "script": ("src",), "link": ("href",), "img": ("src", "srcset"), "iframe": ("src",),
    "source": ("src", "srcset"), "video": ("src", "poster"), "audio": ("src",),
    "embed": ("src",), "object": ("data",), "image": ("href", "xlink:href"),
}  # fmt: skip
"""What a browser fetches by itself; an ordinary link is followed only when clicked."""
NOT_FETCHED = {"canonical", "author", "license", "next", "prev", "search", "index", "help"}
LEFTOVERS = {
    "a traceback": re.compile(r"Traceback \(most recent call last\)"),
    "a progress bar": re.compile(r"\d%\|[█▏▎▍▌▋▊▉ #]|\d+it/s\b"),
    "a warning": re.compile(r"\b(?:User|Future|Deprecation|Runtime)Warning:"),
    "an unfilled value": re.compile(r"\{\{ *\w+ *\}\}"),
}
ERROR_CLASSES = {"stderr", "traceback"}
GENERATED = {"genindex.html", "search.html", "py-modindex.html"}


class Page(HTMLParser):
    """What matters of one page: what it loads, links to, defines and shows."""

    def __init__(self, path: Path) -> None:
        super().__init__(convert_charrefs=True)
        self.path = path
        self.loads: list[str] = []
        self.links: list[str] = []
        self.ids: set[str] = set()
        self.complaints: list[str] = []
        self.text: list[str] = []
        self._inside: list[str] = []
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note what a tag loads, links to or lacks."""
        values = {name: value or "" for name, value in attrs}
        self.ids.update(values[name] for name in ("id", "name") if values.get(name))
        if tag in ("script", "style"):
            self._inside.append(tag)
        if not (tag == "link" and NOT_FETCHED & set(values.get("rel", "").split())):
            self.loads += [values[name] for name in LOADED.get(tag, ()) if values.get(name)]
        if tag == "a" and values.get("href"):
            self.links.append(values["href"])
        if tag == "img" and not values.get("alt", "").strip():
            self.complaints.append(f"a picture without alternative text: {values.get('src')}")
        if ERROR_CLASSES & set(values.get("class", "").split()):
            self.complaints.append(f"error output (class {values['class']})")

    def handle_endtag(self, tag: str) -> None:
        """Leave a script or style."""
        if self._inside and self._inside[-1] == tag:
            self._inside.pop()

    def handle_data(self, data: str) -> None:
        """Keep what is shown; a style may load something, too."""
        if self._inside and self._inside[-1] == "style":
            self.loads += fetched_by_css(data)
        elif not self._inside:
            self.text.append(data)


def fetched_by_css(text: str) -> list[str]:
    """Return what a style sheet loads: its imports and the addresses in ``url()``."""
    plain = re.sub(r"/\*.*?\*/", "", text, flags=re.DOTALL)
    found = re.findall(r"""url\(\s*['"]?([^'")\s]+)|@import\s+['"]([^'"]+)""", plain)
    return [first or second for first, second in found]


def is_external(address: str) -> bool:
    """Tell whether another host is asked for the address."""
    return any(
        urlsplit(part.split()[0]).scheme in ("http", "https", "ws", "wss") or part.startswith("//")
        for part in (address.split(", ") if not address.startswith("data:") else [])
        if part.strip()
    )


def complaints(html: Path, expected: tuple[str, ...] = ("index.html",)) -> list[str]:
    """Return everything that is wrong with the pages below a folder, one line each.

    Parameters
    ----------
    html : Path
        The folder of ``index.html``.
    expected : tuple of str
        Pages that have to be there, relative to the folder.
    """
    found = [f"{name}: the page is missing" for name in expected if not (html / name).exists()]
    pages = {
        path.resolve(): Page(path)
        for path in sorted(html.rglob("*.html"))
        if "_static" not in path.relative_to(html).parts
    }
    for page in pages.values():
        where = page.path.relative_to(html).as_posix()
        found += [f"{where}: {line}" for line in _of_page(page, pages)]
    for sheet in sorted(html.rglob("*.css")):
        found += [
            f"{sheet.relative_to(html).as_posix()}: loads {address}"
            for address in fetched_by_css(sheet.read_text(encoding="utf-8", errors="replace"))
            if is_external(address)
        ]
    return found


def _of_page(page: Page, pages: dict[Path, Page]) -> Iterator[str]:
    yield from page.complaints
    yield from (f"loads {address}" for address in page.loads if is_external(address))
    text = " ".join(page.text)
    yield from (f"shows {what}" for what, pattern in LEFTOVERS.items() if pattern.search(text))
    for address in page.loads:
        if not is_external(address) and not address.startswith("data:"):
            target = _target(page, address)
            if target and not target.exists():
                yield f"loads {address}, which is missing"
    if page.path.name not in GENERATED:
        yield from (broken for link in page.links for broken in _broken(page, link, pages))


def _target(page: Page, address: str) -> Path | None:
    path = unquote(urlsplit(address).path)
    return (page.path.parent / path).resolve() if path else None


def _broken(page: Page, link: str, pages: dict[Path, Page]) -> Iterator[str]:
    parts = urlsplit(link)
    if parts.scheme or parts.netloc:
        return
    target = _target(page, link) or page.path.resolve()
    if not target.exists():
        yield f"links to {link}, which is missing"
    elif parts.fragment and target in pages and unquote(parts.fragment) not in pages[target].ids:
        yield f"links to {link}, where no such place is"


def expected_pages(html: Path) -> tuple[str, ...]:
    """Return the pages that the table of contents of the built book names."""
    listing = html / "pages.txt"
    named = listing.read_text(encoding="utf-8").split() if listing.exists() else []
    return ("index.html", "pages.txt", *named)


def require_sound(html: Path) -> None:
    """Raise one error that lists everything wrong with the built pages, if anything is."""
    found = complaints(html, expected_pages(html))
    if found:
        lines = "\n".join(f"  {line}" for line in found)
        raise ReclibError(f"the built pages have {len(found)} faults:\n{lines}")
