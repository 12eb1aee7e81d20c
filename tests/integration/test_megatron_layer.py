"""A layer under tensor parallelism against the unsharded one: outputs, the input's gradient, every parameter's gradient."""

import msgspec
import numpy as np
import pytest

from kernbench.runtime_api.parallel.model_shape import model_shape
from kernbench.runtime_api.parallel.parameter import Uniform
from kernbench.runtime_api.parallel.reference import ReferenceLayer, wrong
from kernbench.runtime_api.parallel.transformer_layer import TransformerLayer
from kernbench.runtime_api.parallel.vocab import VocabParallelEmbedding
from kernbench.runtime_api.parallel.weight_layout import LAYOUTS
from kernbench.runtime_api.row import Row

SMALL = ("sip.cube_mesh=1x1", "sip.cube.pes=2")
BATCH, POSITIONS = 2, 12
FIGURES = {"y", "dx", "linear_qkv", "linear_proj", "linear_fc1", "linear_fc2", "input_layernorm", "pre_mlp_layernorm"}


def shape_of(kind):
    """Llama's layer with groups of two query heads, or GPT's."""
    shape = msgspec.structs.replace(model_shape("tiny"), hidden_size=64, ffn=96, head_dim=8)
    return shape if kind == "llama" else msgspec.structs.replace(shape, gated=False, rms=False, kv_heads=8)


class Checked(Row):
    """A row with (result, what is expected of it) by name."""

    pairs: dict


def part(array, rank, world, axis):
    return np.split(array, world, axis)[rank]


def bench(
    torch,
    *,
    kind: str = "llama",
    sp: bool = False,
    dtype: str = "float32",
    other_seed: bool = False,
    weights: str = "divided",
):
    """Forward and backward; the row tells what was compared."""
    dist, element, shape = torch.distributed, torch.dtype_named(dtype), shape_of(kind)
    dist.init_process_group()
    rank, world = dist.get_rank(), dist.get_world_size()
    config = torch.parallel(element, sequence_parallel=sp, weights=LAYOUTS[weights])
    layer = TransformerLayer(shape, config=config, batch=BATCH, seed=7, title="layer 0")
    rows = BATCH * POSITIONS
    x, dy = (
        Uniform(7, name, shape.hidden_size, deviation=1.0).rows(range(rows)).astype(element.numpy) for name in "xg"
    )
    own = slice(rank * rows // world, (rank + 1) * rows // world) if sp else slice(None)
    y = layer.forward(torch.from_numpy(x[own]))
    dx = layer.backward(torch.from_numpy(dy[own]))
    layer.finish_gradients()
    whole = ReferenceLayer(shape, batch=BATCH, seed=8 if other_seed else 7, title="layer 0", dtype=element)
    want_y, want_dx, grads = whole.forward(x), whole.backward(dy), whole.grads
    fc1 = np.split(grads["linear_fc1"], 1 + shape.gated)
    row = Checked({"figures": sorted(FIGURES)}, 0, 1, results=(y, dx))
    row.pairs = {
        "y": (y, want_y[own]),
        "dx": (dx, want_dx[own]),
        "linear_qkv": (layer.linear_qkv.weight.grad, part(grads["linear_qkv"], rank, world, 0)),
        "linear_proj": (layer.linear_proj.weight.grad, part(grads["linear_proj"], rank, world, 1)),
        "linear_fc1": (layer.mlp.linear_fc1.weight.grad, np.concatenate([part(p, rank, world, 0) for p in fc1])),
        "linear_fc2": (layer.mlp.linear_fc2.weight.grad, part(grads["linear_fc2"], rank, world, 1)),
        "input_layernorm": (layer.input_layernorm.weight.grad, grads["input_layernorm"][None]),
        "pre_mlp_layernorm": (layer.pre_mlp_layernorm.weight.grad, grads["pre_mlp_layernorm"][None]),
    }
    return row


def embedding(torch, *, sp: bool = False):
    """Ids of both halves of the vocabulary, one of them three times."""
    dist, ids, width = torch.distributed, [3, 30, 3, 17, 0, 31, 3, 16], 24
    dist.init_process_group()
    rank, world = dist.get_rank(), dist.get_world_size()
    config = torch.parallel(torch.float32, sequence_parallel=sp)
    layer = VocabParallelEmbedding(32, width, config=config, init_method=Uniform(7, "embedding", width))
    weight = Uniform(7, "embedding", width).rows(range(32))
    dy = Uniform(7, "g", width).rows(range(8))
    own = slice(rank * 8 // world, (rank + 1) * 8 // world) if sp else slice(None)
    y = layer.forward(ids)
    layer.backward(torch.from_numpy(dy[own]))
    want = np.zeros_like(weight)
    np.add.at(want, ids, dy)
    row = Checked({}, 0, 1, results=(y,))
    row.pairs = {"y": (y, weight[ids][own]), "weight": (layer.weight.grad, part(want, rank, world, 0))}
    return row


def verify(torch, row):
    """Wrong elements of everything that was compared."""
    found = {name: wrong(got.peek(), want, got.dtype) for name, (got, want) in row.pairs.items()}
    assert all(got.shape == want.shape for got, want in row.pairs.values())
    assert row.columns.get("figures") in (None, sorted(found))
    return sum(found.values())


@pytest.mark.parametrize(
    ("sips", "kind", "sp", "dtype"),
    [(1, "llama", False, "float32"), (2, "gpt", False, "float32"), (4, "llama", False, "bfloat16"),
     (2, "llama", True, "bfloat16"), (4, "gpt", True, "float32")],
)  # fmt: skip
def test_a_sharded_layer_and_its_gradients_equal_the_unsharded_one(sim, sips, kind, sp, dtype):
    result = sim(sips=sips, overrides=SMALL).run(bench, kind=kind, sp=sp, dtype=dtype)
    assert result.wrong == 0


def test_a_layer_whose_weights_are_copied_to_each_cube_equals_the_unsharded_one(sim):
    """Four cubes of two PEs; 24 rows are six in each cube, which makes its own."""
    overrides = ("sip.cube_mesh=2x2", "sip.cube.pes=2")
    assert sim(sips=2, overrides=overrides).run(bench, kind="gpt", sp=True, weights="copied").wrong == 0


@pytest.mark.slow
@pytest.mark.parametrize(
    ("dtype", "weights"),
    [("float32", "divided"), ("float16", "divided"), ("bfloat16", "divided"), ("bfloat16", "copied")],
)
@pytest.mark.parametrize("sp", [False, True])
@pytest.mark.parametrize("kind", ["llama", "gpt"])
@pytest.mark.parametrize("sips", [1, 2, 4])
def test_every_degree_kind_and_type_equals_the_unsharded_layer(sim, sips, kind, sp, dtype, weights):
    result = sim(sips=sips).run(bench, kind=kind, sp=sp, dtype=dtype, weights=weights)
    assert result.wrong == 0


def test_a_layer_of_other_weights_is_told_apart(sim):
    result = sim(sips=1, overrides=SMALL).run(bench, dtype="bfloat16", other_seed=True)
    assert result.wrong > 1000


@pytest.mark.parametrize(("sips", "sp"), [(1, False), (2, False), (4, True)])
def test_a_sharded_embedding_and_its_gradient_equal_the_unsharded_one(sim, sips, sp):
    assert sim(sips=sips, overrides=SMALL).run(embedding, sp=sp).wrong == 0
