"""What is known of a dataset before it is read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


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
        Archive at the provider, and the checksum that the provider publishes; without an
        address the reader supplies the files, without a checksum only size and format of what
        comes are checked.
    downloads : mapping of str to str
        Name of a file in the folder to its address, where there is no archive; interactions
        last, since what has them counts as complete.
    megabytes : int
        Size of the archive, rounded up.
    layout : str, optional
        Folder inside the archive that holds the files.
    page : str, optional
        Where the provider describes the data.
    consent : str
        Why code may not fetch the data, where that is so.
    reader : {"", "movielens", "amazon", "lastfm", "yelp"}
        Who reads the provider's own files; without one there are atomic files only.
    columns : mapping of str to str
        Canonical name of a column to its name in atomic files, where they differ.
    scale : tuple of float, optional
        Lowest and highest rating that the provider allows.
    embedded : bool
        Whether the files ship with an installed package.
    files : str, optional
        Name of the dataset whose files these are, if it is not this one.
    core : int
        Fewest interactions of every user and item in the form that published tables use.
    faults : tuple of str
        What is known to be wrong with the data, or missing, whatever files it came in.
    dishonest : mapping of str to str
        Protocol that can be run and should not be believed, to the reason.
    surrogate_step : float, optional
        Seconds between the times in files that were reconstructed; ``surrogate_faults`` and
        ``dishonest`` then hold for such files alone.
    surrogate_faults : tuple of str
        What else is wrong with files that were reconstructed.
    """

    name: str
    title: str
    domain: str
    licence: str
    citation: str
    url: str | None = None
    md5: str | None = None
    downloads: Mapping[str, str] = field(default_factory=dict)
    megabytes: int = 0
    layout: str | None = None
    page: str | None = None
    consent: str = ""
    reader: str = ""
    columns: Mapping[str, str] = field(default_factory=dict)
    scale: tuple[float, float] | None = None
    embedded: bool = False
    files: str | None = None
    core: int = 1
    faults: tuple[str, ...] = ()
    dishonest: Mapping[str, str] = field(default_factory=dict)
    surrogate_step: float | None = None
    surrogate_faults: tuple[str, ...] = ()
