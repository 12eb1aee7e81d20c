"""Functions of integers that numpy lacks: high halves of products, averages, bit counts, permutations of bits and bytes."""

from typing import Any

import numpy as np

from kernbench.triton_emu.numerics import Array


def umulhi(x: Array, y: Array) -> Any:
    """The upper half of an unsigned product."""
    bits = 8 * x.dtype.itemsize
    unsigned = np.dtype(f"u{x.dtype.itemsize}")
    left, right = x.astype(unsigned).astype(np.uint64), y.astype(unsigned).astype(np.uint64)
    if bits < 64:
        return ((left * right) >> np.uint64(bits)).astype(unsigned).astype(x.dtype)
    half, low = np.uint64(32), np.uint64(2**32 - 1)
    a, b, c, d = left >> half, left & low, right >> half, right & low
    middle = (b * d >> half) + (a * d & low) + (b * c & low)
    return (a * c + (a * d >> half) + (b * c >> half) + (middle >> half)).astype(x.dtype)


def mulhi(x: Array, y: Array) -> Any:
    """The upper half of a signed product."""
    high = umulhi(x, y)
    return high - np.where(x < 0, y, 0).astype(x.dtype) - np.where(y < 0, x, 0).astype(x.dtype)


def popc(x: Array) -> Any:
    """How many bits are set."""
    return np.bitwise_count(x.view(np.dtype(f"u{x.dtype.itemsize}"))).astype(np.int32)


def clz(x: Array) -> Any:
    """How many upper bits are clear."""
    smeared = x.view(np.dtype(f"u{x.dtype.itemsize}")).copy()
    shift = 1
    while shift < 8 * x.dtype.itemsize:
        smeared |= smeared >> smeared.dtype.type(shift)
        shift *= 2
    return 8 * x.dtype.itemsize - np.bitwise_count(smeared).astype(np.int32)


def ffs(x: Array) -> Any:
    """The place of the lowest set bit from 1, or 0."""
    bits = x.view(np.dtype(f"u{x.dtype.itemsize}"))
    lowest = bits & (~bits + bits.dtype.type(1))
    return np.where(bits == 0, 0, np.bitwise_count(lowest - bits.dtype.type(1)).astype(np.int32) + 1)


def brev(x: Array) -> Any:
    """The bits in reverse."""
    size = x.dtype.itemsize
    octets = np.ascontiguousarray(x).reshape(-1, 1).view(np.uint8)
    bits = np.unpackbits(octets, axis=-1, bitorder="little")[:, ::-1]
    return np.packbits(bits, axis=-1, bitorder="little").view(f"u{size}").astype(x.dtype).reshape(x.shape)


def mul24(x: Array, y: Array) -> Any:
    """Products of the lower 24 bits, which have the sign of their upper one where the type has one."""
    upper = x.dtype.type(8 * x.dtype.itemsize - 24)
    return ((x << upper) >> upper) * ((y << upper) >> upper)


def hadd(x: Array, y: Array) -> Any:
    """Averages, rounded down; the sum does not overflow."""
    return (x & y) + ((x ^ y) >> x.dtype.type(1))


def rhadd(x: Array, y: Array) -> Any:
    """Averages, rounded up; the sum does not overflow."""
    return (x | y) - ((x ^ y) >> x.dtype.type(1))


def byte_perm(x: Array, y: Array, selector: Array) -> Any:
    """Four of the eight bytes of x and y, each named by the lower three bits of a digit of the selector."""
    pair = x.astype(np.uint32).astype(np.uint64) | y.astype(np.uint32).astype(np.uint64) << np.uint64(32)
    out = np.zeros(pair.shape, np.uint64)
    for place in range(4):
        which = (selector.astype(np.uint32) >> np.uint32(4 * place) & np.uint32(7)).astype(np.uint64)
        out |= (pair >> np.uint64(8) * which & np.uint64(255)) << np.uint64(8 * place)
    return out.astype(np.uint32).astype(x.dtype)
