"""A rank of `make test-mpi`: the first runs the transport contract, the others serve it."""

import sys
from pathlib import Path

from mpi4py import MPI

if MPI.COMM_WORLD.Get_rank():
    from actors.transports.mpi import serve

    serve()
else:
    import pytest  # before anything of ours: it rewrites what it imports itself

    contract = Path(__file__).with_name("test_transport_contract.py")
    sys.exit(pytest.main(["-q", "-p", "no:randomly", "-k", "over_mpi", str(contract)]))
