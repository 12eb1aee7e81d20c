"""Every order of sends, deliveries and windows of real islands, to the end, on networks of two and three small SIPs."""

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


class Known:
    """The real islands of a job, each run once for every history of frames that it can have heard.

    What an island does next depends on that history and on nothing else: so equal histories are one state, and the
    code that runs in production is run for each of them, not a copy.
    """

    def __init__(self, job, blocks):
        self._job, self._blocks = job, blocks
        self.count = len(blocks)
        self._lookaheads = [0] * job.sips
        for index, block in enumerate(blocks):
            for sip, lookahead in zip(block, Island(job, index, blocks).build(), strict=True):
                self._lookaheads[sip] = lookahead
        self._numbers = {}
        self._running = {}
        self.after = [], []
        """By the number of a history: the frame for each peer, as bytes, and the outcome; one of the two is None."""
        self.first = tuple(self.hears(index, None, ()) for index in range(self.count))

    def hears(self, index, history, frames):
        """The number of the history of island `index` in which `frames` follow on `history`."""
        key = index, history, frames
        if key not in self._numbers:
            self._numbers[key] = len(self._numbers)
            program = self._running.pop(history, None) or self._again(index, history)
            self._keep(self._numbers[key], program, _told(program, frames))
        return self._numbers[key]

    def _again(self, index, history):
        """An island that has heard this once more: another history went on with the one that was there."""
        if history is None:
            island = Island(self._job, index, self._blocks)
            island.build()
            return Coroutine(island.run, self._lookaheads, Mail(), None)
        _, before, frames = next(key for key, number in self._numbers.items() if number == history)
        program = self._again(index, before)
        _told(program, frames)
        return program

    def close(self):
        """End the islands that wait where nothing goes on: each would keep its device, and the process's settings."""
        for program in self._running.values():
            program.abandon()

    def _keep(self, number, program, reply):
        sent, outcomes = self.after
        sent.append(None if program.finished else tuple(map(msgspec.msgpack.encode, reply)))
        outcomes.append(reply if program.finished else None)
        self._running[number] = program


def _told(program, frames):
    """What an island answers to these frames; it begins with none."""
    return program.resume([DECODER.decode(frame) for frame in frames] or None)


class Network:
    """Islands and the wires between them; a move is a frame that leaves, a frame that comes, or an island that goes on.

    A state is (histories of the islands, frames sent and frames delivered of each pair): the rest follows from it.
    """

    def __init__(self, job, blocks):
        self.known = Known(job, blocks)
        self.islands = range(len(blocks))
        self.pairs = [pair for pair in product(self.islands, repeat=2) if pair[0] != pair[1]]
        self._of = {pair: place for place, pair in enumerate(self.pairs)}
        none = (0,) * len(self.pairs)
        self.start = self.known.first, (1,) * len(blocks), none, none
        self.outbox = {}
        """By (island, history): the frames that it sent so far, to each peer."""
        for index, history in enumerate(self.known.first):
            self._note(index, history, ())

    def _note(self, index, history, before):
        sent = self.known.after[0][history]
        self.outbox[index, history] = before if sent is None else (*before, sent)

    def moves(self, state):
        """Every state that can come next."""
        histories, steps, sent, delivered = state
        found = []
        for place, (source, _) in enumerate(self.pairs):
            if sent[place] < len(self.outbox[source, histories[source]]):
                found.append((histories, steps, _one_more(sent, place), delivered))
            if delivered[place] < sent[place]:
                found.append((histories, steps, sent, _one_more(delivered, place)))
        for index in self.islands:
            if self.known.after[1][histories[index]] is None and self._may_go(index, steps, sent, delivered):
                found.append(self._go(index, state))
        return found

    def _may_go(self, index, steps, sent, delivered):
        """An island goes on when its own frames are out and one of each peer is there."""
        peers = [other for other in self.islands if other != index]
        out = all(sent[self._of[index, other]] == steps[index] for other in peers)
        return out and all(delivered[self._of[other, index]] >= steps[index] for other in peers)

    def _go(self, index, state):
        histories, steps, sent, delivered = state
        turn = steps[index] - 1
        heard = tuple(
            self.outbox[other, histories[other]][turn][index - (index > other)]
            for other in self.islands
            if other != index
        )
        own = histories[index]
        history = self.known.hears(index, own, heard)
        self._note(index, history, self.outbox[index, own])
        return (*histories[:index], history, *histories[index + 1 :]), _one_more(steps, index), sent, delivered

    def result(self, state):
        """How all islands ended, None if one has not: what any order of moves must give alike."""
        outcomes = [self.known.after[1][history] for history in state[0]]
        if None in outcomes:
            return None
        return tuple((outcome.end, outcome.windows, *(sip.report for sip in outcome.sips), *outcome.failures)
                     for outcome in outcomes)  # fmt: skip


def _one_more(counts, place):
    return (*counts[:place], counts[place] + 1, *counts[place + 1 :])


def explore(model, blocks, tamper=Tamper()):
    """(states, results) of every order of moves; a state that was seen before is not entered again.

    Each move raises a count and each count has an end, so that all of them are entered is also the proof of progress.
    """
    job = Job("explored_device:build", msgspec.msgpack.encode(model), len(model.events), tamper=tamper)
    network = Network(job, blocks)
    seen, results, pending = {network.start}, set(), [network.start]
    while pending:
        state = pending.pop()
        following = network.moves(state)
        if not following:
            result = network.result(state)
            assert result is not None, f"stuck: {state}"
            results.add(result)
        fresh = [each for each in following if each not in seen]
        seen.update(fresh)
        pending += fresh
    network.known.close()
    return len(seen), results


def alone(model):
    """What one island with all SIPs reports: the reports, which every split must equal."""
    job = Job("explored_device:build", msgspec.msgpack.encode(model), len(model.events))
    island = Island(job, 0, [[*range(job.sips)]])
    program = Coroutine(island.run, island.build(), Mail(), None)
    reply = None
    while not program.finished:
        reply = program.resume(reply)
    return {sip.sip: sip.report for sip in reply.sips}


EVENTS = (((1, 0),), ((1, 2),), ((2, 1), (2, 3)))
"""What a SIP may begin with: a tick; a message that is answered; two messages at one instant."""
PAIRS = [
    Model(((0, one), (other, 0)), (first, second), promises)
    for (one, other), promises in product(((1, 1), (2, 3)), (False, True))
    for first, second in product(EVENTS, repeat=2)
]
WIRINGS = {
    "all with all": ((0, 1, 2), (2, 0, 1), (1, 3, 0)),
    "a ring of one way": ((0, 1, 0), (0, 0, 2), (3, 0, 0)),
    "a line": ((0, 2, 0), (1, 0, 1), (0, 3, 0)),
}
SPLITS = ([[0], [1], [2]], [[0, 2], [1]], [[0, 1], [2]], [[0], [1, 2]])
CUTS = (Tamper(), Tamper(windows=(5, 2)), Tamper(windows=(7, 4)))


def triples(wiring, events=EVENTS):
    return [
        Model(WIRINGS[wiring], begun, promises) for promises in (False, True) for begun in product(events, repeat=3)
    ]


def campaign(models, blocks, cuts=CUTS):
    """The states of all networks; each gives one result, that of one island with all SIPs."""
    states = 0
    for model, tamper in product(models, cuts):
        found, results = explore(model, blocks, tamper)
        states += found
        assert len(results) == 1, f"{model}: the order of moves reaches the result"
        (parts,) = results
        reports = [report for end, _windows, *reports in parts for report in reports if end == "finished"]
        assert reports == [alone(model)[sip] for block in blocks for sip in block]
    return states


def told(capsys, text):
    with capsys.disabled():
        print(f"\n[{text}]", end=" ")


def test_every_order_of_moves_between_two_sips_ends_with_the_same_reports(capsys):
    states = campaign(PAIRS, [[0], [1]])
    told(capsys, f"{len(PAIRS)} networks of 2 SIPs x {len(CUTS)} cuts: {states} states, all of them")
    assert states > 10_000


@pytest.mark.parametrize("wiring", WIRINGS)
def test_every_order_of_moves_between_three_sips_ends_with_the_same_reports(wiring, capsys):
    models = triples(wiring, EVENTS[:2])
    states = [campaign(models, blocks, CUTS[:1]) for blocks in SPLITS]
    told(capsys, f"{len(models)} networks of 3 SIPs, {wiring}: {states} states on the islands {SPLITS}, all of them")
    assert states[0] > 50_000
    assert min(states[1:]) > 500


@pytest.mark.slow
@pytest.mark.parametrize("cut", CUTS)
@pytest.mark.parametrize("promises", [False, True])
@pytest.mark.parametrize("wiring", WIRINGS)
def test_every_order_of_moves_between_three_busier_sips_ends_with_the_same_reports(wiring, promises, cut, capsys):
    models = [model for model in triples(wiring) if model.promises == promises]
    states = [campaign(models, blocks, [cut]) for blocks in SPLITS]
    told(
        capsys,
        f"{len(models)} busier networks of 3 SIPs, {wiring}: {states} states on the islands {SPLITS}, all of them",
    )
    assert states[0] > 300_000


def kinds_of_failure(model, blocks):
    """What goes wrong where the lookahead is one tick too large."""
    _states, results = explore(msgspec.structs.replace(model, optimism=1), blocks)
    return {
        failure.kind for parts in results for part in parts for failure in part[2:] if not isinstance(failure, bytes)
    }


def test_a_lookahead_one_tick_too_large_is_found_between_two_sips():
    assert set.union(*(kinds_of_failure(model, [[0], [1]]) for model in PAIRS)) == {"CausalityError"}


@pytest.mark.parametrize("wiring", WIRINGS)
def test_a_lookahead_one_tick_too_large_is_found_between_three_sips(wiring, capsys):
    models = triples(wiring, EVENTS[1:])
    for blocks in SPLITS:
        found = [kinds_of_failure(model, blocks) for model in models]
        assert set.union(*found) == {"CausalityError"}
        told(
            capsys, f"one tick too large, {wiring}, islands {blocks}: found in {sum(map(bool, found))} of {len(found)}"
        )
