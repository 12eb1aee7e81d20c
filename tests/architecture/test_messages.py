"""Every message that leaves a SIP or a process comes out of MessagePack as it went in, and none can be changed."""

import typing

import msgspec
import pytest

from kernbench.common.messages import fabric, island

SAMPLES = {
    int: 7,
    float: 0.5,
    str: "sip0.cube00.pe0",
    bytes: b"\x00\xff",
    bool: True,
}


def structs(module):
    return [
        each
        for each in vars(module).values()
        if isinstance(each, type) and issubclass(each, msgspec.Struct) and each.__module__ == module.__name__
    ]


def example(kind):
    """A value of a type, none of whose parts is a default."""
    kind = getattr(kind, "__value__", kind)
    if kind in SAMPLES:
        return SAMPLES[kind]
    if isinstance(kind, type) and issubclass(kind, msgspec.Struct):
        hints = typing.get_type_hints(kind)
        return kind(**{name: example(hints[name]) for name in kind.__struct_fields__})
    origin, parts = typing.get_origin(kind), typing.get_args(kind)
    if origin is typing.Literal:
        return parts[-1]
    if origin is tuple:
        return (example(parts[0]),) * 2 if parts[-1] is Ellipsis else tuple(example(part) for part in parts)
    if origin is list:
        return [example(parts[0])]
    if origin is dict:
        return {example(parts[0]): example(parts[1])}
    return example(next(part for part in parts if part is not type(None)))


@pytest.mark.parametrize("kind", [*structs(fabric), *structs(island)], ids=lambda kind: kind.__name__)
def test_a_message_survives_its_journey(kind):
    message = example(kind)
    assert msgspec.msgpack.decode(msgspec.msgpack.encode(message), type=kind) == message


@pytest.mark.parametrize(
    ("union", "members"),
    [
        (fabric.FabricMessage, typing.get_args(fabric.FabricMessage)),
        (fabric.FabricPayload, typing.get_args(fabric.FabricPayload)),
        (island.ToIsland, typing.get_args(island.ToIsland)),
        (island.FromIsland, typing.get_args(island.FromIsland)),
    ],
)
def test_a_message_of_several_kinds_is_told_apart(union, members):
    for kind in members:
        message = example(kind)
        assert msgspec.msgpack.decode(msgspec.msgpack.encode(message), type=union) == message


def test_every_payload_that_crosses_fits_into_its_packet():
    for kind in typing.get_args(fabric.FabricPayload):
        packet = msgspec.structs.replace(example(fabric.FabricPacket), payload=example(kind))
        assert msgspec.msgpack.decode(msgspec.msgpack.encode(packet), type=fabric.FabricMessage) == packet


@pytest.mark.parametrize("kind", structs(fabric), ids=lambda kind: kind.__name__)
def test_what_crosses_between_sips_is_frozen_and_documented(kind):
    assert (kind.__struct_config__.frozen, bool(kind.__doc__)) == (True, True)
