"""The unsharded layer in numpy against itself: its gradients are the slopes of its own output."""

import msgspec
import numpy as np
import pytest

from kernbench.runtime_api.parallel.model_shape import model_shape
from kernbench.runtime_api.parallel.reference import ReferenceLayer, wrong
from kernbench.triton_emu.dtype import bfloat16, float32

STEP = 1e-6
LLAMA = msgspec.structs.replace(model_shape("tiny"), hidden_size=16, heads=4, kv_heads=2, head_dim=4, ffn=12)
GPT = msgspec.structs.replace(LLAMA, kv_heads=4, gated=False, rms=False)


class Nudged(ReferenceLayer):
    """A layer with one element of one parameter moved."""

    nudge = ("", (), 0.0)

    def weight(self, name):
        made = super().weight(name)
        if name == self.nudge[0]:
            made[self.nudge[1]] += self.nudge[2]
        return made


def layer(shape):
    return Nudged(shape, batch=2, seed=3, title="layer 0", dtype=float32)


@pytest.mark.parametrize("shape", [LLAMA, GPT], ids=["llama", "gpt"])
def test_gradients_are_slopes(shape):
    rng = np.random.default_rng(5)
    x, dy = rng.standard_normal((2, 10, shape.hidden_size))
    whole = layer(shape)
    whole.forward(x)
    dx = whole.backward(dy)

    def slope(up, down):
        return float(((up - down) * dy).sum() / (2 * STEP))

    for at in [(0, 0), (4, 7), (9, 15)]:
        moved = np.zeros_like(x)
        moved[at] = STEP
        assert slope(layer(shape).forward(x + moved), layer(shape).forward(x - moved)) == pytest.approx(
            dx[at], rel=1e-6
        )
    for name, grad in whole.grads.items():
        at = tuple(extent // 2 for extent in grad.shape)
        outs = []
        for step in (STEP, -STEP):
            other = layer(shape)
            other.nudge = (name, at, step)
            outs.append(other.forward(x))
        assert slope(*outs) == pytest.approx(grad[at], rel=1e-6, abs=1e-7), name


def test_decoding_a_position_gives_what_the_whole_sequence_gives_there():
    """The caches of a layer are the keys and values of the positions before."""
    x = np.random.default_rng(6).standard_normal((10, LLAMA.hidden_size))  # 5 positions x batch 2
    whole = layer(LLAMA)
    full = whole.forward(x)
    _, k, v, _ = whole._saved["attention"]
    caches = tuple(each.transpose(2, 0, 1, 3) for each in (k, v))
    last = layer(LLAMA).forward(x[-2:], caches)
    np.testing.assert_allclose(last, full[-2:], rtol=1e-12)


def test_what_is_not_a_number_or_off_by_more_than_the_types_precision_is_wrong():
    want = np.ones(100)
    assert wrong(want + 31 * 2.0**-7, want, bfloat16) == 0
    assert wrong(want + 33 * 2.0**-7, want, bfloat16) == 100
    assert wrong(np.where(np.arange(100) < 3, np.nan, 1.0), want, float32) == 3
