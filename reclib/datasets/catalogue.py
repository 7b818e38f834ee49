"""The datasets known by name: where each comes from and on which terms."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

GROUPLENS = "https://files.grouplens.org/datasets/movielens"
MOVIELENS_TERMS = "research use, no redistribution (GroupLens terms of use)"
AMAZON_TERMS = "research use (terms of the providers of the Amazon review data)"


@dataclass(frozen=True)
class Entry:
    """What is known of a dataset before it is read.

    Parameters
    ----------
    name, title, domain : str
        Name in the parameters of a notebook; title in tables; what is recommended.
    licence : str
        The provider's terms in a few words.
    citation : str
        Key in the book's bibliography.
    url, md5 : str, optional
        Archive at the provider and its checksum; without them the reader supplies the files.
    megabytes : int
        Size of the archive, rounded up.
    layout : str, optional
        Folder inside the archive that holds the files.
    page : str, optional
        Where the provider describes the data.
    columns : mapping of str to str
        Canonical name of a column to its name in the files, where they differ.
    scale : tuple of float, optional
        Lowest and highest rating that the provider allows.
    embedded : bool
        Whether the files ship with an installed package.
    files : str, optional
        Name of the dataset whose files these are, if it is not this one.
    core : int
        Fewest interactions of every user and item in the form that published tables use.
    """

    name: str
    title: str
    domain: str
    licence: str
    citation: str
    url: str | None = None
    md5: str | None = None
    megabytes: int = 0
    layout: str | None = None
    page: str | None = None
    columns: Mapping[str, str] = field(default_factory=dict)
    scale: tuple[float, float] | None = None
    embedded: bool = False
    files: str | None = None
    core: int = 1


def _movielens(
    name: str, title: str, md5: str, megabytes: int, scale: tuple[float, float]
) -> Entry:
    return Entry(
        name,
        title,
        "films",
        MOVIELENS_TERMS,
        "harper2015movielens",
        url=f"{GROUPLENS}/{name}.zip",
        md5=md5,
        megabytes=megabytes,
        layout=name,
        page="https://grouplens.org/datasets/movielens/",
        scale=scale,
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
    ),
    _movielens("ml-1m", "MovieLens 1M", "c4d9eecfca2ab87c1945afe126590906", 6, (1, 5)),
    _movielens("ml-20m", "MovieLens 20M", "cd245b17a1ae2cc31bb14903e1204af3", 199, (0.5, 5)),
    _movielens("ml-32m", "MovieLens 32M", "d472be332d4daa821edc399621853b57", 239, (0.5, 5)),
    Entry(
        "amazon-beauty",
        "Amazon Beauty",
        "beauty products",
        AMAZON_TERMS,
        "mcauley2015image",
        page="https://cseweb.ucsd.edu/~jmcauley/datasets/amazon/links.html",
    ),
    Entry(
        "amazon-sports",
        "Amazon Sports and Outdoors",
        "sports products",
        AMAZON_TERMS,
        "mcauley2015image",
        page="https://cseweb.ucsd.edu/~jmcauley/datasets/amazon/links.html",
    ),
    Entry(
        "amazon-ratings",
        "Amazon Ratings",
        "products",
        AMAZON_TERMS,
        "mcauley2015image",
        page="https://cseweb.ucsd.edu/~jmcauley/datasets/amazon/links.html",
        scale=(1, 5),
    ),
    Entry(
        "lastfm",
        "Last.fm",
        "music artists",
        "non-commercial use (Last.fm terms)",
        "cantador2011hetrec",
        page="https://grouplens.org/datasets/hetrec-2011/",
    ),
    Entry(
        "yelp",
        "Yelp",
        "local businesses",
        "academic use, no redistribution (Yelp Dataset Licence)",
        "yelp2022dataset",
        page="https://business.yelp.com/data/resources/open-dataset/",
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
"""Every dataset known by name."""
