"""Messages, one file per protocol: frozen Structs, passed by reference inside a SIP, encoded between SIPs."""

from kernbench.common.messages.host import KernelLaunchMsg, MemoryReadMsg, MemoryWriteMsg, PeDmaMsg

__all__ = ["KernelLaunchMsg", "MemoryReadMsg", "MemoryWriteMsg", "PeDmaMsg"]
