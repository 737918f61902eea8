"""One check and its outcome."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Check:
    """A check.

    Attributes
    ----------
    name : str
        What was looked at, in a word or two.
    outcome : {'ok', 'warn', 'fail'}
        'warn': the night runs, but something of it may not; 'fail': it does not run.
    found : str
        What was found.
    remedy : str
        What to do, '' where nothing is to be done.
    """

    name: str
    outcome: Literal["ok", "warn", "fail"]
    found: str
    remedy: str = ""

    @property
    def line(self) -> str:
        """The check in one line."""
        return f"{self.outcome:<5} {self.name:<13} {self.found}{f'; {self.remedy}' if self.remedy else ''}"
