"""Conservative synchronisation of SIPs: the protocol as plain data and functions, and the heap of each receiver."""
