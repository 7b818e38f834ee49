"""``python -m benchmarks``: our sequence models against RecBole's on the same sealed split."""

from __future__ import annotations

import argparse

from benchmarks.sequence_models import compare_all


def main() -> None:
    """Run the benchmark and print its table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--dataset", default="ml-100k")
    parser.add_argument("--ratio", type=float, default=20.0, help="times our time RecBole may take")
    parser.add_argument("--threads", type=int, default=1)
    arguments = parser.parse_args()
    table = compare_all(arguments.dataset, arguments.ratio, arguments.threads)
    print(table.to_string(index=False))


if __name__ == "__main__":
    main()
