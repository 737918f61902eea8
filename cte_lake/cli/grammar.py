"""The grammar that every command shares: each option once, one word for a thing, old words with a hint."""

from __future__ import annotations

import contextlib
import difflib
import functools
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, get_args, get_origin

import typer
from typer.core import TyperCommand, TyperGroup
from typer.main import get_command

from cte_lake.cli.output import ALLOWED, ROWS_FILE
from cte_lake.cli.signals import apart_from_exits
from cte_lake.errors import UsageError

#: Words of earlier versions and today's; they go on working in the commands that have today's word.
RENAMED = {"--aperture": "--radius", "--replace": "--overwrite"}


class _AsGiven:
    """Takes a parameter's value as it is where it is of its type already, else as typer does.

    For that typer imports pydantic and makes a model a parameter: a fifth of the time of a short command.
    """

    def coerce(self, value: Any, param: Any, ctx: Any) -> Any:
        """Return the value of a parameter."""
        several = param.multiple or param.nargs == -1
        if value is None:
            return () if several else None
        kind, stated = param.type_descriptor.annotation, param.type_descriptor.parameter_info
        kind = get_args(kind)[0] if several and get_origin(kind) is list else kind
        given = [value] if not several else list(value) if isinstance(value, list | tuple) else [object]
        if stated.parser is None and all(_is_of(one, kind, stated) for one in given):
            return given if several else value
        if stated.parser is None and kind is Path and isinstance(value, str):
            from typer._param_types import coerce_cli_path

            return coerce_cli_path(Path(value), stated, path_type=Path, param=param, ctx=ctx)
        param._runtime_param = None
        return param.get_runtime_param().coerce(value, param=param, ctx=ctx)


def _is_of(value: Any, kind: Any, stated: Any) -> bool:
    """Whether a value is one of a parameter's kind and within its limits."""
    if get_origin(kind) is Literal:
        return value in get_args(kind)
    if kind in {int, float} and type(value) is kind:
        return bool(
            (stated.min is None or value >= stated.min) and (stated.max is None or value <= stated.max)
        )
    return kind is str and type(value) is str


def _take_as_given(parameters: Iterable[Any]) -> None:
    for each in parameters:
        each._runtime_param = _AsGiven()


class Command(TyperCommand):
    """A command that takes an option with one value once, and knows the words of earlier versions.

    Where ``-o`` takes rows, it replaces no file without ``--overwrite``.
    """

    def __init__(self, *args: Any, **settings: Any) -> None:
        super().__init__(*args, **settings)
        takes_rows = any(getattr(parameter, "help", None) == ROWS_FILE for parameter in self.params)
        has_one = any("--overwrite" in parameter.opts for parameter in self.params)
        self._added = takes_rows and not has_one
        if self._added:
            self.params.append(_overwrite_option())

    def invoke(self, ctx: Any) -> Any:
        """Run the command, and let its printer know whether files may be overwritten."""
        ALLOWED.overwrite, ALLOWED.pager = bool(ctx.params.get("overwrite")), False
        if self._added:
            del ctx.params["overwrite"]
        return super().invoke(ctx)

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Put today's words in place of old ones, spread lists, refuse repetition, and parse."""
        args = self._spread(self._renewed(args))
        _take_as_given(self.get_params(ctx))
        with _near_options(self.params):
            if not ctx.resilient_parsing:
                self._refuse_repetition(ctx, args)
            return super().parse_args(ctx, args)

    def _renewed(self, args: list[str]) -> list[str]:
        known = {name for parameter in self.params for name in parameter.opts}
        renewed = list(args)
        for at, word in enumerate(args):
            if word == "--":
                break
            old, equals, value = word.partition("=")
            new = RENAMED.get(old, "")
            if new in known and old not in known:
                typer.echo(f"cte-lake: {old} is now {new}; the old word goes in the next version", err=True)
                renewed[at] = f"{new}{equals}{value}"
        return renewed

    def _spread(self, args: list[str]) -> list[str]:
        """Give each word of a list its option: ``--radius 3 5 10`` is ``--radius 3 --radius 5 --radius 10``.

        A list ends at the next option; one of numbers, at the first word that is none.
        """
        lists = {
            name
            for parameter in self.params
            if str(parameter.metavar or "").endswith("...") and getattr(parameter, "multiple", False)
            for name in parameter.opts
        }
        spread: list[str] = []
        option, first = "", ""
        for at, word in enumerate(args):
            if word == "--":
                return [*spread, *args[at:]]
            if word.startswith("-"):
                option, first = (word if word in lists else ""), ""
            elif option and first and first.isdigit() and not word.isdigit():
                option = ""
            elif option:
                spread += [option] if first else []
                first = word
            spread.append(word)
        return spread

    def _refuse_repetition(self, ctx: Any, args: list[str]) -> None:
        _, _, order = self.make_parser(ctx).parse_args(args=list(args))
        for parameter in self.params:
            takes_one = parameter.param_type_name == "option" and not (
                parameter.multiple
                or getattr(parameter, "is_flag", False)
                or getattr(parameter, "count", False)
            )
            if takes_one and order.count(parameter) > 1:
                raise UsageError(
                    f"{parameter.opts[-1]} is given {order.count(parameter)} times and takes one value; "
                    "leave all but one out"
                )


@contextlib.contextmanager
def _near_options(parameters: Sequence[Any]) -> Iterator[None]:
    """Let the error of an unknown option name the one that was meant, by today's word, or none."""
    try:
        yield
    except Exception as caught:
        # The class of typer's error has another place in each of its versions.
        error: Any = caught
        if hasattr(error, "possibilities"):
            shown = [one for one in parameters if not getattr(one, "hidden", True)]
            names = (name for one in shown for name in (*one.opts, *one.secondary_opts))
            words = {name: name for name in names if name.startswith("--")}
            words |= {old: new for old, new in RENAMED.items() if new in words}
            wanted = str(error.option_name)
            near = difflib.get_close_matches(wanted[2:], [word[2:] for word in words], n=1, cutoff=0.75)
            begun = [word[2:] for word in words if len(wanted) > 4 and word.startswith(wanted)]
            error.possibilities = [words[f"--{word}"] for word in (near or begun)]
        raise


def _rows(
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace the output file if it exists.")
    ] = False,
) -> None:
    """Bear the option that commands with rows have in common."""


@functools.cache
def _overwrite_option() -> Any:
    bearer = typer.Typer(add_completion=False)
    bearer.command()(_rows)
    return next(option for option in get_command(bearer).params if "--overwrite" in option.opts)


class Subgroup(TyperGroup):
    """A group of commands."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Parse what stands before the command."""
        _take_as_given(self.get_params(ctx))
        return super().parse_args(ctx, args)


class Group(Subgroup):
    """The application: stops quietly when a signal comes or the reader of its output leaves."""

    def make_context(self, *args: Any, **more: Any) -> Any:
        """Make the context; help is printed here, and its reader may leave."""
        with apart_from_exits():
            return super().make_context(*args, **more)

    def invoke(self, ctx: Any) -> Any:
        """Run the command."""
        with apart_from_exits():
            return super().invoke(ctx)
