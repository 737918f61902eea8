"""Which exposures a command is about: the same filters for planning and for SQL."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any


@dataclass(frozen=True)
class Selection:
    """Values that an exposure must have; an empty field selects all.

    The fields are columns of the views ``exposures``, ``pairs`` and all that is built on them.
    """

    proposal: tuple[int, ...] = ()
    visit: tuple[str, ...] = ()
    target: tuple[str, ...] = ()
    flash: tuple[int, ...] = ()
    filetype: tuple[str, ...] = ()
    filter: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return any(getattr(self, field.name) for field in fields(self))

    def matches(self, exposure: Mapping[str, Any]) -> bool:
        """Whether an exposure with these column values is selected; case does not matter."""
        return all(
            not wanted or _folded(exposure[name]) in {_folded(value) for value in wanted}
            for name, wanted in self._items()
        )

    def where(self) -> tuple[str, list[Any]]:
        """Return a SQL condition and its parameters; ``true`` if all is selected."""
        conditions, parameters = ["true"], []
        for name, wanted in self._items():
            if wanted:
                text = isinstance(wanted[0], str)
                conditions.append(f'list_contains(?, {"lower" if text else ""}("{name}"))')
                parameters.append([_folded(value) for value in wanted])
        return " AND ".join(conditions), parameters

    def __str__(self) -> str:
        return " ".join(f"--{name} {value}" for name, wanted in self._items() for value in wanted)

    def _items(self) -> list[tuple[str, tuple[Any, ...]]]:
        return [(field.name, getattr(self, field.name)) for field in fields(self)]


def _folded(value: Any) -> Any:
    return value.lower() if isinstance(value, str) else value
