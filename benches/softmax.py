"""Softmax of each row of a matrix, read once and written once: programs walk over rows."""

import numpy as np
import triton
import triton.language as tl

from kernbench.runtime_api.argument import Count, Pes, Precision
from kernbench.runtime_api.comparison import wrong_elements


@triton.jit
def softmax_rows(out_ptr, x_ptr, x_stride, out_stride, n_rows, n_columns, BLOCK: tl.constexpr):
    columns = tl.arange(0, BLOCK)
    mask = columns < n_columns
    for row in tl.range(tl.program_id(0), n_rows, tl.num_programs(0)):
        x = tl.load(x_ptr + row * x_stride + columns, mask=mask, other=-float("inf")).to(tl.float32)
        numerator = tl.exp(x - tl.max(x, axis=0))
        y = numerator / tl.sum(numerator, axis=0)
        tl.store(out_ptr + row * out_stride + columns, y.to(out_ptr.dtype.element_ty), mask=mask)


def bench(torch, *, rows: Count = 256, columns: Count = 781, dtype: Precision = "float32", pes: Pes = 0):
    """One row: as many programs as there are PEs share the rows of the matrix."""
    x = torch.randn(rows, columns, dtype=torch.dtype_named(dtype))
    y = torch.empty_like(x)
    programs = min(rows, pes or triton.runtime.driver.active.utils.get_device_properties(0)["multiprocessor_count"])
    block = triton.next_power_of_2(columns)
    launched = softmax_rows[(programs,)](y, x, x.stride(0), y.stride(0), rows, columns, BLOCK=block, pes=pes or None)
    named = {"kernel": "softmax", "rows": rows, "columns": columns, "dtype": dtype}
    work = {"vector": 5 * rows * columns, "read": x.nbytes, "written": y.nbytes}  # max, -, exp, sum, /
    return torch.kernel_row(launched, named, **work, inputs=(x,), results=(y,))


def verify(torch, row):
    """Elements more than 16 units in the last place from numpy's in float64: exp of a float32 difference has a few."""
    x = row.inputs[0].peek().astype(np.float64)
    weights = np.exp(x - x.max(1, keepdims=True))
    return wrong_elements(row.results[0], weights / weights.sum(1, keepdims=True), ulps=16)
