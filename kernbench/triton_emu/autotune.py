"""`triton.autotune`: the choice among configs that takes the least simulated time, tried on copies of the device.

Each config runs on a device of its own at time 0, over the bytes that the rank's device has at that moment. Nothing of a
trial enters the run: not its time, not its writes; so nothing needs restoring afterwards. As in Triton hooks are called
around trials, and what `reset_to_zero` names is zeroed before the launch that follows them. Of equal times the first
config wins.
"""

import sys
from collections.abc import Callable, Mapping, Sequence
from math import inf
from typing import Any

from kernbench.common.errors import KernelError, UsageError
from kernbench.common.units import FS_PER_S, Fs, format_time
from kernbench.triton_emu.access import PointerArg
from kernbench.triton_emu.config import Config
from kernbench.triton_emu.driver import Host, current_host
from kernbench.triton_emu.jit import Grid, Launchable
from kernbench.triton_emu.launch import Launch

_UNFIT = ("TCM overflow", "static_assert failed")
"""Errors that make a config unusable rather than the kernel wrong."""
FS_PER_MS = FS_PER_S // 1000
_NO_PARAMETER = "the kernel has no such parameter"
Prune = Callable[..., Sequence[Config]]
Hook = Callable[..., Any]


class Autotuner(Launchable):
    """A kernel whose launches use the fastest of `configs` for each value of the arguments that `key` names.

    Libraries derive classes of their own from it, so its parameters and attributes have Triton's names and order. What
    such a class sets as `pre_hook` and `post_hook` restores tensors between Triton's trials, and is not called here.
    """

    def __init__(
        self,
        fn: Launchable,
        arg_names: Sequence[str],
        configs: Sequence[Config],
        key: Sequence[str],
        reset_to_zero: Sequence[str] | None = None,
        restore_value: Sequence[str] | None = None,  # a trial changes nothing that would need restoring
        pre_hook: Hook | None = None,
        post_hook: Hook | None = None,
        prune_configs_by: Mapping[str, Any] | None = None,
        *_measuring: Any,  # warmup, rep, use_cuda_graph, do_bench, cache_results: simulated time needs no repetition
        **_measuring_too: Any,
    ) -> None:
        prune = dict(prune_configs_by or {})
        self.fn = fn
        self.base_fn = innermost(fn)
        self.nargs: dict[str, Any] | None = None
        self.configs = list(configs) or [Config({})]
        self.keys = list(key)
        self.arg_names = arg_names
        self.__name__ = fn.__name__
        self.__doc__ = fn.__doc__
        self.cache: dict[tuple[Any, ...], Config] = {}
        self.best_config: Config | None = None
        self.early_config_prune: Prune | None = prune.get("early_config_prune")
        self.perf_model: Callable[..., float] | None = prune.get("perf_model")
        self.configs_top_k: float = prune.get("top_k", 1.0)
        self.reset_to_zero = list(reset_to_zero or ())
        self.restore_value = list(restore_value or ())
        self.user_defined_pre_hook = pre_hook is not None
        self.user_defined_post_hook = post_hook is not None
        self._pre_hook = pre_hook
        self._post_hook = post_hook

    def launch(self, grid: Grid, *args: Any, **kwargs: Any) -> Launch:
        """The launch with the best config; the first one for its key tries them all."""
        named = {**dict(zip(self.arg_names, args, strict=False)), **kwargs}
        config = self.configs[0] if len(self.configs) == 1 else self._chosen(grid, args, kwargs, named)
        self.best_config = config
        if config.pre_hook is not None:
            config.pre_hook({**named, **config.all_kwargs()})
        return self._with(config, grid, args, kwargs, named)

    def _chosen(self, grid: Grid, args: Sequence[Any], kwargs: Mapping[str, Any], named: dict[str, Any]) -> Config:
        keyed = [name for name in self.keys if name in named]
        values = tuple(named[name] for name in keyed)
        types = tuple(str(value.dtype) for value in named.values() if hasattr(value, "dtype"))
        key = (*values, *types)
        if key not in self.cache:
            host = current_host(self.__name__)
            kept = self._pruned(dict(zip(self.arg_names, args, strict=False)), kwargs)
            known: list[tuple[Launch, tuple[Fs | None, str]]] = []
            tried = [(config, *self._try(host, known, config, grid, args, kwargs, named)) for config in kept]
            best = min(tried, key=lambda each: (each[1] is None, each[1] or 0))
            if best[1] is None:
                raise UsageError(f"{self.__name__}: none of {len(kept)} configs can run; the first: {best[2]}")
            self.cache[key] = best[0]
            self._reset({**named, **best[0].all_kwargs()})
            if host.index == 0:
                shown = [f"{name}={value}" for name, value in zip(keyed, values, strict=True)]
                # As in Triton such a name does nothing; a slip of the pen is told all the same.
                shown += [f"no {name}: {_NO_PARAMETER}" for name in self.keys if name not in self.arg_names]
                sys.stderr.write(_table(self.__name__, ", ".join(shown), tried, best[0]))
        return self.cache[key]

    def prune_configs(self, kwargs: dict[str, Any]) -> list[Config]:
        """The configs to try, for a class that chooses itself and has set `nargs`, the positional arguments by name."""
        return self._pruned(self.nargs or {}, kwargs)

    def pre_hook(self, kwargs: dict[str, Any], reset_only: bool = False) -> None:
        """Restore tensors: a trial has not changed any."""

    def _bench(self, *args: Any, config: Config, grid: Grid, **kwargs: Any) -> list[float]:
        """Milliseconds that a config takes, thrice, as Triton has its quantiles; infinite where it does not fit."""
        kwargs.pop("warmup", None)
        named = {**dict(zip(self.arg_names, args, strict=False)), **kwargs}
        time, _ = self._try(current_host(self.__name__), [], config, grid, args, kwargs, named)
        return [inf if time is None else time / FS_PER_MS] * 3

    def _reset(self, everything: dict[str, Any]) -> None:
        """Before the launch that follows trials: what Triton does to tensors that its trials have changed."""
        if self._pre_hook is not None:
            self._pre_hook(everything, reset_only=True)
        else:
            for name in self.reset_to_zero:
                everything[name].zero_()

    def _pruned(self, named: dict[str, Any], kwargs: Mapping[str, Any]) -> list[Config]:
        kept = list(self.configs)
        if self.early_config_prune is not None:
            kept = list(self.early_config_prune(kept, named, **kwargs))
            if not kept:
                raise UsageError(f"{self.__name__}: early_config_prune left no config of {len(self.configs)}")
        if self.perf_model is None:
            return kept
        top = (
            int(len(self.configs) * self.configs_top_k) if isinstance(self.configs_top_k, float) else self.configs_top_k
        )
        if len(kept) <= top:
            return kept
        model = self.perf_model
        estimates = [model(**{**named, **kwargs, **config.all_kwargs()}) for config in kept]
        order = sorted(range(len(kept)), key=estimates.__getitem__)
        return [kept[number] for number in order[: max(1, top)]]

    def _try(
        self,
        host: Host,
        known: list[tuple[Launch, tuple[Fs | None, str]]],
        config: Config,
        grid: Grid,
        args: Sequence[Any],
        kwargs: Mapping[str, Any],
        named: dict[str, Any],
    ) -> tuple[Fs | None, str]:
        """The time that a config's launch takes, or why it cannot run, between the hooks.

        `known` are the launches of the configs before it. Configs often differ in hints to a compiler alone; equal
        launches take equal times, so one of them is tried.
        """
        everything = {**named, **config.all_kwargs()}
        for hook in (config.pre_hook, self._pre_hook):
            if hook is not None:
                hook(everything)
        after: Hook = self._post_hook or _nothing
        try:
            outcome = self._outcome(host, known, self._with(config, grid, args, kwargs, named))
        except Exception as error:
            after(everything, exception=error)
            raise
        after(everything, exception=None)
        return outcome

    def _outcome(
        self, host: Host, known: list[tuple[Launch, tuple[Fs | None, str]]], made: Launch
    ) -> tuple[Fs | None, str]:
        for launch, outcome in known:
            if _are_equal(launch, made):
                return outcome
        zeroed = tuple(each for name in self.reset_to_zero if isinstance(each := made.arguments.get(name), PointerArg))
        outcome = self._tried(host, made, zeroed)
        known.append((made, outcome))
        return outcome

    def _tried(self, host: Host, made: Launch, zeroed: tuple[PointerArg, ...]) -> tuple[Fs | None, str]:
        try:
            return host.trial(made, zeroed), ""
        except KernelError as error:
            if any(text in error.message for text in _UNFIT):
                return None, error.message
            raise

    def _with(
        self, config: Config, grid: Grid, args: Sequence[Any], kwargs: Mapping[str, Any], named: dict[str, Any]
    ) -> Launch:
        """The launch with one config."""
        twice = [name for name in config.kwargs if name in named]
        if twice:
            raise UsageError(
                f"{self.__name__}: {twice[0]} is given by the launch and by a config of autotune; leave it to the config"
            )
        return self.fn.launch(grid, *args, **{**kwargs, **config.all_kwargs()})


def autotune(
    configs: Sequence[Config],
    key: Sequence[str],
    prune_configs_by: Mapping[str, Any] | None = None,
    reset_to_zero: Sequence[str] | None = None,
    restore_value: Sequence[str] | None = None,
    pre_hook: Hook | None = None,
    post_hook: Hook | None = None,
    **measuring: Any,
) -> Callable[[Launchable], Autotuner]:
    """Decorator: have the fastest config of a kernel chosen, by simulated time."""

    def decorate(fn: Launchable) -> Autotuner:
        names = fn.arg_names
        hooks = pre_hook, post_hook
        return Autotuner(fn, names, configs, key, reset_to_zero, restore_value, *hooks, prune_configs_by, **measuring)

    return decorate


def _nothing(_arguments: dict[str, Any], exception: Exception | None) -> None:
    """No hook."""
    del exception


def innermost(kernel: Any) -> Any:
    """The function that all choices are around."""
    while hasattr(kernel, "fn"):
        kernel = kernel.fn
    return kernel


def _are_equal(one: Launch, other: Launch) -> bool:
    """Whether two launches of a kernel are the same; 1, 1.0 and True are not, nor are objects that cannot tell."""
    if (one.grid, one.pes, [*one.arguments]) != (other.grid, other.pes, [*other.arguments]):
        return False
    pairs = zip(one.arguments.values(), other.arguments.values(), strict=True)
    return all(type(a) is type(b) and (a is b or (a == b) is True) for a, b in pairs)


def _table(name: str, key: str, tried: Sequence[tuple[Config, Fs | None, str]], best: Config) -> str:
    times = ["does not fit" if time is None else format_time(time) for _, time, _ in tried]
    width = max(map(len, times))
    lines = [f"autotune {name} ({key}): {len(tried)} configs, simulated time on the device, * is used"]
    for (config, _, why), time in zip(tried, times, strict=True):
        mark = "*" if config is best else " "
        lines.append(f"  {mark} {time:>{width}}  {config}" + (f"; {why}" if why else ""))
    return "\n".join(lines) + "\n"
