"""float8 at and beyond its range: conversions saturate as compiled Triton's (`cvt.rn.satfinite`), wherever they happen."""

import ml_dtypes
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kernbench.runtime_api.elements import elements
from kernbench.triton_emu import language as tl
from kernbench.triton_emu import numerics
from kernbench.triton_emu.dtype import BY_NAME
from kernbench.triton_emu.jit import jit

MOST = {"float8e4nv": 448.0, "float8e5": 57344.0}
WIDE = ["float16", "bfloat16", "float32", "float64"]


def values(array):
    with np.errstate(all="ignore"):
        return np.asarray(array).astype(np.float64)


def check(source, array, target):
    """In range ml_dtypes rounds; beyond is the largest number with the sign; NaN is NaN."""
    with np.errstate(all="ignore"):
        found = numerics.cast(BY_NAME[source], BY_NAME[target])(array)
        plain = array.astype(np.float32).astype(BY_NAME[target].numpy)
    assert found.dtype == BY_NAME[target].numpy
    most, exact = MOST[target], values(array)
    inside, lost = np.abs(exact) <= most, np.isnan(exact)
    assert found[inside].tobytes() == plain[inside].tobytes()
    assert np.isnan(values(found[lost])).all()
    beyond = ~inside & ~lost
    assert np.array_equal(values(found[beyond]), np.copysign(most, exact[beyond]))


@pytest.mark.parametrize("target", MOST)
def test_every_float16_and_bfloat16_is_rounded_or_saturated(target):
    for source in ("float16", "bfloat16"):
        check(source, np.arange(2**16).astype(np.uint16).view(BY_NAME[source].numpy), target)


@pytest.mark.parametrize("target", MOST)
def test_every_fp8_of_another_kind_is_rounded_or_saturated(target):
    for source in {*MOST, "float8e4b8", "float8e5b16"} - {target}:
        check(source, np.arange(2**8).astype(np.uint8).view(BY_NAME[source].numpy), target)


@given(
    st.lists(
        st.one_of(st.floats(width=32), st.sampled_from([0.0, 1.0, -1.0]).map(lambda sign: sign * 448.0)), min_size=1
    ),
    st.sampled_from(sorted(MOST)),
)
def test_any_float32_is_rounded_or_saturated(numbers, target):
    check("float32", np.array(numbers, np.float32), target)


@pytest.mark.parametrize(
    ("target", "edge"),
    [
        # Halfway between the two greatest numbers the even one is taken: 448, but not 57344.
        ("float8e4nv", {431.9: 416, 432: 448, 447: 448, 448: 448, 464: 448, 464.1: 448, 480: 448, 1e9: 448}),
        (
            "float8e5",
            {
                53247: 49152,
                53248: 49152,
                53249: 57344,
                57344: 57344,
                61439: 57344,
                61440: 57344,
                65504: 57344,
                1e9: 57344,
            },
        ),
    ],
)
def test_the_edge_of_the_range(target, edge):
    given_numbers = np.array([*edge, np.inf, -np.inf], np.float32)
    found = values(numerics.cast(tl.float32, BY_NAME[target])(given_numbers)).tolist()
    assert found == [*map(float, edge.values()), MOST[target], -MOST[target]]


def test_the_types_without_infinity_of_other_hardware_give_nan():
    for target in ("float8e4b8", "float8e5b16"):
        assert np.isnan(values(numerics.cast(tl.float32, BY_NAME[target])(np.array([1e9, np.inf], np.float32)))).all()


def test_integers_saturate():
    for target, most in MOST.items():
        found = numerics.cast(tl.int32, BY_NAME[target])(np.array([2**31 - 1, -(2**31), 3], np.int32))
        assert values(found).tolist() == [most, -most, 3.0]


def test_toward_zero_beyond_the_range_is_the_largest_number_and_infinity_stays_where_there_is_one():
    given_numbers = np.array([460.0, 60000.0, 1e9, -1e9, np.inf], np.float32)
    cut = {name: values(numerics.cast_toward_zero(tl.float32, BY_NAME[name])(given_numbers)).tolist() for name in MOST}
    assert cut["float8e4nv"] == [448.0, 448.0, 448.0, -448.0, 448.0]
    assert cut["float8e5"] == [448.0, 57344.0, 57344.0, -57344.0, np.inf]


COUNT = 16
BIG = np.array([1e6, -1e6, np.inf, -np.inf, np.nan, 3.0, 448.0, -57344.0] * 2, np.float32)


@pytest.mark.parametrize("target", MOST)
def test_stores_casts_choices_operators_and_sums_saturate_alike(rig, target):
    kind, most = BY_NAME[target], MOST[target]
    loud = np.array([most, -most, 1.0, 0.0] * 4, np.float32).astype(kind.numpy)

    def kernel(x, y, out, scale):
        i = tl.arange(0, COUNT)
        big, small = tl.load(x + i), tl.load(y + i)
        tl.store(out + i, big)
        tl.store(out + COUNT + i, big.to(kind))
        tl.store(out + 2 * COUNT + i, tl.where(i >= 0, big.to(kind), small))
        tl.store(out + 3 * COUNT + i, small + small)
        tl.store(out + 4 * COUNT + i, tl.cumsum(tl.abs(small.to(tl.float32)).to(kind), 0))
        tl.store(out + 5 * COUNT + i, tl.full((COUNT,), 1e6, kind))
        tl.store(out + 6 * COUNT + i, 1e6)
        tl.store(out + 7 * COUNT + i, scale)
        tl.store(out + 8 * COUNT + i, scale.to(kind))
        tl.store(out + 9 * COUNT + i, tl.sum(tl.abs(small.to(tl.float32)).to(kind), 0))

    device = rig()
    out = device.tensor(np.zeros(10 * COUNT, kind.numpy))
    device.launch(kernel, 1, device.tensor(BIG), device.tensor(loud), out, -1e6)
    found = values(out.numpy()).reshape(10, COUNT)
    expected = values(numerics.cast(tl.float32, kind)(BIG))
    assert np.isfinite(expected[~np.isnan(BIG)]).all()
    for row in found[:3]:
        assert np.array_equal(row, expected, equal_nan=True)
    assert np.array_equal(found[3], np.array([most, -most, 2.0, 0.0] * 4))
    assert (found[4] == most).all()
    assert (found[5:7] == most).all()
    assert (found[7:9] == -most).all()
    assert (found[9] == most).all()


def test_a_bare_number_that_fp8_cannot_hold_saturates_beside_a_block(rig):
    def kernel(x, out):
        i = tl.arange(0, COUNT)
        tl.store(out + i, tl.minimum(tl.load(x + i), 1e6))

    device = rig()
    x = np.full(COUNT, 448, ml_dtypes.float8_e4m3fn)
    out = device.tensor(np.zeros(COUNT, x.dtype))
    device.launch(kernel, 1, device.tensor(x), out)
    assert values(out.numpy()).tolist() == [448.0] * COUNT


def test_a_hosts_arrays_become_fp8_as_in_torch():
    """What torch 2.13 printed on a CPU; a kernel would give 57344 for the infinities of float8_e5m2."""
    numbers = np.array([448, 464, 464.1, 480, 1e9, np.inf, -np.inf, -1e5, np.nan, 61439, 61440, 65504], np.float32)
    printed = {
        "float8e4nv": [448, 448, 448, 448, 448, 448, -448, -448, np.nan, 448, 448, 448],
        "float8e5": [448, 448, 448, 512, np.inf, np.inf, -np.inf, -np.inf, np.nan, 57344, np.inf, np.inf],
        "float8e4b8": [np.nan] * 12,
        "float8e5b16": [448, 448, 448, 512, np.nan, np.nan, np.nan, np.nan, np.nan, 57344, np.nan, np.nan],
    }
    for name, expected in printed.items():
        assert np.array_equal(values(elements(numbers, BY_NAME[name])), expected, equal_nan=True), name


@jit
def add(x, y, COUNT: tl.constexpr):
    """Add numbers of the one to those of the other and, in every lane, to its first."""
    i = tl.arange(0, COUNT)
    loud = tl.load(y + i)
    tl.atomic_add(x + i, loud)
    tl.atomic_add(x + 0 * i, loud)


def program(torch):
    """Every way to make a tensor of the host's numbers, and a conversion on the device."""
    kind = torch.float8_e4m3fn
    made = [
        torch.tensor([1e6], dtype=kind),
        torch.full((1,), 1e6, dtype=kind),
        torch.empty((1,), dtype=kind).copy_(np.array([np.inf])),
        torch.arange(1000, 1001, dtype=kind),
        torch.tensor([1e6]).to(kind),
        torch.tensor([1e6]).to(torch.float8_e5m2),
        torch.tensor([1e6], dtype=torch.float8_e5m2),
    ]
    counts = torch.tensor([300.0, -300.0, 1.0, 2.0], dtype=kind)
    torch.distributed.launch(add.launch((1,), counts, torch.tensor([200.0, -1e9, 1.0, 1.0]), 4))
    made += [counts[at : at + 1] for at in range(4)]
    return torch.Row({"found": [str(x.numpy().astype(np.float32)[0]) for x in made]}, 0, 0)


def test_a_host_program_makes_fp8_tensors_and_atomics_that_saturate(sim):
    row = sim(sips=1, overrides=("sip.cube_mesh=1x1",)).run(program).rows[0].columns
    assert row["found"][:7] == ["448.0"] * 5 + ["57344.0", "inf"]
    # The first number is 448 after 300 + 200; 200 more leave it there, then 448 are taken from it and 2 added.
    assert row["found"][7:] == ["2.0", "-448.0", "2.0", "3.0"]
