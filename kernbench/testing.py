"""The pytest plugin: the fixture `sim`, which makes simulations, and the marker that gives its defaults.

@pytest.mark.kernbench(sips=4, workers=2)
def test_all_ranks_agree(sim):
    assert sim().run("allreduce", sizes="16KiB").wrong == 0

A test of many machines names them itself: `sim(sips=8)`. pytest loads this file in every project that has kernbench
installed, so nothing heavy is imported before a test asks for a simulation.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeAlias

import pytest

if TYPE_CHECKING:
    from actors.simulation import Simulation

MARKER = "kernbench"

MakeSimulation: TypeAlias = "Callable[..., Simulation]"
"""The type of the fixture `sim`: takes what Simulation takes, over the defaults of the test's marker."""


def pytest_configure(config: pytest.Config) -> None:
    """Register the marker: with --strict-markers an unknown one is an error."""
    config.addinivalue_line(
        "markers", f"{MARKER}(**options): options of Simulation that the fixture `sim` begins with (sips, workers, ...)"
    )


@pytest.fixture
def sim(request: pytest.FixtureRequest) -> MakeSimulation:
    """Make simulations: `sim(sips=4, workers=2).run(bench)`; what is left out comes from `@pytest.mark.kernbench`."""
    defaults = _marked(request.node)

    def make(topology: Any = None, **options: Any) -> "Simulation":
        from actors.simulation import Simulation  # noqa: PLC0415  # pays only where a test simulates

        return Simulation(options.pop("topology", topology), **{**defaults, **options})

    return make


def _marked(node: pytest.Item) -> dict[str, Any]:
    """The options of all markers of a test; the closest one wins."""
    options: dict[str, Any] = {}
    for mark in reversed(list(node.iter_markers(MARKER))):
        if mark.args:
            raise pytest.UsageError(f"{node.nodeid}: @pytest.mark.{MARKER} takes options by name, such as sips=4")
        options.update(mark.kwargs)
    return options
