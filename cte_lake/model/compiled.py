"""Loops over stars are compiled where numba is installed; elsewhere they run as they stand."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import ParamSpec, TypeVar

import numpy as np

try:
    import numba
except ImportError:
    COMPILED = False
else:
    COMPILED = True

P = ParamSpec("P")
R = TypeVar("R")


def compiled(function: Callable[P, R]) -> Callable[P, R]:
    """Compile a function of numbers and arrays, if numba is installed."""
    if not COMPILED:
        return function
    result: Callable[P, R] = numba.njit(cache=True, nogil=True)(function)
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
