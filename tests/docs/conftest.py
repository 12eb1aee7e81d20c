"""The flag that writes the pages' outputs and tables anew: `pytest tests/docs -m "" --update-docs`."""

import pytest


def pytest_addoption(parser):
    parser.addoption("--update-docs", action="store_true", help="write outputs and generated tables of the docs anew")


@pytest.fixture
def update_docs(request):
    """Whether the pages are to be written instead of compared; other folders' runs do not know the flag."""
    return request.config.getoption("--update-docs", default=False)
