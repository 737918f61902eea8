"""The installed command ``cte-lake``: known errors become one line and an exit code."""

from __future__ import annotations

import importlib
import sys
import traceback

from cte_lake.cli.app import app, reflow_help
from cte_lake.errors import CteLakeError, ExitCode
from cte_lake.filenames import printable

#: Modules whose import adds their commands, in the order in which `--help` shows them.
COMMAND_MODULES = (
    "lake",
    "master_build",
    "ingest",
    "simulate",
    "demo",
    "fetch",
    "align",
    "crmask",
    "run",
    "pam",
    "schema",
    "maintenance",
    "rebuild",
    "measure",
    "query",
    "compare",
    "fit",
    "coeffs",
    "correct",
    "predict",
    "closure",
    "consistency",
    "plot",
    "report",
    "status",
)

for _name in COMMAND_MODULES:
    importlib.import_module(f"cte_lake.cli.{_name}")
reflow_help(app)


def main() -> None:
    """Run ``cte-lake`` and exit with one of `ExitCode`."""
    try:
        app()
    except CteLakeError as error:
        print(f"cte-lake: {printable(str(error))}", file=sys.stderr)
        sys.exit(error.exit_code)
    except Exception:
        traceback.print_exc()
        print(
            "cte-lake: this is a defect of cte-lake, not of your input; please report the lines above",
            file=sys.stderr,
        )
        sys.exit(ExitCode.DEFECT)


if __name__ == "__main__":
    main()
