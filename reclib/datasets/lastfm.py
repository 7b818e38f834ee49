"""Last.fm as HetRec 2011 publishes it: listening counts, artists and friends."""

from __future__ import annotations

from pathlib import Path

from reclib.datasets import validate
from reclib.datasets.canonical import Dataset
from reclib.datasets.entry import Entry
from reclib.datasets.source import Source, read

LISTENED = ("user_id", "item_id", "count")
ARTISTS = ("item_id", "artist_name", "url", "picture_url")
FRIENDS = ("user_id", "friend_id")


def has_lastfm(folder: Path, entry: Entry) -> bool:
    """Return whether a folder holds the listening counts."""
    return (folder / "user_artists.dat").is_file()


def read_lastfm(folder: Path, entry: Entry) -> Dataset:
    """Read the three files of the archive that say who listened to whom and who knows whom.

    How often somebody listened to an artist is kept as ``count``. It is no rating, and nothing
    here learns from it: a track played all night is not liked ten times as much.

    Raises
    ------
    reclib.errors.DataError
        For a file that is missing or cannot be used.
    """
    source = Source(folder / "user_artists.dat", LISTENED, renamed={"count": "weight"})
    frame = validate.interactions(read(source, frozenset({"count"})), source)
    artists = Source(folder / "artists.dat", ARTISTS)
    kinds = {"artist_name": "token_seq"}
    items = validate.attributes(read(artists, frozenset()), "item_id", kinds, artists)
    friends = Source(folder / "user_friends.dat", FRIENDS)
    links = validate.links(read(friends, frozenset()), friends)
    return Dataset(entry.name, entry.title, frame, items=items, kinds=kinds, links=links)
