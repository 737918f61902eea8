"""Settings from defaults, the lake's TOML file, the environment and flags, each with its origin."""

from __future__ import annotations

import difflib
import functools
import os
import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib.resources import files
from typing import Annotated, Any, Literal, Protocol, get_args, get_origin, get_type_hints

import msgspec

from cte_lake.clock import NOW_ENV
from cte_lake.config.models import Config
from cte_lake.config.sections import Section
from cte_lake.digests import digest
from cte_lake.errors import ConfigError
from cte_lake.names import suggestion
from cte_lake.resources import LAKE_ENV, LAKE_FILE
from cte_lake.toml_text import read_toml

ENV_PREFIX = "CTE_LAKE_"
#: Environment variables with the prefix that are no configuration keys.
ENV_RESERVED = frozenset({LAKE_ENV, NOW_ENV})
#: Keys of the lake's file that describe the lake itself.
FILE_KEYS = frozenset({"lake_version"})


@dataclass(frozen=True)
class Setting:
    """One value and where it came from."""

    key: str
    value: Any
    origin: str


@dataclass(frozen=True)
class Settings:
    """The validated configuration together with each value's origin."""

    config: Config
    origins: Mapping[str, str]

    def __iter__(self) -> Iterator[Setting]:
        for key, value in _leaves(self._plain()):
            yield Setting(key, value, self.origins.get(key, "default"))

    def hash(self, *sections: str) -> str:
        """Hash of the named sections (all if none is named), 16 hex digits."""
        return digest(
            {name: value for name, value in self._plain().items() if name in sections or not sections}
        )

    def _plain(self) -> dict[str, Any]:
        """Return all values as JSON has them."""
        plain: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(self.config))
        return plain


class TextFile(Protocol):
    """A file on a disk or in a store, as far as settings need it."""

    def is_file(self) -> bool:
        """Whether it is there."""

    def read_text(self, encoding: str) -> str:
        """Return its content."""


class Folder(Protocol):
    """What may hold a settings file: a path, or a lake."""

    def __truediv__(self, name: str, /) -> TextFile:
        """Return a file in it."""


def load_settings(
    lake: Folder | None = None,
    flags: Mapping[str, Any] | None = None,
    environment: Mapping[str, str] | None = None,
) -> Settings:
    """Read the configuration: flag over environment over file over default.

    Parameters
    ----------
    lake : path or StoredLake, optional
        The lake whose ``cte_lake.toml`` is read; none: defaults, environment and flags alone.
    flags : mapping, optional
        Dotted key to value, as given on the command line; strings are read as TOML values where they are.
    environment : mapping, optional
        Defaults to the process's own. ``CTE_LAKE_MEASURE_APERTURE=5`` sets ``measure.aperture``.

    Raises
    ------
    ConfigError
        Unknown key or bad value: names the key, where it stands and what is allowed.
    """
    environment = os.environ if environment is None else environment
    layers: list[tuple[str, dict[str, Any]]] = [("default", _defaults())]
    if lake is not None and (file := lake / LAKE_FILE).is_file():
        layers.append((LAKE_FILE, _read_file(file)))
    merged = dict(layers[0][1])
    for _, values in layers[1:]:
        merged = _merged(merged, values)
    layers += _from_environment(environment, merged)
    layers += [(f"flag {key}", _nested(key, _toml_value(value))) for key, value in (flags or {}).items()]
    merged = {}
    origins: dict[str, str] = {}
    for origin, values in layers:
        merged = _merged(merged, values)
        origins |= {key: origin for key, _ in _leaves(values)}
    return Settings(_validated(merged, origins), origins)


@functools.cache
def _defaults() -> dict[str, Any]:
    """The shipped defaults as plain nested values, which nobody changes: a lake's settings are read often."""
    return tomllib.loads(default_text())


def default_text() -> str:
    """The text of the shipped defaults file."""
    return files("cte_lake.config").joinpath("defaults.toml").read_text(encoding="utf-8")


def _read_file(path: TextFile) -> dict[str, Any]:
    try:
        values = read_toml(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ConfigError(f"{path} is not valid TOML: {error}") from error
    return {key: value for key, value in values.items() if key not in FILE_KEYS}


def _from_environment(
    environment: Mapping[str, str], values: Mapping[str, Any]
) -> list[tuple[str, dict[str, Any]]]:
    given = {key: text for key, text in environment.items() if key.startswith(ENV_PREFIX)}
    given = {variable: text for variable, text in given.items() if variable not in ENV_RESERVED}
    # Known are the keys that have a value, and those that may have one.
    known = [*dict(_leaves(values)), *_model_keys(Config)] if given else []
    by_variable = {ENV_PREFIX + key.upper().replace(".", "_").replace("-", "_"): key for key in known}
    layers = []
    for variable, text in sorted(given.items()):
        if variable not in by_variable:
            near = difflib.get_close_matches(variable, by_variable, n=1)
            meant = f"; {near[0]} sets {by_variable[near[0]]}" if near else ""
            raise ConfigError(
                f"environment variable {variable} sets no known key{meant}; "
                "`cte-lake config show` lists the keys"
            )
        layers.append((f"environment {variable}", _nested(by_variable[variable], _toml_value(text))))
    return layers


def _toml_value(value: Any) -> Any:
    """Read a string as a TOML value; what is none stays the string itself."""
    if not isinstance(value, str):
        return value
    try:
        return read_toml(f"value = {value}")["value"]
    except ValueError:
        return value


def _nested(key: str, value: Any) -> dict[str, Any]:
    parts = key.split(".")
    for part in reversed(parts):
        value = {part: value}
    # No key of ours has more parts than a few; deeper ones cannot be walked through.
    if not isinstance(value, dict) or len(parts) > 40:
        raise ConfigError(f"{key!r} is not a configuration key")
    return value


def _merged(base: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    result = dict(base)
    for key, value in over.items():
        below = result.get(key)
        result[key] = _merged(below, value) if isinstance(below, dict) and isinstance(value, dict) else value
    return result


def _leaves(values: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in values.items():
        if isinstance(value, dict) and value:
            yield from _leaves(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value


def _fields(kind: Any) -> dict[str, Any]:
    """Return the types of a section's keys; none of what is no section."""
    if not (isinstance(kind, type) and issubclass(kind, Section)):
        return {}
    hints = get_type_hints(kind, include_extras=True)
    return {name: hints[name] for name in kind.__struct_fields__}


def _bare(kind: Any) -> Any:
    """Return a type without what is said of it."""
    return get_args(kind)[0] if get_origin(kind) is Annotated else kind


def _model_keys(kind: Any, prefix: str = "") -> Iterator[str]:
    for name, below in _fields(kind).items():
        keys = [*_model_keys(_bare(below), f"{prefix}{name}.")]
        yield from keys or [prefix + name]


def _validated(values: dict[str, Any], origins: Mapping[str, str]) -> Config:
    try:
        return msgspec.convert(values, Config, str_keys=True)
    except msgspec.ValidationError as error:
        faults = [*_faults(values, Config, "", str(error))]
        raise ConfigError("; ".join(_sentence(*fault, origins) for fault in faults[:3])) from error


#: Key, what is wrong there (empty: nobody knows the key) and what was given.
_Fault = tuple[str, str, str]


def _faults(value: Any, kind: Any, key: str, said: str) -> Iterator[_Fault]:
    """Yield what is wrong in a value that is not of a kind; msgspec names one part, not always by its key."""
    below = key and f"{key}."
    found: list[_Fault] = []
    fields = _fields(_bare(kind))
    if isinstance(value, Mapping) and fields:
        missing = [info.name for info in msgspec.structs.fields(_bare(kind)) if info.required]
        found += [(below + name, "it is missing", "") for name in missing if name not in value]
        found += [(below + name, "", "") for name in value if name not in fields]
        parts = [(name, value[name], of) for name, of in fields.items() if name in value]
    elif isinstance(value, Mapping) and get_origin(_bare(kind)) is dict:
        names, of = get_args(_bare(kind))
        wrong = [name for name in value if names is int and not str(name).isdigit()]
        found += [(f"{below}{name}", "expected a whole number as name", "") for name in wrong]
        parts = [(str(name), each, of) for name, each in value.items()]
    else:
        parts = []
    for name, each, of in parts:
        try:
            good = msgspec.convert(each, of, str_keys=True)
            if fields and (check := _bare(kind).checks.get(name)) is not None:
                check(good)
        except msgspec.ValidationError as error:
            found += _faults(each, of, below + name, str(error))
        except ValueError as error:
            found.append((below + name, str(error), ""))
    yield from found or [_in_words(key, said, value, _bare(kind))]


def _in_words(key: str, said: str, value: Any, kind: Any) -> _Fault:
    """Return what msgspec says of a value without parts of its own, and the value where it is not told."""
    said, _, place = said.rstrip("`").partition(" - at `$")
    if not said.startswith(("Expected", "Invalid")):
        return key, said, ""
    if get_origin(kind) is Literal:
        said = f"Expected one of {', '.join(map(repr, get_args(kind)))}"
    said = re.sub(r"`, got `\w+$|, got `\w+`$", "", said)
    said = re.sub(
        r"`([\w |]+)`?", lambda types: " or ".join(_PLAIN.get(t, t) for t in types[1].split(" | ")), said
    )
    return key + place, said, f", got {_shown(value)}"


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 200 else f"{text[:200]}..."


#: Words for types.
_PLAIN = {
    "float": "a number", "int": "a whole number", "str": "a text", "bool": "true or false",
    "array": "a list", "object": "a table",
}  # fmt: skip


def _sentence(key: str, said: str, got: str, origins: Mapping[str, str]) -> str:
    # A value may come from several places; a whole table is named by any of its keys.
    stated = key.partition("[")[0]
    origin = origins.get(stated) or next(
        (o for k, o in origins.items() if k.startswith(stated + ".")), "default"
    )
    where = f" ({origin})" if origin != "default" else ""
    if not said:
        section = ".".join(key.split(".")[:-1])
        return (
            f"unknown key {key!r}{where}{suggestion(key, origins.keys() - {key}) or ';'} {_allowed(section)}"
        )
    return f"{key or 'the configuration'}{where}: {said[0].lower()}{said[1:]}{got}"


def _below(kind: Any, part: str) -> Any:
    """Return the type of a key of a section, or of a name in a table of sections; None where it is free."""
    if get_origin(_bare(kind)) is dict:
        return get_args(_bare(kind))[1]
    return _fields(_bare(kind)).get(part)


def _allowed(section: str) -> str:
    kind: Any = Config
    for part in filter(None, section.split(".")):
        kind = _below(kind, part)
    place = f"[{section}] has" if section else "there are"
    return f"{place} {', '.join(_fields(_bare(kind)))}"


def describe(key: str) -> str:
    """What a dotted key means, from the models; empty where the key is free (a target's name)."""
    kind: Any = Config
    text = ""
    for part in key.split("."):
        kind = _below(kind, part)
        said = [one.description for one in get_args(kind)[1:] if isinstance(one, msgspec.Meta)]
        text = next(filter(None, reversed(said)), text)
    return text
