"""``python -m benchmarks``: how much of the machine we use, and our models against RecBole's."""

from __future__ import annotations

import argparse

from benchmarks import ddp, matmul_share, sequence_models

NAMES = ("matmul_share", "ddp", "sequence_models")


def main() -> None:
    """Run the benchmarks and print their tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--dataset", default="ml-100k")
    parser.add_argument("--ratio", type=float, default=20.0, help="times our time RecBole may take")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--only", choices=NAMES)
    arguments = parser.parse_args()
    data, threads = arguments.dataset, arguments.threads
    wanted = NAMES if arguments.only is None else (arguments.only,)
    if "matmul_share" in wanted:
        print(matmul_share.measure_all(data, threads).to_string(index=False))
    if "ddp" in wanted:
        print(ddp.compare_all(data).to_string(index=False))
    if "sequence_models" in wanted:
        table = sequence_models.compare_all(data, arguments.ratio, threads)
        print(table.to_string(index=False))


if __name__ == "__main__":
    main()
