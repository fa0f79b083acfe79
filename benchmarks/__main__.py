"""Run every measurement of this machine one after another (``make bench``).

    python -m benchmarks [--only objective data] [--out build/benchmarks]

Each measurement is a module with ``main(arguments)`` and ``--out FILE``; the records that the
documents cite are in results/ and stay as they are.
"""

import argparse
import importlib
import sys
from collections.abc import Sequence
from pathlib import Path

from sdc_lib.support.files import type_and_first_line

HERE = Path(__file__).resolve().parent
# In the order in which they run; those whose module is there.
MEASUREMENTS = ("step", "objective", "data", "loader", "damaged")


def available() -> list[str]:
    """Names of the measurements in this checkout."""
    return [name for name in MEASUREMENTS if (HERE / f"{name}.py").is_file()]


def main(argv: Sequence[str] | None = None) -> int:
    """Run what is asked for; status 1 if one of them failed."""
    parser = argparse.ArgumentParser(prog="benchmarks", description=__doc__.splitlines()[0])
    parser.add_argument("--only", nargs="+", choices=available(), default=available())
    parser.add_argument("--out", type=Path, default=HERE.parent / "build" / "benchmarks")
    options = parser.parse_args(argv)
    options.out.mkdir(parents=True, exist_ok=True)
    failed = []
    for name in options.only:
        print(f"== {name}", flush=True)
        try:
            status = importlib.import_module(f"benchmarks.{name}").main(
                ["--out", str(options.out / f"{name}.json")]
            )
        except Exception as error:  # one measurement must not keep the others from running
            status = 1
            print(f"{name}: {type_and_first_line(error)}", file=sys.stderr)
        if status:
            failed.append(name)
    print(f"failed: {', '.join(failed)}" if failed else f"records are in {options.out}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
