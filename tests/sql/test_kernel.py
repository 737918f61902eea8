"""A lake in a real Jupyter kernel, which need not have ipywidgets."""

from __future__ import annotations

import importlib.util

import pytest

from tests.sql.writing import add_exposure

CELL = """
import cte_lake
with cte_lake.open_lake({lake!r}) as lake:
    print(len(lake.exposures()), lake.sql("SELECT 1 AS one").rows())
"""


@pytest.mark.slow
@pytest.mark.skipif(importlib.util.find_spec("ipykernel") is None, reason="no ipykernel")
def test_a_lake_opens_in_a_kernel(lake):
    from jupyter_client.manager import start_new_kernel

    add_exposure(lake, "ic7802aaq")
    printed: list[str] = []
    manager, client = start_new_kernel(kernel_name="python3")
    try:
        reply = client.execute_interactive(
            CELL.format(lake=str(lake)),
            timeout=400,
            output_hook=lambda message: printed.append(str(message["content"].get("text", ""))),
        )
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)
    assert reply["content"]["status"] == "ok", reply["content"].get("evalue")
    assert "1 [{'one': 1}]" in "".join(printed)
