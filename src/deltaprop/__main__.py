"""`python -m deltaprop` is the command line."""

from deltaprop.cli.main import main

main()
