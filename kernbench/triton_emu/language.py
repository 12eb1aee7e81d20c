"""`triton.language`: what a kernel may say. A name that is absent here raises; `kernbench list tl` prints those that exist.

Each word is defined once, in the file of its kind, which lists it in `__all__`.
"""

import operator
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, NoReturn

from kernbench.triton_emu import (
    aggregate,
    atomic,
    block_pointer,
    control,
    creation,
    descriptor,
    elementwise,
    libdevice,
    mapping,
    memory,
    message,
    product,
    reduction,
    scaled_product,
    scan,
    shaping,
    sorting,
)
from kernbench.triton_emu import (
    dtype as types,
)
from kernbench.triton_emu import (
    random as random_,
)
from kernbench.triton_emu.aggregate import *  # noqa: F403  # the namespace is what these files list
from kernbench.triton_emu.aggregate import aggregate as _aggregate  # noqa: F401  # its name in `tl.core`
from kernbench.triton_emu.atomic import *  # noqa: F403
from kernbench.triton_emu.block import Block
from kernbench.triton_emu.block_pointer import *  # noqa: F403
from kernbench.triton_emu.block_pointer import BlockPointer
from kernbench.triton_emu.control import *  # noqa: F403
from kernbench.triton_emu.creation import *  # noqa: F403
from kernbench.triton_emu.descriptor import *  # noqa: F403
from kernbench.triton_emu.dtype import *  # noqa: F403
from kernbench.triton_emu.elementwise import *  # noqa: F403
from kernbench.triton_emu.mapping import *  # noqa: F403
from kernbench.triton_emu.memory import *  # noqa: F403
from kernbench.triton_emu.message import *  # noqa: F403
from kernbench.triton_emu.pointer import Pointer
from kernbench.triton_emu.product import *  # noqa: F403
from kernbench.triton_emu.random import *  # noqa: F403
from kernbench.triton_emu.reduction import *  # noqa: F403
from kernbench.triton_emu.scalar import METHODS, Scalar
from kernbench.triton_emu.scaled_product import *  # noqa: F403
from kernbench.triton_emu.scan import *  # noqa: F403
from kernbench.triton_emu.shaping import *  # noqa: F403
from kernbench.triton_emu.sorting import *  # noqa: F403

_PARTS: tuple[Any, ...] = (
    types, control, creation, memory, block_pointer, descriptor, message, elementwise, shaping, product, scaled_product, reduction,
    scan, sorting, mapping, atomic, random_, aggregate,
)  # fmt: skip
__all__ = sorted(name for part in _PARTS for name in part.__all__)  # noqa: PLE0605  # what the files list

_FUNCTIONS = (memory, block_pointer, elementwise, shaping, product, reduction, scan, sorting, atomic)
METHODS.update({name: getattr(part, name) for part in _FUNCTIONS for name in part.__all__})


class _Tensor(type):
    def __instancecheck__(cls, instance: object) -> bool:
        return isinstance(instance, Block | Pointer | BlockPointer | Scalar)


class tensor(metaclass=_Tensor):  # noqa: N801  # Triton's name
    """What a kernel computes with: blocks, pointers and 0-d scalars are instances; a Python number is none."""


TRITON_MAX_TENSOR_NUMEL = 1048576
CONSTEXPR_0 = control.constexpr(0)  # of `tl.core`; kernels of libraries have it as a default
math = SimpleNamespace(**libdevice.NAMES)
_ELSEWHERE = {
    "inline_asm_elementwise": "a GPU's assembly cannot run on this device; write it with functions of tl and libdevice",
    "float8e4b15": "new GPUs lack it too; use tl.float8e4nv",
}

if not TYPE_CHECKING:  # a checker would believe that every name exists

    class _Namespace:
        """`tl.core` and its like: the same names under a name of Triton's own modules."""

        def __getattr__(self, name: str) -> Any:
            if name in globals():
                return globals()[name]
            return __getattr__(name)

    core = standard = semantic = _Namespace()
    get_int_dtype = types.get_int_dtype

    def _log2(extent: int) -> int:
        """`tl.standard._log2`, which sorting networks of libraries count their steps by."""
        return int(extent).bit_length() - 1

    # What `tl.standard` folds with, which kernels give to `tl.reduce` and `tl.associative_scan`.
    _sum_combine, _prod_combine, _xor_combine, _or_combine = operator.add, operator.mul, operator.xor, operator.or_
    _elementwise_max, _elementwise_min = elementwise.maximum, elementwise.minimum

    random = SimpleNamespace(**{name: getattr(random_, name) for name in random_.__all__})

    tuple = tuple  # noqa: A001, PLW0127  # Triton's name for what is Python's own here

    def __getattr__(name: str) -> NoReturn:
        reason = _ELSEWHERE.get(name, "`kernbench list tl` prints what there is")
        raise AttributeError(f"tl.{name} does not exist here; {reason}")
