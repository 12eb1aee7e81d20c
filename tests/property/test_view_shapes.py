"""Views in another shape: the elements that numpy gives, and a view wherever numpy has one."""

from itertools import product
from math import prod

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from kernbench.runtime_api.view import View


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_a_view_in_another_shape_has_the_same_elements_in_order(data):
    shape = tuple(data.draw(st.lists(st.integers(1, 4), min_size=1, max_size=3)))
    base = np.arange(prod(shape))
    order = tuple(data.draw(st.permutations(range(len(shape)))))
    key = tuple(data.draw(st.sampled_from([slice(None), slice(1, None), slice(0, 1)])) for _ in shape)
    array = base.reshape(shape).transpose(order)[key]
    view = View.whole(shape).permuted(order).indexed(key)
    if not array.size:
        return
    shapes = [
        each for rank in (1, 2, 3) for each in product((1, 2, 3, 4, 6, 8, 12), repeat=rank) if prod(each) == array.size
    ]
    wanted = data.draw(st.sampled_from(shapes or [array.shape]))
    made = view.reshaped(wanted)
    copied = array.reshape(wanted)
    if made is None:
        assert not np.shares_memory(copied, base)
    else:
        strides = [each * base.itemsize for each in made.strides]
        assert np.array_equal(np.lib.stride_tricks.as_strided(base[made.offset :], made.shape, strides), copied)
