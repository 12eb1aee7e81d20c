"""`triton.language.target_info`: which GPU ours passes for, as kernels that differ between GPUs ask."""

from kernbench.triton_emu.driver import TARGET, Target


def current_target() -> Target:
    """What Triton would compile for."""
    return TARGET


def is_cuda() -> bool:
    """Always: its names are those of CUDA."""
    return True


def is_hip() -> bool:
    """Never; nor is it one of its generations."""
    return False


def cuda_capability_geq(major: int, minor: int = 0) -> bool:
    """Whether its compute capability is this one at the least."""
    return TARGET.arch >= 10 * major + minor


NAMES = {
    "current_target": current_target,
    "is_cuda": is_cuda,
    "is_hip": is_hip,
    "is_hip_cdna3": is_hip,
    "is_hip_cdna4": is_hip,
    "cuda_capability_geq": cuda_capability_geq,
}
