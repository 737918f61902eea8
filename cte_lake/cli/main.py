"""The installed command ``cte-lake``: known errors become one line and an exit code."""

from __future__ import annotations

import contextlib
import gc
import os
import signal
import sys
import traceback
from collections.abc import Callable, Iterator

from cte_lake.cli.app import app
from cte_lake.cli.commands import load
from cte_lake.cli.faults import refuse_little_room, surroundings
from cte_lake.cli.signals import PipeClosed, Stopped, listening, stopped_by
from cte_lake.errors import CteLakeError, ExitCode
from cte_lake.filenames import printable

_STOPPED: dict[int, str] = {
    signal.SIGINT: "interrupted",
    signal.SIGTERM: "terminated by another process",
    signal.SIGHUP: "stopped because the terminal was closed",
}

#: What DuckDB says, by a plain `RuntimeError`, where a signal comes while it works.
_INTERRUPTED_QUERY = "Query interrupted"

load()


def main() -> None:
    """Run ``cte-lake`` and exit with one of `ExitCode`, or 128 and its number after a signal."""
    depend_on_nobody()
    # A signal may come when the command is done, too.
    sys.exit(_outcome(_whole))


def _whole() -> None:
    with listening(), _seldom_collecting():
        code = _outcome(_run)
    # What is written only now, when the output is flushed, may fail too.
    flushed = _outcome(sys.stdout.flush)
    if flushed:
        _give_up_output()
    sys.exit(code or flushed)


@contextlib.contextmanager
def _seldom_collecting() -> Iterator[None]:
    """Look for garbage seldom: modules and settings stay, and looking through them is a tenth of `status`."""
    former = gc.get_threshold()
    gc.set_threshold(50_000, *former[1:])
    try:
        yield
    finally:
        gc.set_threshold(*former)


def _run() -> None:
    refuse_little_room()
    app()


def _outcome(run: Callable[[], object]) -> int:
    """Run something; say in one line what went wrong, and return the exit code."""
    try:
        return _code_of(run)
    except (Stopped, KeyboardInterrupt):
        # Another signal came before the first was reported.
        return _stopped()


def _code_of(run: Callable[[], object]) -> int:
    try:
        run()
    except SystemExit as end:
        # What typer makes of a second signal, while it passes the first one on.
        if stopped_by() is not None and end.code == 1:
            return _stopped()
        return end.code if isinstance(end.code, int) else int(end.code is not None)
    except CteLakeError as error:
        if stopped_by() is not None:
            return _stopped()
        said = _complain(printable(str(error)), error.exit_code)
        # Such as the line of a query, with a mark below the fault.
        for line in "\n".join(getattr(error, "__notes__", ())).splitlines():
            print(printable(line), file=sys.stderr)
        return said
    except (PipeClosed, BrokenPipeError):
        # The reader has all that it wants: `cte-lake sql ... | head`.
        _give_up_output()
        return ExitCode.DONE
    except (Stopped, KeyboardInterrupt):
        return _stopped()
    except Exception as error:
        # What a library makes of a signal has many forms.
        if stopped_by() is not None or str(error) == _INTERRUPTED_QUERY:
            return _stopped()
        if (cause := surroundings(error)) is not None:
            return _complain(cause, ExitCode.WRONG_USE)
        traceback.print_exc()
        return _complain(
            "this is a defect of cte-lake, not of your input; please report the lines above", ExitCode.DEFECT
        )
    return ExitCode.DONE


def _stopped() -> int:
    """Say what stopped it; another signal does not cut the line short."""
    for number in _STOPPED:
        signal.signal(number, signal.SIG_IGN)
    # `python -m` ends as by Ctrl-C where an exception of ours went through text that was run, such as that of
    # a dataclass, until other text is.
    exec("")
    number = stopped_by() or signal.SIGINT
    return _complain(_STOPPED[number], 128 + number)


def _complain(text: str, code: int) -> int:
    with contextlib.suppress(OSError):
        print(f"cte-lake: {text}", file=sys.stderr)
    return code


def _give_up_output() -> None:
    """Let nothing be written to a closed pipe or a full disk when Python ends."""
    with contextlib.suppress(OSError, ValueError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())


def depend_on_nobody() -> None:
    """Set the environment of this process and its workers before any library reads it.

    matplotlib draws into files with Agg, whatever MPLBACKEND a notebook has left behind: a backend that is
    not installed here ends a run at its import. `plot --show` opens a window with the user's own backend.
    """
    if "--show" not in sys.argv:
        os.environ["MPLBACKEND"] = "agg"


if __name__ == "__main__":
    main()
