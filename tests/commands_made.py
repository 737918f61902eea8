"""The commands, made once in a process that runs many of them, and before others are forked from it.

Typer makes all of them anew for each command line: two thirds of what correcting a small table takes.
"""

import atexit
import functools
import gc

import typer.main
import typer.testing

from cte_lake.cli.main import app

typer.main.get_command = typer.testing._get_command = functools.cache(typer.main.get_command)
typer.main.get_command(app)

# A million objects of libraries stay to the end, at which all are let go: to look through them for garbage
# took 4% of all tests, and each fork copied the pages that it wrote to.
gc.freeze()
atexit.register(gc.unfreeze)
