"""Random numbers: the published answers of Philox-4x32-10, and Triton's numbers from them."""

import math

import numpy as np
import pytest

from kernbench.common.errors import KernelError
from kernbench.triton_emu import language as tl
from kernbench.triton_emu.random import philox_words

MASK = 2**32 - 1


def words(seed, counter, rounds=10):
    """Philox-4x32 word by word, in Python's integers."""
    c = list(counter)
    k0, k1 = seed & MASK, seed >> 32 & MASK
    for _ in range(rounds):
        first, second = c[0] * 0xD2511F53, c[2] * 0xCD9E8D57
        c = [(second >> 32) ^ c[1] ^ k0, second & MASK, (first >> 32) ^ c[3] ^ k1, first & MASK]
        k0, k1 = k0 + 0x9E3779B9 & MASK, k1 + 0xBB67AE85 & MASK
    return c


def uniform(word):
    """A word as a float32 of [0, 1): the magnitude of 31 bits times the greatest scale that stays below 1."""
    signed = word - 2**32 if word >= 2**31 else word
    return np.float32(np.float32(-signed - 1 if signed < 0 else signed) * np.float32(4.6566127342e-10))


@pytest.mark.parametrize(
    ("seed", "counter", "answer"),
    [
        (0, (0, 0, 0, 0), "6627e8d5 e169c58d bc57ac4c 9b00dbd8"),
        (2**64 - 1, (MASK, MASK, MASK, MASK), "408f276d 41c83b0e a20bc7c6 6d5451fd"),
        (0x299F31D0_A4093822, (0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344), "d16cfe09 94fdcceb 5001e420 24126ea1"),
    ],
)
def test_the_published_answers_of_philox(seed, counter, answer):
    counters = tuple(np.array([word], np.uint32) for word in counter)
    assert " ".join(f"{word:08x}" for word in philox_words(seed, counters, 10)[0].tolist()) == answer


def drawn(rig, function, count=64, kind=np.float32, args=()):
    def kernel(out, *args):
        made = function(*args)
        made = made if isinstance(made, tuple) else (made,)
        for number, block in enumerate(made):
            tl.store(out + number * count + tl.arange(0, count), block)

    def three(out, a, b):
        kernel(out, a, b)

    device = rig()
    out = device.tensor(np.zeros((4, count), kind))
    device.launch(three, 1, out, *args)
    return out.numpy()


@pytest.mark.parametrize("seed", [0, 1234, 2**31 + 5, 2**40 + 7, -3])
def test_rand_and_randint_are_philox_of_the_offset(rig, seed):
    offsets = [1000 + i for i in range(64)]
    found = drawn(rig, lambda seed, start: tl.rand(seed, start + tl.arange(0, 64)), args=(seed, 1000))[0]
    assert found.tolist() == [float(uniform(words(seed, (offset, 0, 0, 0))[0])) for offset in offsets]
    four = drawn(
        rig, lambda seed, start: tl.randint4x(seed, start + tl.arange(0, 64)), kind=np.uint32, args=(seed, 1000)
    )
    assert four.T.tolist() == [words(seed, (offset, 0, 0, 0)) for offset in offsets]
    one = drawn(rig, lambda seed, start: tl.randint(seed, start + tl.arange(0, 64)), kind=np.uint32, args=(seed, 1000))[
        0
    ]
    assert one.tolist() == four[0].tolist()


def test_wide_offsets_fill_two_words_of_the_counter_and_rounds_may_differ(rig):
    big = 5 * 2**32 + 9
    found = drawn(
        rig, lambda seed, start: tl.randint4x(seed, start + tl.arange(0, 64), 7), kind=np.uint32, args=(42, big)
    )
    assert found[:, 3].tolist() == words(42, (12, 5, 0, 0), rounds=7)


def test_normal_numbers_are_box_mullers_of_neighbouring_words(rig):
    found = drawn(rig, lambda seed, start: tl.randn(seed, start + tl.arange(0, 64)), args=(7, 0))[0]
    four = drawn(rig, lambda seed, start: tl.randn4x(seed, start + tl.arange(0, 64)), args=(7, 0))
    for offset in range(64):
        u = [max(1e-7, float(uniform(word))) for word in words(7, (offset, 0, 0, 0))]
        radius, angle = math.sqrt(-2 * math.log(u[0])), 2 * math.pi * u[1]
        assert found[offset] == pytest.approx(radius * math.cos(angle), rel=1e-5, abs=1e-5)
        assert four[1, offset] == pytest.approx(radius * math.sin(angle), rel=1e-5, abs=1e-5)
    assert four[0].tolist() == found.tolist()
    many = drawn(rig, lambda seed, start: tl.randn(seed, start + tl.arange(0, 4096)), count=4096, args=(3, 0))[0]
    assert abs(many.mean()) < 0.05
    assert abs(many.std() - 1) < 0.05


def test_a_loaded_seed_and_blocks_of_counters_serve_too(rig):
    def kernel(seeds, out):
        i = tl.arange(0, 16)
        seed = tl.load(seeds)
        tl.store(out + i, tl.rand(seed, i))
        tl.store(out + 16 + i, tl.philox(seed, i, i + 1, i + 2, i + 3)[0].to(tl.float32))
        tl.store(out + 32, tl.rand(seed, tl.program_id(0) + 5))

    device = rig()
    out = device.tensor(np.zeros(48, np.float32))
    device.launch(kernel, 1, device.tensor(np.array([99], np.int64)), out)
    found = out.numpy()
    assert found[:16].tolist() == [float(uniform(words(99, (i, 0, 0, 0))[0])) for i in range(16)]
    assert found[16:32].tolist() == [float(np.float32(words(99, (i, i + 1, i + 2, i + 3))[0])) for i in range(16)]
    assert found[32] == uniform(words(99, (5, 0, 0, 0))[0])


def test_a_dropout_keeps_the_same_elements_for_a_seed_and_costs_its_rounds(rig):
    """100 passes of an operation over 1024 elements are 1600 cycles of 64 lanes."""

    def kernel(out):
        tl.randint(1, tl.arange(0, 1024))

    device = rig()
    assert device.launch(kernel, 1, device.tensor(np.zeros(1, np.int32))) == (1600 + 16) * 10**6
    with pytest.raises(KernelError, match="random offsets are integers"):
        drawn(rig, tl.rand, args=(1, 2.5))
