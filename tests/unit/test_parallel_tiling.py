"""How products are cut: every element once, closed forms of bytes and operations, the choice."""

from fractions import Fraction

import msgspec
import pytest

from kernbench.common.errors import UsageError
from kernbench.runtime_api.parallel.pe_grid import PeGrid
from kernbench.runtime_api.parallel.tiling import Array, Shape, Tiling, cut, tiling
from kernbench.runtime_api.parallel.weight_layout import Copied, Divided, copied_if_half_full

ARRAY = Array(rows=32, columns=32, clock=10**9, room=768 * 1024, load_bw=256 * 10**9)


def ANYWHERE(_down, _across):  # noqa: N802  # a constant that is a function
    """Every byte passes one link."""
    return Fraction(1), Fraction(1)


PACKAGE = PeGrid([f"cube{cube:02}.pe{pe}" for cube in range(16) for pe in range(4)], (4, 4), 1000)


@pytest.mark.parametrize(
    ("extent", "most"), [(1, 32), (5, 32), (33, 256), (240, 256), (320, 512), (5120, 512), (1000, 64)]
)
def test_pieces_are_powers_of_two_that_cover_a_range_once(extent, most):
    pieces = list(cut(7, 7 + extent, most))
    assert all(size & (size - 1) == 0 and size <= most for _, size in pieces)
    assert [start for start, _ in pieces[1:]] == [start + size for start, size in pieces[:-1]]
    assert pieces[0][0] == 7
    assert pieces[-1][0] < 7 + extent <= sum(pieces[-1])


def test_an_extent_is_cut_without_more_array_steps_than_it_needs():
    assert [list(cut(0, extent, 512)) for extent in (240, 320)] == [[(0, 256)], [(0, 256), (256, 64)]]


def test_bytes_and_operations_of_a_cut_are_those_of_its_blocks():
    """96 x 80 in programs of 64 x 48: blocks of 64 x 32 and the rest, each reads its rows and columns once."""
    tile, shape = Tiling(tall=64, wide=48, rows=64, columns=32, depth=32), Shape(96, 80, 40, 2)
    blocks = [(64, 32), (64, 16), (64, 32), (32, 32), (32, 16), (32, 32)]
    assert (tile.programs(shape), list(tile.blocks(shape))) == ((2, 2), blocks)
    assert tile.load_bytes(shape) == sum(rows + columns for rows, columns in blocks) * 40 * 2
    assert tile.store_bytes(shape) == 96 * 80 * 2
    # k = 40 is a piece of 32 and one of 8.
    assert tile.flops(shape) == sum(2 * rows * columns for rows, columns in blocks) * 40


@pytest.mark.parametrize("shape", [(2048, 1920, 5120), (2048, 5120, 640), (1, 1536, 4096), (24, 40, 40), (3, 7, 5)])
def test_a_choice_fits_the_scratchpad_and_covers_the_product(shape):
    product = Shape(*shape, 2)
    tile = tiling(product, 64, (8, 8), ARRAY, ANYWHERE)
    across = sum(size for _, size in cut(0, min(tile.columns, tile.wide), tile.columns))
    high = sum(size for _, size in cut(0, min(tile.rows, tile.tall), tile.rows))
    assert 4 * high * across + (high + across) * tile.depth * 2 <= ARRAY.room
    assert sum(rows * columns for rows, columns in tile.blocks(product)) == product.m * product.n


def test_a_square_product_follows_the_grid_and_a_vector_takes_every_pe_alike():
    assert tiling(Shape(2048, 1920, 5120, 2), 64, (8, 8), ARRAY, ANYWHERE) == Tiling(256, 240, 256, 256, 512)
    assert tiling(Shape(1, 4096, 4096, 2), 64, (8, 8), ARRAY, ANYWHERE).programs(Shape(1, 4096, 4096, 2)) == (1, 64)


def test_a_scratchpad_too_small_for_any_block_is_named_with_the_remedy():
    with pytest.raises(UsageError, match=r"64 x 64 x 64 does not fit the 256B .* raise sip.cube.pe.pe_tcm.capacity"):
        tiling(Shape(64, 64, 64, 4), 4, (2, 2), msgspec.structs.replace(ARRAY, room=256), ANYWHERE)


def test_programs_stand_on_the_package_as_in_the_product():
    """2 x 1 cubes of 4 PEs: 2 x 4 programs are 2 x 2 in each cube, 4 x 2 are a column in each."""
    pes = tuple(f"cube{cube:02}.pe{pe}" for cube in range(2) for pe in range(4))
    grid = PeGrid(pes, (2, 1), 0)
    assert (grid.rows, grid.columns) == (2, 4)
    assert grid.placed(2, 4) == tuple(pes[number] for number in (0, 1, 4, 5, 2, 3, 6, 7))
    assert grid.placed(4, 2) == tuple(pes[number] for number in (0, 4, 1, 5, 2, 6, 3, 7))
    assert grid.placed(3, 2) == pes


def test_a_row_of_programs_takes_pes_in_the_order_of_the_parts_of_a_weight():
    """A part of its rows in each cube, cubes column by column; of activations cubes row by row."""
    pes = [f"cube{cube:02}.pe{pe}" for cube in range(4) for pe in range(2)]
    grid = PeGrid(pes, (2, 2), 0)
    assert grid.weights(8, 100).cubes == (0, 2, 1, 3)
    assert [pe[:6] for pe in grid.placed(1, 8)[::2]] == ["cube00", "cube02", "cube01", "cube03"]
    assert (grid.activations(8, 100).cubes, grid.activations(8, 100).part) == ((0, 1, 2, 3), 200)


def test_links_are_the_mean_ways_of_both_operands_over_the_mesh():
    """16 cubes of 4 PEs: 3 links at home and 5 more each boundary; two of 4 places are 1.25 apart on the mean."""
    divided, copied = (layout(PACKAGE) for layout in (Divided, Copied))
    line, anywhere = 3 + 5 * 1.25, 3 + 5 * 2.5
    assert divided.links(8, 8) == divided.links(16, 4) == (line, line)
    assert divided.links(1, 64) == (anywhere, 3)
    assert divided.links(5, 7) == (anywhere, anywhere)
    assert copied.links(8, 8) == (line, 3)
    assert copied.links(16, 4) == copied.links(64, 1) == (3, 3)
    assert copied.links(5, 7) == (anywhere, 3)


def test_with_copies_each_cube_makes_the_rows_that_it_has():
    """2,048 rows over 16 cubes: 128 in each, four programs across; without copies a square product has fewer bytes."""
    shape = Shape(2048, 1920, 5120, 2)
    copied, divided = (tiling(shape, 64, (8, 8), ARRAY, layout(PACKAGE).links) for layout in (Copied, Divided))
    assert (copied.programs(shape), divided.programs(shape)) == ((16, 4), (8, 8))
    assert copied.load_bytes(shape) > divided.load_bytes(shape)
    assert Copied(PACKAGE).placed(16, 4) == PACKAGE.pes
    assert Copied(PACKAGE).placed(8, 8) == PACKAGE.placed(8, 8)
    assert Copied(PACKAGE).placement(1920, 10240).cubes == PACKAGE.activations(2048, 10240).cubes


def test_copies_fill_at_most_half_of_the_memory():
    assert [type(copied_if_half_full(size)(PACKAGE)) for size in (500, 501)] == [Copied, Divided]
