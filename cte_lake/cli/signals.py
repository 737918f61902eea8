"""What ends a command from outside: signals, and a reader of its output that has what it wants."""

from __future__ import annotations

import contextlib
import signal
import sys
import threading
from collections.abc import Iterator
from types import FrameType
from typing import Any

#: Signals that asked the command to stop, the last one last.
_HEARD: list[int] = []
#: Modules of compilers: their compiled code calls them back.
_COMPILED = ("numba.", "llvmlite.")
#: Seconds after which a signal that finds them at work comes again, and for which it does so.
_SOON, _LATEST = 0.02, 1.0


def stopped_by() -> int | None:
    """Return the signal that stops the command: libraries make other errors of what a handler raises."""
    return _HEARD[-1] if _HEARD else None


def go_on() -> None:
    """Forget the signals that came, after one that ended a part of the command alone."""
    _HEARD.clear()


class Stopped(Exception):
    """The command was stopped by a signal (`stopped_by`), and everything that it had open is closed."""


class PipeClosed(Exception):
    """The reader of standard output has what it wants, as `head` has after ten lines."""


@contextlib.contextmanager
def apart_from_exits() -> Iterator[None]:
    """Give signals and a closed pipe types of our own, before typer makes exit codes of them."""
    try:
        yield
    except KeyboardInterrupt as stop:
        raise Stopped from stop
    except BrokenPipeError as closed:
        raise PipeClosed from closed


@contextlib.contextmanager
def listening() -> Iterator[None]:
    """Let SIGTERM and SIGHUP stop a command as Ctrl-C does; what nohup ignores stays ignored.

    Python that a library written in C calls back cannot be left by an exception: the library fails, or goes
    on, and Python writes that it ignores the exception. So a signal acts a moment later where it finds numba
    or LLVM at work, or where what it raised was ignored, of which nothing is written. After one that acted,
    the next ends Python without a word.
    """
    timers: list[threading.Timer] = []

    def again(number: int) -> None:
        timers.append(threading.Timer(_SOON, _to_this_process, (number,)))
        timers[-1].daemon = True
        timers[-1].start()

    def stop(number: int, frame: FrameType | None) -> None:
        _HEARD.append(number)
        # A compiler may take long, and can be left.
        if len(timers) * _SOON < _LATEST and _in_compiled(frame):
            again(number)
            return
        # Those that came meanwhile asked for the same: what is put away now is not to be broken off.
        _forget(timers)
        raise KeyboardInterrupt

    def ignored(unraisable: Any) -> None:
        if _HEARD and issubclass(unraisable.exc_type, KeyboardInterrupt):
            again(_HEARD[-1])
        else:
            hook(unraisable)

    hook, sys.unraisablehook = sys.unraisablehook, ignored
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    former = {number: signal.getsignal(number) for number in numbers}
    _HEARD.clear()
    try:
        for number, handler in former.items():
            if handler is not signal.SIG_IGN:
                signal.signal(number, stop)
        yield
    finally:
        _forget(timers)
        sys.unraisablehook = hook
        for number, handler in former.items():
            ends = _HEARD and handler is not signal.SIG_IGN
            signal.signal(number, signal.SIG_DFL if ends else handler)


def _forget(timers: list[threading.Timer]) -> None:
    for timer in timers:
        timer.cancel()
    timers.clear()


def _to_this_process(number: int) -> None:
    main = threading.main_thread().ident
    if main is not None:
        signal.pthread_kill(main, number)


def _in_compiled(frame: FrameType | None) -> bool:
    while frame is not None:
        if str(frame.f_globals.get("__name__")).startswith(_COMPILED):
            return True
        frame = frame.f_back
    return False
