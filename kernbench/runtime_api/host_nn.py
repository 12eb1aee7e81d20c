"""`torch.nn`: layers of references, their parameters drawn from the rank's random numbers as torch draws them."""

from collections.abc import Iterable, Iterator
from math import prod, sqrt
from typing import Any, ClassVar

from kernbench.runtime_api.host_cuda import Names
from kernbench.runtime_api.host_functions import HostFunctions
from kernbench.runtime_api.host_module import Module
from kernbench.runtime_api.host_parameter import Parameter
from kernbench.runtime_api.tensor import Tensor
from kernbench.runtime_api.torch import Torch


class Layer(Module):
    """A layer of torch's own: `torch` is the namespace of its rank, which makes and computes."""

    torch: ClassVar[Any]

    def _uniform(self, shape: tuple[int, ...], bound: float, dtype: Any) -> Parameter:
        return Parameter(((self.torch.rand(shape) * 2 - 1) * bound).to(dtype or self.torch.float32))


class Linear(Layer):
    """x W^T + b; both uniform within 1 / sqrt(in_features)."""

    def __init__(
        self, in_features: int, out_features: int, bias: bool = True, device: Any = None, dtype: Any = None
    ) -> None:
        super().__init__()
        del device
        self.in_features, self.out_features = in_features, out_features
        bound = 1 / sqrt(in_features) if in_features else 0.0
        self.weight = self._uniform((out_features, in_features), bound, dtype)
        self.bias = self._uniform((out_features,), bound, dtype) if bias else None

    def forward(self, x: Tensor) -> Tensor:
        """The layer of a tensor."""
        made = x.matmul(self.weight.t())
        return made if self.bias is None else made + self.bias


class Embedding(Layer):
    """Rows of a table, drawn from the normal distribution."""

    def __init__(self, num_embeddings: int, embedding_dim: int, device: Any = None, dtype: Any = None) -> None:
        super().__init__()
        del device
        self.weight = Parameter(self.torch.randn(num_embeddings, embedding_dim, dtype=dtype))

    def forward(self, x: Tensor) -> Any:
        """The layer of a tensor."""
        return self.torch.nn.functional.embedding(x, self.weight)


class _Norm(Layer):
    """`weight` of ones and, if any, `bias` of zeros over the last axes."""

    def __init__(self, normalized_shape: Any, eps: Any, affine: Any, bias: Any, dtype: Any) -> None:
        super().__init__()
        whole = (normalized_shape,) if isinstance(normalized_shape, int) else tuple(normalized_shape)
        self.normalized_shape, self.eps = whole, eps
        self.weight = Parameter(self.torch.ones(*whole, dtype=dtype)) if affine else None
        self.bias = Parameter(self.torch.zeros(*whole, dtype=dtype)) if affine and bias else None


class LayerNorm(_Norm):
    """Elements less their mean over their standard deviation, times `weight` plus `bias`."""

    def __init__(
        self,
        normalized_shape: Any,
        eps: float = 1e-5,
        elementwise_affine: bool = True,
        bias: bool = True,
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        del device
        super().__init__(normalized_shape, eps, elementwise_affine, bias, dtype)

    def forward(self, x: Tensor) -> Any:
        """The layer of a tensor."""
        return self.torch.nn.functional.layer_norm(x, self.normalized_shape, self.weight, self.bias, self.eps)


class RMSNorm(_Norm):
    """Elements over the root of their mean square, times `weight`."""

    def __init__(
        self,
        normalized_shape: Any,
        eps: float | None = None,
        elementwise_affine: bool = True,
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        del device
        super().__init__(normalized_shape, eps, elementwise_affine, bias=False, dtype=dtype)

    def forward(self, x: Tensor) -> Any:
        """The layer of a tensor."""
        return self.torch.nn.functional.rms_norm(x, self.normalized_shape, self.weight, self.eps)


class Dropout(Layer):
    """Zeros with probability `p` while training."""

    def __init__(self, p: float = 0.5, inplace: bool = False) -> None:
        super().__init__()
        self.p, self.inplace = p, inplace

    def forward(self, x: Tensor) -> Any:
        """The layer of a tensor."""
        return self.torch.nn.functional.dropout(x, self.p, self.training, self.inplace)


class _Functional(Layer):
    """A function of `torch.nn.functional` with options given beforehand."""

    function: ClassVar[str]
    first: ClassVar[tuple[str, ...]] = ()

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__()
        self.options = {**dict(zip(self.first, args, strict=False)), **options}
        self.options.pop("inplace", None)

    def forward(self, *tensors: Any) -> Any:
        """The function of tensors."""
        return getattr(self.torch.nn.functional, self.function)(*tensors, **self.options)


_FUNCTIONAL: dict[str, tuple[str, tuple[str, ...]]] = {
    "GELU": ("gelu", ("approximate",)), "SiLU": ("silu", ()), "ReLU": ("relu", ()), "Sigmoid": ("sigmoid", ()),
    "Tanh": ("tanh", ()), "Softplus": ("softplus", ("beta", "threshold")), "ELU": ("elu", ("alpha",)),
    "LeakyReLU": ("leaky_relu", ("negative_slope",)), "Softmax": ("softmax", ("dim",)), "Mish": ("mish", ()),
    "LogSoftmax": ("log_softmax", ("dim",)), "GLU": ("glu", ("dim",)), "LogSigmoid": ("logsigmoid", ()),
    "CrossEntropyLoss": ("cross_entropy", ("weight",)), "NLLLoss": ("nll_loss", ("weight",)), "MSELoss": ("mse_loss", ()),
    "L1Loss": ("l1_loss", ()), "KLDivLoss": ("kl_div", ()), "BCEWithLogitsLoss": ("binary_cross_entropy_with_logits", ()),
    "CosineSimilarity": ("cosine_similarity", ("dim", "eps")),
}  # fmt: skip
"""Layers that are a function: its name, and the names of the options that come without one."""


class Identity(Module):
    """What it is given."""

    def forward(self, x: Any) -> Any:
        """The same."""
        return x


class ModuleList(Module):
    """Modules in a row."""

    def __init__(self, modules: Iterable[Module] = ()) -> None:
        super().__init__()
        for each in modules:
            self.append(each)

    def append(self, module: Module) -> "ModuleList":
        """One more."""
        setattr(self, str(len(self)), module)
        return self

    def __len__(self) -> int:
        return sum(1 for _ in self.children())

    def __iter__(self) -> Iterator[Module]:
        return self.children()

    def __getitem__(self, number: int) -> Module:
        return list(self.children())[number]


class Sequential(ModuleList):
    """Modules one after the other."""

    def __init__(self, *modules: Module) -> None:
        super().__init__(modules)

    def forward(self, x: Any) -> Any:
        """The last of the first of x."""
        for each in self:
            x = each(x)
        return x


class Functional:
    """`torch.nn.functional`: its own functions, and those that `torch` itself or tensors have under the same name."""

    def __init__(self, torch: Any, functions: HostFunctions) -> None:
        self._torch = torch
        self._functions = functions

    def __getattr__(self, name: str) -> Any:
        function = None if name.startswith("_") else self._functions.layer(name)
        if function is not None:
            return self._torch.tolerant(function)
        own = getattr(Torch.nn.functional, name, None)
        if own is not None and not name.startswith("_"):
            return self._torch.tolerant(own)
        raise AttributeError(
            f"torch.nn.functional.{name} does not exist here; where torch is installed, its own is used"
        )


def neural_network(torch: Any, functions: HostFunctions) -> Names:
    """`torch.nn` of one rank."""
    layers: tuple[type[Layer], ...] = (Linear, Embedding, LayerNorm, RMSNorm, Dropout)
    names: dict[str, Any] = {each.__name__: type(each.__name__, (each,), {"torch": torch}) for each in layers}
    for name, (function, first) in _FUNCTIONAL.items():
        names[name] = type(name, (_Functional,), {"torch": torch, "function": function, "first": first})
    functional = Functional(torch, functions)
    return Names(
        "torch.nn",
        Module=Module,
        Parameter=Parameter,
        Identity=Identity,
        ModuleList=ModuleList,
        Sequential=Sequential,
        functional=functional,
        init=_init(torch),
        parameter=Names("torch.nn.parameter", Parameter=Parameter),
        **names,
    )


def _init(torch: Any) -> Names:
    """`torch.nn.init`: numbers put into a tensor, of which no gradient is noted."""

    def put(tensor: Tensor, values: Tensor) -> Tensor:
        with torch.no_grad():
            return tensor.copy_(values)

    def constant_(tensor: Tensor, val: float) -> Tensor:
        with torch.no_grad():
            return tensor.fill_(val)

    def uniform_(tensor: Tensor, a: float = 0.0, b: float = 1.0) -> Tensor:
        return put(tensor, torch.rand(tuple(tensor.shape)) * (b - a) + a)

    def normal_(tensor: Tensor, mean: float = 0.0, std: float = 1.0) -> Tensor:
        return put(tensor, torch.randn(tuple(tensor.shape)) * std + mean)

    def xavier_uniform_(tensor: Tensor, gain: float = 1.0) -> Tensor:
        bound = gain * sqrt(6 / (tensor.shape[0] + tensor.shape[1]) / prod(tensor.shape[2:]))
        return uniform_(tensor, -bound, bound)

    return Names(
        "torch.nn.init",
        uniform_=uniform_,
        normal_=normal_,
        xavier_uniform_=xavier_uniform_,
        constant_=constant_,
        ones_=lambda tensor: constant_(tensor, 1),
        zeros_=lambda tensor: constant_(tensor, 0),
    )
