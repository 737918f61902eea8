"""Settings from defaults, the lake's TOML file, the environment and flags, each with its origin."""

from __future__ import annotations

import difflib
import functools
import os
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib.resources import files
from typing import Any, Protocol, get_args, get_origin

from pydantic import BaseModel, ValidationError

from cte_lake.clock import NOW_ENV
from cte_lake.config.models import Config
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
        for key, value in _leaves(self.config.model_dump(mode="json")):
            yield Setting(key, value, self.origins.get(key, "default"))

    def hash(self, *sections: str) -> str:
        """Hash of the named sections (all if none is named), 16 hex digits."""
        dumped = self.config.model_dump(mode="json", include=set(sections) or None)
        return digest(dumped)


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
    known = dict(_leaves(merged)) | dict.fromkeys(_model_keys(Config))
    layers += _from_environment(environment, known)
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
    environment: Mapping[str, str], known: Mapping[str, Any]
) -> list[tuple[str, dict[str, Any]]]:
    by_variable = {ENV_PREFIX + key.upper().replace(".", "_").replace("-", "_"): key for key in known}
    layers = []
    for variable, text in sorted(environment.items()):
        if not variable.startswith(ENV_PREFIX) or variable in ENV_RESERVED:
            continue
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


def _model_keys(model: type[BaseModel], prefix: str = "") -> Iterator[str]:
    for name, field in model.model_fields.items():
        kind = field.annotation
        if isinstance(kind, type) and get_origin(kind) is None and issubclass(kind, BaseModel):
            yield from _model_keys(kind, f"{prefix}{name}.")
        else:
            yield prefix + name


def _validated(values: dict[str, Any], origins: Mapping[str, str]) -> Config:
    try:
        return Config.model_validate(values)
    except ValidationError as error:
        raise ConfigError("; ".join(_sentence(dict(e), origins) for e in error.errors()[:3])) from error


def _sentence(error: dict[str, Any], origins: Mapping[str, str]) -> str:
    # Pydantic appends union branches and list positions to the location; the key is what precedes them.
    parts = [str(part) for part in error["loc"]]
    key = ".".join(parts)
    while parts and ".".join(parts) not in origins:
        parts.pop()
    origin = origins.get(".".join(parts)) or next(
        (o for k, o in origins.items() if k.startswith(key + ".")), "default"
    )
    where = f" ({origin})" if origin != "default" else ""
    if error["type"] == "extra_forbidden":
        section = ".".join(key.split(".")[:-1])
        return (
            f"unknown key {key!r}{where}{suggestion(key, origins.keys() - {key}) or ';'} {_allowed(section)}"
        )
    message = str(error["msg"]).removeprefix("Value error, ")
    got = "" if error["type"] in {"missing", "value_error"} else f", got {error['input']!r}"
    return f"{key or 'the configuration'}{where}: {message[0].lower()}{message[1:]}{got}"


def _allowed(section: str) -> str:
    model: Any = Config
    for part in filter(None, section.split(".")):
        kind = model.model_fields[part].annotation if part in model.model_fields else None
        if get_origin(kind) is dict:
            kind = get_args(kind)[1]
            model = kind if isinstance(kind, type) and issubclass(kind, BaseModel) else model
            break
        model = kind or model
    place = f"[{section}] has" if section else "there are"
    return f"{place} {', '.join(model.model_fields)}"


def describe(key: str) -> str:
    """What a dotted key means, from the models; empty where the key is free (a target's name)."""
    model: Any = Config
    text = ""
    for part in key.split("."):
        if not (isinstance(model, type) and issubclass(model, BaseModel)):
            break
        field = model.model_fields.get(part)
        if field is None:
            continue
        text = field.description or text
        model = field.annotation
        if get_origin(model) is dict:
            model = get_args(model)[1]
    return text
