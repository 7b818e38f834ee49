"""Helpers of the report, in the order in which data flows.

``datasets`` -> ``inclusion`` -> ``splits`` -> ``recommenders`` -> ``ranking`` and ``metrics``
-> ``statistics`` -> ``ledger`` -> ``tables`` and ``figures`` -> ``report``. Where data is larger than
memory, ``prepare`` takes it to a split.
"""

from __future__ import annotations

__version__ = "0.1.0"
