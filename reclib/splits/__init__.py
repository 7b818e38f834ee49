"""Splits of a dataset into train, valid and test, made once and sealed by checksum."""

from __future__ import annotations

from reclib.splits.make import make_split, whole_split
from reclib.splits.protocols import PROTOCOLS, Protocol
from reclib.splits.split import Split

__all__ = ["PROTOCOLS", "Protocol", "Split", "make_split", "whole_split"]
