"""Loops over stars are compiled where numba is installed; elsewhere they run as they stand.

Compiled code is kept on disk. Numba keeps it as long as the file of a function is as it was, but the code
holds what the function calls and the constants that it reads too, whatever file they stand in; where one
of them changes, it would go on computing with the old one. So it is kept under a digest of all of them.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from types import CodeType, ModuleType
from typing import Any, ParamSpec, TypeVar, overload

import numpy as np

try:
    import numba
except ImportError:
    COMPILED = False
else:
    COMPILED = True
    _CONFIG: Any = numba.config

P = ParamSpec("P")
R = TypeVar("R")

#: What compiled functions were made from, by function.
_DIGESTS: dict[object, str] = {}
#: What compiled code is without consequence for: its name says what it does.
_BY_NAME = (ModuleType, type, type(len))


@overload
def compiled(function: Callable[P, R]) -> Callable[P, R]: ...


@overload
def compiled(*, inline: bool = ..., fastmath: bool = ...) -> Callable[[Callable[P, R]], Callable[P, R]]: ...


def compiled(function: Callable[P, R] | None = None, *, inline: bool = False, fastmath: bool = False) -> Any:
    """Compile a function of numbers and arrays, if numba is installed.

    Parameters
    ----------
    function : callable, optional
        The function; what it reads from its module are numbers, modules and compiled functions.
    inline : bool, optional
        Whether its text stands in for its calls.
    fastmath : bool, optional
        Whether sums may be taken in any order, and NaN is no value: not where stars are measured.
    """
    if function is None:
        return functools.partial(compiled, inline=inline, fastmath=fastmath)
    if not COMPILED:
        return function
    options = {"nogil": True, "inline": "always" if inline else "never", "fastmath": fastmath}
    made_from = _digest(function, options)
    njit: Any = functools.partial(numba.njit, **options)
    folder = _folder(function)
    result = njit(function) if folder is None else _kept(njit, function, folder / made_from[:16])
    _DIGESTS[result] = made_from
    return result


def compiled_loop(function: Callable[P, R]) -> Callable[P, R]:
    """Compile a loop over rows, if numba is installed; else keep numpy as quiet as compiled code is."""
    if COMPILED:
        return compiled(function)

    @functools.wraps(function)
    def quiet(*args: P.args, **kwargs: P.kwargs) -> R:
        with np.errstate(all="ignore"):
            return function(*args, **kwargs)

    return quiet


def _kept(njit: Callable[..., Any], function: Callable[..., Any], folder: Path) -> Any:
    # Numba asks for the folder while it decorates.
    before, _CONFIG.CACHE_DIR = _CONFIG.CACHE_DIR, str(folder)
    try:
        return njit(function, cache=True)
    finally:
        _CONFIG.CACHE_DIR = before


def _folder(function: Callable[..., Any]) -> Path | None:
    """Return where compiled code is kept: numba's folder if it is set, the module's, or the user's."""
    beside = Path(function.__code__.co_filename).parent / "__pycache__"
    for folder in (_CONFIG.CACHE_DIR, beside, _user_cache()):
        if folder and _writable(Path(folder)):
            return Path(folder)
    return None


def _user_cache() -> Path | None:
    if said := os.environ.get("XDG_CACHE_HOME"):
        return Path(said) / "cte-lake"
    # Who runs without a home has none.
    with contextlib.suppress(RuntimeError):
        return Path("~/.cache/cte-lake").expanduser()
    return None


def _writable(folder: Path) -> bool:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError:
        return False
    return os.access(folder, os.W_OK | os.X_OK)


def _digest(function: Callable[..., Any], options: object) -> str:
    """Return a digest of the function's code, of what it reads from its module and of how it is compiled."""
    parts = [repr(function.__defaults__), repr(options)]
    for code in _codes(function.__code__):
        parts += [
            code.co_code.hex(),
            repr([each for each in code.co_consts if not isinstance(each, CodeType)]),
        ]
        for name in code.co_names:
            if name in function.__globals__:
                parts.append(f"{name}={_text(name, function.__globals__[name])}")
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


def _codes(code: CodeType) -> Iterator[CodeType]:
    yield code
    for each in code.co_consts:
        if isinstance(each, CodeType):
            yield from _codes(each)


def _text(name: str, value: object) -> str:
    """Return what stands for a value that compiled code holds."""
    if callable(value) and value in _DIGESTS:
        return _DIGESTS[value]
    if isinstance(value, bool | int | float | str | tuple | np.generic):
        return repr(value)
    if isinstance(value, np.ndarray):
        return value.tobytes().hex()
    if isinstance(value, _BY_NAME):
        return value.__name__
    raise TypeError(f"compiled code cannot hold {name}, a {type(value).__name__}")
