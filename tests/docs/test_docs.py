"""Every command, query and line of Python in the documentation runs, and prints what the page shows.

On each page, from its top to its end, in the folder of a small demo:

- ``sh``: each command ends with exit code 0, or with the one that its comment names (``# exit code 3``);
- ``sql``: the query is answered, with at least one row unless its first line is ``-- no row is good``;
- ``python``: the page's blocks run one after the other, as the cells of a notebook;
- ``text`` after one of these shows its output: the head of the table, or the first line, is printed as shown,
  numbers aside.

A block whose first line is ``# not run: REASON`` is left out.
"""

from __future__ import annotations

import contextlib
import io
import warnings
import re
from pathlib import Path

import pytest
import typer.main

from cte_lake import Lake, open_lake
from cte_lake.errors import CorrectionWarning
from cte_lake.cli.main import app
from cte_lake.cli.output import Format, render
from tests.docs.blocks import Block, blocks_of, commands_of, head, shape

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
RUN = {"sh", "sql", "python"}
PAGES = sorted(page for page in DOCS.rglob("*.md") if RUN & {block.language for block in blocks_of(page)})
#: Code of a page (fenced blocks, indented lines, spans), and a command in it as far as its line goes.
_CODE = re.compile(r"^```\w*\n.*?^```$|^ {4}[^\n]*$|`[^`\n]+`", re.MULTILINE | re.DOTALL)
_NAMED = re.compile(r"(?:^|`|\()\s*cte-lake ((?:[a-z]|--)[^`\n#|;$]*)", re.MULTILINE)
#: Pages that show pieces of programs rather than a session.
PIECES = {"photometry.md"}


def name_of(page: Path) -> str:
    return str(page.relative_to(DOCS))


@pytest.mark.slow
@pytest.mark.parametrize("page", [page for page in PAGES if page.name not in PIECES], ids=name_of)
def test_a_page_does_what_it_says(page, terminal, monkeypatch):
    monkeypatch.chdir(terminal.folder)
    for name, value in {**terminal.environment, "COLUMNS": "80", "MPLBACKEND": "agg"}.items():
        monkeypatch.setenv(name, value)
    session = Session(page, terminal)
    try:
        for block in blocks_of(page):
            session.take(block)
    finally:
        session.close()


class Session:
    """One page's blocks, one after the other."""

    def __init__(self, page, terminal):
        self.page, self.terminal = page, terminal
        self.lake: Lake | None = None
        self.names: dict[str, object] = {}
        self.printed: str | None = None

    def take(self, block: Block) -> None:
        self.where = f"{name_of(self.page)}:{block.line}"
        if block.language == "text":
            self.compare(block)
        elif block.language in RUN:
            self.printed = getattr(self, f"run_{block.language}")(block) if block.runs else None

    def run_sh(self, block: Block) -> str:
        printed = ""
        for command, code in commands_of(block):
            done = self.terminal.run(command)
            seen = f"{self.where}: {command}\nexit code {done.code}\n{done.output}{done.talk}"
            assert done.code == code, seen
            assert "Traceback" not in done.talk, seen
            printed += done.talk + done.output
        return printed

    def run_sql(self, block: Block) -> str:
        self.lake = self.lake or open_lake()
        rows = self.lake.sql(block.text)
        may_be_empty = block.text.startswith("-- no row is good")
        assert may_be_empty or len(rows), f"{self.where}: no row"
        return render(rows.arrow(), Format.TABLE, 80).decode()

    def run_python(self, block: Block) -> str:
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed), warnings.catch_warnings():
            # A page's reader sees what was flagged, and goes on.
            warnings.simplefilter("ignore", CorrectionWarning)
            exec(compile(block.text, self.where, "exec"), self.names)
        return printed.getvalue()

    def compare(self, block: Block) -> None:
        if self.printed is None:
            return
        printed = shape(self.printed)
        missing = [line for line in head(block.text) if line not in printed]
        assert not missing, f"{self.where}: not printed: {missing}\nbut\n{self.printed}"

    def close(self) -> None:
        if self.lake is not None:
            self.lake.close()
        for value in self.names.values():
            if isinstance(value, Lake):
                value.close()


def test_every_page_is_reached_from_the_start_page():
    index = (DOCS / "index.md").read_text(encoding="utf-8")
    assert [name_of(page) for page in DOCS.rglob("*.md") if f"({name_of(page)})" not in index] == ["index.md"]


@pytest.mark.parametrize("page", sorted(DOCS.rglob("*.md")), ids=name_of)
def test_links_lead_to_files(page):
    targets = re.findall(r"\]\((?!https?:|#)([^)#\s]+)", page.read_text(encoding="utf-8"))
    assert [each for each in targets if not (page.parent / each).exists()] == []


@pytest.mark.parametrize(
    "page", [ROOT / "README.md", *sorted(DOCS.rglob("*.md"))], ids=lambda page: page.name
)
def test_commands_and_options_exist(page):
    """Also in blocks that do not run, and in sentences."""
    group = typer.main.get_command(app)
    text = page.read_text(encoding="utf-8").replace("\\\n", " ")
    for named in _NAMED.findall("\n".join(_CODE.findall(text))):
        # What is quoted is a value, such as the step of a night.
        command, words = group, re.sub(r'"[^"]*"', "VALUE", named).split()
        while words and words[0] in getattr(command, "commands", {}):
            command = command.commands[words.pop(0)]
        assert command is not group or words[0].startswith("-"), f"{page.name}: cte-lake {named}"
        options = {
            "--help",
            *(name for each in command.params for name in (*each.opts, *each.secondary_opts)),
        }
        unknown = [word for word in words if re.fullmatch(r"--[a-z][a-z-]*", word) and word not in options]
        assert not unknown, f"{page.name}: cte-lake {named}: no {unknown}"


def test_what_cannot_run_says_why_and_is_the_exception():
    blocks = [block for page in PAGES for block in blocks_of(page) if block.language in RUN]
    left_out = [block for block in blocks if not block.runs]
    assert len(left_out) < len(blocks) / 4


def test_the_head_of_a_printed_table_ends_at_its_rule():
    text = "bin       loss\n   e-      %\n-----  -----\n500   12.5\n"
    assert head(text) == ["bin loss", "e- %", "--"]
    assert head("ingest: 40 up to date in 0.0 s\nmore\n") == ["ingest: # up to date in # s"]
    assert shape("...\n ic7802aaq  -0.5\n") == ["# #"]
