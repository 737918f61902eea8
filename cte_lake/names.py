"""Names as astronomers write them, brought to the lake's own spelling, and the words that columns hold."""

from __future__ import annotations

import difflib
import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, TypeVar, get_args

from cte_lake.errors import UnknownName, UsageError

Word = TypeVar("Word", bound=str)
Estimator = Literal["both_in_bin", "mean_flux", "log_ratio"]
ESTIMATORS: tuple[Estimator, ...] = get_args(Estimator)
#: Columns that hold one of a few words, and no others.
WORDS: Mapping[str, tuple[str, ...]] = {
    "filetype": ("flt", "flc"),
    "length": ("s", "l"),
    "pairing": ("chips", "180", "files"),
    "estimator": ESTIMATORS,
    "against": ("bright", "flc"),
}

#: Blanks, underscores and every kind of dash that a name is copied with: hyphen, en dash, minus.
_JOINTS = re.compile(r"[\s_\-\u2010-\u2015\u2212]")
#: Catalog numbers are written with zeros in front as well: NGC 0104.
_LEADING_ZEROS = re.compile(r"(?<=[^\W\d_])0+(?=\d)")


def folded(name: str) -> str:
    """Return a name without case, blanks, dashes and underscores: 'NGC-104' is 'ngc104'."""
    return _JOINTS.sub("", unicodedata.normalize("NFKC", name)).casefold()


def target_name(text: str, targets: Mapping[str, Sequence[str]]) -> str:
    """Return a target's name in the lake from any of its spellings.

    Parameters
    ----------
    text : str
        As written: 'NGC 104', 'ngc-104', 'NGC 0104', or a configured alias such as '47 Tuc'.
    targets : mapping of str to sequence of str
        Names in the lake, each with its other spellings.

    Raises
    ------
    UnknownName
        If no target is spelled so; the message suggests the nearest spelling.

    Examples
    --------
    >>> target_name("47 Tuc", {"ngc104": ["NGC-104", "47TUC"]})
    'ngc104'
    """
    spellings = {spelling: name for name, others in targets.items() for spelling in (name, *others)}
    return _resolved("target", text, spellings)


def filter_name(text: str, filters: Iterable[str]) -> str:
    """Return a filter's name as the lake spells it: 'f502n' is 'F502N'.

    Parameters
    ----------
    text : str
        As written, in any case.
    filters : iterable of str
        Filters of the lake; where there is none, the text is taken in capitals.

    Raises
    ------
    UnknownName
        If there are filters and none is spelled so.
    """
    known = {name: name for name in filters}
    return _resolved("filter", text, known) if known else folded(text).upper()


def suggestion(text: str, known: Iterable[str]) -> str:
    """Return ``; did you mean 'ngc104'?`` for the nearest known spelling, '' where none is near."""
    by_fold: dict[str, str] = {}
    for name in known:
        by_fold.setdefault(folded(name), name)
    near = difflib.get_close_matches(folded(text), by_fold, n=1, cutoff=0.6)
    return f"; did you mean {by_fold[near[0]]!r}?" if near else ""


def one_of(what: str, value: str, allowed: tuple[Word, ...]) -> Word:
    """Return a word as it is spelled among those allowed, whatever its case.

    Raises
    ------
    UsageError
        If it is none of them; the message suggests the nearest.
    """
    for word in allowed:
        if word == value.strip().lower():
            return word
    hint = suggestion(value, allowed) or ";"
    raise UsageError(f"{what} {value!r} is not known{hint} it is {', '.join(allowed[:-1])} or {allowed[-1]}")


def _resolved(kind: str, text: str, spellings: Mapping[str, str]) -> str:
    wanted = folded(text)
    for fold in (lambda name: name, _without_zeros):
        found = {name for spelling, name in spellings.items() if fold(folded(spelling)) == fold(wanted)}
        if len(found) == 1:
            return found.pop()
    listed = ", ".join(sorted(set(spellings.values()))) or "none"
    hint = suggestion(text, spellings) or ";"
    raise UnknownName(f"no {kind} is called {text!r}{hint} known {kind}s: {listed}")


def _without_zeros(name: str) -> str:
    return _LEADING_ZEROS.sub("", name)


@dataclass(frozen=True)
class Names:
    """The names that a lake knows.

    Attributes
    ----------
    targets : mapping of str to sequence of str
        Targets, configured or present, each with its other spellings.
    filters : tuple of str
        Filters of the lake's exposures; empty where there are none yet.
    """

    targets: Mapping[str, Sequence[str]] = field(default_factory=dict)
    filters: tuple[str, ...] = ()

    def including(self, rows: Iterable[Mapping[str, Any]]) -> Names:
        """Return these names with the targets and filters of some exposures."""
        pairs = {(row["target"], row["filter"]) for row in rows}
        targets: dict[str, Sequence[str]] = {name: () for name, _ in pairs if name is not None}
        filters = {name for _, name in pairs if name is not None}
        return Names(targets | dict(self.targets), tuple(sorted(filters.union(self.filters))))

    def target(self, text: str) -> str:
        """Return a target's name in the lake; see `target_name`."""
        return target_name(text, self.targets)

    def filter(self, text: str) -> str:
        """Return a filter's name in the lake; see `filter_name`."""
        return filter_name(text, self.filters)
