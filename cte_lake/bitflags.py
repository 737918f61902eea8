"""What a flag is: a named bit with a meaning, and how a number of them is read."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class Flag:
    """One condition that a row may be in.

    Attributes
    ----------
    bit : int
        Position of the bit, from 0.
    name : str
        Slug that decoders print.
    meaning : str
        One sentence for the reader of a table.
    """

    bit: int
    name: str
    meaning: str

    @property
    def value(self) -> int:
        """The number that the bit stands for."""
        return 1 << self.bit


def names_of(flags: int, registry: Iterable[Flag], column: str) -> list[str]:
    """Return the names of the conditions in `flags`, lowest bit first.

    ``column`` names the column in the message.

    Raises
    ------
    ValueError
        If a bit is set that the registry does not have.
    """
    stated = list(registry)
    known = sum(flag.value for flag in stated)
    if flags < 0 or flags & ~known:
        raise ValueError(f"{column} {flags} holds a bit outside the registry (largest value {known})")
    return [flag.name for flag in stated if flags & flag.value]
