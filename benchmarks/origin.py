"""Where benchmarks put their tables, and what they say of a measurement."""

from __future__ import annotations

import os
import platform
from datetime import UTC, datetime
from pathlib import Path

from reclib import provenance

BUILD = Path(__file__).parents[1] / "build"


def origin() -> dict[str, str]:
    """Say when, where and by which code a row was measured."""
    return {
        "finished": datetime.now(UTC).isoformat(timespec="seconds"),
        "device": f"{platform.machine()}, {os.cpu_count()} cores",
        "commit": provenance.commit(),
    }
