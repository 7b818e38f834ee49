"""The datasets known by name: where each comes from, on which terms, and what is wrong with it."""

from __future__ import annotations

from dataclasses import replace

from reclib.datasets.amazon_entries import (
    AMAZON_TERMS,
    DAYS,
    PAGES,
    PRUNED,
    amazon_entry,
    nearly_amazon,
)
from reclib.datasets.entry import Entry
from reclib.errors import UnknownName

__all__ = ["CATALOGUE", "Entry", "find", "unknown"]

GROUPLENS = "https://files.grouplens.org/datasets"
MOVIELENS_TERMS = "research use, no redistribution (GroupLens terms of use)"

SITTINGS = (
    "Users rate many films in one sitting, in the order in which the site shows them: order "
    "within a sitting says little about taste."
)
ONLY_ACTIVE = "Only users with at least 20 ratings are in it, so it says nothing of newcomers."
ANONYMOUS = "Users, items and attributes are numbers without names: no list can be looked at."


def _movielens(
    name: str, title: str, md5: str, megabytes: int, scale: tuple[float, float]
) -> Entry:
    return Entry(
        name,
        title,
        "films",
        MOVIELENS_TERMS,
        "harper2015movielens",
        url=f"{GROUPLENS}/movielens/{name}.zip",
        md5=md5,
        megabytes=megabytes,
        layout=name,
        page="https://grouplens.org/datasets/movielens/",
        reader="movielens",
        scale=scale,
        faults=(SITTINGS, ONLY_ACTIVE),
    )


def _sequences(name: str, title: str, domain: str) -> Entry:
    """Describe a category of 2014 as the sequences of published tables have it."""
    return Entry(
        name,
        title,
        domain,
        AMAZON_TERMS,
        "mcauley2015image",
        page=PAGES["2014"],
        faults=("There are no rating values.", ANONYMOUS, DAYS, PRUNED),
    )


_ENTRIES = [
    Entry(
        "ml-100k",
        "MovieLens 100K",
        "films",
        MOVIELENS_TERMS,
        "harper2015movielens",
        page="https://grouplens.org/datasets/movielens/",
        columns={"genre": "class"},
        scale=(1, 5),
        embedded=True,
        faults=(SITTINGS, ONLY_ACTIVE),
    ),
    replace(
        _movielens("ml-1m", "MovieLens 1M", "c4d9eecfca2ab87c1945afe126590906", 6, (1, 5)),
        surrogate_step=30,
        surrogate_faults=(
            "These files were reconstructed: pairs, ratings and order are the provider's, and "
            "so is the last time of every user, while all earlier times lie 30 seconds apart.",
        ),
        dishonest={
            "temporal": "it cuts at a time, and in these files only the last time of a user is "
            "true; the provider's own file has all of them"
        },
    ),
    _movielens("ml-20m", "MovieLens 20M", "cd245b17a1ae2cc31bb14903e1204af3", 199, (0.5, 5)),
    _movielens("ml-32m", "MovieLens 32M", "d472be332d4daa821edc399621853b57", 239, (0.5, 5)),
    _sequences("amazon-beauty", "Amazon Beauty", "beauty products"),
    _sequences("amazon-sports", "Amazon Sports and Outdoors", "sports products"),
    Entry(
        "amazon-ratings",
        "Amazon Ratings",
        "products",
        AMAZON_TERMS,
        "mcauley2015image",
        page=PAGES["2014"],
        scale=(1, 5),
        faults=("Its source does not name the product domain.", ANONYMOUS, DAYS),
    ),
    Entry(
        "lastfm",
        "Last.fm",
        "music artists",
        "non-commercial use (Last.fm terms)",
        "cantador2011hetrec",
        url=f"{GROUPLENS}/hetrec2011/hetrec2011-lastfm-2k.zip",
        megabytes=3,
        page="https://grouplens.org/datasets/hetrec-2011/",
        reader="lastfm",
        columns={"count": "weight"},
        faults=(
            "There are no ratings; how often somebody listened to an artist is no opinion.",
            "There are no times.",
            "Of each user at most the 50 artists most listened to are in it.",
        ),
    ),
    Entry(
        "yelp",
        "Yelp",
        "local businesses",
        "academic use, no redistribution (Yelp Dataset Licence)",
        "yelp2022dataset",
        page="https://business.yelp.com/data/resources/open-dataset/",
        consent="Yelp gives its data to those who agree to its terms on its page",
        reader="yelp",
        scale=(1, 5),
        faults=(
            "Some users review a business again. Without ratings the first visit stands for all, "
            "since a list offers what is new to a user; with ratings the last opinion does.",
        ),
    ),
]

CATALOGUE: dict[str, Entry] = {entry.name: entry for entry in _ENTRIES}
CATALOGUE["ml-1m-5core"] = replace(
    # these are, user by user, the sequences that SASRec's authors published
    CATALOGUE["ml-1m"],
    name="ml-1m-5core",
    title="MovieLens 1M, 5-core",
    files="ml-1m",
    core=5,
)
"""Every dataset known by name, but for the categories of the Amazon reviews (see `find`)."""


def find(name: str) -> Entry | None:
    """Return what is known of a name, None if it is not one of a dataset."""
    return CATALOGUE.get(name) or amazon_entry(name)


def unknown(name: str) -> UnknownName:
    """Return the error for a name that is neither known nor a folder."""
    return nearly_amazon(name) or UnknownName("dataset", name, CATALOGUE)
