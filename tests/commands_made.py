"""The commands, made once in a process that runs many of them, and before others are forked from it.

Typer makes all of them anew for each command line: two thirds of what correcting a small table takes.
"""

import functools

import typer.main
import typer.testing

from cte_lake.cli.main import app

typer.main.get_command = typer.testing._get_command = functools.cache(typer.main.get_command)
typer.main.get_command(app)
