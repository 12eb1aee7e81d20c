"""What users install: the wheel works from an empty folder, without the checkout."""

import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def run(*command, cwd):
    done = subprocess.run([str(part) for part in command], cwd=cwd, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout


@pytest.mark.slow
def test_the_wheel_runs_from_an_empty_folder(tmp_path):
    dist, empty = tmp_path / "dist", tmp_path / "empty"
    empty.mkdir()
    run(
        sys.executable,
        "-m",
        "pip",
        "wheel",
        "--no-build-isolation",
        "--no-deps",
        "--quiet",
        "-w",
        dist,
        ROOT,
        cwd=tmp_path,
    )
    run(sys.executable, "-m", "venv", "--without-pip", tmp_path / "venv", cwd=tmp_path)
    python = tmp_path / "venv" / "bin" / "python"
    site = Path(run(python, "-c", "import sysconfig; print(sysconfig.get_paths()['purelib'])", cwd=empty).strip())
    (wheel,) = dist.glob("*.whl")
    run(sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--target", site, wheel, cwd=tmp_path)
    # The dependencies of this environment, without its editable install: a path in a .pth file brings no other .pth.
    (site / "dependencies.pth").write_text(sysconfig.get_paths()["purelib"] + "\n")

    where = run(python, "-c", "import kernbench, actors; print(kernbench.__file__, actors.__file__)", cwd=empty)
    assert all(part.startswith(str(site)) for part in where.split())
    assert run(python, "-m", "kernbench", "--version", cwd=empty).startswith("kernbench")
    assert "allreduce" in run(python, "-m", "kernbench", "list", cwd=empty)
    assert "audit: ok" in run(python, "-m", "kernbench", "run", "--sips", "2", "--size", "4KiB", cwd=empty)
