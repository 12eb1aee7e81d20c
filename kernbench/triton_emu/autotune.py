"""`triton.autotune`: the choice among configs that takes the least simulated time, tried on copies of the device.

Each config runs on a device of its own at time 0, over the bytes that the rank's device has at that moment. Nothing of a
trial enters the run: not its time, not its writes; so tensors need no resetting afterwards, and a kernel that accumulates
adds to what was there once, whatever was tried. Of equal times the first config wins.
"""

import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from kernbench.common.errors import KernelError, UsageError
from kernbench.common.units import Fs, format_time
from kernbench.triton_emu.access import PointerArg
from kernbench.triton_emu.config import Config
from kernbench.triton_emu.driver import Host, current_host
from kernbench.triton_emu.jit import Grid, Launchable
from kernbench.triton_emu.launch import Launch

_UNFIT = ("TCM overflow", "static_assert failed")
"""Errors that make a config unusable rather than the kernel wrong."""
Prune = Callable[..., Sequence[Config]]
Hook = Callable[..., Any]


class Autotuner(Launchable):
    """A kernel whose launches use the fastest of `configs` for each value of the arguments that `key` names."""

    def __init__(
        self,
        fn: Launchable,
        configs: Sequence[Config],
        key: Sequence[str],
        prune_configs_by: Mapping[str, Any] | None = None,
        reset_to_zero: Sequence[str] = (),
        pre_hook: Hook | None = None,
        post_hook: Hook | None = None,
    ) -> None:
        prune = dict(prune_configs_by or {})
        self.fn = fn
        self.configs = list(configs) or [Config({})]
        self.key = list(key)
        self.arg_names = fn.arg_names
        self.__name__ = fn.__name__
        self.__doc__ = fn.__doc__
        self.cache: dict[tuple[Any, ...], Config] = {}
        self.best_config: Config | None = None
        self._early_prune: Prune | None = prune.get("early_config_prune")
        self._model: Callable[..., float] | None = prune.get("perf_model")
        self._top: float = prune.get("top_k", 1.0)
        self._zeroed = tuple(reset_to_zero)
        self._pre_hook = pre_hook
        self._post_hook = post_hook

    def launch(self, grid: Grid, *args: Any, **kwargs: Any) -> Launch:
        """The launch with the best config; the first one for its key tries them all."""
        named = {**dict(zip(self.arg_names, args, strict=False)), **kwargs}
        config = self.configs[0] if len(self.configs) == 1 else self._chosen(grid, args, kwargs, named)
        self.best_config = config
        return self._with(config, grid, args, kwargs, named)

    def _chosen(self, grid: Grid, args: Sequence[Any], kwargs: Mapping[str, Any], named: dict[str, Any]) -> Config:
        missing = [name for name in self.key if name not in self.arg_names]
        if missing:
            raise UsageError(
                f"{self.__name__}: autotune's key {missing[0]!r} is no parameter; there are {', '.join(self.arg_names)}"
            )
        values = tuple(named[name] for name in self.key if name in named)
        types = tuple(str(value.dtype) for value in named.values() if hasattr(value, "dtype"))
        key = (*values, *types)
        if key not in self.cache:
            host = current_host(self.__name__)
            kept = self._pruned(named, kwargs)
            tried = [(config, *self._try(host, config, grid, args, kwargs, named)) for config in kept]
            best = min(tried, key=lambda each: (each[1] is None, each[1] or 0))
            if best[1] is None:
                raise UsageError(f"{self.__name__}: none of {len(kept)} configs can run; the first: {best[2]}")
            self.cache[key] = best[0]
            if host.index == 0:
                shown = ", ".join(f"{name}={value}" for name, value in zip(self.key, values, strict=False))
                sys.stderr.write(_table(self.__name__, shown, tried, best[0]))
        return self.cache[key]

    def _pruned(self, named: dict[str, Any], kwargs: Mapping[str, Any]) -> list[Config]:
        kept = list(self.configs)
        if self._early_prune is not None:
            kept = list(self._early_prune(kept, named, **kwargs))
            if not kept:
                raise UsageError(f"{self.__name__}: early_config_prune left no config of {len(self.configs)}")
        if self._model is None:
            return kept
        top = int(len(self.configs) * self._top) if isinstance(self._top, float) else self._top
        if len(kept) <= top:
            return kept
        model = self._model
        estimates = [model(**{**named, **config.all_kwargs()}) for config in kept]
        order = sorted(range(len(kept)), key=estimates.__getitem__)
        return [kept[number] for number in order[: max(1, top)]]

    def _try(
        self,
        host: Host,
        config: Config,
        grid: Grid,
        args: Sequence[Any],
        kwargs: Mapping[str, Any],
        named: dict[str, Any],
    ) -> tuple[Fs | None, str]:
        """The time that a config takes, or why it cannot run."""
        made = self._with(config, grid, args, kwargs, named)
        zeroed = tuple(each for name in self._zeroed if isinstance(each := made.arguments.get(name), PointerArg))
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
        everything = {**named, **config.all_kwargs()}
        if self._pre_hook is not None:
            self._pre_hook(everything)
        if config.pre_hook is not None:
            config.pre_hook(everything)
        made = self.fn.launch(grid, *args, **{**kwargs, **config.all_kwargs()})
        if self._post_hook is not None:
            self._post_hook(everything, None)
        return made


def autotune(
    configs: Sequence[Config],
    key: Sequence[str],
    prune_configs_by: Mapping[str, Any] | None = None,
    reset_to_zero: Sequence[str] | None = None,
    restore_value: Sequence[str] | None = None,  # noqa: ARG001  # a trial changes nothing that would need restoring
    pre_hook: Hook | None = None,
    post_hook: Hook | None = None,
    **_measuring: Any,  # warmup, rep, use_cuda_graph, do_bench, cache_results: simulated time needs no repetition
) -> Callable[[Launchable], Autotuner]:
    """Decorator: have the fastest config of a kernel chosen, by simulated time."""

    def decorate(fn: Launchable) -> Autotuner:
        return Autotuner(fn, configs, key, prune_configs_by, reset_to_zero or (), pre_hook, post_hook)

    return decorate


def _table(name: str, key: str, tried: Sequence[tuple[Config, Fs | None, str]], best: Config) -> str:
    times = ["does not fit" if time is None else format_time(time) for _, time, _ in tried]
    width = max(map(len, times))
    lines = [f"autotune {name} ({key}): {len(tried)} configs, simulated time on the device, * is used"]
    for (config, _, why), time in zip(tried, times, strict=True):
        mark = "*" if config is best else " "
        lines.append(f"  {mark} {time:>{width}}  {config}" + (f"; {why}" if why else ""))
    return "\n".join(lines) + "\n"
