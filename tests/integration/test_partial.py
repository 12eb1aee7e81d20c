"""Tensors of which every cube, or every PE, has an addend."""

import numpy as np
import pytest

import kernbench.triton_emu.language as tl
from kernbench.common.errors import RankError, UsageError
from kernbench.triton_emu.jit import jit

MESH = ("sip.cube_mesh=2x2", "sip.cube.pes=2")


@jit
def split_k(c_ptr, a_ptr, b_ptr, K, M: tl.constexpr, DEPTH: tl.constexpr):
    """Program p multiplies columns [p DEPTH, ...) of A by those rows of B and adds the product to what is in C."""
    rows, deep = tl.arange(0, M), tl.program_id(0) * DEPTH + tl.arange(0, DEPTH)
    a = tl.load(a_ptr + rows[:, None] * K + deep[None, :])
    b = tl.load(b_ptr + deep[:, None] * M + rows[None, :])
    tl.atomic_add(c_ptr + rows[:, None] * M + rows[None, :], tl.dot(a, b))


@jit
def count_own(x_ptr, times, SIZE: tl.constexpr):
    """Load, add one, store, with nobody else's ones in between."""
    at = tl.arange(0, SIZE)
    for _ in range(times):
        tl.store(x_ptr + at, tl.load(x_ptr + at) + 1)


def product(torch, *, over: str = "cubes", programs: int = 16):
    """A product that is cut along K: the addends stay in their cubes until the end."""
    m, depth = 16, 16
    data = np.random.default_rng(1).integers(-4, 5, (m, programs * depth)).astype(np.float32)
    a, b = torch.from_numpy(data), torch.from_numpy(data.T.copy())
    c = torch.empty(m, m, placement=torch.Partial(over=over))
    split_k[(programs,)](c, a, b, programs * depth, m, depth)
    total = c.redistribute()
    return torch.Row({"same": bool((total.numpy() == data @ data.T).all())}, 0, 0, results=(total,))


@pytest.mark.parametrize("over", ["cubes", "pes"])
def test_the_addends_of_a_product_cut_along_k_sum_to_it(sim, over):
    results = [sim(sips=2, overrides=MESH, workers=workers).run(product, over=over) for workers in (1, 2)]
    assert [result.rows[0].columns for result in results] == [{"same": True}] * 2
    assert len({result.digest for result in results}) == 1


def counted(torch, *, over: str = "pes"):
    """Eight programs, one a PE, each alone on its addend; then the sum, on a placement of one's choice."""
    x = torch.empty(3, 1000, dtype=torch.int32, placement=torch.Partial(over=over))
    count_own[(8,)](x, 3, 2048)
    total = x.redistribute(torch.Local(cube=3))
    head = total.flatten()[:2049].tolist()
    return torch.Row({"first": head[0], "last": head[2047], "beyond": head[2048], "shape": list(x.shape)}, 0, 0)


def test_each_pe_has_an_addend_to_itself(sim):
    result = sim(sips=1, overrides=MESH).run(counted)
    assert result.rows[0].columns == {"first": 24, "last": 24, "beyond": 0, "shape": [3, 1000]}


def at_home(torch):
    """Add in each cube; nothing is summed."""
    x = torch.empty(2048, dtype=torch.int32, placement=torch.Partial())
    count_own[(8,)](x, 1, 2048)
    return torch.Row({}, 0, 0)


def test_nothing_leaves_a_cube_before_addends_are_summed(sim):
    """Launches and answers cross, 256 bytes of them; 64 KiB of addends do not."""
    links = sim(sips=1, overrides=MESH).run(at_home).links
    crossed = sum(link.bytes_in for link in links if link.name.count("ucie") == 2 and "io." not in link.name)
    assert crossed < 1024


def refused(torch, *, how: str = ""):
    if how == "op":
        torch.empty(4, placement=torch.Partial("max"))
    elif how == "over":
        torch.empty(4, placement=torch.Partial(over="rows"))
    else:
        torch.empty(4, placement=torch.Partial()).numpy()


@pytest.mark.parametrize(
    ("how", "said"),
    [
        ("op", r"Partial\('max'\): addends in cubes or PEs are summed"),
        ("over", "a placement over 'rows': there are cubes, pes"),
        ("values", r"a Partial tensor has no numpy: .* redistribute\(\) gives their sum"),
    ],
)
def test_what_a_partial_tensor_cannot_do_is_said(sim, how, said):
    with pytest.raises((RankError, UsageError), match=said):
        sim(sips=1, overrides=MESH).run(refused, how=how)
