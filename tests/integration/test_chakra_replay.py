"""Chakra traces: what a reader makes of the bytes, what a replay makes of the tasks, and what is wrong with a file."""

import json
import random
import re
import struct
from heapq import heappush

import pytest

from actors.simulation import Simulation
from kernbench.cli import execute
from kernbench.common.errors import DeadlockError, UsageError
from kernbench.common.units import ns
from kernbench.runtime_api.workload.chakra import read_trace
from kernbench.runtime_api.workload.chakra_tasks import read_chakra
from kernbench.sim_engine import engine
from kernbench.telemetry.reader import RunReader
from kernbench.telemetry.trace import write_trace

SMALL = ("sip.cube_mesh=1x1",)
COMPUTE, SEND, RECEIVE, COLLECTIVE = 4, 5, 6, 7


def varint(value):
    out = b""
    while value > 127:
        out, value = out + bytes([value & 127 | 128]), value >> 7
    return out + bytes([value])


def field(number, value):
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    value = value.encode() if isinstance(value, str) else value
    return varint(number << 3 | 2) + varint(len(value)) + value


def attribute(name, value):
    encoded = {
        bytes: lambda: value,
        str: lambda: field(29, value),
        int: lambda: field(13, value),
        list: lambda: field(28, field(1, bytes(value))),
    }[type(value)]()
    return field(10, field(1, name) + encoded)


def node(number, kind, after=(), duration=0, **attributes):
    own = field(1, number) + field(2, f"n{number}") + field(3, kind) + b"".join(field(5, each) for each in after)
    return own + field(7, duration) + b"".join(attribute(name, value) for name, value in attributes.items())


def stream(*nodes):
    return b"".join(varint(len(each)) + each for each in (field(1, "0.0.4"), *nodes))


@pytest.fixture
def written(tmp_path):
    """Write the files of ranks, each a list of nodes or bytes; give the prefix."""

    def write(*ranks):
        for rank, nodes in enumerate(ranks):
            (tmp_path / f"t.{rank}.et").write_bytes(nodes if isinstance(nodes, bytes) else stream(*nodes))
        return str(tmp_path / "t")

    return write


def run(prefix, sips, workers=1, overrides=SMALL, **arguments):
    return Simulation(sips=sips, workers=workers, overrides=overrides).run("chakra", prefix=prefix, **arguments)


def rows(result):
    return {(row.columns["task"], row.columns["size_bytes"]): row for row in result.rows}


def all_reduce(number, size, after=(), **more):
    return node(number, COLLECTIVE, after, comm_type=0, comm_size=size, **more)


def test_a_collective_alone_takes_what_its_bench_takes(written):
    replayed = rows(run(written([all_reduce(0, 65536)], [all_reduce(0, 65536)]), 2))["all_reduce", 65536]
    (plain,) = Simulation(sips=2, overrides=SMALL).run("allreduce", sizes="64KiB").rows
    assert (replayed.time, replayed.launch, replayed.columns["bus_factor"]) == (
        plain.time, plain.launch, plain.columns["bus_factor"],
    )  # fmt: skip


# -- dependencies and time ---------------------------------------------------------------------------------------------


def test_compute_that_nothing_orders_hides_a_collective_and_a_chain_does_not(written):
    both = [node(0, COMPUTE, duration=1), node(1, COMPUTE, duration=50), all_reduce(2, 65536, [0])]
    chain = [all_reduce(0, 65536), node(1, COMPUTE, [0], duration=50)]
    hidden, shown = (run(written(nodes, nodes), 2).rows[0].columns for nodes in (both, chain))
    assert hidden["exposed_fs"] == 0 < hidden["communication_fs"]
    assert shown["exposed_fs"] == shown["communication_fs"] > 0


def test_what_is_under_way_together_is_a_phase_of_report_and_trace(written, tmp_path):
    """The collective begins with the second compute node and ends before it; the host's node comes at last."""
    nodes = [
        node(0, COMPUTE, duration=1), node(1, COMPUTE, [0], duration=50), all_reduce(2, 65536, [0]),
        node(3, COMPUTE, [1], duration=2, is_cpu_op=1),
    ]  # fmt: skip
    machine = Simulation(sips=2, overrides=SMALL, telemetry=str(tmp_path / "r"))
    result = machine.run("chakra", prefix=written(nodes, nodes))
    reader = RunReader(tmp_path / "r")
    phases = [row for row in reader.phases() if row.sip == 0 and re.match(r"n\d", row.name)]
    names = ["n0 compute", "n1 compute + n2 all_reduce", "n1 compute", "n3 host"]
    assert [row.name for row in phases] == names
    assert [row.start for row in phases[1:]] == [row.end for row in phases[:-1]]
    assert phases[-1].end - phases[-1].start == ns(2000)
    assert phases[1].end - phases[1].start >= rows(result)["all_reduce", 65536].time
    assert execute(["report", str(tmp_path / "r"), "--html", str(tmp_path / "page.html")]) == 0
    page = (tmp_path / "page.html").read_text()
    assert all(f"<title>{name}: " in page for name in names)
    write_trace(reader, tmp_path / "t.pftrace")
    trace = (tmp_path / "t.pftrace").read_bytes()
    assert all(name.encode() in trace for name in names)


def test_a_compute_node_takes_its_duration(written):
    """One PE computes; that it has ended is seen 1 fs later."""
    nodes = [node(0, COMPUTE, duration=7)]
    (_, row) = run(written(nodes, nodes), 2, overrides=(*SMALL, "sip.cube.pes=2"), compute_unit="us").rows
    assert row.time == ns(7000) + 1


def test_the_unit_of_durations_is_the_one_asked_for(written):
    nodes = [node(0, COMPUTE, duration=7000)]
    prefix = written(nodes, nodes)
    assert {task.time for task in read_chakra(prefix, "ns").ranks[0]} == {ns(7000)}
    with pytest.raises(UsageError, match=r"--compute-unit s: expected one of ns, us, ms"):
        read_chakra(prefix, "s")


def test_operations_without_a_duration_take_what_arrays_or_memory_need(written):
    """2 x 32 x 32 x 1 GHz on the PE that no collective uses: 2048 GFLOP/s; four slices of 204.8 GB/s."""
    nodes = [
        node(0, COMPUTE, num_ops=2048 * 10**6, tensor_size=1),
        node(1, COMPUTE, [0], num_ops=1, tensor_size=8192 * 100),
    ]
    result = run(written(nodes, nodes), 2, overrides=(*SMALL, "sip.cube.pes=2"))
    assert rows(result)["compute", None].time == (ns(1_000_000) + ns(1000)) // 2 + 1


def test_messages_meet_and_a_rank_that_posts_many_receives_still_sends(written):
    """Eight receives before the first send: they may not take all of the device's launch slots."""
    ranks = [
        [node(each, RECEIVE, comm_src=1 - me, comm_dst=me, comm_size=4096, comm_tag=each) for each in range(8)]
        + [node(8 + each, SEND, comm_src=me, comm_dst=1 - me, comm_size=4096, comm_tag=each) for each in range(8)]
        for me in (0, 1)
    ]
    result = run(written(*ranks), 2)
    assert [(key, row.columns["tasks"]) for key, row in rows(result).items()] == [
        (("all", None), 16), (("recv", 4096), 8), (("send", 4096), 8),
    ]  # fmt: skip


def test_memory_nodes_cross_pcie_and_cpu_nodes_hold_the_host(written):
    """64 KiB at 64 GB/s take 1024 ns and more; the host computes 3 us, and the collective waits for it."""
    nodes = [
        node(0, 2, tensor_size=65536), node(1, 3, [0], tensor_size=65536),
        node(2, COMPUTE, duration=3, is_cpu_op=field(27, 1)), all_reduce(3, 64, [2]),
    ]  # fmt: skip
    found = rows(run(written(nodes, nodes), 2))
    assert found["host", None].time == ns(3000)
    assert min(found["load", 65536].time, found["store", 65536].time) > ns(1024)
    assert found["all", None].time > ns(3000)


def test_the_order_of_events_within_an_instant_reaches_no_replay(written, monkeypatch):
    """Tasks of all lanes at once, each followed by more: who ends first among equals is not seen."""

    def nodes(me):
        first = [
            node(0, COMPUTE, duration=1), all_reduce(1, 2048), node(2, 2, tensor_size=4096), node(3, 3, tensor_size=4096),
            node(4, SEND, comm_dst=1 - me, comm_size=2048), node(5, RECEIVE, comm_src=1 - me, comm_size=2048),
        ]  # fmt: skip
        return [*first, *(node(6 + each, COMPUTE, [each], duration=1) for each in range(6)), all_reduce(12, 64, [0, 5])]

    def heappush_at_random(heap, item):
        time, priority, sequence, *rest = item
        heappush(heap, (time, priority, (draw.random(), sequence), *rest))

    prefix = written(nodes(0), nodes(1))
    straight = run(prefix, 2)
    monkeypatch.setattr(engine, "heappush", heappush_at_random)
    for seed in range(3):
        draw = random.Random(seed)
        shuffled = run(prefix, 2)
        assert (shuffled.digest, shuffled.rows) == (straight.digest, straight.rows)


def test_every_kind_of_collective_runs_among_groups_of_all_sorts(written):
    """Groups by name, by dimension, of one rank and of all; a name's ranks are those whose files use it."""

    def nodes(me):
        kinds = [node(kind, COLLECTIVE, [kind - 1] * (kind > 0), comm_type=kind, comm_size=1000) for kind in range(10)]
        pair = all_reduce(10, 512, pg_name=f"pair {me % 2}")
        alone = all_reduce(11, 512, pg_name=f"alone {me}")
        row = node(12, COLLECTIVE, comm_type=2, comm_size=512, involved_dim=[True, False])
        return [*kinds, pair, alone, row]

    prefix = written(*map(nodes, range(4)))
    workload = read_chakra(prefix, dims="2x2")
    assert {name: ranks for name, ranks in workload.groups.items() if len(ranks) == 2} == {
        "pair 0": (0, 2), "pair 1": (1, 3), "ranks 0 1": (0, 1), "ranks 2 3": (2, 3),
    }  # fmt: skip
    one, two = (run(prefix, 4, workers, dims="2x2") for workers in (1, 2))
    assert (one.digest, len(one.rows)) == (two.digest, len(two.rows))
    assert {key[0] for key in rows(one)} >= {
        "barrier",
        "all_to_all",
        "scatter",
        "gather",
        "reduce_scatter",
        "broadcast",
    }


def test_a_file_of_groups_says_who_a_name_is(written, tmp_path):
    (tmp_path / "g.json").write_text(json.dumps({"7": [1, 0]}))
    prefix = written(*[[all_reduce(0, 64, pg_name="7")]] * 2, [])
    assert read_chakra(prefix, groups=str(tmp_path / "g.json")).groups == {"7": (0, 1)}
    (tmp_path / "h.json").write_text(json.dumps({"7": [1, 2]}))
    with pytest.raises(UsageError, match=r"byte 9: node 0 \(n0\): rank 0 is not in its process group 7"):
        read_chakra(prefix, groups=str(tmp_path / "h.json"))


# -- bytes -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "encoded",
    [
        field(7, 4096), field(9, 4096), field(11, 4096), field(13, 4096), field(15, 8192), field(17, 8192),
        varint(19 << 3 | 5) + struct.pack("<I", 4096), varint(21 << 3 | 1) + struct.pack("<Q", 4096),
        varint(23 << 3 | 5) + struct.pack("<i", 4096), varint(25 << 3 | 1) + struct.pack("<q", 4096),
        varint(3 << 3 | 1) + struct.pack("<d", 4096), varint(5 << 3 | 5) + struct.pack("<f", 4096), field(29, "4096"),
    ],
)  # fmt: skip
def test_a_number_may_have_any_type_of_the_schema(written, encoded):
    prefix = written([node(0, COLLECTIVE, comm_type=0, comm_size=encoded)])
    assert [task.size for task in read_chakra(prefix).ranks[0]] == [4096]


def test_dependencies_may_be_packed_and_unknown_fields_are_passed_over(written):
    packed = node(2, COMPUTE, duration=1) + field(4, varint(0) + varint(1)) + field(99, "later") + field(6, 5)
    prefix = written([node(0, COMPUTE, duration=1), node(1, COMPUTE, duration=1), packed])
    assert read_chakra(prefix).ranks[0][2].after == (0, 1)


def test_what_is_ignored_is_counted_with_its_reason(written):
    nodes = [
        node(0, 1), node(1, COMPUTE), all_reduce(2, 0), all_reduce(3, 64, is_cpu_op=field(27, 1)), node(4, 99, [3]),
        all_reduce(5, 64, [4]), node(6, 0),
    ]  # fmt: skip
    workload = read_chakra(written(nodes, nodes))
    assert workload.notes == (
        "2 Chakra files of schema version 0.0.4, 14 nodes",
        "replays 2 all_reduce",
        "ignores 2 COMM_COLL: it has 0 bytes",
        "ignores 2 COMM_COLL on the CPU: the host's record of what a device does",
        "ignores 2 COMP: it has no duration and no num_ops",
        "ignores 2 INVALID: the schema gives it no meaning",
        "ignores 2 METADATA: it says nothing about time",
        "ignores 2 node of type 99: the schema that this reader knows has no such type",
        "compute times are in us, and there are none",
        "a collective's size is what one rank puts in, as in ASTRA-sim",
    )


def test_a_node_before_what_it_depends_on_comes_after_it(written):
    prefix = written([node(5, COMPUTE, [6], duration=1), node(6, COMPUTE, duration=2)])
    assert [(task.name, task.after) for task in read_chakra(prefix).ranks[0]] == [("n6", ()), ("n5", (0,))]


GOOD = [node(0, COMPUTE, duration=1), all_reduce(1, 64, [0])]
BROKEN = {
    "cut inside a node": (stream(*GOOD)[:-3], r"t\.0\.et: byte 19: a message of 42 bytes where 39 are left; the file is cut"),
    "empty": (b"", r"t\.0\.et: byte 0: the file is empty"),
    "2 GiB promised": (stream() + varint(2**31) + b"x", r"byte 8: a message of 2147483648 bytes where 1 are left"),
    "endless varint": (stream() + b"\xff" * 40, r"byte 8: a number of more than 10 bytes"),
    "cut varint": (stream() + b"\xff", r"byte 8: a number that has no end"),
    "a node first": (stream(*GOOD)[8:], r"byte 2: the first message is no GlobalMetadata"),
    "a group": (stream(varint(1 << 3 | 3)), r"field 1 of wire type 3"),
    "field 0": (stream(varint(0) + b"\0"), r"a field of number 0"),
    "a text as id": (stream(field(1, "x")), r"field 1 is a text, expected a number"),
    "an attribute too long": (stream(varint(10 << 3 | 2) + b"\x7f"), r"field 10 of 127 bytes where 0 are left"),
    "a cut double": (stream(field(10, varint(3 << 3 | 1) + b"abc")), r"field 3 of 8 bytes where 3 are left"),
    "an id twice": (stream(GOOD[0], GOOD[0]), r"byte 20: node id 0 is there twice, first at byte 9"),
    "no such dependency": (stream(node(3, COMPUTE, [8])), r"node 3 \(n3\): it depends on node 8, which the file does not"),
    "a cycle": (
        stream(node(1, 4, [3]), node(2, 4, [1]), node(3, 4, [2]), node(4, 4, [3])),
        r"byte 9: node 1 \(n1\): its dependencies form a cycle \(1 needs 3 needs 2 needs 1\)",
    ),
    "itself": (stream(node(1, 4, [1])), r"a cycle \(1 needs 1\)"),
    "no comm_type": (stream(node(1, COLLECTIVE, comm_size=4)), r"it has no attribute comm_type"),
    "comm_type 10": (stream(node(1, COLLECTIVE, comm_type=10, comm_size=4)), r"comm_type is 10, expected 0 to 9"),
    "a negative size": (
        stream(node(1, COLLECTIVE, comm_type=0, comm_size=field(9, 2**64 - 5))), r"comm_size is -5, expected a whole number",
    ),
    "a negative sint64": (stream(node(1, COLLECTIVE, comm_type=0, comm_size=field(17, 9))), r"comm_size is -5, expected"),
    "a peer that is not": (stream(node(1, SEND, comm_dst=9, comm_size=4)), r"comm_dst is 9, expected another rank below 1"),
    "an hour": (stream(node(1, COMPUTE, duration=2**63)), r"more than an hour; is --compute-unit right"),
    "dimensions unknown": (stream(all_reduce(1, 4, involved_dim=[True, False])), r"such as --dims 2x4"),
}  # fmt: skip


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_file_is_one_error_with_its_place(written, name):
    content, words = BROKEN[name]
    with pytest.raises(UsageError, match=words):
        read_chakra(written(content))


def test_ranks_that_do_not_agree_are_told_before_anything_runs(written):
    prefix = written([all_reduce(0, 64), all_reduce(1, 128)], [all_reduce(0, 64)])
    with pytest.raises(
        UsageError, match=r"ranks 0 and 1 do not agree on collective 1 of all ranks: all_reduce of 128 "
    ):
        read_chakra(prefix)
    prefix = written(
        [node(0, SEND, comm_dst=1, comm_size=64, comm_tag=3)], [node(0, RECEIVE, comm_src=0, comm_size=64)]
    )
    with pytest.raises(
        UsageError, match=r"message 0 from rank 0 to rank 1: send of 64 bytes with tag 3 \(n0\) on rank 0"
    ):
        read_chakra(prefix)


def test_two_ranks_that_wait_for_each_other_are_a_deadlock_that_names_them(written):
    """Each sends only after it has received."""
    ranks = [
        [node(0, RECEIVE, comm_src=1 - me, comm_size=64), node(1, SEND, [0], comm_dst=1 - me, comm_size=64)]
        for me in (0, 1)
    ]
    with pytest.raises(DeadlockError, match="recv from rank"):
        run(written(*ranks), 2)


# -- the command -------------------------------------------------------------------------------------------------------


def test_the_command_takes_as_many_sips_as_there_are_files(written, capsys, tmp_path):
    prefix = written(*[[all_reduce(0, 64)]] * 3)
    line = ["run", "--chakra", prefix, "--set", SMALL[0], "--out", str(tmp_path / "run"), "--workers", "1", "--json"]
    assert execute(line) == 0
    document = json.loads(capsys.readouterr().out)
    assert (document["sips"], document["notes"][1], document["rows"][1]["size_bytes"]) == (
        3,
        "replays 3 all_reduce",
        64,
    )


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("--chakra {0} --sips 2", "--sips 2: the trace has 3 files"),
        ("--chakra {0}x", "there is no {0}x.0.et"),
        ("--chakra {0} --workload x", "a run replays one of them"),
        ("--chakra {0} allreduce", "--chakra is itself what runs; leave out allreduce"),
        ("--chakra {0} --prefix x", "give one of them"),
        ("--chakra {0} --dims 2x2", "--dims 2x2: 4 ranks, and the trace has 3"),
        ("--chakra {0} --groups nowhere.json", "nowhere.json: No such file"),
        ("chakra", "name the trace"),
    ],
)
def test_what_the_command_line_gets_wrong_is_exit_2(written, capsys, tmp_path, line, words):
    prefix = written(*[[all_reduce(0, 64)]] * 3)
    given = line.format(prefix).split()
    assert execute(["run", *given, "--set", SMALL[0], "--workers", "1", "--out", str(tmp_path / "run")]) == 2
    assert words.format(prefix) in capsys.readouterr().err


def test_a_file_that_is_missing_between_others_is_named(written, tmp_path):
    prefix = written(*[[all_reduce(0, 64)]] * 3)
    (tmp_path / "t.1.et").unlink()
    with pytest.raises(UsageError, match=r"the file of rank 1 is missing, though t\.2\.et is there"):
        read_chakra(prefix)
    (tmp_path / "u.0.et").write_bytes(b"")
    with pytest.raises(UsageError, match=r"it holds 2 traces \(t, u\)"):
        read_chakra(str(tmp_path))


def test_a_link_to_nowhere_is_refused(tmp_path):
    (tmp_path / "t.0.et").symlink_to(tmp_path / "gone")
    with pytest.raises(UsageError, match=r"t\.0\.et: No such file or directory; name a readable file"):
        read_chakra(str(tmp_path / "t"))


def test_a_large_file_of_small_nodes_is_read_in_time_that_its_size_bounds(tmp_path):
    path = tmp_path / "t.0.et"
    path.write_bytes(stream(*[node(each, COMPUTE, [each - 1] * (each > 0), duration=1) for each in range(20_000)]))
    assert len(read_trace(path).nodes) == len(read_chakra(str(tmp_path / "t")).ranks[0]) == 20_000
