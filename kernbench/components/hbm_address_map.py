"""Where a byte of a slice is: pseudo-channel, bank group, bank and row, from its offset alone."""

from collections.abc import Iterator

from kernbench.components.hbm_dram import BURST, DramConfig


class AddressMap:
    """Bursts go round the bank groups, then round the pseudo-channels, then along the rows, then to the next bank.

    So neighbours never wait for a bank group (tCCD_L), a stream has all pseudo-channels work, and its next rows can be
    opened in other banks. Each digit of the row number turns the order of the banks, so that streams which are a power
    of two apart seldom meet in one bank (permutation-based page interleaving, Zhang et al., MICRO 2000).
    """

    def __init__(self, config: DramConfig) -> None:
        self._groups = config.bank_groups
        self._channels = config.pseudo_channels
        self._banks = config.banks
        self._row_set = config.row_size // BURST * self._groups * self._channels

    def bursts(self, offset: int, length: int) -> Iterator[tuple[int, int, int, int]]:
        """Yield (pseudo-channel, bank group, bank of the pseudo-channel, row) for each burst that the bytes touch."""
        groups, channels = self._groups, self._channels
        burst, end = offset // BURST, -(-(offset + length) // BURST)
        while burst < end:
            row_set = burst // self._row_set
            bank, row = self._bank(row_set)
            for number in range(burst, min(end, (row_set + 1) * self._row_set)):
                unit, group = divmod(number, groups)
                yield unit % channels, group, bank * groups + group, row
            burst = (row_set + 1) * self._row_set

    def _bank(self, row_set: int) -> tuple[int, int]:
        banks = self._banks
        row, bank = divmod(row_set, banks)
        turn = row
        while turn and banks > 1:
            turn, digit = divmod(turn, banks)
            bank += digit
        return bank % banks, row
