"""The WFC3/UVIS charge-transfer-efficiency monitor as a columnar data lake."""

from __future__ import annotations

# What `typing` has under this name; without its import, Ctrl-C is heard sooner.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from cte_lake.errors import CorrectionWarning, CteLakeError
    from cte_lake.notebook import Lake, between, open_lake
    from cte_lake.results import Result

    __version__: str

__all__ = ["CorrectionWarning", "CteLakeError", "Lake", "Result", "__version__", "between", "open_lake"]

#: Name: module. DuckDB and pyarrow take half a second to import; `cte-lake --help` must not pay for them.
_LATE = {
    "CorrectionWarning": "cte_lake.errors",
    "CteLakeError": "cte_lake.errors",
    "Lake": "cte_lake.notebook",
    "Result": "cte_lake.results",
    "between": "cte_lake.notebook",
    "open_lake": "cte_lake.notebook",
}


def __getattr__(name: str) -> object:
    if name in _LATE:
        from importlib import import_module

        return getattr(import_module(_LATE[name]), name)
    if name == "__version__":
        from importlib.metadata import version

        return version("cte-lake")
    raise AttributeError(f"module 'cte_lake' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *_LATE, "__version__"})
