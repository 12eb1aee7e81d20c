"""`triton.knobs`: what a program may set of Triton's compilers. Here nothing is compiled, so nothing follows from it."""

from collections.abc import Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any, NoReturn

_GROUPS = {
    "nvidia": "disable_ptxas_opt dump_nvptx libcuda_path libdevice_path mock_ptx_version ptxas",
    "amd": (
        "dump_amdgcn global_prefetch libhip_path local_prefetch scalarize_packed_fops use_async_copy use_block_pingpong "
        "use_buffer_atomics use_buffer_ops use_in_thread_transpose"
    ),
    "compilation": "always_compile disable_line_info dump_ir enable_asan override store_binary_only use_ir_loc",
    "autotuning": "cache print",
    "runtime": "debug interpret launch_enter_hook launch_exit_hook override_arch",
    "language": "default_fp_fusion fp32_default",
    "cache": "dir dump_dir home_dir override_dir",
}


class Knobs(SimpleNamespace):
    """A group of settings, None until they are set; those that Triton would call stay so."""

    def __init__(self, name: str) -> None:
        super().__init__(**dict.fromkeys(_GROUPS[name].split()))
        self._name = name

    def __setattr__(self, name: str, value: Any) -> None:
        if name.endswith("_hook") and value is not None:
            raise AttributeError(f"triton.knobs.{self._name}.{name}: no launch here calls it, so it cannot be set")
        super().__setattr__(name, value)

    @contextmanager
    def scope(self) -> Iterator[None]:
        """What is set inside holds inside only."""
        before = dict(vars(self))
        try:
            yield
        finally:
            vars(self).clear()
            vars(self).update(before)

    def __getattr__(self, name: str) -> NoReturn:
        raise AttributeError(f"triton.knobs.{vars(self).get('_name')}.{name} does not exist here")


def groups() -> dict[str, Any]:
    """All groups, of one rank's own."""
    return {name: Knobs(name) for name in _GROUPS}
