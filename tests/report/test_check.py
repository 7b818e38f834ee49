"""Each fault, planted in a page, is found; the same page without it passes."""

from __future__ import annotations

from pathlib import Path

import pytest

from reclib.errors import ReclibError
from reclib.report import check

SOUND = (
    '<html><head><link rel="stylesheet" href="own.css"/></head><body id="top">'
    '<a href="https://example.org">a link is fine</a><a href="#top">up</a>'
    '<img src="data:image/png;base64,aGk=" alt="A line."/>100 % of it</body></html>'
)
FAULTS = {
    '<script src="https://cdn.example.org/x.js"></script>': "loads https://cdn.example.org",
    '<link rel="stylesheet" href="//fonts.example.org/a"/>': "loads //fonts.example.org",
    "<style>@import 'https://a.example.org/b.css';</style>": "loads https://a.example.org",
    "<style>p {background: url(https://a.example.org/b.png)}</style>": "loads https://a.example",
    '<img src="https://a.example.org/b.png" alt="b"/>': "loads https://a.example.org",
    '<iframe src="https://a.example.org/"></iframe>': "loads https://a.example.org",
    '<img src="own.css" alt=""/>': "without alternative text",
    '<script src="gone.js"></script>': "loads gone.js, which is missing",
    '<a href="gone.html">x</a>': "links to gone.html",
    '<a href="#gone">x</a>': "where no such place is",
    '<div class="output stderr">oh</div>': "error output",
    "<pre>Traceback (most recent call last):</pre>": "a traceback",
    "<pre> 40%|████      | 4/10</pre>": "a progress bar",
    "<pre>FutureWarning: soon</pre>": "a warning",
    "<p>{{ n_runs }}</p>": "an unfilled value",
}


@pytest.fixture
def html(tmp_path: Path) -> Path:
    (tmp_path / "own.css").write_text("p {color: var(--ink)} /* https://example.org */")
    (tmp_path / "index.html").write_text(SOUND)
    return tmp_path


def test_a_sound_page_passes(html: Path) -> None:
    assert check.complaints(html) == []


@pytest.mark.parametrize(("fault", "said"), FAULTS.items(), ids=list(FAULTS.values()))
def test_a_fault_is_found(html: Path, fault: str, said: str) -> None:
    (html / "index.html").write_text(SOUND.replace("</body>", fault + "</body>"))
    found = check.complaints(html)
    assert len(found) == 1
    assert said in found[0]


def test_a_style_sheet_that_asks_another_host_is_found(html: Path) -> None:
    (html / "own.css").write_text("@font-face {src: url('https://fonts.example.org/a.woff2')}")
    assert check.complaints(html) == ["own.css: loads https://fonts.example.org/a.woff2"]


def test_missing_pages_are_listed(html: Path) -> None:
    (html / "pages.txt").write_text("index.html\nclaims.html\n")
    with pytest.raises(ReclibError, match=r"1 faults:\n  claims.html: the page is missing"):
        check.require_sound(html)
