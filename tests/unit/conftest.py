"""A PE without a network: real scheduler, core, engines and TCM, with a DMA of fixed bandwidth and latency."""

from types import SimpleNamespace

import numpy as np
import pytest

from kernbench.common.units import ns, transfer_time
from kernbench.components.pe_cpu import PeCpu, PeCpuConfig
from kernbench.components.pe_gemm import PeGemm, PeGemmConfig
from kernbench.components.pe_math import PeMath, PeMathConfig
from kernbench.components.pe_scheduler import PeScheduler, PeSchedulerConfig
from kernbench.components.pe_tcm import PeTcm, PeTcmConfig
from kernbench.sim_engine.engine import Engine
from kernbench.triton_emu.access import PointerArg
from kernbench.triton_emu.dtype import by_numpy
from kernbench.triton_emu.jit import JitFunction


class Memory:
    """Bytes at virtual addresses from 4096 on, tensors one after another."""

    def __init__(self):
        self.tensors = []
        self.next = 4096

    def tensor(self, array):
        array = np.ascontiguousarray(array)
        tensor = Tensor(array, self.next)
        self.tensors.append(tensor)
        self.next += -(-array.nbytes // 256) * 256 + 256
        return tensor

    def _span(self, address, nbytes):
        for tensor in self.tensors:
            offset = address - tensor.address
            if offset >= 0 and offset + nbytes <= tensor.array.nbytes:
                return memoryview(tensor.array).cast("B")[offset : offset + nbytes]
        raise AssertionError(f"{nbytes} bytes at {address} are in no tensor")

    def read(self, runs):
        return b"".join(bytes(self._span(*run)) for run in runs)

    def write(self, runs, data):
        at = 0
        for address, nbytes in runs:
            self._span(address, nbytes)[:] = data[at : at + nbytes]
            at += nbytes


class Tensor:
    def __init__(self, array, address):
        # memoryview casts no bfloat16: keep bytes, show the type
        self.bytes = np.frombuffer(bytearray(array.tobytes()), np.uint8)
        self.array = self.bytes
        self.shape, self.kind, self.address = array.shape, array.dtype, address

    def as_pointer(self, name):
        return PointerArg(name, self.address, self.array.nbytes, by_numpy(self.kind))

    def numpy(self):
        return self.bytes.view(self.kind).reshape(self.shape)


class Dma:
    """A channel: its bytes go at `bw`, the last arrives `latency` later; with values unless `memory` is None."""

    def __init__(self, name, kind, engine, scheduler, memory, bw, latency):
        self.name, self.kind, self.engine, self.scheduler, self.memory = name, kind, engine, scheduler, memory
        self.bw, self.latency = bw, latency
        self.busy = 0
        scheduler.attach(self)

    def accepts(self, operation):
        return True

    def start(self, operation):
        took = transfer_time(operation.nbytes, self.bw)
        self.busy += took
        self.engine.call_later(took, self.scheduler.freed, self)
        self.engine.call_later(took + self.latency, self._end, operation)

    def _end(self, operation):
        if self.memory is not None:
            if self.kind == "load":
                operation.deliver(self.memory.read(operation.runs))
            else:
                self.memory.write(operation.runs, operation.payload())
        self.scheduler.completed(operation)


class Loop:
    """Queues from the PE to itself, a few slots each: send and recv units."""

    def __init__(self, engine, scheduler, slots, latency):
        self.engine, self.scheduler, self.latency = engine, scheduler, latency
        self.slots, self.full, self.credits, self.asked = slots, {}, {}, {}
        self.sender = SimpleNamespace(name="send", kind="send", accepts=self.has_credit, start=self.send)
        self.receiver = SimpleNamespace(name="recv", kind="recv", accepts=lambda _: True, start=self.recv)
        scheduler.attach(self.sender)
        scheduler.attach(self.receiver)

    def has_credit(self, operation):
        return self.credits.get(operation.queue, self.slots) > 0

    def send(self, operation):
        self.credits[operation.queue] = self.credits.get(operation.queue, self.slots) - 1
        self.engine.call_later(self.latency, self._arrive, (operation, operation.payload()))

    def _arrive(self, message):
        operation, data = message
        self.scheduler.freed(self.sender)
        self.scheduler.completed(operation)
        self.full.setdefault(operation.queue, []).append(data)
        self._match(operation.queue)

    def recv(self, operation):
        self.scheduler.freed(self.receiver)
        self.asked.setdefault(operation.queue, []).append(operation)
        self.engine.call_later(1, self._match, operation.queue)

    def _match(self, queue):
        while self.full.get(queue) and self.asked.get(queue):
            operation = self.asked[queue].pop(0)
            operation.deliver(self.full[queue].pop(0))
            operation.output.on_free = lambda _value: self.engine.call_later(1, self._credit, queue)
            self.scheduler.completed(operation)

    def _credit(self, queue):
        self.credits[queue] += 1
        self.scheduler.poke()


class Rig:
    """Some PEs on one engine and one memory."""

    def __init__(
        self,
        pes=1,
        tcm=2**20,
        bw=64 * 10**9,
        latency=ns(100),
        channels=2,
        slots=2,
        depth=64,
        values=True,
        engine=None,
        **gemm,
    ):
        self.engine, self.memory = engine or Engine(), Memory()
        self.ended = None
        self.pes = []
        for number in range(pes):
            name, engine = f"sip0.cube00.pe{number}", self.engine
            scheduler = PeScheduler(f"{name}.scheduler", PeSchedulerConfig(queue_depth=depth), engine, number)
            store = self.memory if values else None
            loads = [
                Dma(f"{name}.load{i}", "load", engine, scheduler, store, bw // channels, latency)
                for i in range(channels)
            ]
            stores = [Dma(f"{name}.store", "store", engine, scheduler, store, bw, latency)]
            units = [
                PeGemm(f"{name}.gemm", PeGemmConfig(**gemm), engine, scheduler),
                PeMath(f"{name}.math", PeMathConfig(), engine, scheduler),
            ]
            for unit in units:
                scheduler.attach(unit)
            loop = Loop(engine, scheduler, slots, latency)
            memory = PeTcm(f"{name}.tcm", PeTcmConfig(capacity=tcm), engine)
            cpu = PeCpu(f"{name}.cpu", PeCpuConfig(), engine, scheduler, memory)
            self.pes.append(
                SimpleNamespace(scheduler=scheduler, cpu=cpu, tcm=memory, loop=loop, loads=loads, stores=stores)
            )

    def tensor(self, array):
        return self.memory.tensor(array)

    def launch(self, kernel, grid, *args, **kwargs):
        """Run a kernel to the end and say how long it took."""
        launch = (kernel if isinstance(kernel, JitFunction) else JitFunction(kernel)).launch(grid, *args, **kwargs)
        begun, left = self.engine.now, []
        for number, pe in enumerate(self.pes):
            left.append(number)
            pe.cpu.run(launch.programs(number, len(self.pes)), lambda number=number: left.remove(number))
        self.engine.advance(2**62)
        self.waiters = [line for pe in self.pes for line in pe.cpu.waiters()]
        assert not left, self.waiters
        return self.engine.now - begun - 1


@pytest.fixture
def rig():
    return Rig
