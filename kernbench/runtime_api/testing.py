"""`torch.testing`: whether tensors are close, told in torch's words."""

from typing import Any, ClassVar

import numpy as np

from kernbench.runtime_api.host_array import values
from kernbench.runtime_api.tensor import Tensor


class Testing:
    """`torch.testing`."""

    _TOLERANCES: ClassVar = {
        "float16": (1e-3, 1e-5),
        "bfloat16": (1.6e-2, 1e-5),
        "float32": (1.3e-6, 1e-5),
        "float64": (1e-7, 1e-7),
    }

    @classmethod
    def assert_close(
        cls,
        actual: Any,
        expected: Any,
        *,
        rtol: float | None = None,
        atol: float | None = None,
        equal_nan: bool = False,
        check_dtype: bool = True,
        msg: Any = None,
        **_torch: Any,
    ) -> None:
        """Raise AssertionError, in torch's words, unless both are equal within torch's tolerance for their type.

        Both may be tensors, arrays, numbers, or lists or tuples or dicts of them. Types of tensors must agree.
        """
        if (rtol is None) != (atol is None):
            raise ValueError(
                "Both 'rtol' and 'atol' must be either specified or omitted, but got no "
                f"{'rtol' if rtol is None else 'atol'}."
            )
        pairs = _pairs(actual, expected)
        if pairs is not None:
            for a, b in pairs:
                options: Any = {"equal_nan": equal_nan, "check_dtype": check_dtype, "msg": msg}
                cls.assert_close(a, b, rtol=rtol, atol=atol, **options)
            return
        text = cls._difference(actual, expected, rtol, atol, equal_nan=equal_nan, check_dtype=check_dtype)
        if text:
            raise AssertionError(text if msg is None else msg(text) if callable(msg) else msg)

    @classmethod
    def _difference(
        cls, actual: Any, expected: Any, rtol: float | None, atol: float | None, *, equal_nan: bool, check_dtype: bool
    ) -> str:
        """What differs, in words; nothing if they are close."""
        a, b = np.asarray(values(actual)), np.asarray(values(expected))
        if a.shape != b.shape:
            return f"The values for attribute 'shape' do not match: {list(a.shape)} != {list(b.shape)}."
        kinds = [each.dtype.name for each in (actual, expected) if isinstance(each, Tensor)]
        if check_dtype and len(set(kinds)) > 1:
            return f"The values for attribute 'dtype' do not match: torch.{kinds[0]} != torch.{kinds[1]}."
        usual = [cls._TOLERANCES.get(kind, (0.0, 0.0)) for kind in kinds or ["float64"]]
        relative = max(each[0] for each in usual) if rtol is None else rtol
        absolute = max(each[1] for each in usual) if atol is None else atol
        wide = a.astype(np.float64), b.astype(np.float64)
        wrong = ~np.isclose(*wide, rtol=relative, atol=absolute, equal_nan=equal_nan)
        if not wrong.any():
            return ""
        with np.errstate(all="ignore"):
            apart = np.abs(wide[0] - wide[1])[wrong]
            share = apart / np.abs(wide[1])[wrong]
        return (
            f"Tensor-likes are not close!\n\nMismatched elements: {int(wrong.sum())} / {wrong.size} "
            f"({wrong.mean():.1%})\nGreatest absolute difference: {float(np.max(apart))} (up to {absolute} allowed)\n"
            f"Greatest relative difference: {float(np.max(share))} (up to {relative} allowed)"
        )


def _pairs(actual: Any, expected: Any) -> list[tuple[Any, Any]] | None:
    """The elements of two lists, tuples or dicts, None for anything else."""
    if isinstance(actual, dict) and isinstance(expected, dict):
        if actual.keys() != expected.keys():
            raise AssertionError(
                f"The keys of the mappings do not match:\n{sorted(map(str, actual))} != {sorted(map(str, expected))}"
            )
        return [(actual[key], expected[key]) for key in actual]
    if not isinstance(actual, list | tuple) or not isinstance(expected, list | tuple):
        return None
    if len(actual) != len(expected):
        raise AssertionError(f"The length of the sequences mismatch: {len(actual)} != {len(expected)}")
    return list(zip(actual, expected, strict=True))
