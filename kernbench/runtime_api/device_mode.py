"""What torch's CPU says of devices while it plays the device of a rank: a request for "cuda" is met with the CPU."""

from collections.abc import Callable
from functools import wraps
from typing import Any

from kernbench.triton_emu.driver import current_host, is_hosted

DEVICE = "cuda"


def device_mode(torch: Any) -> Any:
    """A torch function mode that has the CPU play the device."""
    tensor = torch.Tensor

    def is_here(x: Any) -> bool:
        with torch._C.DisableTorchFunction():  # noqa: SLF001  # its only name; what another mode would answer is not asked
            found: bool = x.device.type == "cpu"
        return found

    answers: dict[Any, Callable[..., Any]] = {
        tensor.is_cuda.__get__: is_here,
        tensor.device.__get__: lambda x: torch.device(DEVICE, 0) if is_here(x) else x.device,
        tensor.type: lambda x, *kind, **options: _typed(x, is_here(x), *kind, **options),
        tensor.get_device: lambda x: 0 if is_here(x) else x.get_device(),
        tensor.data_ptr: lambda x: current_host("data_ptr").address(x),
        # What is copied to another device is not written there: a copy, though both lie in one memory.
        tensor.cuda: lambda x, *_device, **_options: x.clone(),
        tensor.cpu: lambda x, **_options: x.clone(),
        tensor.pin_memory: lambda x, *_device: x,
        tensor.record_stream: lambda _x, _stream: None,
        # torch calls hooks from its engine, where what the caller saw of devices is gone.
        tensor.register_hook: lambda x, hook: x.register_hook(inside(mode, hook)),
        tensor.register_post_accumulate_grad_hook: lambda x, hook: x.register_post_accumulate_grad_hook(
            inside(mode, hook)
        ),
    }
    functional = getattr(getattr(torch, "nn", None), "functional", None)
    if functional is not None:
        answers[functional.layer_norm] = lambda *args, **options: _in_float32(
            torch, functional.layer_norm, args, options
        )

    def placed(value: Any) -> Any:
        return met(torch, value)

    class DeviceMode(torch.overrides.TorchFunctionMode):  # type: ignore[misc]
        """Sees each call of torch that the program makes: its functions, its tensors' methods and attributes."""

        def __torch_function__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
            del types
            options = {} if kwargs is None else {**kwargs}
            if not is_hosted():  # a program that was stopped in its middle has not closed; nobody else is to notice
                return function(*args, **options)
            answer = answers.get(function)
            if answer is not None:
                return answer(*args, **options)
            options.pop("pin_memory", None)
            device = options.get("device")
            if device is not None:
                options["device"] = "cpu" if type(device) is int else placed(device)
            if function is not tensor.to:
                return function(*args, **options)
            if len(args) > 1 and type(args[1]) is int:  # `x.to(rank)`
                args = (args[0], DEVICE, *args[2:])
            found = function(args[0], *map(placed, args[1:]), **options)
            moved = device is not None or any(isinstance(each, str | torch.device) for each in args[1:])
            return found.clone() if moved and found is args[0] else found

    _number_devices(torch)
    mode = DeviceMode()
    return mode


def _number_devices(torch: Any) -> None:
    """Have `module.to(rank)` of a rank's program name its device: torch, which it never reaches, looks for a GPU there.

    It is a method, so everybody's: for whoever is no rank's program it does what it did.
    """
    module = getattr(getattr(torch, "nn", None), "Module", None)
    if module is None or hasattr(module.to, "numbered"):
        return
    plain = module.to

    @wraps(plain)
    def to(self: Any, *args: Any, **options: Any) -> Any:
        if args and type(args[0]) is int and is_hosted():
            args = (DEVICE, *args[1:])
        return plain(self, *args, **options)

    to.numbered = True  # type: ignore[attr-defined]
    module.to = to


def met(torch: Any, value: Any) -> Any:
    """Where a value that may name a device is met."""
    if isinstance(value, str):
        return "cpu" if value.partition(":")[0] == DEVICE else value
    return "cpu" if isinstance(value, torch.device) and value.type == DEVICE else value


def _typed(x: Any, is_here: bool, kind: Any = None, **options: Any) -> Any:
    """`x.type()` and `x.type("torch.cuda.HalfTensor")`: the names of types have the device in them."""
    if kind is None:
        name: str = x.type()
        return name.replace("torch.", f"torch.{DEVICE}.", 1) if is_here else name
    return x.type(kind.replace(f"torch.{DEVICE}.", "torch.", 1) if isinstance(kind, str) else kind, **options)


def _in_float32(torch: Any, function: Callable[..., Any], args: tuple[Any, ...], options: dict[str, Any]) -> Any:
    """A function of 16-bit tensors, `input` first, that a GPU sums up in float32, done so.

    torch's CPU adds up the gradients of `layer_norm`'s weight and bias in the tensors' own type: over a thousand rows of
    float16 they are off by a hundredth, more than programs allow that compare their kernels with it.
    """
    kind = (args[0] if args else options["input"]).dtype
    if kind not in (torch.float16, torch.bfloat16):
        return function(*args, **options)
    wide = [each.float() if isinstance(each, torch.Tensor) else each for each in args]
    named = {name: each.float() if isinstance(each, torch.Tensor) else each for name, each in options.items()}
    return function(*wide, **named).to(kind)


def inside(mode: Any, function: Callable[..., Any]) -> Callable[..., Any]:
    """The function, called with the mode on."""

    @wraps(function)
    def call(*args: Any, **options: Any) -> Any:
        with mode:
            return function(*args, **options)

    return call
