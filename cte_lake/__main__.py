"""``python -m cte_lake`` and the installed command ``cte-lake``."""

from __future__ import annotations

import contextlib
import os
import signal


def main() -> None:
    """Run ``cte-lake``; Ctrl-C while its modules are imported ends it with one line too."""
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, _interrupted)
    from cte_lake.cli.main import main as run

    run()


def _interrupted(*_signal: object) -> None:
    """End at once: an import that is broken off has many forms, and nothing is open yet."""
    with contextlib.suppress(OSError):
        os.write(2, b"cte-lake: interrupted\n")
    os._exit(128 + signal.SIGINT)


if __name__ == "__main__":
    main()
