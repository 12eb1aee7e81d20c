"""Sizes as users write them."""

import pytest

from kernbench.common.units import parse_size


@pytest.mark.parametrize(
    ("text", "size"), [("1TiB", 2**40), ("1T", 2**40), ("2TB", 2 * 10**12), ("24GiB", 24 * 2**30), ("1.5K", 1536)]
)
def test_a_size_has_units_up_to_a_tera(text, size):
    assert parse_size(text) == size


@pytest.mark.parametrize("text", ["1PiB", "1tib", "1 KB"])
def test_another_unit_is_refused(text):
    with pytest.raises(ValueError, match="a size such as 64KiB"):
        parse_size(text)
