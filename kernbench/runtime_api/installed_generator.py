"""`torch.cuda.default_generators` where torch is installed: what kernels draw with, a seed and an offset."""

from functools import cache
from typing import Any

from kernbench.runtime_api.generator import DEFAULT_SEED

_WORD = 1 << 64


@cache
def generator_class(torch: Any) -> Any:
    """`torch.Generator`, of the CPU whatever device it is asked for."""

    class Generator(torch.Generator):  # type: ignore[misc]  # torch is not there to be checked
        """A generator of torch's CPU."""

        def __new__(cls, *_device: Any, **_options: Any) -> Any:
            return super().__new__(cls, "cpu")

    return Generator


def device_generator(torch: Any) -> Any:
    """The generator of the device; its state is that of a GPU's, 16 bytes.

    Libraries take seed and offset out of the state, and put an offset back that their kernels have used up. What torch
    itself draws with it comes from its CPU's generator, which leaves the offset as it is.
    """

    class DeviceGenerator(generator_class(torch)):  # type: ignore[misc]  # torch is not there to be checked
        """A generator of torch's CPU that passes for a GPU's."""

        def __init__(self) -> None:
            self._start(DEFAULT_SEED, 0)  # where torch draws a seed: a run follows from its program

        @property
        def device(self) -> Any:
            """The rank's."""
            return torch.device("cuda", 0)

        def manual_seed(self, seed: int) -> Any:
            """Start anew."""
            return self._start(seed, 0)

        def seed(self) -> int:
            """Start anew with a seed that torch chooses."""
            seed: int = super().seed()
            self._start(seed, 0)
            return seed

        def initial_seed(self) -> int:
            """The seed it was started with."""
            return self._seed

        def get_offset(self) -> int:
            """How many numbers have been drawn."""
            return self._offset

        def set_offset(self, offset: int) -> None:
            """Go to another place of the stream."""
            self._start(self._seed, offset)

        def get_state(self) -> Any:
            """Seed and offset, two int64 as bytes."""
            seed = self._seed - _WORD if self._seed >= _WORD // 2 else self._seed
            return torch.tensor([seed, self._offset], dtype=torch.int64).view(torch.uint8)

        def set_state(self, state: Any) -> Any:
            """Go on from a state."""
            seed, offset = state.view(torch.int64).tolist()
            return self._start(seed, offset)

        def _start(self, seed: int, offset: int) -> Any:
            self._seed, self._offset = int(seed) % _WORD, int(offset)
            super().manual_seed((self._seed + self._offset) % _WORD)
            return self

    return DeviceGenerator()


def generator_names(torch: Any, generator: Any) -> dict[str, Any]:
    """The names of `torch.cuda` about random numbers.

    A tensor on "cuda" is drawn with torch's CPU generator, so its state is the one that brings a draw back.
    """
    return {
        "default_generators": (generator,),
        "initial_seed": generator.initial_seed,
        "manual_seed": generator.manual_seed,
        "manual_seed_all": generator.manual_seed,
        "seed": generator.seed,
        "seed_all": generator.seed,
        "get_rng_state": lambda *_device, **_named: torch.get_rng_state(),
        "set_rng_state": lambda new_state, *_device, **_named: torch.set_rng_state(new_state),
        "get_rng_state_all": lambda: [torch.get_rng_state()],
        "set_rng_state_all": lambda states: torch.set_rng_state(states[0]),
    }
