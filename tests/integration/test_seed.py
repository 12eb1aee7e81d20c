"""Random numbers belong to (seed, rank) and to nothing else."""

from actors.simulation import Simulation


def bench(torch, *, count: int = 512):
    now = torch.distributed
    now.init_process_group()
    x = torch.randn(count)
    work = now.all_reduce(x)
    return torch.Row({"first": float(x.peek()[0])}, work.start, work.end, results=(x,))


def digest(seed, workers=1):
    return Simulation(sips=2, workers=workers, seed=seed, overrides=["sip.cube_mesh=1x1"]).run(bench).digest_values


def test_one_seed_gives_one_run_for_any_workers_and_another_seed_another():
    assert digest(1) == digest(1, workers=2) != digest(2)
