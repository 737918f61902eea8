"""Reads the fenced blocks of a Markdown page, and what a page says that its commands print."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

#: First line of a block that cannot run in a test; the reason follows and is read by people too.
NOT_RUN = re.compile(r"(?:#|--) not run: \S")
#: End of a command's line that stops with another code than 0.
EXIT_CODE = re.compile(r"#.*\bexit code (\d+)\s*$")
_FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_RULE = re.compile(r"-{2,}(?: +-{2,})*")
_NAME = re.compile(r"\bi[a-z0-9]{8}(?![a-z0-9])|(?<![\w-])[-+]?\d+(?:\.\d+)?(?:[eE][-+]\d+)?|\d+(?:\.\d+)?")


@dataclass(frozen=True)
class Block:
    """One fenced block."""

    language: str
    text: str
    line: int

    @property
    def runs(self) -> bool:
        return NOT_RUN.match(self.text) is None


def blocks_of(page: Path) -> list[Block]:
    """All fenced blocks of a page, in order."""
    text = page.read_text(encoding="utf-8")
    return [
        Block(found[1], found[2], text[: found.start()].count("\n") + 2) for found in _FENCE.finditer(text)
    ]


def commands_of(block: Block) -> list[tuple[str, int]]:
    """The commands of a shell block, continued lines joined, each with the exit code that it must have."""
    commands: list[str] = []
    open_quote = False
    for line in block.text.replace("\\\n", " ").splitlines():
        if open_quote:
            commands[-1] += f"\n{line}"
        elif line.strip() and not line.startswith("#"):
            commands.append(line)
        open_quote = bool(commands) and commands[-1].count("'") % 2 == 1
    return [(command, int(code[1]) if (code := EXIT_CODE.search(command)) else 0) for command in commands]


def shape(text: str) -> list[str]:
    """Lines without what differs between two lakes: numbers, root names, widths of columns."""
    lines = (" ".join(_NAME.sub("#", _RULE.sub("--", line)).split()) for line in text.splitlines())
    return [line for line in lines if line and line != "..."]


def head(text: str) -> list[str]:
    """What every lake prints of a block: the lines down to a table's rule, else the first."""
    lines = shape(text)
    ruled = [number for number, line in enumerate(lines) if line == "--"]
    return lines[: ruled[0] + 1] if ruled else lines[:1]
