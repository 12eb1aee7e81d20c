"""Random numbers by counter: Philox-4x32-10, the same numbers as Triton's for the same seed and offset.

A round of Philox is two full products, four exclusive ors and two additions, 10 element operations; four words of ten
rounds cost 100 simple passes. A normal pair adds log, sqrt, sin and cos.
"""

from typing import Any

import numpy as np

from kernbench.triton_emu import bits
from kernbench.triton_emu.block import Block, constant, make, shapes, size_of
from kernbench.triton_emu.creation import as_block
from kernbench.triton_emu.dtype import DType, float32, int32, int64, typed, uint32, uint64
from kernbench.triton_emu.elementwise import cos, log, maximum, sin, sqrt, where
from kernbench.triton_emu.numerics import Array
from kernbench.triton_emu.program import current

__all__ = [
    "pair_uniform_to_normal", "philox", "rand", "rand4x", "randint", "randint4x", "randn", "randn4x",
    "uint_to_uniform_float",
]  # fmt: skip

ROUNDS = 10
_KEYS = np.uint32(0x9E3779B9), np.uint32(0xBB67AE85)
_FACTORS = np.uint64(0xD2511F53), np.uint64(0xCD9E8D57)
_LONG_KEYS = np.uint64(0x9E3779B97F4A7C15), np.uint64(0xBB67AE8584CAA73B)
_LONG_FACTORS = np.asarray(0xD2E7470EE14C6C93, np.uint64), np.asarray(0xCA5A826395121157, np.uint64)
_LOW, _HALF = np.uint64(0xFFFFFFFF), np.uint64(32)
# The greatest scale by which every 31-bit integer stays below 1 in float32.
_SCALE = 4.6566127342e-10
_LONG_SCALE = 1.0842020432385337e-19
_OPERATIONS = 10


def philox_words(seed: Array, counters: tuple[Array, Array, Array, Array], rounds: int) -> Array:
    """Four words of 32 bits for each counter of four words, along a new last axis."""
    c0, c1, c2, c3 = counters
    k0, k1 = (seed & _LOW).astype(np.uint32), (seed >> _HALF).astype(np.uint32)
    with np.errstate(over="ignore"):
        for _ in range(rounds):
            first, second = c0.astype(np.uint64) * _FACTORS[0], c2.astype(np.uint64) * _FACTORS[1]
            c0, c2 = (
                (second >> _HALF).astype(np.uint32) ^ c1 ^ k0,
                (first >> _HALF).astype(np.uint32) ^ c3 ^ k1,
            )
            c1, c3 = (second & _LOW).astype(np.uint32), (first & _LOW).astype(np.uint32)
            k0, k1 = k0 + _KEYS[0], k1 + _KEYS[1]
    return np.stack((c0, c1, c2, c3), axis=-1)


def philox_long_words(seed: Array, counters: tuple[Array, Array, Array, Array], rounds: int) -> Array:
    """Four words of 64 bits for each counter of four words of 64 bits, along a new last axis."""
    c0, c1, c2, c3 = counters
    k0, k1 = seed, np.zeros_like(seed)
    with np.errstate(over="ignore"):
        for _ in range(rounds):
            first, second = c0, c2
            c0 = bits.umulhi(second, _LONG_FACTORS[1]) ^ c1 ^ k0
            c2 = bits.umulhi(first, _LONG_FACTORS[0]) ^ c3 ^ k1
            c1, c3 = second * _LONG_FACTORS[1], first * _LONG_FACTORS[0]
            k0, k1 = k0 + _LONG_KEYS[0], k1 + _LONG_KEYS[1]
    return np.stack((c0, c1, c2, c3), axis=-1)


def philox(seed: Any, c0: Any, c1: Any, c2: Any, c3: Any, n_rounds: int = ROUNDS) -> Any:
    """Four blocks of random uint32 for counters of four words; uint64 if the first counter has 64 bits."""
    return _generated(seed, (c0, c1, c2, c3), n_rounds)


def randint4x(seed: Any, offset: Any, n_rounds: int = ROUNDS) -> Any:
    """Four blocks of random uint32, from a seed and a block of offsets."""
    return _generated(seed, (offset,), n_rounds)


def randint(seed: Any, offset: Any, n_rounds: int = ROUNDS) -> Any:
    """A block of random uint32: the first of `randint4x`."""
    return randint4x(seed, offset, n_rounds)[0]


def uint_to_uniform_float(x: Any) -> Any:
    """Random integers of 32 or 64 bits as float32 from 0 up to 1."""
    long = x.dtype.itemsize == int64.itemsize
    signed = x.to(int64 if long else int32, bitcast=True)
    return where(signed < 0, -signed - 1, signed).to(float32) * (_LONG_SCALE if long else _SCALE)


def rand(seed: Any, offset: Any, n_rounds: int = ROUNDS) -> Any:
    """A block of random float32, even from 0 up to 1."""
    return uint_to_uniform_float(randint(seed, offset, n_rounds))


def rand4x(seed: Any, offset: Any, n_rounds: int = ROUNDS) -> Any:
    """Four blocks of random float32, even from 0 up to 1."""
    return tuple(uint_to_uniform_float(each) for each in randint4x(seed, offset, n_rounds))


def pair_uniform_to_normal(u1: Any, u2: Any) -> Any:
    """Two even blocks as two normal ones (Box and Muller)."""
    radius = sqrt(log(maximum(1.0e-7, u1)) * -2.0)
    angle = u2 * 6.283185307179586
    return radius * cos(angle), radius * sin(angle)


def randn(seed: Any, offset: Any, n_rounds: int = ROUNDS) -> Any:
    """A block of random float32, normal with mean 0 and deviation 1."""
    first, second, _, _ = randint4x(seed, offset, n_rounds)
    u1, u2 = uint_to_uniform_float(first), uint_to_uniform_float(second)
    return sqrt(log(maximum(1.0e-7, u1)) * -2.0) * cos(u2 * 6.283185307179586)


def randn4x(seed: Any, offset: Any, n_rounds: int = ROUNDS) -> Any:
    """Four blocks of random float32, normal with mean 0 and deviation 1."""
    u1, u2, u3, u4 = rand4x(seed, offset, n_rounds)
    return (*pair_uniform_to_normal(u1, u2), *pair_uniform_to_normal(u3, u4))


def _generated(seed: Any, counters: tuple[Any, ...], n_rounds: int) -> tuple[Block, ...]:
    for counter in counters:
        if typed(counter)[0].is_floating():
            raise TypeError(f"random offsets are integers, got {counter!r}")
    blocks = [counter for counter in counters if isinstance(counter, Block)] or [
        as_block("randint4x", counter) for counter in counters[:1]
    ]
    shape = shapes([*blocks, seed] if isinstance(seed, Block) else blocks)
    parts = [counter if isinstance(counter, Block) else constant(counter, _kind(counter)) for counter in counters]
    if not any(isinstance(part, Block) for part in parts):
        parts[0] = blocks[0]
    stored = [part.stored() for part in parts if isinstance(part, Block)]
    if isinstance(seed, Block):
        stored.append(seed.stored())
    views = [part.lens if isinstance(part, Block) else None for part in parts]
    seed_view = seed.lens if isinstance(seed, Block) else None
    fixed = None if isinstance(seed, Block) else np.asarray(int(seed) & 0xFFFFFFFFFFFFFFFF, np.uint64)
    rounds = int(n_rounds)
    long = len(counters) > 1 and typed(counters[0])[0].itemsize == uint64.itemsize
    kind, draw = (uint64, philox_long_words) if long else (uint32, philox_words)

    def generate(*arrays: Array) -> Array:
        given = iter(arrays)
        seen = []
        for part, view in zip(parts, views, strict=True):
            array = next(given) if isinstance(part, Block) else part
            seen.append(array if view is None else view(array))
        key = fixed
        if key is None:
            (array,) = given
            key = (array if seed_view is None else seed_view(array)).astype(np.int64).astype(np.uint64)
        words = _counter(seen[0]) if len(seen) == 1 else tuple(each.astype(kind.numpy) for each in seen)
        words = tuple(np.broadcast_to(word, shape) for word in words)
        return draw(key, (words[0], words[1], words[2], words[3]), rounds)

    elements = _OPERATIONS * rounds * size_of(shape)
    program = current()
    value = make(program, generate, tuple(stored), (*shape, 4), kind, "simple", (), elements)
    made = Block(program, kind, (*shape, 4), value)
    return tuple(_word(made, shape, number) for number in range(4))


def _word(made: Block, shape: tuple[int, ...], number: int) -> Block:
    return made.seen(lambda array: array[..., number], shape)


def _counter(offset: Array) -> tuple[Array, ...]:
    """An offset as a counter: its low word, and its high word when it has one."""
    low = offset.astype(np.uint32)
    nothing = np.zeros_like(low)
    high = (offset.astype(np.uint64) >> _HALF).astype(np.uint32) if offset.dtype.itemsize > 4 else nothing
    return low, high, nothing, nothing


def _kind(number: Any) -> DType:
    dtype = typed(number)[0]
    return dtype if dtype in (int32, uint32, int64, uint64) else int64
