"""Every order of sends and deliveries between real islands, tried to the end on networks of two and three small SIPs."""

import sys
from importlib import util
from itertools import product
from pathlib import Path

import msgspec
import pytest

from actors.island import Island
from kernbench.common.coroutine import Coroutine, suspend
from kernbench.common.messages.island import Job, Tamper, WindowFrame

FILE = Path(__file__).with_name("explored_device.py")
SPEC = util.spec_from_file_location("explored_device", FILE)
explored = util.module_from_spec(SPEC)
SPEC.loader.exec_module(explored)
sys.modules["explored_device"] = explored  # a job names its factory; a file would be read anew for every replay
Model = explored.Model
DECODER = msgspec.msgpack.Decoder(WindowFrame)


class Mail:
    """An island's side of the wires: hands out its frames, waits until one from each peer has been delivered."""

    def exchange(self, frames):
        return suspend(frames)


class Network:
    """Islands, frames on their wires and frames delivered, all in one process; a move is one send or one delivery."""

    def __init__(self, job, blocks):
        self.islands = [Island(job, index, blocks) for index in range(len(blocks))]
        lookaheads = dict(
            pair
            for block, island in zip(blocks, self.islands, strict=True)
            for pair in zip(block, island.build(), strict=True)
        )
        ordered = [lookaheads[sip] for sip in range(job.sips)]
        self.programs = [Coroutine(island.run, ordered, Mail(), None) for island in self.islands]
        self.count = len(blocks)
        pairs = [pair for pair in product(range(self.count), repeat=2) if pair[0] != pair[1]]
        self.wires = {pair: [] for pair in pairs}
        self.mailboxes = {pair: [] for pair in pairs}
        self.outcomes = {}
        self.steps = [0] * self.count
        for index in range(self.count):
            self.run(index, None)

    def run(self, index, received):
        frames = self.programs[index].resume(received)
        self.steps[index] += 1
        if self.programs[index].finished:
            self.outcomes[index] = frames
            return
        others = [other for other in range(self.count) if other != index]
        for other, frame in zip(others, frames, strict=True):
            self.wires[index, other].append(msgspec.msgpack.encode(frame))

    def moves(self):
        """What can happen next: a delivery on a wire, or an island that has a frame from every peer going on."""
        found = [("deliver", *pair) for pair, frames in self.wires.items() if frames]
        for index in range(self.count):
            peers = [pair for pair in self.mailboxes if pair[1] == index]
            if index not in self.outcomes and all(self.mailboxes[pair] for pair in peers):
                found.append(("go", index))
        return found

    def make(self, move):
        if move[0] == "deliver":
            pair = move[1:]
            self.mailboxes[pair].append(self.wires[pair].pop(0))
            return
        index = move[1]
        peers = sorted(pair for pair in self.mailboxes if pair[1] == index)
        self.run(index, [DECODER.decode(self.mailboxes[pair].pop(0)) for pair in peers])

    def state(self):
        """All that the future depends on, as bytes."""
        frames = [*self.wires.values(), *self.mailboxes.values()]
        clocks = [[(clock.now, clock.next, clock.held) for clock in island._clocks.values()] for island in self.islands]
        return repr((self.steps, clocks, frames, sorted(self.outcomes)))

    def result(self):
        return tuple((outcome.end, outcome.windows, *(sip.report for sip in outcome.sips), *outcome.failures)
                     for _, outcome in sorted(self.outcomes.items()))  # fmt: skip


def explore(model, blocks, tamper=Tamper()):
    """(states, results) of every order of moves, depth first; a state that was seen before is not entered again."""
    job = Job("explored_device:build", msgspec.msgpack.encode(model), len(model.events), tamper=tamper)
    seen, results, pending = set(), set(), [()]
    while pending:
        path = pending.pop()
        network = Network(job, blocks)
        for move in path:
            network.make(move)
        while True:
            state = network.state()
            if state in seen:
                break
            seen.add(state)
            moves = network.moves()
            if not moves:
                assert len(network.outcomes) == network.count, f"stuck after {path}"
                results.add(network.result())
                break
            pending += [(*path, move) for move in moves[1:]]
            path = (*path, moves[0])
            network.make(moves[0])
    return len(seen), results


def alone(model):
    """What one island with all SIPs reports: the reports, which every split must equal."""
    count = len(model.events)
    job = Job("explored_device:build", msgspec.msgpack.encode(model), count)
    network = Network(job, [[*range(count)]])
    while not network.outcomes:
        network.make(("go", 0))
    return {sip.sip: sip.report for sip in network.outcomes[0].sips}


EVENTS = (((1, 0),), ((1, 2),), ((2, 1), (2, 3)))
"""What a SIP may begin with: a tick; a message that is answered; two messages at one instant."""
PAIRS = [
    Model(((0, one), (other, 0)), (first, second), promises)
    for (one, other), promises in product(((1, 1), (2, 3)), (False, True))
    for first, second in product(EVENTS, repeat=2)
]
TRIPLES = [
    Model(((0, 1, 2), (2, 0, 1), (1, 3, 0)), (first, second, ((1, 0),)), promises)
    for promises in (False, True)
    for first, second in product(EVENTS[:2], repeat=2)
]
CUTS = (Tamper(), Tamper(windows=(5, 2)))


def campaign(models, blocks):
    states = 0
    for model, tamper in product(models, CUTS):
        found, results = explore(model, blocks, tamper)
        states += found
        assert len(results) == 1, f"{model}: the order of moves reaches the result"
        (parts,) = results
        reports = [report for end, _windows, *reports in parts for report in reports if end == "finished"]
        assert reports == [alone(model)[sip] for block in blocks for sip in block]
    return states


def test_every_order_of_moves_between_two_sips_ends_with_the_same_reports(capsys):
    states = campaign(PAIRS, [[0], [1]])
    with capsys.disabled():
        print(f"\n[{len(PAIRS)} networks of 2 SIPs: {states} states]", end=" ")
    assert states > 1000


@pytest.mark.slow
@pytest.mark.parametrize("model", TRIPLES)
def test_every_order_of_moves_between_three_sips_ends_with_the_same_reports(model, capsys):
    states = [campaign([model], blocks) for blocks in ([[0, 2], [1]], [[0], [1], [2]])]
    with capsys.disabled():
        print(f"\n[3 SIPs: {states[0]} states on 2 islands, {states[1]} on 3]", end=" ")
    assert states[1] > states[0] > 30


def test_a_lookahead_one_tick_too_large_is_found():
    kinds = set()
    for model in PAIRS:
        _states, results = explore(msgspec.structs.replace(model, optimism=1), [[0], [1]])
        kinds |= {failure.kind for parts in results for part in parts for failure in part[2:]
                  if not isinstance(failure, bytes)}  # fmt: skip
    assert kinds == {"CausalityError"}
