"""The page of the book that shows the cards of all datasets on record."""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import urlsplit

from reclib.report.origins import table
from reclib.tables.cards import Card, honest, lines


def datasets_page(cards: Sequence[Card]) -> str:
    """Return the generated part of the page: all sets in one table, then a card for each."""
    if not cards:
        return "No card is on record."
    head = ("dataset", "users", "items", "interactions", "density (%)", "Gini", "honest protocols")
    parts = [table(head, [_row(it) for it in cards])]
    for it in cards:
        rows = [(f"**{name}**", _escaped(said)) for name, said in lines(it).items()]
        cited = f" {{cite}}`{it['citation']}`" if it["citation"] else ""
        parts.append(f"## {it['title']}\n\n{_named(it)}{cited}.\n\n{table(('', ''), rows)}")
    return "\n\n".join(parts)


def _named(it: Card) -> str:
    return f"`{it['name']}`, checksum `{it['checksum'][:16]}`"


def _row(it: Card) -> tuple[str, ...]:
    return (
        str(it["title"]), f"{it['users']:,}", f"{it['items']:,}", f"{it['interactions']:,}",
        f"{100 * it['density']:.3g}", f"{it['gini']:.2f}", ", ".join(honest(it)),
    )  # fmt: skip


def _escaped(text: str) -> str:
    if text.startswith("https://"):  # whole, it would make the table wider than the page
        return f"[{urlsplit(text).netloc}]({text})"
    return text.replace("|", "\\|").replace("\n", " ")
