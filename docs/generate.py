"""Write docs/reference.md from --help, catalog_schemas/ and sql/columns.toml, docs/screening.md from cte_lake.frames.

python docs/generate.py           writes it
python docs/generate.py --check   exits 1 if it is not up to date
"""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Any

import typer.main
from screening_page import screening

from cte_lake.cli.main import app
from cte_lake.lake.schemas import dataset, dataset_names
from cte_lake.views import view_columns
from cte_lake.views.source import published_views, sql_objects

PLACE = Path(__file__).with_name("reference.md")
_HEAD = "# Reference\n\nWritten by `docs/generate.py`; do not edit.\n"


def commands() -> str:
    """Every command with its arguments and options."""
    group = typer.main.get_command(app)
    lines = ["## Commands"]
    for path, command in walk(group, ()):
        lines += ["", f"### cte-lake {' '.join(path)}", *paragraphs(command.help or "")]
        rows = [parameter_row(parameter) for parameter in command.params]
        if rows:
            lines += ["", "| option | what it does |", "|---|---|", *rows]
    return "\n".join(lines)


def walk(command: Any, path: tuple[str, ...]) -> list[tuple[tuple[str, ...], Any]]:
    """Commands below a group, in the order of its help."""
    found = []
    for name, each in getattr(command, "commands", {}).items():
        inner = walk(each, (*path, name))
        found += inner or [((*path, name), each)]
    return found


def parameter_row(parameter: Any) -> str:
    """One line of the table of options."""
    names = parameter.opts + parameter.secondary_opts
    shown = str(parameter.metavar or (parameter.name or "").upper())
    name = shown if is_argument(parameter) else ", ".join(names)
    return f"| `{name}` | {plain(getattr(parameter, 'help', None) or '').replace('|', chr(92) + '|')} |"


def is_argument(parameter: Any) -> bool:
    """Whether a parameter is no option."""
    return parameter.param_type_name == "argument"


def paragraphs(text: str) -> list[str]:
    """Help as Markdown: examples, which are indented, stand as they are typed."""
    lines: list[str] = []
    for paragraph in text.split("\n\n"):
        if paragraph.startswith(" "):
            begun = lines[:-2] if lines[-2:-1] == ["```"] else [*lines, "```text"]
            lines = [*begun, *map(str.strip, paragraph.splitlines()), "```", ""]
        else:
            lines += [plain(paragraph), ""]
    return lines[:-1]


def plain(text: str) -> str:
    """Help without the marks of rich, as Markdown takes it."""
    return re.sub(r"\[/?bold\]", "**", " ".join(text.split())).replace("\\[", "[").replace("<", "&lt;")


def datasets() -> str:
    """Every dataset's columns."""
    lines = ["## Datasets"]
    for name in dataset_names():
        stated = dataset(name)
        lines += ["", f"### {name}", f"One row is {stated.grain}.", ""]
        lines += ["| column | type | unit | meaning |", "|---|---|---|---|"]
        lines += [f"| {c.name} | {c.type} | {c.unit or '-'} | {c.description} |" for c in stated.columns]
    return "\n".join(lines)


def views() -> str:
    """Every published view's columns."""
    grains = {each.name: each.grain for each in sql_objects()}
    lines = ["## Views"]
    for name in published_views():
        lines += [
            "",
            f"### {name}",
            f"One row is {grains[name]}",
            "",
            "| column | unit | meaning |",
            "|---|---|---|",
        ]
        lines += [f"| {c.name} | {c.unit or '-'} | {c.description} |" for c in view_columns(name)]
    return "\n".join(lines)


def main() -> int:
    """Write the pages, or say whether they are as they should be."""
    reference = "\n".join([_HEAD, commands(), "", datasets(), "", views(), ""]).replace("\n\n\n", "\n\n")
    pages = {PLACE: reference, PLACE.with_name("screening.md"): screening()}
    if "--check" not in sys.argv:
        for place, text in pages.items():
            place.write_text(text, encoding="utf-8")
        return 0
    fresh = {
        place: place.is_file() and place.read_text(encoding="utf-8") == text for place, text in pages.items()
    }
    for place, is_fresh in fresh.items():
        print(f"docs/{place.name} is {'up to date' if is_fresh else 'old: run docs/generate.py'}")
    return 0 if all(fresh.values()) else 1


if __name__ == "__main__":
    sys.exit(main())
