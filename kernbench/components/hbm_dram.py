"""What a DRAM stack and the queues before it are like: the keys that the banked mode reads."""

from fractions import Fraction

from msgspec import field

from kernbench.common.units import Fs, format_time, ns
from kernbench.components.component import Config

BURST = 32
"""Bytes of a column access: 8 beats of a 32-bit pseudo-channel (JESD238)."""


class DramConfig(Config, frozen=True):
    """The banked mode of a memory controller: organisation, JEDEC timing and queues; the simple mode reads none of it.

    Defaults are HBM3 at 6.4 Gb/s (JESD238) as in Ramulator 2.1's preset HBM3_6400Mbps with organisation HBM3_16Gb_8hi,
    in cycles of 0.625 ns there, and the queues of its controller HBM34.
    """

    pseudo_channels: int = 8
    bank_groups: int = 4
    banks: int = 8
    row_size: int = field(name="row_bytes", default=1024)
    read_latency: Fs = field(name="tcl_ns", default=ns("12.5"))
    write_latency: Fs = field(name="tcwl_ns", default=ns("6.25"))
    activate_to_read: Fs = field(name="trcd_read_ns", default=ns("19.375"))
    activate_to_write: Fs = field(name="trcd_write_ns", default=ns("9.375"))
    precharge: Fs = field(name="trp_ns", default=ns("16.25"))
    activate_to_precharge: Fs = field(name="tras_ns", default=ns("28.125"))
    row_cycle: Fs = field(name="trc_ns", default=ns("45"))
    write_recovery: Fs = field(name="twr_ns", default=ns("20.625"))
    read_to_precharge: Fs = field(name="trtp_ns", default=ns("5.625"))
    column_same_group: Fs = field(name="tccd_l_ns", default=ns("2.5"))
    activate_other_group: Fs = field(name="trrd_s_ns", default=ns("2.5"))
    activate_same_group: Fs = field(name="trrd_l_ns", default=ns("3.125"))
    four_activates: Fs = field(name="tfaw_ns", default=ns("15"))
    write_to_read_other_group: Fs = field(name="twtr_s_ns", default=ns("4.375"))
    write_to_read_same_group: Fs = field(name="twtr_l_ns", default=ns("6.25"))
    read_to_write: Fs = field(name="trtw_ns", default=ns("12.5"))
    refresh_interval: Fs = field(name="trefi_ns", default=ns("3900"))
    refresh_time: Fs = field(name="trfc_ns", default=ns("350"))
    read_queue: int = 32
    write_queue: int = 32
    write_high: Fraction = Fraction(4, 5)
    write_low: Fraction = Fraction(1, 5)
    patience: Fs = field(name="patience_ns", default=ns("2000"))

    def __post_init__(self) -> None:
        """Refuse what cannot be built or would never serve anything."""
        for name in ("write_high", "write_low"):
            share = getattr(self, name)
            if not 0 < share <= 1:
                raise ValueError(f"expected a share above 0 and at most 1, got {float(share):g}")
        if self.write_low > self.write_high:
            raise ValueError(
                f"write_low is at most write_high, below which writes stop; got {float(self.write_low):g} and "
                f"{float(self.write_high):g}"
            )
        if self.row_size % BURST:
            raise ValueError(f"expected a multiple of {BURST}, got {self.row_size}")
        for count in (self.pseudo_channels, self.bank_groups, self.banks):
            if count > 64:
                raise ValueError(f"expected at most 64, got {count}")
        least = 2 * (self.refresh_time + self.row_cycle)
        if self.refresh_interval < least:
            raise ValueError(
                f"refreshes would leave no time to serve: trefi_ns {format_time(self.refresh_interval)} must be at least "
                f"2 x (trfc_ns + trc_ns) = {format_time(least)}"
            )
