"""What makes a notebook be executed again."""

from __future__ import annotations

from small_checkout import FIRST, notebook

from reclib.report.fingerprint import fingerprint
from reclib.report.layout import Layout


def test_only_a_notebook_that_shows_published_results_depends_on_them(checkout: Layout) -> None:
    shows = notebook(checkout.root / "notebooks" / "03_larger.ipynb", "# Larger", "larger_runs()")
    does_not = checkout.notebooks[0]

    def marks() -> list[str]:
        return [fingerprint(checkout, path, FIRST, {}) for path in (shows, does_not)]

    before = marks()
    assert marks() == before
    (checkout.root / "book" / "ledger" / "shop.jsonl").write_text("{}\n")
    after = marks()
    assert after[0] != before[0]
    assert after[1] == before[1]
