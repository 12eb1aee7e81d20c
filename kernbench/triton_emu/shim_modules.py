"""The modules that a user's `import triton` gives: Triton's names for what the emulation has, and an error for the rest."""

from collections.abc import Callable, Mapping
from types import ModuleType
from typing import Any, NoReturn

from kernbench.triton_emu import language, libdevice, shim_backends, shim_cache, shim_errors, shim_target
from kernbench.triton_emu.aggregate import aggregate
from kernbench.triton_emu.autotune import Autotuner, autotune
from kernbench.triton_emu.compiled import Compiled
from kernbench.triton_emu.config import Config
from kernbench.triton_emu.driver import Driver, Target
from kernbench.triton_emu.heuristics import Heuristics, heuristics
from kernbench.triton_emu.jit import JitFunction, KernelInterface, jit
from kernbench.triton_emu.parameter import KernelParam
from kernbench.triton_emu.reinterpret import TensorWrapper, reinterpret
from kernbench.triton_emu.shim_descriptor import TensorDescriptor
from kernbench.triton_emu.shim_knobs import groups
from kernbench.triton_emu.testing import (
    Benchmark,
    Mark,
    assert_almost_equal,
    assert_close,
    do_bench,
    get_dram_gbps,
    get_max_simd_tflops,
    get_max_tensorcore_tflops,
    nvsmi,
    perf_report,
)

VERSION = "3.4.0"
"""The Triton whose names and meanings these are."""

_ALIASES = ("core", "standard", "semantic", "math", "random", "tensor", "tuple", "TRITON_MAX_TENSOR_NUMEL")
"""Names of `triton.language` that programs use though its reference does not list them all."""


_LAUNCH_CONTROL = dict.fromkeys(("gdc_wait", "gdc_launch_dependents"), language.debug_barrier)
"""Nothing to wait for, nobody to let go: a launch begins when the one before it is complete."""


_REINTERPRET = {"reinterpret": reinterpret, "TensorWrapper": TensorWrapper}


def cdiv(x: int, y: int) -> int:
    """How many `y` hold `x`; kernels use it too, where `//` rounds toward zero."""
    return (x + y - 1) // y


def next_power_of_2(n: int) -> int:
    """The least power of two that is at least `n`."""
    return 1 << (n - 1).bit_length() if n > 0 else 0


def constexpr_function(function: Callable[..., Any]) -> Callable[..., Any]:
    """The function itself: what kernels have of it is computed of what is known when they are compiled."""
    return function


def set_allocator(_allocator: Any) -> None:
    """Take what would allocate scratch memory for descriptors: here they need none."""


def triton_module() -> ModuleType:
    """A `triton` of one rank's own; a program may set names in it without another one seeing them."""
    utilities = {
        "do_bench": do_bench,
        "do_bench_cudagraph": do_bench,
        "perf_report": perf_report,
        "Benchmark": Benchmark,
        "Mark": Mark,
        "assert_close": assert_close,
        "assert_almost_equal": assert_almost_equal,
        "get_dram_gbps": get_dram_gbps,
        "get_max_simd_tflops": get_max_simd_tflops,
        "get_max_tensorcore_tflops": get_max_tensorcore_tflops,
        "nvsmi": nvsmi,
    }
    top = {
        "jit": jit,
        "autotune": autotune,
        "heuristics": heuristics,
        "Config": Config,
        "cdiv": cdiv,
        "next_power_of_2": next_power_of_2,
        "set_allocator": set_allocator,
        "constexpr_function": constexpr_function,
        "aggregate": aggregate,
        "JITFunction": JitFunction,
        "KernelInterface": KernelInterface,
        **_REINTERPRET,
        **shim_errors.NAMES,
        "__version__": VERSION,
        "language": _language(),
        "testing": _module("triton.testing", utilities),
        "runtime": _runtime(),
        "compiler": _compiler(),
        "errors": _module("triton.errors", {"TritonError": shim_errors.TritonError}),
        "knobs": _module("triton.knobs", groups()),
        "backends": _backends(),
        "tools": _module(
            "triton.tools",
            {
                "experimental_descriptor": _module("triton.tools.experimental_descriptor", {}),
                "tensor_descriptor": _module(
                    "triton.tools.tensor_descriptor", {"TensorDescriptor": TensorDescriptor}
                )
            },
        ),
    }  # fmt: skip
    return _module("triton", top)


def _runtime() -> ModuleType:
    """`triton.runtime`: the driver, and the decorators where libraries import them from."""
    tuning = {
        "autotune": autotune,
        "Autotuner": Autotuner,
        "Config": Config,
        "heuristics": heuristics,
        "Heuristics": Heuristics,
    }
    kernels = {"JITFunction": JitFunction, "KernelInterface": KernelInterface, **_REINTERPRET}
    errors = shim_errors.OF_RUNTIME
    decorators = {"jit": jit, "constexpr_function": constexpr_function, "KernelParam": KernelParam}
    parts = {
        "driver": Driver(),
        "jit": _module("triton.runtime.jit", {**decorators, **kernels}),
        "autotuner": _module("triton.runtime.autotuner", {**tuning, **errors}),
        "errors": _module("triton.runtime.errors", errors),
        "cache": _module("triton.runtime.cache", shim_cache.NAMES),
        **kernels,
        **errors,
    }
    return _module("triton.runtime", {**parts, **tuning})


def _backends() -> ModuleType:
    """`triton.backends`: the vendor's whose device ours passes for."""
    compiler = _module("triton.backends.compiler", {"GPUTarget": Target})
    return _module("triton.backends", {"backends": shim_backends.found(), "compiler": compiler})


def _compiler() -> ModuleType:
    """`triton.compiler`: what a launch gives back, and the errors of a kernel that does not compile."""
    names = {"CompiledKernel": Compiled, **shim_errors.OF_COMPILER}
    parts = {each: _module(f"triton.compiler.{each}", names) for each in ("compiler", "errors")}
    return _module("triton.compiler", {**names, **parts})


def _language() -> ModuleType:
    """`triton.language`, with the math library under each of the names that Triton has had for it."""
    library = _libdevice()
    extra = {"libdevice": library}
    for vendor, besides in (("cuda", _LAUNCH_CONTROL), ("hip", {})):
        extra[vendor] = _module(f"triton.language.extra.{vendor}", {"libdevice": library, **besides})
    names = {name: getattr(language, name) for name in language.__all__}
    aliases = {name: vars(language)[name] for name in _ALIASES if name in vars(language)}
    names = {**aliases, **names, "libdevice": library, "extra": _module("triton.language.extra", extra)}
    names["target_info"] = _module("triton.language.target_info", shim_target.NAMES)
    return _module("triton.language", {**names, "__all__": [*language.__all__]}, vars(language)["__getattr__"])


def _libdevice() -> ModuleType:
    """`libdevice`, the math library of kernels."""
    return _module("triton.language.extra.libdevice", libdevice.NAMES)


def _module(name: str, contents: Mapping[str, Any], missing: Callable[[str], Any] | None = None) -> ModuleType:
    """A module with these names; another one is an AttributeError that says which there are."""
    module = ModuleType(name)
    module.__dict__.update(contents)
    module.__dict__["__path__"] = []
    shown = ", ".join(each for each in contents if not each.startswith("_"))

    def absent(wanted: str) -> NoReturn:
        raise AttributeError(f"{name}.{wanted} does not exist here; {name} has {shown}")

    module.__dict__["__getattr__"] = missing or absent
    return module
