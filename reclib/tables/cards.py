"""The card of a dataset: where it comes from, what is in it, what is wrong with it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from reclib.datasets import Dataset, image_files
from reclib.inclusion import Inclusion
from reclib.inclusion.honesty import dishonest, entry_of, faults, has_clock
from reclib.ledger import PUBLISHED
from reclib.splits.protocols import PROTOCOLS, RELEVANT_FROM
from reclib.tables.data import share_of_head, sizes

if TYPE_CHECKING:
    from reclib.study import Study

CARDS = PUBLISHED / "cards"
HEAD = 0.2
OWN = {"source": "a folder of the reader's own", "licence": "the reader's own", "citation": ""}

Card = Mapping[str, Any]


def gini(counts: npt.ArrayLike) -> float:
    """Return the Gini coefficient of counts: 0 if all are alike, near 1 if one has everything.

    The mean difference of all pairs over twice the mean, from sorted counts.
    """
    values = np.sort(np.asarray(counts, dtype=np.float64))
    n = len(values)
    ranks = np.arange(1, n + 1)
    return float((2 * ranks - n - 1) @ values / (n * values.sum()))


def card(found: Inclusion) -> dict[str, Any]:
    """Return the card of a dataset as it is included, in values that JSON knows.

    Parameters
    ----------
    found : Inclusion
        The sizes are of what is left after all criteria, the faults of the data as read.
    """
    data = found.dataset
    per_item = data.interactions["item_id"].value_counts()
    return {
        "name": data.name,
        "title": data.title,
        **_origin(data),
        **sizes(data),
        "head": share_of_head(per_item, HEAD),
        "gini": gini(per_item),
        "left_out": _quality(found),
        "times": _times(data),
        "ratings": _ratings(data),
        "counts": _counts(data),
        "of_users": _names(data.users),
        "of_items": _names(data.items),
        "pictures": len(image_files(data)),
        "links": None if data.links is None else len(data.links),
        "faults": faults(data),
        "protocols": _possible(data),
        "dishonest": dishonest(data),
        "checksum": data.checksum,
    }


def _quality(found: Inclusion) -> str:
    said = next(each.finding for each in found.criteria if each.name == "data quality")
    return said.removeprefix("Left out: ")


def _origin(data: Dataset) -> dict[str, str]:
    entry = entry_of(data)
    if entry is None:
        return OWN | {"domain": ""}
    return {
        "source": entry.page or "",
        "licence": entry.licence,
        "citation": entry.citation,
        "domain": entry.domain,
    }


def _times(data: Dataset) -> list[str] | str | None:
    """Return the first and the last day, "order" for times of no clock, None without any."""
    if not data.has_times:
        return None
    if not has_clock(data):
        return "order"
    ends = pd.to_datetime(data.interactions["timestamp"].agg(["min", "max"]), unit="s")
    return [f"{end:%Y-%m-%d}" for end in ends]


def _ratings(data: Dataset) -> dict[str, float] | None:
    if not data.has_ratings:
        return None
    rating = data.interactions["rating"]
    low, high = (rating.min(), rating.max()) if data.scale is None else data.scale
    liked = (rating >= RELEVANT_FROM).mean()
    return {"low": low, "high": high, "mean": float(rating.mean()), "liked": float(liked)}


def _counts(data: Dataset) -> list[float] | None:
    if "count" not in data.interactions:
        return None
    count = data.interactions["count"]
    return [float(count.median()), float(count.max())]


def _names(frame: pd.DataFrame | None) -> list[str]:
    return [] if frame is None else [str(name).replace("_", " ") for name in frame.columns[1:]]


def _possible(data: Dataset) -> list[str]:
    return [
        name
        for name, rules in PROTOCOLS.items()
        if data.has_times >= rules.needs_times and data.has_ratings >= rules.needs_ratings
    ]


def honest(it: Card) -> list[str]:
    """Return the protocols to be believed: of those possible not the dishonest, nor a sample."""
    whole = [name for name in it["protocols"] if PROTOCOLS[name].candidates != "sampled"]
    return [name for name in whole if name not in it["dishonest"]]


def lines(it: Card) -> dict[str, str]:
    """Return a card as it is printed: what is told, and what is said of it."""
    told = {
        "what": it["domain"],
        "source": it["source"],
        "licence": it["licence"],
        "size": f"{it['users']:,} users, {it['items']:,} items, "
        f"{it['interactions']:,} interactions",
        "density": f"{100 * it['density']:.3g} % of the matrix; the median user has "
        f"{it['median per user']:,.0f} interactions, the median item {it['median per item']:,.0f}",
        "long tail": f"the most popular {100 * HEAD:.0f} % of the items hold "
        f"{100 * it['head']:.0f} % of the interactions; Gini {it['gini']:.2f}",
        "left out": it["left_out"],
        "times": _said_times(it["times"]),
        "ratings": _said_ratings(it["ratings"]),
        "counts": _said_counts(it["counts"]),
        "known of users": ", ".join(it["of_users"]),
        "known of items": ", ".join(it["of_items"]),
        "pictures": f"{it['pictures']:,} items have one" if it["pictures"] else "none here",
        "friend graph": f"{it['links']:,} directed links" if it["links"] else "none",
        "faults": " ".join(it["faults"]),
        "honest protocols": ", ".join(honest(it)),
        "not honest": "; ".join(f"{name}: {why}" for name, why in it["dishonest"].items()),
        "impossible": ", ".join(name for name in PROTOCOLS if name not in it["protocols"]),
    }
    return {name: said or "none" for name, said in told.items() if said or name in ALWAYS}


ALWAYS = ("known of users", "known of items", "faults", "not honest", "impossible")
"""Lines of a card that are there even if there is nothing to tell."""


def _said_times(times: list[str] | str | None) -> str:
    if times is None:
        return "none"
    return "an order only" if times == "order" else f"{times[0]} to {times[1]}"


def _said_ratings(ratings: Mapping[str, float] | None) -> str:
    if ratings is None:
        return "none"
    return (
        f"{ratings['low']:g} to {ratings['high']:g}, mean {ratings['mean']:.2f}; "
        f"{100 * ratings['liked']:.0f} % are {RELEVANT_FROM:g} or more"
    )


def _said_counts(counts: list[float] | None) -> str:
    return "" if counts is None else f"median {counts[0]:,.0f}, at most {counts[1]:,.0f}"


def card_table(it: Card) -> pd.DataFrame:
    """Return a card as a table of one column."""
    return pd.DataFrame({it["title"]: lines(it)})


def card_finding(it: Card) -> str:
    """Say in a sentence what to keep in mind."""
    n = len(it["faults"])
    faulty = "No fault is known" if not n else f"{n} fault{'s are' if n > 1 else ' is'} known"
    return f"{faulty} of {it['title']}.{_warned(it['dishonest'])}"


def honesty_note(study: Study) -> str:
    """Return a warning of the protocols that the data allows and does not deserve, or nothing."""
    return _warned(dishonest(study.dataset))


def _warned(reasons: Mapping[str, str]) -> str:
    said = (f"`{name}` is not honest here, since {why}" for name, why in reasons.items())
    return "".join(f" {text}." for text in said)


def write_card(it: Card, folder: Path = CARDS) -> Path:
    """Write a card to its file, whole or not at all."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{it['name']}.json"
    scratch = path.with_suffix(".unfinished")
    text = json.dumps(it, indent=1, ensure_ascii=False)
    scratch.write_text(text + "\n", encoding="utf-8")
    scratch.replace(path)
    return path


def read_cards(folder: Path = CARDS) -> list[dict[str, Any]]:
    """Return the cards on record, by title."""
    found = [json.loads(path.read_text(encoding="utf-8")) for path in folder.glob("*.json")]
    return sorted(found, key=lambda it: str(it["title"]))
