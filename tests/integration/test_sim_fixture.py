"""The pytest plugin as a user meets it: the fixture, the marker, strict markers, warnings as errors."""

import subprocess
import sys

import pytest

pytest_plugins = ["pytester"]

FILE = """
import pytest

OVERRIDES = ["sip.cube_mesh=1x1"]

@pytest.mark.kernbench(sips=3)
class TestMarked:
    def test_the_class_gives_defaults(self, sim):
        assert sim(overrides=OVERRIDES).topology.sips == 3

    @pytest.mark.kernbench(sips=2, workers=2)
    def test_the_closest_marker_wins(self, sim):
        made = sim(overrides=OVERRIDES)
        assert (made.topology.sips, made.workers) == (2, 2)

    def test_the_call_wins_over_the_marker(self, sim):
        assert sim(overrides=OVERRIDES, sips=5).topology.sips == 5

def test_values_and_time(sim):
    result = sim(sips=2, overrides=OVERRIDES).run("allreduce", sizes="4KiB")
    assert (result.wrong, result.rows[0].time > 0) == (0, True)
"""

OPTIONS = ("-q", "--strict-markers", "-Werror", "-p", "no:randomly", "-p", "no:cacheprovider")


def test_the_fixture_and_its_marker_work_in_a_project_of_the_user_s(pytester):
    pytester.makepyfile(FILE)
    pytester.runpytest_inprocess(*OPTIONS).assert_outcomes(passed=4)


def test_a_marker_without_names_says_what_it_takes(pytester):
    pytester.makepyfile("import pytest\n@pytest.mark.kernbench(4)\ndef test_it(sim):\n    pass\n")
    result = pytester.runpytest_inprocess(*OPTIONS)
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["*@pytest.mark.kernbench takes options by name, such as sips=4*"])


def test_the_fixture_and_the_marker_are_in_pytest_s_own_help(pytester):
    pytester.runpytest_inprocess("--markers").stdout.fnmatch_lines(["@pytest.mark.kernbench(?*options): *"])
    pytester.runpytest_inprocess("--fixtures", "-q").stdout.fnmatch_lines(["sim*kernbench/testing.py:*"])


@pytest.mark.parametrize("extra", [[], ["-p", "kernbench"]])
def test_the_plugin_loads_once_by_itself_or_by_name(pytester, extra):
    """Without plugins found by themselves, it is `-p kernbench`, the name of its entry point."""
    pytester.makepyfile("def test_it(sim):\n    pass\n")
    pytester.runpytest_subprocess(*OPTIONS, *extra).assert_outcomes(passed=1)


def test_loading_the_plugin_imports_nothing_heavy():
    code = "import sys, kernbench.testing; print(*sorted({'numpy','simpy','pykka','greenlet','yaml','actors'} & {*sys.modules}))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "\n"
