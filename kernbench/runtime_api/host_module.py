"""`torch.nn.Module`: parameters and modules inside one another, for references; no hooks."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from kernbench.runtime_api.host_parameter import Parameter
from kernbench.runtime_api.missing import Missing
from kernbench.runtime_api.tensor import Tensor
from kernbench.triton_emu import dtype as dtypes
from kernbench.triton_emu.dtype import DType


class Module:
    """What a program derives its layers from: a call runs its `forward`."""

    training = True

    def __init__(self, *_args: Any, **_options: Any) -> None:
        self.__dict__["_buffers"] = {}

    def __call__(self, *args: Any, **options: Any) -> Any:
        """What `forward` gives."""
        forward = getattr(self, "forward", None)
        if forward is None:
            raise Missing(f"{type(self).__name__}.forward", "a module needs one to be called")
        return forward(*args, **options)

    def __getattr__(self, name: str) -> Any:
        if name == "_buffers":
            raise AttributeError("cannot assign or find members before Module.__init__() call")
        raise AttributeError(f"'{type(self).__name__}' object has no attribute '{name}'")

    # -- what is in it -------------------------------------------------------------------------------------------

    def register_buffer(self, name: str, tensor: Any, persistent: bool = True) -> None:
        """Keep a tensor that is no parameter."""
        self._buffers[name] = persistent
        setattr(self, name, tensor)

    def register_parameter(self, name: str, parameter: Parameter | None) -> None:
        """Keep a parameter."""
        setattr(self, name, parameter)

    def add_module(self, name: str, module: "Module | None") -> None:
        """Keep a module."""
        setattr(self, name, module)

    register_module = add_module

    def named_children(self) -> Iterator[tuple[str, "Module"]]:
        """Names and modules directly inside, in order."""
        return ((name, each) for name, each in vars(self).items() if isinstance(each, Module))

    def children(self) -> Iterator["Module"]:
        """Modules directly inside, in order."""
        return (each for _, each in self.named_children())

    def named_modules(self, prefix: str = "") -> Iterator[tuple[str, "Module"]]:
        """Names and modules: itself, and those inside at any depth."""
        yield prefix, self
        for name, each in self.named_children():
            yield from each.named_modules(f"{prefix}.{name}" if prefix else name)

    def modules(self) -> Iterator["Module"]:
        """Itself, and the modules inside at any depth."""
        return (each for _, each in self.named_modules())

    def _tensors(self, wanted: Callable[["Module", str, Any], bool]) -> Iterator[tuple[str, Any]]:
        seen: set[int] = set()
        for path, module in self.named_modules():
            for name, each in vars(module).items():
                if wanted(module, name, each) and id(each) not in seen:
                    seen.add(id(each))
                    yield f"{path}.{name}" if path else name, each

    def named_parameters(self) -> Iterator[tuple[str, Parameter]]:
        """Names and parameters, each once, in order."""
        return self._tensors(lambda _module, _name, each: isinstance(each, Parameter))

    def parameters(self) -> Iterator[Parameter]:
        """The parameters, each once, in order."""
        return (each for _, each in self.named_parameters())

    def named_buffers(self) -> Iterator[tuple[str, Tensor]]:
        """Names and buffers."""
        return self._tensors(lambda module, name, each: name in module._buffers and isinstance(each, Tensor))  # noqa: SLF001

    def buffers(self) -> Iterator[Tensor]:
        """The buffers."""
        return (each for _, each in self.named_buffers())

    def state_dict(self) -> dict[str, Tensor]:
        """Parameters and buffers by name."""
        return {**dict(self.named_parameters()), **dict(self.named_buffers())}

    def load_state_dict(self, state_dict: Mapping[str, Tensor], strict: bool = True) -> None:
        """Copy what another module's `state_dict` holds into its own."""
        own = self.state_dict()
        missing, more = sorted(own.keys() - state_dict.keys()), sorted(state_dict.keys() - own.keys())
        if strict and (missing or more):
            raise RuntimeError(
                f"Error(s) in loading state_dict for {type(self).__name__}: missing keys {missing}, unexpected keys {more}"
            )
        for name, each in own.items():
            if name in state_dict:
                each.detach().copy_(state_dict[name].detach())

    # -- what it is made of --------------------------------------------------------------------------------------

    def to(self, *kinds: Any, dtype: DType | None = None, **_torch: Any) -> "Module":
        """Floats as another type; a device is taken and means nothing."""
        wanted = next((each for each in kinds if isinstance(each, DType)), dtype)
        if wanted is not None:
            for module in self.modules():
                for name, each in list(vars(module).items()):
                    if isinstance(each, Parameter) and each.dtype.is_floating():
                        each.become(each.to(wanted))
                    elif isinstance(each, Tensor) and name in module._buffers and each.dtype.is_floating():  # noqa: SLF001
                        setattr(module, name, each.to(wanted))
        return self

    def cuda(self, _device: Any = None) -> "Module":
        """Itself: it is on the device."""
        return self

    cpu = cuda

    def half(self) -> "Module":
        """Floats as float16."""
        return self.to(dtypes.float16)

    def bfloat16(self) -> "Module":
        """Floats as bfloat16."""
        return self.to(dtypes.bfloat16)

    def float(self) -> "Module":
        """Floats as float32."""
        return self.to(dtypes.float32)

    def double(self) -> "Module":
        """Floats as float64."""
        return self.to(dtypes.float64)

    def train(self, mode: bool = True) -> "Module":
        """Itself, with all modules inside training or not."""
        for each in self.modules():
            each.training = mode
        return self

    def eval(self) -> "Module":
        """Itself, not training."""
        return self.train(mode=False)

    def requires_grad_(self, requires_grad: bool = True) -> "Module":
        """Itself, its parameters noted as ones whose gradients are wanted."""
        for each in self.parameters():
            each.requires_grad = requires_grad
        return self

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Forget gradients."""
        for each in self.parameters():
            each.grad = None if set_to_none or each.grad is None else each.grad.zero_()

    def apply(self, function: Callable[["Module"], Any]) -> "Module":
        """Call a function with each module inside, then with this one."""
        for each in self.children():
            each.apply(function)
        function(self)
        return self

    def extra_repr(self) -> str:
        """What its text says of it."""
        return ""

    def __repr__(self) -> str:
        inside = "".join(f"\n  ({name}): {each!r}" for name, each in self.named_children())
        return f"{type(self).__name__}({self.extra_repr()}{inside}{chr(10) if inside else ''})"
