"""Elements taken from places or put there, and elements in other places, by the host: gather, scatter, triangles."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from kernbench.runtime_api.host_array import back, values
from kernbench.triton_emu.dtype import int64

if TYPE_CHECKING:
    from kernbench.runtime_api.tensor import Tensor


def is_place(key: Any) -> bool:
    """Whether an index asks for elements one by one: by a tensor, an array or a list."""
    parts = key if isinstance(key, tuple) else (key,)
    return any(isinstance(each, list | np.ndarray) or (hasattr(each, "numpy") and _is_many(each)) for each in parts)


def _is_many(x: "Tensor") -> bool:
    return bool(x.ndim) or x.dtype.is_bool()


def _key(key: Any) -> Any:
    """An index as numpy takes it."""
    return tuple(values(each) for each in key) if isinstance(key, tuple) else values(key)


def taken(x: "Tensor", key: Any) -> "Tensor":
    """`x[key]` where the key asks for elements one by one: a copy."""
    return back(x, x.numpy()[_key(key)])


def put(x: "Tensor", key: Any, value: Any, *, accumulate: Any = False) -> "Tensor":
    """`x[key] = value`, or `+=` where each place counts as often as it is named."""
    array = x.numpy() if not accumulate else values(x)
    wanted = values(value)
    wanted = wanted.astype(array.dtype) if isinstance(wanted, np.ndarray) else wanted
    if accumulate:
        np.add.at(array, _key(key), wanted)
    else:
        array[_key(key)] = wanted
    return x.copy_(array)


def index_put(x: "Tensor", indices: Any, values: Any, accumulate: Any = False) -> "Tensor":  # torch's names
    """A copy with elements put at places."""
    return put(x.clone(), tuple(indices), values, accumulate=accumulate)


def _along(index: Any, dim: Any) -> tuple[Any, ...]:
    """Places of `index.shape` elements whose coordinate `dim` is the index, the others their own."""
    places = list(np.indices(index.shape, sparse=True))
    places[dim] = index
    return tuple(places)


def _checked(x: "Tensor", dim: Any, index: "Tensor") -> Any:
    array = index.numpy()
    if array.ndim != x.ndim and x.ndim > 0:
        raise RuntimeError("Index tensor must have the same number of dimensions as input tensor")
    return _bounded(x, dim, array)


def _bounded(x: "Tensor", dim: Any, array: Any) -> Any:
    wrong = array[(array < 0) | (array >= x.shape[dim])]
    if wrong.size:
        raise IndexError(
            f"index {wrong.flat[0]} is out of bounds for dimension {dim % x.ndim} with size {x.shape[dim]}"
        )
    return array.astype(np.int64)


def gather(x: "Tensor", dim: Any, index: "Tensor", *, sparse_grad: Any = False) -> "Tensor":
    """Along `dim`, the elements that `index` names, in its shape."""
    del sparse_grad
    return back(x, x.numpy()[_along(_checked(x, dim, index), dim)])


def take_along_dim(x: "Tensor", indices: "Tensor", dim: Any = None) -> "Tensor":
    """Along `dim`, the elements that `indices` name; the other axes broadcast."""
    array = x.numpy()
    if dim is None:
        return back(x, array.reshape(-1)[indices.numpy().reshape(-1)])
    return back(x, np.take_along_axis(array, indices.numpy(), dim))


def take(x: "Tensor", index: "Tensor") -> "Tensor":
    """The elements with these numbers in order."""
    return back(x, np.take(x.numpy(), index.numpy()))


def index_select(x: "Tensor", dim: Any, index: "Tensor") -> "Tensor":
    """The slices along `dim` that `index` names."""
    return back(x, np.take(x.numpy(), _bounded(x, dim, index.numpy()), axis=dim))


def masked_select(x: "Tensor", mask: "Tensor") -> "Tensor":
    """The elements where the mask is true, in order."""
    array, wanted = np.broadcast_arrays(x.numpy(), mask.numpy())
    return back(x, array[wanted])


def scatter(
    x: "Tensor", dim: Any, index: "Tensor", src: Any = None, *, value: Any = None, reduce: Any = None
) -> "Tensor":
    """A copy with elements of `src`, or `value`, where `index` says along `dim`; of several for a place the last."""
    if reduce is not None:
        return scatter_reduce(x, dim, index, src, {"add": "sum", "multiply": "prod"}.get(reduce, reduce))
    array, places = x.numpy(), _along(_checked(x, dim, index), dim)
    array[places] = _part(value if src is None else src, index)
    return back(x, array)


def scatter_add(x: "Tensor", dim: Any, index: "Tensor", src: Any) -> "Tensor":
    """A copy with elements of `src` added where `index` says along `dim`."""
    return scatter_reduce(x, dim, index, src, "sum")


def scatter_reduce(
    x: "Tensor", dim: Any, index: "Tensor", src: Any, reduce: str, *, include_self: Any = True
) -> "Tensor":
    """A copy whose elements are reduced with those of `src` that `index` puts there along `dim`."""
    functions = {"sum": np.add, "prod": np.multiply, "amax": np.maximum, "amin": np.minimum, "mean": np.add}
    if reduce not in functions:
        raise RuntimeError(f"reduce argument must be either sum, prod, mean, amax or amin, got {reduce}")
    array, places = values(x), _along(_checked(x, dim, index), dim)
    if not include_self:
        least, most = _limits(array)
        array[places] = {"sum": 0, "mean": 0, "prod": 1, "amax": least, "amin": most}[reduce]
    functions[reduce].at(array, places, _part(src, index))
    if reduce == "mean":
        counts = np.full(array.shape, 1 if include_self else 0)
        np.add.at(counts, places, 1)
        array = (
            np.floor_divide(array, np.maximum(counts, 1)) if array.dtype.kind in "iu" else array / np.maximum(counts, 1)
        )
    return back(x, array)


def _limits(array: Any) -> tuple[Any, Any]:
    if array.dtype.kind == "f":
        return -np.inf, np.inf
    bounds = np.iinfo(array.dtype)
    return bounds.min, bounds.max


def _part(src: Any, index: "Tensor") -> Any:
    """What goes to the places: as much of `src` as there are indices."""
    found = values(src)
    return found[tuple(slice(0, extent) for extent in index.shape)] if isinstance(found, np.ndarray) else found


def _slices(x: "Tensor", dim: Any, index: "Tensor") -> tuple[Any, ...]:
    return (*[slice(None)] * (dim % x.ndim), _bounded(x, dim, index.numpy()))


def index_add(x: "Tensor", dim: Any, index: "Tensor", source: Any, *, alpha: Any = 1) -> "Tensor":
    """A copy with slices of `source` added to those that `index` names along `dim`."""
    array = values(x)
    np.add.at(array, _slices(x, dim, index), alpha * values(source))
    return back(x, array)


def index_copy(x: "Tensor", dim: Any, index: "Tensor", source: Any) -> "Tensor":
    """A copy with slices of `source` in the place of those that `index` names along `dim`."""
    array = values(x)
    array[_slices(x, dim, index)] = values(source)
    return back(x, array)


def index_fill(x: "Tensor", dim: Any, index: "Tensor", value: Any) -> "Tensor":
    """A copy with `value` in the slices that `index` names along `dim`."""
    return index_copy(x, dim, index, value)


def tril(x: "Tensor", diagonal: Any = 0) -> "Tensor":
    """The lower triangle, zero above."""
    return back(x, np.tril(x.numpy(), diagonal))


def triu(x: "Tensor", diagonal: Any = 0) -> "Tensor":
    """The upper triangle, zero below."""
    return back(x, np.triu(x.numpy(), diagonal))


def diag(x: "Tensor", diagonal: Any = 0) -> "Tensor":
    """The diagonal of a matrix, or a matrix with this diagonal."""
    return back(x, np.diag(x.numpy(), diagonal))


def diagonal(x: "Tensor", offset: Any = 0, dim1: Any = 0, dim2: Any = 1) -> "Tensor":
    """The diagonal over two axes, as the last axis: a copy."""
    return back(x, np.diagonal(x.numpy(), offset, dim1, dim2))


def diag_embed(x: "Tensor") -> "Tensor":
    """Matrices whose diagonals are the last axis."""
    array = x.numpy()
    return back(x, array[..., None] * np.eye(array.shape[-1], dtype=array.dtype))


def flip(x: "Tensor", *along: Any, dims: Any = None) -> "Tensor":
    """The elements in reverse along axes, given one by one or as `dims`."""
    given = along if dims is None else (dims,)
    wanted = tuple(given[0]) if len(given) == 1 and isinstance(given[0], list | tuple) else given
    return back(x, np.flip(x.numpy(), wanted))


def roll(x: "Tensor", shifts: Any, dims: Any = None) -> "Tensor":
    """The elements moved along `dims`, those beyond the end to the beginning."""
    return back(x, np.roll(x.numpy(), shifts, dims if dims is None or isinstance(dims, int) else tuple(dims)))


def repeat_interleave(x: "Tensor", repeats: Any, dim: Any = None, *, output_size: Any = None) -> "Tensor":
    """Each element, or slice along `dim`, so many times."""
    del output_size
    return back(x, np.repeat(x.numpy(), values(repeats), dim))


def nonzero_static(x: "Tensor", *, size: Any, fill_value: Any = -1) -> "Tensor":
    """`nonzero` in so many rows: cut, or filled up."""
    found = np.stack(np.nonzero(values(x)), 1)[:size]
    return back(x, np.pad(found, ((0, size - len(found)), (0, 0)), constant_values=fill_value), int64)


FUNCTIONS: dict[str, Callable[..., Any]] = {
    each.__name__: each
    for each in (
        index_put, gather, take_along_dim, take, index_select, masked_select, scatter, scatter_add, scatter_reduce, index_add,
        index_copy, index_fill, tril, triu, diag, diagonal, diag_embed, flip, roll, repeat_interleave, nonzero_static,
    )
}  # fmt: skip
