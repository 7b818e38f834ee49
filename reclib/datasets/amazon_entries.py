"""The Amazon reviews by year and category: ``amazon-2018-sports``, ``amazon-2023-books``."""

from __future__ import annotations

import re

from reclib.datasets.entry import Entry
from reclib.errors import UnknownName

AMAZON_TERMS = "research use (terms of the providers of the Amazon review data)"
SNAP = "https://snap.stanford.edu/data/amazon/productGraph/categoryFiles"
MCAULEY = "https://mcauleylab.ucsd.edu/public_datasets/data"
NAME = re.compile(r"amazon-(2014|2018|2023)-([a-z-]+?)(-ratings|-reviews)?")
KINDS = {"2014": ("", "-ratings"), "2018": ("", "-ratings"), "2023": ("", "-reviews")}
"""What there is of a year: the 5-core, and everything as ratings or as reviews."""
CITATIONS = {"2014": "mcauley2015image", "2018": "ni2019justifying", "2023": "hou2024bridging"}
PAGES = {
    "2014": "https://cseweb.ucsd.edu/~jmcauley/datasets/amazon/links.html",
    "2018": "https://cseweb.ucsd.edu/~jmcauley/datasets/amazon_v2/",
    "2023": "https://amazon-reviews-2023.github.io/",
}
_ALL = {
    "automotive": "Automotive",
    "books": "Books",
    "cds": "CDs_and_Vinyl",
    "cell-phones": "Cell_Phones_and_Accessories",
    "clothing": "Clothing_Shoes_and_Jewelry",
    "electronics": "Electronics",
    "grocery": "Grocery_and_Gourmet_Food",
    "home": "Home_and_Kitchen",
    "kindle": "Kindle_Store",
    "movies": "Movies_and_TV",
    "office": "Office_Products",
    "pets": "Pet_Supplies",
    "games": "Video_Games",
    "instruments": "Musical_Instruments",
    "patio": "Patio_Lawn_and_Garden",
    "sports": "Sports_and_Outdoors",
    "tools": "Tools_and_Home_Improvement",
    "toys": "Toys_and_Games",
}
CATEGORIES = {
    "2014": _ALL | {
        "apps": "Apps_for_Android", "baby": "Baby", "beauty": "Beauty", "music": "Digital_Music",
        "health": "Health_and_Personal_Care", "video": "Amazon_Instant_Video",
    },
    "2018": _ALL | {
        "beauty": "All_Beauty", "luxury": "Luxury_Beauty", "fashion": "AMAZON_FASHION",
        "appliances": "Appliances", "arts": "Arts_Crafts_and_Sewing", "gifts": "Gift_Cards",
        "industrial": "Industrial_and_Scientific", "magazines": "Magazine_Subscriptions",
        "music": "Digital_Music", "pantry": "Prime_Pantry", "software": "Software",
    },
    "2023": _ALL | {
        "beauty": "Beauty_and_Personal_Care", "all-beauty": "All_Beauty",
        "arts": "Arts_Crafts_and_Sewing", "baby": "Baby_Products", "gifts": "Gift_Cards",
        "health": "Health_and_Household", "industrial": "Industrial_and_Scientific",
        "magazines": "Magazine_Subscriptions", "software": "Software",
    },
}  # fmt: skip
"""Our name of a category to the provider's, by year."""
DAYS = "Times are days; what a user did on one day has only the order of the file."
PRUNED = (
    "Users and items with fewer than five interactions over the whole span are left out, so "
    "that even the earliest part knows who will stay."
)
TWICE = "Some reviews are there twice, under one product or under several of its variants."
FAULTS = {
    "2014": (DAYS,),
    "2018": (DAYS, TWICE),
    "2023": ("Of several reviews of a product by one user the provider keeps the earliest.",),
}


def amazon_entry(name: str) -> Entry | None:
    """Return what is known of ``amazon-YEAR-CATEGORY``, None if the name is another's.

    Without an ending it is the 5-core. ``-ratings`` (2014, 2018) is every rating, without the
    text; ``-reviews`` (2023) every review. Attributes of the items come with each.
    """
    parts = NAME.fullmatch(name)
    if parts is None or (parts[3] or "") not in KINDS[parts[1]]:
        return None
    year, slug, kind = parts[1], parts[2], parts[3] or ""
    if slug not in CATEGORIES[year]:
        return None
    category = CATEGORIES[year][slug]
    what = {"": "5-core", "-ratings": "all ratings", "-reviews": "all reviews"}[kind]
    return Entry(
        name,
        f"Amazon {category.replace('_', ' ')} {year}, {what}",
        category.replace("_", " ").lower(),
        AMAZON_TERMS,
        CITATIONS[year],
        downloads=addresses(year, category, kind),
        page=PAGES[year],
        reader="amazon",
        scale=(1, 5),
        faults=FAULTS[year] + (() if kind else (PRUNED,)),
    )


def nearly_amazon(name: str) -> UnknownName | None:
    """Return the error for a category that a year does not have, None for any other name."""
    parts = NAME.fullmatch(name)
    if parts is None or parts[2] in CATEGORIES[parts[1]]:
        return None
    what = f"category of the Amazon reviews of {parts[1]}"
    return UnknownName(what, parts[2], CATEGORIES[parts[1]])


def addresses(year: str, category: str, kind: str) -> dict[str, str]:
    """Return the files of a category with their addresses, interactions last."""
    if year == "2014":
        reviews = f"ratings_{category}.csv" if kind else f"reviews_{category}_5.json.gz"
        return {file: f"{SNAP}/{file}" for file in (f"meta_{category}.json.gz", reviews)}
    if year == "2018":
        reviews = f"{category}.csv" if kind else f"{category}_5.json.gz"
        return {
            f"meta_{category}.json.gz": f"{MCAULEY}/amazon_v2/metaFiles2/meta_{category}.json.gz",
            reviews: f"{MCAULEY}/amazon_v2/categoryFilesSmall/{reviews}",
        }
    base = f"{MCAULEY}/amazon_2023"
    reviews = f"{category}.jsonl.gz" if kind else f"{category}.csv.gz"
    folder = "raw/review_categories" if kind else "benchmark/5core/rating_only"
    meta = f"meta_{category}.jsonl.gz"
    return {
        meta: f"{base}/raw/meta_categories/{meta}",
        reviews: f"{base}/{folder}/{reviews}",
    }
