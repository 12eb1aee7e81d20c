"""Autotuning: which config is chosen, when it is tried again, and what its table says; a device that is a table of times."""

from types import SimpleNamespace

import pytest

from kernbench.common.errors import KernelError, UsageError
from kernbench.common.units import ns
from kernbench.triton_emu.access import PointerArg
from kernbench.triton_emu.autotune import Autotuner, autotune
from kernbench.triton_emu.config import Config
from kernbench.triton_emu.driver import set_host
from kernbench.triton_emu.dtype import float16, float32
from kernbench.triton_emu.heuristics import heuristics
from kernbench.triton_emu.jit import jit, set_launcher


class Tensor:
    def __init__(self, dtype=float32):
        self.dtype = dtype

    zeroed = 0

    def as_pointer(self, name):
        return PointerArg(name, 4096, 400, self.dtype)

    def zero_(self):
        self.zeroed += 1


class Host:
    """Times by BLOCK; every trial is noted."""

    index = 0

    def __init__(self, times):
        self.times, self.tried, self.zeroed, self.facts = times, [], [], SimpleNamespace(tcm_bytes=1024)

    def trial(self, launch, zeroed):
        block = launch.arguments["BLOCK"]
        self.tried.append(block)
        self.zeroed.append([each.name for each in zeroed])
        if isinstance(self.times[block], Exception):
            raise self.times[block]
        return self.times[block]


@pytest.fixture
def on(request):
    """Tune on a host with these times; the launches that reach the device."""
    launches = []

    def place(times):
        host = Host(times)
        set_host(host)
        set_launcher(launches.append)
        return host, launches

    yield place
    set_host(None)
    set_launcher(None)


def kernel_of(configs, key=("n",), **options):
    @autotune(configs=configs, key=list(key), **options)
    @jit
    def kernel(x, n, BLOCK):
        pass

    return kernel


BLOCKS = [Config({"BLOCK": block}) for block in (16, 32, 64)]


def test_the_fastest_config_is_used_and_the_first_of_equals(on, capsys):
    host, launches = on({16: ns(30), 32: ns(20), 64: ns(20)})
    kernel = kernel_of(BLOCKS)
    kernel[lambda meta: (meta["n"] // meta["BLOCK"],)](Tensor(), 128)
    assert (host.tried, launches[0].arguments["BLOCK"], launches[0].grid) == ([16, 32, 64], 32, (4, 1, 1))
    assert kernel.best_config is BLOCKS[1]
    assert capsys.readouterr().err == (
        "autotune kernel (n=128): 3 configs, simulated time on the device, * is used\n"
        "    30 ns  BLOCK: 16, num_warps: 4, num_ctas: 1, num_stages: 3\n"
        "  * 20 ns  BLOCK: 32, num_warps: 4, num_ctas: 1, num_stages: 3\n"
        "    20 ns  BLOCK: 64, num_warps: 4, num_ctas: 1, num_stages: 3\n"
    )


def test_configs_are_tried_once_for_each_key_and_element_type(on):
    host, _ = on({16: 3, 32: 2, 64: 1})
    kernel = kernel_of(BLOCKS)
    for tensor, n in ((Tensor(), 1), (Tensor(), 1), (Tensor(), 2), (Tensor(float16), 2), (Tensor(), 2)):
        kernel[(1,)](tensor, n)
    assert host.tried == [16, 32, 64] * 3


def test_one_config_is_not_tried(on):
    host, launches = on({})
    kernel_of(BLOCKS[:1])[(1,)](Tensor(), 5)
    assert (host.tried, launches[0].arguments["BLOCK"]) == ([], 16)


def test_a_config_that_does_not_fit_is_passed_over_and_another_error_is_not(on, capsys):
    _, launches = on({16: KernelError("program 0 of kernel: TCM overflow: too large"), 32: 5, 64: 9})
    kernel_of(BLOCKS)[(1,)](Tensor(), 1)
    assert launches[0].arguments["BLOCK"] == 32
    assert "does not fit  BLOCK: 16, num_warps: 4, num_ctas: 1, num_stages: 3; program 0" in capsys.readouterr().err
    on({16: KernelError("x[9] is outside the tensor")})
    with pytest.raises(KernelError, match="outside the tensor"):
        kernel_of(BLOCKS)[(1,)](Tensor(), 1)


def test_when_nothing_fits_that_is_said(on):
    on(dict.fromkeys((16, 32, 64), KernelError("TCM overflow")))
    with pytest.raises(UsageError, match="kernel: none of 3 configs can run; the first: TCM overflow"):
        kernel_of(BLOCKS)[(1,)](Tensor(), 1)


def test_configs_are_pruned_early_and_by_a_model(on):
    host, _ = on({16: 3, 32: 2, 64: 1})
    early = {"early_config_prune": lambda configs, named, **_: [c for c in configs if c.kwargs["BLOCK"] < named["n"]]}
    kernel_of(BLOCKS, prune_configs_by=early)[(1,)](Tensor(), 50)
    model = {"perf_model": lambda BLOCK, **_: abs(BLOCK - 32), "top_k": 2}
    kernel_of(BLOCKS, prune_configs_by=model)[(1,)](Tensor(), 50)
    assert host.tried == [16, 32, 32, 16]


def test_tensors_to_reset_are_zeroed_in_trials_and_before_the_launch_that_follows_them(on):
    host, _ = on({16: 3, 32: 2, 64: 1})
    kernel, tensor = kernel_of(BLOCKS, reset_to_zero=["x"], restore_value=["x"]), Tensor()
    kernel[(1,)](tensor, 50)
    assert (host.zeroed, tensor.zeroed) == ([["x"]] * 3, 1)
    kernel[(1,)](tensor, 50)
    assert (host.zeroed, tensor.zeroed) == ([["x"]] * 3, 1)


def test_a_config_s_hook_sees_all_arguments_before_each_launch(on):
    on({})
    seen = []
    configs = [Config({"BLOCK": 16}, num_stages=2, pre_hook=lambda named: seen.append(named["BLOCK"] + named["n"]))]
    kernel = kernel_of(configs, pre_hook=seen.append, post_hook=seen.append)  # with one config nothing is tried
    for _ in range(2):
        kernel[(1,)](Tensor(), 50)
    assert seen == [66, 66]


def test_hooks_are_called_around_trials_and_once_to_reset(on):
    on({16: 3, 32: 2})
    seen = []

    def before(named, reset_only=False):
        seen.append((named["BLOCK"], "reset" if reset_only else "before"))

    def after(named, exception):
        seen.append((named["BLOCK"], exception))

    kernel = kernel_of([Config({"BLOCK": b}) for b in (16, 32)], pre_hook=before, post_hook=after)
    for _ in range(2):
        kernel[(1,)](Tensor(), 50)
    assert seen == [(16, "before"), (16, None), (32, "before"), (32, None), (32, "reset")]


def test_a_hook_after_a_trial_that_fails_gets_the_error(on):
    on({16: KernelError("broken"), 32: 2})
    seen = []
    with pytest.raises(KernelError, match="broken"):
        kernel_of(BLOCKS, post_hook=lambda _, exception: seen.append(str(exception)))[(1,)](Tensor(), 50)
    assert seen == ["broken"]


def test_pruning_is_given_positional_arguments_by_name_and_keywords_as_keywords(on):
    on({16: 3})
    seen = []

    def prune(configs, named, **keywords):
        seen.append((sorted(named), sorted(keywords)))
        return configs[:1]

    kernel_of(BLOCKS, prune_configs_by={"early_config_prune": prune})[(1,)](Tensor(), n=50)
    assert seen == [(["x"], ["n"])]


def test_a_parameter_of_config_and_launch_is_refused(on):
    on({})
    with pytest.raises(UsageError, match="BLOCK is given by the launch and by a config"):
        kernel_of(BLOCKS)[(1,)](Tensor(), 50, BLOCK=8)


def test_a_key_that_is_no_parameter_does_nothing_and_is_told(on, capsys):
    host, _ = on({16: 3, 32: 2, 64: 1})
    kernel = kernel_of(BLOCKS, key=["n", "m"])
    kernel[(1,)](Tensor(), 5)
    kernel[(1,)](Tensor(), 5)
    assert host.tried == [16, 32, 64]
    assert capsys.readouterr().err.startswith(
        "autotune kernel (n=5, no m: the kernel has no such parameter): 3 configs"
    )


def test_heuristics_work_below_and_above_autotune(on):
    _, launches = on({16: 3, 32: 2, 64: 1})

    @jit
    def kernel(x, n, BLOCK, EVEN, HALF):
        pass

    even = heuristics({"EVEN": lambda named: named["n"] % named["BLOCK"] == 0})
    half = heuristics({"HALF": lambda named: named["n"] // 2})
    half(autotune(BLOCKS, ["n"])(even(kernel)))[(1,)](Tensor(), 65)
    assert [launches[0].arguments[name] for name in ("BLOCK", "EVEN", "HALF")] == [64, False, 32]


def test_a_warm_up_tells_sizes_and_launches_later_with_its_constants(on):
    _, launches = on({})

    from kernbench.triton_emu import language as tl

    @jit(do_not_specialize=["n"], noinline=True)
    def kernel(x, n, BLOCK: tl.constexpr, num_stages: "tl.constexpr"):
        pass

    compiled = kernel.warmup(Tensor(), 8, BLOCK=16, num_stages=2, num_warps=8, grid=(1,))
    compiled._init_handles()
    assert (launches, compiled.n_regs, compiled.n_spills) == ([], 32, 0)
    assert (compiled.metadata.shared, compiled.metadata.num_warps, compiled.metadata.num_stages) == (1024, 8, 2)
    compiled[(3, 1, 1)](Tensor(), 9)
    compiled[(2,)](Tensor(), 9, 32, 4)
    kernel[(1,)](Tensor(), 1, 64, num_stages=1)
    assert [[launch.arguments[name] for name in ("n", "BLOCK", "num_stages")] for launch in launches] == [
        [9, 16, 2],
        [9, 32, 4],
        [1, 64, 1],
    ]
    with pytest.raises(AttributeError, match="asm of a compiled kernel does not exist here"):
        _ = compiled.asm


def test_a_grid_without_programs_launches_nothing(on):
    _, launches = on({})

    @jit
    def kernel(x):
        pass

    kernel[(0,)](Tensor())
    kernel[[2, 1]](Tensor())
    assert [launch.grid for launch in launches] == [(2, 1, 1)]


def test_a_kernel_may_take_its_meta_parameters_as_keywords(on):
    _, launches = on({})

    @jit
    def kernel(x, n, **meta):
        pass

    kernel[lambda meta: (meta["n"] // meta["BLOCK"],)](Tensor(), 12, num_warps=4, BLOCK=4)
    assert (launches[0].grid, sorted(launches[0].arguments)) == ((3, 1, 1), ["BLOCK", "n", "x"])


def test_configs_that_differ_in_hints_alone_are_tried_once(on, capsys):
    host, _ = on({16: 30, 32: 20})
    configs = [Config({"BLOCK": block}, num_warps=warps) for block in (16, 32, 32.0) for warps in (4, 8)]
    kernel = kernel_of(configs)
    kernel[(1,)](Tensor(), 5)
    assert (host.tried, kernel.best_config) == ([16, 32, 32.0], configs[2])
    assert capsys.readouterr().err.count(" BLOCK: ") == 6


def test_a_library_may_derive_an_autotuner_with_triton_s_parameters(on):
    host, _ = on({16: 3, 32: 2, 64: 1})

    class Remembering(Autotuner):
        def __init__(self, fn, arg_names, configs, key, reset_to_zero, restore_value, **options):
            super().__init__(fn, arg_names, configs, key, reset_to_zero, restore_value, **options)
            self.ran = []

        def run(self, *args, **kwargs):
            self.ran.append([args[self.arg_names.index(name)] for name in self.keys])
            return super().run(*args, **kwargs)

    @jit
    def kernel(x, n, BLOCK):
        pass

    options = {"pre_hook": None, "post_hook": None, "prune_configs_by": None, "warmup": None, "rep": None}
    made = Remembering(kernel, kernel.arg_names, BLOCKS, ["n"], None, ["x"], **options, cache_results=False)
    made[(1,)](Tensor(), 7)
    assert (made.ran, host.tried, made.best_config) == ([[7]], [16, 32, 64], BLOCKS[2])
    assert (made.restore_value, made.reset_to_zero, made.user_defined_pre_hook) == (["x"], [], False)


def test_a_tuner_of_a_library_measures_and_chooses_itself(on):
    _, launches = on({16: ns(30), 32: ns(10), 64: KernelError("TCM overflow")})

    @jit
    def add(x, n, BLOCK):
        pass

    class Last(Autotuner):
        def run(self, *args, **kwargs):
            self.nargs = dict(zip(self.arg_names, args, strict=False))
            self.times = [self._bench(*args, config=each, **kwargs) for each in self.prune_configs(kwargs)]
            self.pre_hook(kwargs, reset_only=True)
            return self.fn.run(*args, **kwargs, **self.configs[1].all_kwargs())

    configs = [Config({"BLOCK": block}) for block in (16, 32, 64)]
    tuner = Last(add, add.arg_names, configs, ["n"], None, None, None, None, None, 25, 100, False)
    tuner[1,](Tensor(), 100)
    assert tuner.times == [[3e-5] * 3, [1e-5] * 3, [float("inf")] * 3]
    assert tuner.base_fn.__name__ == "add"
    assert [launch.arguments["BLOCK"] for launch in launches] == [32]
