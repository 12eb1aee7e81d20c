"""Values and time of kernels against the values alone of Triton's interpreter: CPU seconds of both, alternating.

`python benchmarks/triton_speed.py PYTHON` takes the Python of an environment with torch and triton; `make bench-triton`
makes one. Both sides run the source of `triton_kernels.py`, in a process each, on one thread. The time is from the call
of `kernel[grid]` to its end; imports, tensors and the device are made before, and the first launch does not count.
"""

import os
import statistics
import subprocess
import sys
from pathlib import Path

from actors.simulation import Simulation

KERNELS = Path(__file__).with_name("triton_kernels.py")
CASES = ("softmax", "matmul", "layer_norm_1024", "layer_norm_8192")
ONE_CUBE, LARGE = "sip.cube_mesh=1x1", "quantum_bytes=4KiB"
DEVICES = {
    "the default SIP of 16 cubes": (),
    "the default SIP in quanta of 4 KiB": (LARGE,),
    "a SIP of one cube": (ONE_CUBE,),
    "a SIP of one cube in quanta of 4 KiB": (ONE_CUBE, LARGE),
}
ROUNDS = 7
"""The 1st and the 7th of 7 ratios bound the median with 98.4 %."""
ONE_THREAD = {f"{library}_NUM_THREADS": "1" for library in ("OMP", "OPENBLAS", "MKL")}


class Side:
    """A process that launches what it is asked for."""

    def __init__(self, command: list[str], **environment: str) -> None:
        self._process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            bufsize=1,
            env={**os.environ, **ONE_THREAD, **environment},
        )

    def launch(self, case: str) -> float:
        """CPU seconds of one launch."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(f"{case}\n")
        line = self._process.stdout.readline()
        if not line:
            raise SystemExit(f"{case}: {self._process.args!r} ended with {self._process.wait()}")
        return float(line)

    def close(self) -> None:
        """Let the process end."""
        self._process.communicate()


def compare(case: str, ours: Side, theirs: Side, rounds: int) -> str:
    """Medians of both sides and of the ratios, with the interval that the median of ratios lies in."""
    for side in (ours, theirs):
        side.launch(case)
    pairs = []
    for number in range(rounds):
        if number % 2:
            other, one = theirs.launch(case), ours.launch(case)
        else:
            one, other = ours.launch(case), theirs.launch(case)
        pairs.append((one, other))
    mine, interpreted = (statistics.median(column) for column in zip(*pairs, strict=True))
    ratios = sorted(one / other for one, other in pairs)
    return (
        f"{case:16} {mine:7.2f} s against {interpreted:6.2f} s: {statistics.median(ratios):.2f}x "
        f"({ratios[0]:.2f} to {ratios[-1]:.2f}, {rounds} pairs)"
    )


def main(python: str, rounds: int = ROUNDS, cases: tuple[str, ...] = CASES) -> None:
    """Print a line for each case and device."""
    theirs = Side([python, str(KERNELS)], TRITON_INTERPRET="1")
    for device, overrides in DEVICES.items():
        print(f"kernbench on {device}, values and time, against Triton's interpreter, values alone:", flush=True)
        ours = Side([sys.executable, __file__, "--serve", *overrides])
        for case in cases:
            print("  " + compare(case, ours, theirs, rounds), flush=True)
        ours.close()
    theirs.close()


if __name__ == "__main__":
    if sys.argv[1] == "--serve":
        Simulation(sips=1, overrides=sys.argv[2:]).run(KERNELS)
    else:
        main(sys.argv[1], *(int(each) for each in sys.argv[2:3]), *([tuple(sys.argv[3:])] if sys.argv[3:] else []))
