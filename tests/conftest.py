"""Options of the whole suite, and how hypothesis draws: the same examples each time, unless asked otherwise.

`make test-slow` asks with `--hypothesis-profile random` for other examples each time, and more of them. A property
test takes a share of `settings().max_examples`, so that both profiles reach it.
"""

import pytest
from hypothesis import Phase, settings

# Explaining a failure traces every line: it would outlast the 60 s of a test and hide the failing example.
PHASES = (Phase.explicit, Phase.reuse, Phase.generate, Phase.shrink)
settings.register_profile("gate", max_examples=100, derandomize=True, database=None, deadline=None, phases=PHASES)
settings.register_profile("random", settings.get_profile("gate"), max_examples=400, derandomize=False, print_blob=True)
settings.load_profile("gate")


def pytest_addoption(parser):
    parser.addoption(
        "--update-golden", action="store_true", help="write tests/golden/*.json anew; then say why in CHANGES.md"
    )


@pytest.fixture
def update_golden(request):
    """Whether golden files are to be written instead of compared."""
    return request.config.getoption("--update-golden")
