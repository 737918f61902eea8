"""The application that the command modules add their commands to."""

from __future__ import annotations

import functools
import inspect
import logging
import re
from collections.abc import Callable
from dataclasses import fields
from typing import Annotated, Any, TypeVar, get_type_hints

import typer
from typer.core import TyperCommand

from cte_lake.cli.grammar import Command, Group, Subgroup

Function = TypeVar("Function", bound=Callable[..., Any])


class Options:
    """Options that several commands share: a dataclass, each field of which is an option."""


def _with_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Return a command with the options of its groups in place of the groups."""
    names = function.__globals__
    groups: dict[str, Any] = {
        name: names[text]
        for name, text in function.__annotations__.items()
        if isinstance(names.get(text), type) and issubclass(names[text], Options)
    }
    if not groups:
        return function
    hints = get_type_hints(function, include_extras=True)
    parameters: list[inspect.Parameter] = []
    for each in inspect.signature(function).parameters.values():
        group = groups.get(each.name)
        kinds = hints if group is None else get_type_hints(group, include_extras=True)
        parameters += [
            inspect.Parameter(
                one.name, inspect.Parameter.KEYWORD_ONLY, default=one.default, annotation=kinds[one.name]
            )
            for one in ([each] if group is None else fields(group))
        ]

    @functools.wraps(function)
    def command(**values: Any) -> None:
        made = {
            name: group(**{each.name: values.pop(each.name) for each in fields(group)})
            for name, group in groups.items()
        }
        function(**values, **made)

    command.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    command.__annotations__ = {each.name: each.annotation for each in parameters}
    return command


class App(typer.Typer):
    """A group of commands that all keep to the grammar of `cte_lake.cli.grammar`.

    Parameters
    ----------
    cls, **settings
        As of `typer.Typer`.
    """

    def __init__(self, cls: type[Subgroup] = Subgroup, **settings: Any) -> None:
        super().__init__(
            cls=cls,
            no_args_is_help=True,
            pretty_exceptions_enable=False,
            rich_markup_mode="rich",
            context_settings={"help_option_names": ["-h", "--help"]},
            **settings,
        )

    def command(
        self, name: str | None = None, *, cls: type[TyperCommand] | None = Command, **settings: Any
    ) -> Callable[[Function], Function]:
        """Register a command; parameters that are `Options` stand for the options that these hold."""
        register = super().command(name, cls=cls, **settings)

        def decorate(function: Function) -> Function:
            register(_with_options(function))
            return function

        return decorate


app = App(
    name="cte-lake",
    cls=Group,
    help="Monitor the charge-transfer efficiency of WFC3/UVIS: frames in, CTE losses out.",
)


def say(text: str) -> None:
    """Print a line of talk, which goes to standard error; standard output has the data alone."""
    typer.echo(text, err=True)


#: What opens a bracket that is no markup of ours.
_BRACKETS = re.compile(r"\[(?!/?bold\])")

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
    text = paragraph if any(line.startswith(" ") for line in lines) else " ".join(lines)
    # Rich takes a table of the configuration for markup and leaves it out.
    return _BRACKETS.sub(r"\\[", text)


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
