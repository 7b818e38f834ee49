"""Recommenders: one interface, one catalogue, built on first use."""

from __future__ import annotations

from reclib.recommenders.base import Recommender
from reclib.recommenders.catalogue import CATALOGUE, Entry, build

__all__ = ["CATALOGUE", "Entry", "Recommender", "build"]
