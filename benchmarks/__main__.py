"""`make bench`: every benchmark, one after another, never two at once.

`python benchmarks startup` runs one. Each compares two things in one run, since the speed of a machine drifts.
"""

import importlib
import sys

NAMES = ("startup", "hop", "mesh", "speedup", "telemetry", "monitor")


def main(names: list[str]) -> None:
    """Run the named benchmarks, or all."""
    for name in names or NAMES:
        print(f"\n== {name}", flush=True)
        importlib.import_module(name).main()


if __name__ == "__main__":
    main(sys.argv[1:])
