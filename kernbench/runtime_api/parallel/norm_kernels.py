"""The kernels of LayerNorm and RMSNorm: a program has some rows, and takes a few at a time, each cut into pieces."""

from typing import Any

import kernbench.triton_emu.language as tl
from kernbench.runtime_api.parallel.product_kernel import both, within
from kernbench.runtime_api.parallel.tiling import cut
from kernbench.triton_emu.dtype import float32
from kernbench.triton_emu.jit import jit

WHOLE = 1 << 30


def loaded(ptr: Any, rows: Any, mask: Any, width: int) -> list[Any]:
    """Rows of a matrix in float32, piece by piece."""
    pieces = []
    for first, size in cut(0, width, WHOLE):
        columns = first + tl.arange(0, size)
        inside = both(mask, within(columns, first + size, width))
        pieces.append(tl.load(ptr + (rows[:, None] * width + columns[None, :]), mask=inside).to(float32))
    return pieces


def vector(ptr: Any, width: int) -> list[Any]:
    """A vector in float32, piece by piece."""
    pieces = []
    for first, size in cut(0, width, WHOLE):
        columns = first + tl.arange(0, size)
        pieces.append(tl.load(ptr + columns, mask=within(columns, first + size, width)).to(float32))
    return pieces


def stored(ptr: Any, rows: Any, mask: Any, width: int, pieces: list[Any]) -> None:
    """Put rows of a matrix there, piece by piece."""
    for first, size in cut(0, width, WHOLE):
        columns = first + tl.arange(0, size)
        inside = both(mask, within(columns, first + size, width))
        block = pieces.pop(0).to(ptr.dtype.element_ty)
        tl.store(ptr + (rows[:, None] * width + columns[None, :]), block, mask=inside)


def row_sums(pieces: list[Any]) -> Any:
    """The sum of each row over all pieces."""
    total = None
    for piece in pieces:
        part = tl.sum(piece, 1)
        total = part if total is None else total + part
    return total


def centred(pieces: list[Any], mean: Any, width: int) -> list[Any]:
    """Each row less its mean; what is beyond the row stays 0."""
    out = []
    for (first, size), piece in zip(cut(0, width, WHOLE), pieces, strict=True):
        columns = first + tl.arange(0, size)
        shifted = piece - mean[:, None]
        out.append(shifted if first + size <= width else tl.where((columns < width)[None, :], shifted, 0.0))
    return out


@jit
def norm(
    y_ptr: Any,
    mean_ptr: Any,
    rstd_ptr: Any,
    x_ptr: Any,
    weight_ptr: Any,
    ROWS: tl.constexpr,
    WIDTH: tl.constexpr,
    EPS: tl.constexpr,
    SHARE: tl.constexpr,
    STEP: tl.constexpr,
) -> None:
    """Y = x / sqrt(mean(x^2) + eps) * weight; with `mean_ptr`, of x less its mean. `rstd` and `mean` serve backward."""
    begin = int(tl.program_id(0)) * SHARE
    weight = vector(weight_ptr, WIDTH)
    for first, size in cut(begin, min(begin + SHARE, ROWS), STEP):
        rows = first + tl.arange(0, size)
        mask = within(rows, first + size, min(begin + SHARE, ROWS))
        x = loaded(x_ptr, rows, mask, WIDTH)
        if mean_ptr is not None:
            mean = row_sums(x) * (1.0 / WIDTH)
            x = centred(x, mean, WIDTH)
            tl.store(mean_ptr + rows, mean, mask=mask)
        rstd = tl.rsqrt(row_sums([piece * piece for piece in x]) * (1.0 / WIDTH) + EPS)
        tl.store(rstd_ptr + rows, rstd, mask=mask)
        y = []
        for piece, scale in zip(x, weight, strict=True):
            y.append(piece * rstd[:, None] * scale[None, :])
        del x, piece
        stored(y_ptr, rows, mask, WIDTH, y)


@jit
def norm_backward(
    dx_ptr: Any,
    parts_ptr: Any,
    dy_ptr: Any,
    x_ptr: Any,
    weight_ptr: Any,
    mean_ptr: Any,
    rstd_ptr: Any,
    ROWS: tl.constexpr,
    WIDTH: tl.constexpr,
    SHARE: tl.constexpr,
    STEP: tl.constexpr,
) -> None:
    """Dx = rstd (g - mean(g) - n mean(g n)), g = dy weight, n = x normalised (mean(g) with a mean only).

    `parts` gets this program's sum of dy n: a row of the weight's gradient in parts.
    """
    number = int(tl.program_id(0))
    begin, end = number * SHARE, min((number + 1) * SHARE, ROWS)
    weight = vector(weight_ptr, WIDTH)
    sums: list[Any] = [None] * len(weight)
    for first, size in cut(begin, end, STEP):
        rows = first + tl.arange(0, size)
        mask = within(rows, first + size, end)
        n = loaded(x_ptr, rows, mask, WIDTH)
        if mean_ptr is not None:
            n = centred(n, tl.load(mean_ptr + rows, mask=mask), WIDTH)
        rstd = tl.load(rstd_ptr + rows, mask=mask)
        n = [piece * rstd[:, None] for piece in n]
        g = loaded(dy_ptr, rows, mask, WIDTH)
        for index, piece in enumerate(n):
            part = tl.sum(g[index] * piece, 0)
            sums[index] = part if sums[index] is None else sums[index] + part
            g[index] = g[index] * weight[index][None, :]
        aligned = row_sums([a * b for a, b in zip(g, n, strict=True)]) * (1.0 / WIDTH)
        shift = None if mean_ptr is None else row_sums(g) * (1.0 / WIDTH)
        dx = []
        for index, piece in enumerate(n):
            rest = g[index] - piece * aligned[:, None]
            if shift is not None:
                rest = rest - shift[:, None]
            dx.append(rest * rstd[:, None])
        del n, g, piece, rest
        stored(dx_ptr, rows, mask, WIDTH, dx)
    for index, (first, size) in enumerate(cut(0, WIDTH, WHOLE)):
        columns = first + tl.arange(0, size)
        tl.store(parts_ptr + number * WIDTH + columns, sums[index], mask=within(columns, first + size, WIDTH))


@jit
def sum_parts(out_ptr: Any, parts_ptr: Any, PARTS: tl.constexpr, WIDTH: tl.constexpr, SHARE: tl.constexpr) -> None:
    """The sum of all rows of `parts`, some columns a program, in order of row."""
    begin = int(tl.program_id(0)) * SHARE
    end = min(begin + SHARE, WIDTH)
    for first, size in cut(begin, end, WHOLE):
        columns = first + tl.arange(0, size)
        mask = within(columns, first + size, end)
        total: Any = None
        for part in range(PARTS):
            row = tl.load(parts_ptr + part * WIDTH + columns, mask=mask)
            total = row if total is None else total + row
        tl.store(out_ptr + columns, total.to(out_ptr.dtype.element_ty), mask=mask)
