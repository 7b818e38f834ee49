"""A small shop as a folder of one's own would hold it: the worked example of the guide."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
from PIL import Image

from reclib.errors import DataError

N_CUSTOMERS, N_ORDERS = 120, 30
SHELVES = ("Tea", "Coffee", "Bread", "Cheese", "Fruit", "Spice")
MAKES = ("Alpine", "Baked", "Coastal", "Dark", "Early", "Farm", "Golden", "Harvest", "Island",
         "Jubilee", "Kitchen", "Little", "Market", "Northern", "Old", "Plain", "Quiet", "Red",
         "Smoked", "Tall")  # fmt: skip
TOWNS = ("Arles", "Bergen", "C\u00e1diz", "D\u00fcren")
OPENED = pd.Timestamp("2024-01-02").timestamp()
DAY = 24 * 3600
COLUMNS = """\
user_id: customer
item_id: product
rating: stars
timestamp: bought_at
friend_id: knows
"""


def write_example(folder: str | Path, seed: int = 2026) -> Path:
    """Write a folder of orders, customers, products, friends and pictures.

    Customers keep to two shelves and go along a shelf one product after the other, and friends
    share a shelf, so there is something to learn. Nothing of it is real.

    Parameters
    ----------
    folder : str or Path
        Must not be there, or be empty.
    seed : int

    Raises
    ------
    reclib.errors.DataError
        If there is something in the folder, or it cannot be written.
    """
    place = Path(folder).expanduser()
    if place.exists() and (not place.is_dir() or any(place.iterdir())):
        raise DataError("there is something here already", "Name a new folder.", file=place)
    random = np.random.default_rng(seed)
    taste = np.array([random.choice(len(SHELVES), 2, replace=False) for _ in range(N_CUSTOMERS)])
    frames = {
        "interactions": _orders(taste, random),
        "users": _customers(random),
        "items": _products(random),
        "links": _friends(taste, random),
    }
    try:
        place.mkdir(parents=True, exist_ok=True)
        for stem, frame in frames.items():
            frame.to_csv(place / f"{stem}.csv", index=False)
        (place / "columns.yaml").write_text(COLUMNS, encoding="utf-8")
        _pictures(place / "images", frames["items"])
    except OSError as problem:
        remedy = "Choose a folder that you may write to."
        raise DataError(f"cannot be written ({problem.strerror})", remedy, file=place) from problem
    return place


def _customer(number: int) -> str:
    return f"c{number + 1:03d}"


def _product(shelf: int, place: int) -> str:
    return f"p{shelf * len(MAKES) + place + 1:03d}"


def _orders(taste: np.ndarray, random: np.random.Generator) -> pd.DataFrame:
    rows = []
    for customer, shelves in enumerate(taste):
        time = OPENED + random.integers(0, 200) * DAY
        at = random.integers(0, len(MAKES), len(SHELVES))
        for _ in range(random.integers(N_ORDERS // 2, N_ORDERS)):
            shelf = random.choice(shelves) if random.random() < 0.9 else random.integers(6)
            at[shelf] = (at[shelf] + random.choice([1, 1, 1, 2])) % len(MAKES)
            time += random.integers(1, 8) * DAY + random.integers(0, DAY)
            stars = np.clip(random.normal(4.2 if shelf in shelves else 2.5, 0.8), 1, 5)
            product = _product(int(shelf), int(at[shelf]))
            rows.append((_customer(customer), product, round(stars), int(time)))
    frame = pd.DataFrame(rows, columns=["customer", "product", "stars", "bought_at"])
    return frame.sort_values("bought_at", kind="stable", ignore_index=True)


def _customers(random: np.random.Generator) -> pd.DataFrame:
    names = [_customer(number) for number in range(N_CUSTOMERS)]
    towns = random.choice(TOWNS, N_CUSTOMERS)
    born = random.integers(1950, 2005, N_CUSTOMERS)
    return pd.DataFrame({"customer": names, "town": towns, "born": born})


def _products(random: np.random.Generator) -> pd.DataFrame:
    return pd.DataFrame([
        (_product(shelf, place), f"{make} {name}", name.lower(), random.integers(100, 2000) / 100)
        for shelf, name in enumerate(SHELVES)
        for place, make in enumerate(MAKES)
    ], columns=["product", "title", "shelf", "price"])  # fmt: skip


def _friends(taste: np.ndarray, random: np.random.Generator) -> pd.DataFrame:
    pairs = []
    for one, shelves in enumerate(taste):
        alike = [two for two, other in enumerate(taste) if two != one and set(shelves) & set(other)]
        pairs += [(_customer(one), _customer(int(two))) for two in random.choice(alike, 3)]
    return pd.DataFrame(pairs, columns=["customer", "knows"]).drop_duplicates()


def _pictures(folder: Path, products: pd.DataFrame) -> None:
    """Draw each product as a square in the colour of its shelf, lighter along it."""
    folder.mkdir()
    for number, product in enumerate(products["product"]):
        shelf, place = divmod(number, len(MAKES))
        hue = int(255 * shelf / len(SHELVES))
        image = Image.new("HSV", (32, 32), (hue, 200, 120 + 6 * place))
        image.convert("RGB").save(folder / f"{product}.png")
