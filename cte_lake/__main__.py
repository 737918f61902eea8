"""``python -m cte_lake`` and the installed command ``cte-lake``."""

from __future__ import annotations

import contextlib
import os
import signal
import sys


def main() -> None:
    """Run ``cte-lake``; Ctrl-C while its modules are imported ends it with one line too."""
    _open_closed()
    # Fits are of small matrices: where others use the cores too, a second thread only waits for them.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, _interrupted)
    from cte_lake.cli.commands import load

    load(sys.argv[1:])
    from cte_lake.cli.main import main as run

    run()


def _open_closed() -> None:
    """Open what is closed of the standard streams: else a file of the lake gets its number, and its words."""
    for number, (name, mode) in enumerate((("stdin", "r"), ("stdout", "w"), ("stderr", "w"))):
        if getattr(sys, name) is None:
            opened = os.open(os.devnull, os.O_RDWR)
            if opened != number:
                os.dup2(opened, number)
                os.close(opened)
            setattr(sys, name, os.fdopen(number, mode))


def _interrupted(*_signal: object) -> None:
    """End at once: an import that is broken off has many forms, and nothing is open yet."""
    with contextlib.suppress(OSError):
        os.write(2, b"cte-lake: interrupted\n")
    os._exit(128 + signal.SIGINT)


if __name__ == "__main__":
    main()
