"""One digest whatever the workers and the windows: data and credits cross both ways between pumped actors."""

from importlib import util
from pathlib import Path

import pytest

from actors.coordinator import run_job
from kernbench.common.messages.island import Job, Tamper

TOY = Path(__file__).with_name("toy_device.py")
SPEC = util.spec_from_file_location("toy_device", TOY)
toy = util.module_from_spec(SPEC)
SPEC.loader.exec_module(toy)

POLICIES = (Tamper(), Tamper(windows=(3, 1)), Tamper(windows=(7, 4)))


def run(config, workers, tamper=POLICIES[0]):
    return run_job(Job(f"{TOY}:ping", config.payload(), config.sips, tamper=tamper), workers)


def reports(*args):
    return run(*args).reports


@pytest.mark.parametrize("tamper", POLICIES)
def test_two_sips_give_the_same_bytes_in_one_and_two_processes_under_any_window_policy(tamper):
    config = toy.ToyConfig(sips=2)
    assert reports(config, 2, tamper) == reports(config, 1, tamper) == reports(config, 1)


@pytest.mark.parametrize(("workers", "tamper"), [(2, POLICIES[0]), (3, POLICIES[1]), (4, POLICIES[2])])
def test_four_sips_give_the_same_bytes_over_two_three_and_four_processes(workers, tamper):
    config = toy.ToyConfig(sips=4, skew=37)
    assert reports(config, workers, tamper) == reports(config, 1)


def test_windows_messages_and_events_do_not_depend_on_the_workers():
    results = [run(toy.ToyConfig(sips=4), workers) for workers in (1, 2)]
    stats = [(r.stats.windows, r.stats.messages, r.stats.events, r.stats.lookahead_fs, r.sim_time) for r in results]
    assert stats == [(64, 640, 1406, 300, 19663)] * 2


@pytest.mark.parametrize("seed", range(4))
def test_windows_of_any_width_give_the_same_bytes_over_asymmetric_links(seed):
    config = toy.ToyConfig(sips=5, seed=seed, latency=20 + seed, credit_delay=9, skew=seed * 3, credits=1 + seed % 3)
    assert {reports(config, 1, tamper) for tamper in POLICIES} == {reports(config, 1)}


def test_the_digest_depends_on_the_model():
    assert reports(toy.ToyConfig(latency=500), 1) != reports(toy.ToyConfig(latency=501), 1)
