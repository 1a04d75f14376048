"""`python -m admf` is the command line."""

from admf.cli import main

main()
