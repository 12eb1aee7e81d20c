"""torch.distributed of the installed torch, in a bench on several SIPs: the fabric moves the bytes of torch's tensors."""

import pytest

HEAD = """
import torch
import torch.distributed as dist
from torch.distributed import ReduceOp


def bench(own):
    dist.init_process_group(backend="nccl")
    me, n = dist.get_rank(), dist.get_world_size()
    got = program(me, n)
    return own.Row({"reads": got}, 0, 0)


def program(me, n):
"""


@pytest.fixture
def reads(sim, tmp_path):
    """What a program leaves behind on each rank."""

    def run(text, *, sips=3, **options):
        path = tmp_path / "program.py"
        path.write_text(HEAD + "".join(f"    {line}\n" for line in text.strip().splitlines()))
        result = sim(sips=sips, overrides=["sip.cube_mesh=1x1"], **options).run(path)
        return [report.rows[0]["reads"] for report in result.reports]

    return run


@pytest.mark.parametrize("workers", [1, 2])
def test_collectives_take_torch_s_tensors(reads, workers):
    found = reads(
        """
x = torch.full((40,), float(me + 1), device="cuda")
dist.all_reduce(x, op=ReduceOp.SUM)
parts = [torch.zeros(40, dtype=torch.bfloat16, device="cuda") for _ in range(n)]
work = dist.all_gather(parts, torch.full((40,), me, dtype=torch.bfloat16, device="cuda"), async_op=True)
work.wait()
y = torch.zeros(7, dtype=torch.int64)
dist.reduce_scatter_tensor(y, torch.arange(7 * n), op=ReduceOp.MAX)
dist.broadcast(x[3:5], 2)
return [x[0].item(), [part[39].item() for part in parts], y.tolist(), dist.get_backend()]
""",
        workers=workers,
    )
    assert found == [[6, [0, 1, 2], [*range(7 * me, 7 * me + 7)], "nccl"] for me in range(3)]


def test_a_view_is_received_into_and_nothing_beside_it_changes(reads):
    found = reads("""
x, y = torch.full((5,), me + 0.5), torch.zeros(4, 5)
works = dist.batch_isend_irecv([
    dist.P2POp(dist.isend, x, (me + 1) % n), dist.P2POp(dist.irecv, y[2], (me - 1) % n)
])
for work in works:
    work.wait()
return y.sum(dim=1).tolist()
""")
    assert found == [[0, 0, 5 * ((me - 1) % 3 + 0.5), 0] for me in range(3)]


def test_a_kernel_s_result_goes_into_a_collective_and_back(reads):
    found = reads("""
import triton, triton.language as tl
@triton.jit
def double(x, N: tl.constexpr):
    at = tl.arange(0, N)
    tl.store(x + at, 2 * tl.load(x + at))
x = torch.full((16,), float(me), device="cuda")
double[(1,)](x, 16)
dist.all_reduce(x)
double[(1,)](x, 16)
return x.tolist()[:2]
""")
    assert found == [[12, 12]] * 3


def test_a_tensor_with_gaps_is_refused_as_torch_does(reads):
    with pytest.raises(Exception, match="not contiguous"):
        reads("dist.all_reduce(torch.zeros(4, 4).t())")


def test_buckets_of_one_tensor_are_reduced_while_others_are_under_way(reads):
    found = reads("""
flat, works = torch.full((4096,), float(me + 1), device="cuda"), []
for begin in range(0, 4096, 1024):
    works.append(dist.all_reduce(flat[begin : begin + 1024], async_op=True))
    dist.barrier()
for work in works:
    work.wait()
return sorted({*flat.tolist()})
""")
    assert found == [[6]] * 3


def test_calls_that_follow_each_other_see_what_the_one_before_made(reads):
    found = reads("""
x, y = torch.full((64,), float(me + 1)), torch.zeros(64 * n)
works = [dist.all_reduce(x, async_op=True)]
dist.barrier()
works.append(dist.all_reduce(x[16:48], async_op=True))
dist.barrier()
works.append(dist.all_gather_into_tensor(y, x, async_op=True))
for work in works:
    work.wait()
return [x[15].item(), x[16].item(), sorted({*y.tolist()})]
""")
    assert found == [[6, 18, [6, 18]]] * 3
