"""`python -m kernbench`: the command line."""

from kernbench.cli import main

main()
