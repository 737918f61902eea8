"""``python -m cte_lake`` and the installed command ``cte-lake``."""

from __future__ import annotations

import sys


def main() -> None:
    """Run ``cte-lake``; Ctrl-C while its modules are imported ends it with one line too."""
    try:
        from cte_lake.cli.main import main as run
    except KeyboardInterrupt:
        print("cte-lake: interrupted", file=sys.stderr)
        sys.exit(130)
    run()


if __name__ == "__main__":
    main()
