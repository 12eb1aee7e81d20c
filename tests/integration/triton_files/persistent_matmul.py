"""A persistent product with descriptors made in the kernel, timed by `do_bench` and a report of providers."""
# ruff: noqa: N806, UP045  # written as users write such files

from typing import Optional

import torch
import triton
import triton.language as tl

DEVICE = triton.runtime.driver.active.get_active_torch_device()


def is_cuda():
    return triton.runtime.driver.active.get_current_target().backend == "cuda"


def alloc_fn(size: int, alignment: int, stream: Optional[int]):
    return torch.empty(size, device="cuda", dtype=torch.int8)


def _launch_metadata(grid, kernel, args):
    M, N, K = args["M"], args["N"], args["K"]
    return {"name": f"{kernel.name} [M={M}, N={N}, K={K}]", "flops16": 2.0 * M * N * K}


@triton.jit
def _compute_pid(tile_id, num_pid_in_group, num_pid_m, GROUP_SIZE_M, NUM_SMS):
    group_id = tile_id // num_pid_in_group
    first_pid_m = group_id * GROUP_SIZE_M
    group_size_m = min(num_pid_m - first_pid_m, GROUP_SIZE_M)
    pid_m = first_pid_m + (tile_id % group_size_m)
    pid_n = (tile_id % num_pid_in_group) // group_size_m
    return pid_m, pid_n


@triton.jit(launch_metadata=_launch_metadata)
def matmul_persistent(
    a_ptr, b_ptr, c_ptr, M, N, K,
    BLOCK_M: tl.constexpr, BLOCK_N: tl.constexpr, BLOCK_K: tl.constexpr,
    GROUP_SIZE_M: tl.constexpr, EPILOGUE_SUBTILE: tl.constexpr, NUM_SMS: tl.constexpr, FLATTEN: tl.constexpr,
):  # fmt: skip
    dtype = a_ptr.dtype.element_ty
    start_pid = tl.program_id(axis=0)
    num_pid_m, num_pid_n = tl.cdiv(M, BLOCK_M), tl.cdiv(N, BLOCK_N)
    k_tiles = tl.cdiv(K, BLOCK_K)
    num_tiles = num_pid_m * num_pid_n
    a_desc = tl.make_tensor_descriptor(a_ptr, shape=[M, K], strides=[K, 1], block_shape=[BLOCK_M, BLOCK_K])
    b_desc = tl.make_tensor_descriptor(b_ptr, shape=[N, K], strides=[K, 1], block_shape=[BLOCK_N, BLOCK_K])
    c_desc = tl.make_tensor_descriptor(
        c_ptr, shape=[M, N], strides=[N, 1],
        block_shape=[BLOCK_M, BLOCK_N if not EPILOGUE_SUBTILE else BLOCK_N // 2],
    )  # fmt: skip
    tile_id_c = start_pid - NUM_SMS
    num_pid_in_group = GROUP_SIZE_M * num_pid_n
    for tile_id in tl.range(start_pid, num_tiles, NUM_SMS, flatten=FLATTEN, warp_specialize=False):
        pid_m, pid_n = _compute_pid(tile_id, num_pid_in_group, num_pid_m, GROUP_SIZE_M, NUM_SMS)
        offs_am, offs_bn = pid_m * BLOCK_M, pid_n * BLOCK_N
        accumulator = tl.zeros((BLOCK_M, BLOCK_N), dtype=tl.float32)
        for ki in range(k_tiles):
            offs_k = ki * BLOCK_K
            accumulator = tl.dot(a_desc.load([offs_am, offs_k]), b_desc.load([offs_bn, offs_k]).T, accumulator)
        tile_id_c += NUM_SMS
        pid_m, pid_n = _compute_pid(tile_id_c, num_pid_in_group, num_pid_m, GROUP_SIZE_M, NUM_SMS)
        offs_cm, offs_cn = pid_m * BLOCK_M, pid_n * BLOCK_N
        if EPILOGUE_SUBTILE:
            acc = tl.reshape(accumulator, (BLOCK_M, 2, BLOCK_N // 2))
            acc0, acc1 = tl.split(tl.permute(acc, (0, 2, 1)))
            c_desc.store([offs_cm, offs_cn], acc0.to(dtype))
            c_desc.store([offs_cm, offs_cn + BLOCK_N // 2], acc1.to(dtype))
        else:
            c_desc.store([offs_cm, offs_cn], accumulator.to(dtype))


def matmul(a, b, subtile=False):
    assert a.shape[1] == b.shape[1], "Incompatible dimensions"
    assert a.dtype == b.dtype, "Incompatible dtypes"
    sms = torch.cuda.get_device_properties("cuda").multi_processor_count
    (M, K), (N, _) = a.shape, b.shape
    c = torch.empty((M, N), device=a.device, dtype=a.dtype)
    triton.set_allocator(alloc_fn)
    grid = lambda META: (min(sms, triton.cdiv(M, META["BLOCK_M"]) * triton.cdiv(N, META["BLOCK_N"])),)  # noqa: E731
    matmul_persistent[grid](
        a, b, c, M, N, K, BLOCK_M=32, BLOCK_N=64, BLOCK_K=32, GROUP_SIZE_M=8, EPILOGUE_SUBTILE=subtile, NUM_SMS=sms,
        FLATTEN=torch.cuda.get_device_capability()[0] >= 10, num_stages=3, num_warps=8,
    )  # fmt: skip
    return c


@triton.testing.perf_report(
    triton.testing.Benchmark(
        x_names=["M", "N"],
        x_vals=[64, 128],
        line_arg="provider",
        line_vals=["whole", "halves"],
        line_names=["Whole tiles", "Halves of tiles"],
        styles=[("green", "-"), ("blue", "-")],
        ylabel="TFLOPS",
        plot_name="persistent-matmul",
        args={"K": 64},
    )
)
def benchmark(M, N, K, provider):
    a = torch.randn((M, K), device=DEVICE, dtype=torch.float16)
    b = torch.randn((N, K), device=DEVICE, dtype=torch.float16)
    quantiles = [0.5, 0.2, 0.8]
    run = lambda: matmul(a, b, subtile=provider == "halves")  # noqa: E731
    ms, min_ms, max_ms = triton.testing.do_bench(run, quantiles=quantiles)
    tflops = lambda ms: 2 * M * N * K * 1e-12 / (ms * 1e-3)  # noqa: E731
    return tflops(ms), tflops(max_ms), tflops(min_ms)


def validate(M, N, K):
    a = torch.randn((M, K), device="cuda", dtype=torch.float16)
    b = torch.randn((K, N), device="cuda", dtype=torch.float16).T.contiguous()
    reference = torch.matmul(a, b.T)
    for subtile in (False, True):
        found = matmul(a, b, subtile)
        worst = (found.to(torch.float32) - reference.to(torch.float32)).abs().max().item()
        assert worst < 0.05, worst
        torch.testing.assert_close(found, reference, rtol=1e-2, atol=1e-2)
    print(f"M={M}, N={N}, K={K}: passed")


if __name__ == "__main__":
    torch.manual_seed(0)
    if is_cuda():
        validate(64, 96, 80)
        benchmark.run(print_data=True, show_plots=False)
