"""`make fuzz`: the fuzz tests of the gate again, led by coverage, MINUTES each; `python campaigns/fuzz MINUTES [NAME...]`.

atheris mutates the bytes from which hypothesis draws an example, and keeps those that reach new code. A finding is
printed and left as a file in `.kernbench/crashes`, and its example is to be kept as an `@example` of the test.
"""
# ruff: noqa: INP001, S603, T201  # a script that prints and starts itself

import subprocess
import sys
from importlib import util
from pathlib import Path
from types import ModuleType
from typing import Any

HERE = Path(__file__)
TESTS = HERE.parents[2] / "tests" / "property"
PACKAGES = ["kernbench", "actors"]


def load(path: Path) -> ModuleType:
    """A test file as a module."""
    spec = util.spec_from_file_location(path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    module = util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def targets() -> list[str]:
    """`file:test` of every property among the fuzz tests."""
    return [
        f"{path.stem}:{name}"
        for path in sorted(TESTS.glob("test_fuzz_*.py"))
        for name, value in vars(load(path)).items()
        if name.startswith("test_") and hasattr(value, "hypothesis")
    ]


def fuzz(target: str, seconds: int, crashes: Path) -> None:
    """Fuzz one target in this process; does not return."""
    import atheris  # noqa: PLC0415  # `make fuzz` installs it

    file, _, name = target.partition(":")
    with atheris.instrument_imports(include=PACKAGES):
        test: Any = getattr(load(TESTS / f"{file}.py"), name)
    options = [f"-max_total_time={seconds}", f"-artifact_prefix={crashes}/{name}-", "-rss_limit_mb=4096", "-timeout=60"]
    atheris.Setup([sys.argv[0], *options, "-max_len=4096", "-len_control=0", "-print_final_stats=1"],
                  test.hypothesis.fuzz_one_input)  # fmt: skip
    atheris.Fuzz()


def main(minutes: float, names: list[str]) -> int:
    """Fuzz all targets, or those whose names contain one of `names`, one after the other; the exit code."""
    crashes = Path(".kernbench/crashes")
    crashes.mkdir(parents=True, exist_ok=True)
    found = []
    for target in targets():
        if names and not any(name in target for name in names):
            continue
        command = [sys.executable, str(HERE), "--one", target, str(int(minutes * 60)), str(crashes)]
        done = subprocess.run(command, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True, check=False)
        runs = [line.split()[-1] for line in done.stderr.splitlines() if "number_of_executed_units" in line]
        print(f"{target}: {runs[0] if runs else '?'} examples, {'ok' if not done.returncode else 'FOUND'}", flush=True)
        if done.returncode:
            found.append(target)
            print(done.stderr[-4000:])
    return 1 if found else 0


if __name__ == "__main__":
    if sys.argv[1] == "--one":
        fuzz(sys.argv[2], int(sys.argv[3]), Path(sys.argv[4]))
    sys.exit(main(float(sys.argv[1]), sys.argv[2:]))
