"""The messages of GPT-13B's layers on TP=8, in order, against AICB's lists of Megatron's (which others made)."""

from pathlib import Path

import pytest

from kernbench.common.completion import Completion, RequestHandle
from kernbench.di.machine import TopologyFacts
from kernbench.policy.address import AddressSpace
from kernbench.policy.placement import Geometry
from kernbench.runtime_api.parallel.model_shape import model_shape
from kernbench.runtime_api.parallel.parameter import Uniform
from kernbench.runtime_api.parallel.transformer_layer import TransformerLayer
from kernbench.runtime_api.parallel.vocab import VocabParallelEmbedding
from kernbench.runtime_api.rank import Rank
from kernbench.runtime_api.torch import Torch
from kernbench.topology.compile import compile_topology
from kernbench.topology.load import load

DATA = Path(__file__).parents[2].parent / "shared" / "data" / "megatron"
TP, POSITIONS, BATCH, LAYERS = 8, 2048, 1, 40
WHOLE = 2 * POSITIONS * BATCH * 5120
"""2 s b h bytes: a whole matrix of activations in bfloat16."""


class IdleRank(Rank):
    """A rank whose device does everything in no time: what is left is what the layers ask for."""

    def submit(self, message):
        handle = RequestHandle(message)
        handle.completion = Completion(0, 0)
        return handle

    def wait(self, handle):
        return handle.completion

    def now(self):
        return 0

    def pause(self, time):
        pass


def config_of(sp):
    pes = [f"cube{cube:02}.pe{pe}" for cube in range(16) for pe in range(4)]
    space = AddressSpace(Geometry(16, 4, 6 << 30))
    facts = TopologyFacts(compile_topology(load(None), TP))
    torch = Torch(IdleRank(0, TP, 0, pes, space, (), facts, seed=0, values=False))
    torch.distributed.init_process_group()
    return torch.parallel(torch.bfloat16, sequence_parallel=sp)


def said(books):
    return [(message.kind, message.size) for message in books.messages]


def passes(sp, layers):
    """The books of each part of each layer, (forward, backward): a list of dicts by the part's name."""
    config, shape = config_of(sp), model_shape("gpt-13b")
    rows = POSITIONS * BATCH // (TP if sp else 1)
    x = config.compute.activations(rows, shape.hidden_size, config.params_dtype)
    stack = [
        TransformerLayer(shape, config=config, batch=BATCH, seed=0, title=f"layer {number}") for number in range(layers)
    ]
    for layer in stack:
        x = layer.forward(x)
    for layer in reversed(stack):
        x = layer.backward(x)
    found = {}
    for books in config.ledger.parts:
        for part in books.parts:
            found[books.title, part.title] = said(part)
    return found


def of(found, title):
    """All messages of a part of a layer, in order."""
    return [message for (name, _), each in found.items() if name == title for message in each]


def read(name):
    """(name, forward, input's gradient, weight's gradient) of each line: a list of (type, bytes) each."""
    (path,) = DATA.glob(f"G13B-M1-{name}*") if DATA.is_dir() else [None]
    if path is None:
        pytest.skip(f"{DATA} is not there: it has AICB's workload {name}")
    lines = []
    for line in path.read_text().splitlines()[2:]:
        fields = line.split("\t")
        pairs = [(fields[at], int(fields[at + 1])) for at in (3, 6, 9)]
        lines.append((fields[0], *([] if kind == "NONE" else [(TYPES[kind], size)] for kind, size in pairs)))
    return lines


TYPES = {
    "ALLREDUCE": "all_reduce", "ALLGATHER": "all_gather", "REDUCESCATTER": "reduce_scatter", "BROADCAST": "broadcast",
}  # fmt: skip


def test_without_sequence_parallelism_a_layer_has_two_all_reduces_each_way():
    found = passes(False, 1)
    one = [("all_reduce", WHOLE)]
    assert {title: of(found, title) for title, _ in found} == {
        "layer 0 attention forward": one,
        "layer 0 mlp forward": one,
        "layer 0 mlp backward": one,
        "layer 0 attention backward": one,
    }


def test_with_sequence_parallelism_a_column_layer_gathers_and_a_row_layer_scatters():
    found = passes(True, 1)
    gather, scatter = ("all_gather", WHOLE), ("reduce_scatter", WHOLE)
    for part in ("attention", "mlp"):
        assert found[f"layer 0 {part} forward", f"{part}_column_layer"] == [gather]
        assert found[f"layer 0 {part} forward", f"{part}_row_layer"] == [scatter]
        assert found[f"layer 0 {part} backward", f"{part}_row_layer"] == [gather]
        assert found[f"layer 0 {part} backward", f"{part}_column_layer"] == [gather, scatter]


def test_all_layers_messages_equal_aicbs_without_sequence_parallelism():
    lines = [line for line in read("C01") if line[0] in ("attention_layer", "mlp_layer")]
    found = passes(False, LAYERS)
    assert len(lines) == 2 * LAYERS
    for number, (name, forward, inputs, weights) in enumerate(lines):
        part = name.removesuffix("_layer")
        for way, expected in (("forward", forward), ("backward", inputs + weights)):
            title = f"layer {number // 2} {part} {way}"
            assert of(found, title) == expected, title


def test_all_layers_messages_equal_aicbs_with_sequence_parallelism_but_for_the_second_gather():
    """Megatron keeps its shard of a column layer's input and gathers it again for dW; AICB's list leaves that out."""
    lines = [line for line in read("C02") if line[0].endswith(("_column_layer", "_row_layer"))]
    found = passes(True, LAYERS)
    assert len(lines) == 4 * LAYERS
    for number, (name, forward, inputs, weights) in enumerate(lines):
        part = name.partition("_")[0]
        assert found[f"layer {number // 4} {part} forward", name] == forward
        again = [("all_gather", WHOLE)] if "column" in name else []
        assert found[f"layer {number // 4} {part} backward", name] == again + inputs + weights


@pytest.mark.parametrize(("sp", "way", "back"), [(False, "all_reduce", []), (True, "reduce_scatter", ["all_gather"])])
def test_an_embedding_sums_what_the_ranks_found(sp, way, back):
    config, shape = config_of(sp), model_shape("gpt-13b")
    vocabulary, hidden = shape.padded_vocab_size(TP), shape.hidden_size
    init = Uniform(0, "embedding", hidden)
    layer = VocabParallelEmbedding(vocabulary, hidden, config=config, init_method=init)
    with config.booked("forward") as forward:
        out = layer.forward([number * 25 % vocabulary for number in range(POSITIONS)])
    with config.booked("backward") as backward:
        layer.backward(out)
    assert (said(forward), said(backward)) == ([(way, WHOLE)], [(kind, WHOLE) for kind in back])


def test_an_embeddings_forward_message_equals_aicbs():
    (line,) = [line for line in read("C01") if line[0] == "embedding_layer"]
    assert line[1] == [("all_reduce", WHOLE)]
