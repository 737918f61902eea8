"""The WFC3/UVIS charge-transfer-efficiency monitor as a columnar data lake."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cte_lake.api import Lake, open_lake

    __version__: str

__all__ = ["Lake", "__version__", "open_lake"]


def __getattr__(name: str) -> object:
    # DuckDB and pyarrow take half a second to import; `cte-lake --help` must not pay for them.
    if name in {"Lake", "open_lake"}:
        from cte_lake import api

        return getattr(api, name)
    if name == "__version__":
        from importlib.metadata import version

        return version("cte-lake")
    raise AttributeError(f"module 'cte_lake' has no attribute {name!r}")
