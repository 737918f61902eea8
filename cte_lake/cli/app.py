"""The application that the command modules add their commands to."""

from __future__ import annotations

import inspect
import logging
from collections.abc import Callable
from typing import Annotated, Any, TypeVar

import typer
from typer.core import TyperCommand

from cte_lake.cli.grammar import Command, Group

Function = TypeVar("Function", bound=Callable[..., Any])


class App(typer.Typer):
    """A group of commands that all keep to the grammar of `cte_lake.cli.grammar`.

    Parameters
    ----------
    **settings
        As of `typer.Typer`.
    """

    def __init__(self, **settings: Any) -> None:
        super().__init__(
            no_args_is_help=True,
            pretty_exceptions_enable=False,
            rich_markup_mode="rich",
            context_settings={"help_option_names": ["-h", "--help"]},
            **settings,
        )

    def command(
        self, name: str | None = None, *, cls: type[TyperCommand] | None = Command, **settings: Any
    ) -> Callable[[Function], Function]:
        """Register a command."""
        return super().command(name, cls=cls, **settings)


app = App(
    name="cte-lake",
    cls=Group,
    help="Monitor the charge-transfer efficiency of WFC3/UVIS: frames in, CTE losses out.",
)

LAKE = "The lake"
FRAMES = "From frames to photometry"
RESULTS = "Losses and corrections"


def reflow_help(group: typer.Typer) -> None:
    """Let each command's help flow to the terminal's width; indented examples keep their lines.

    Typer keeps the line breaks of a docstring, which are those of the source file.
    """
    for command in group.registered_commands:
        text = command.help or inspect.getdoc(command.callback) or ""
        command.help = "\n\n".join(_reflowed(paragraph) for paragraph in text.split("\n\n"))
    for subgroup in group.registered_groups:
        if subgroup.typer_instance is not None:
            reflow_help(subgroup.typer_instance)


def _reflowed(paragraph: str) -> str:
    lines = paragraph.splitlines()
    return paragraph if any(line.startswith(" ") for line in lines) else " ".join(lines)


def _print_version(wanted: bool) -> None:
    if wanted:
        from cte_lake import __version__

        typer.echo(f"cte-lake {__version__}")
        raise typer.Exit


@app.callback()
def _common(
    verbose: Annotated[
        int, typer.Option("-v", "--verbose", count=True, help="Log more; give it twice for debugging.")
    ] = 0,
    quiet: Annotated[bool, typer.Option("-q", "--quiet", help="Log warnings and errors only.")] = False,
    version: Annotated[
        bool,
        typer.Option("-V", "--version", callback=_print_version, is_eager=True, help="Print the version."),
    ] = False,
) -> None:
    level = logging.WARNING if quiet else {0: logging.INFO, 1: logging.INFO}.get(verbose, logging.DEBUG)
    logging.basicConfig(format="%(message)s", level=logging.WARNING)
    logging.getLogger("cte_lake").setLevel(level)
