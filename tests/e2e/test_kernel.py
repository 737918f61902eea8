"""The lake in a Jupyter kernel, as a scientist's first notebook has it."""

from __future__ import annotations

import json
import subprocess
import sys

import nbformat
import pytest

from cte_lake.lake.create import create_lake
from cte_lake.lake.stored import stored
from tests.sql.writing import add_pair

FIRST = {
    "master_id": range(40),
    "y": [50.0 * k for k in range(40)],
    "flux_r03": [1000.0] * 40,
    "sky": [9.0] * 40,
}
CELLS = (
    "import cte_lake\nlake = cte_lake.open_lake(PLACE)\nlake",
    "losses = lake.cte(estimator='mean_flux')\nlosses",
    "lake.sql('FROM pairs')[['image_1', 'mjd']]",
    "lake.plot.overview()",
    "import dask\nfrom dask.distributed import Client, LocalCluster\n"
    "inside = dict(n_workers=1, threads_per_worker=1, processes=False, dashboard_address=None)\n"
    "with LocalCluster(**inside) as cluster:\n"
    "    with Client(cluster) as client:\n"
    "        print(client.submit(lambda n: n + 1, len(losses)).result() == len(losses) + 1)",
    "!{sys.executable} -m cte_lake plot overview --lake {PLACE} -o {PLACE}.png",
)
#: What the kernel lacks where ipywidgets is not installed; here it may be.
NO_WIDGETS = "import sys\nsys.modules['ipywidgets'] = None"
#: The kernel's client leaves sockets and threads behind: it has a process of its own.
CLIENT = """
import sys
import nbformat
from nbclient import NotebookClient
notebook = nbformat.read(sys.argv[1], as_version=4)
NotebookClient(notebook, timeout=300, kernel_name="python3", allow_errors=True).execute()
nbformat.write(notebook, sys.argv[1])
"""


def outputs_of(place, *cells):
    """Run cells in a kernel; returns what each put out."""
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(text) for text in cells])
    nbformat.write(notebook, place)
    line = [sys.executable, "-c", CLIENT, str(place)]
    done = subprocess.run(line, capture_output=True, text=True, check=False, timeout=500)
    assert done.returncode == 0, done.stderr
    return [cell.outputs for cell in nbformat.read(place, as_version=4).cells]


def printed(outputs):
    """What a cell wrote on standard output."""
    return "".join(found["text"] for found in outputs if found.get("name") == "stdout")


@pytest.fixture(scope="module")
def kernel(tmp_path_factory):
    """A kernel of this Python, whatever kernels the machine has."""
    folder = tmp_path_factory.mktemp("jupyter")
    place = folder / "kernels" / "python3"
    place.mkdir(parents=True)
    argv = [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
    spec = {"argv": argv, "display_name": "Python 3", "language": "python"}
    (place / "kernel.json").write_text(json.dumps(spec))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("JUPYTER_PATH", str(folder))
        yield


@pytest.mark.slow
def test_a_first_notebook_runs_without_widgets(kernel, tmp_path):
    folder = tmp_path / "lake"
    create_lake(stored(folder))
    add_pair(folder, first=FIRST, second=FIRST)
    outputs = outputs_of(tmp_path / "first.ipynb", f"{NO_WIDGETS}\nPLACE = {str(folder)!r}", *CELLS)
    html = [
        data["data"]["text/html"] for cell in outputs for data in cell if "text/html" in data.get("data", {})
    ]
    assert "exposures of 1 target" in html[0]
    assert "<i>e-</i>" in html[1]
    assert "image/png" in outputs[4][0]["data"]
    assert printed(outputs[5]).strip() == "True"
    assert "Traceback" not in str(outputs[6])
    assert (tmp_path / "lake.png").is_file()


@pytest.mark.slow
def test_an_error_in_a_notebook_is_one_sentence(kernel, tmp_path):
    folder = tmp_path / "lake"
    create_lake(stored(folder))
    cell = f"import cte_lake\ncte_lake.open_lake({str(folder)!r}).view('nothing')"
    ((error,),) = outputs_of(tmp_path / "error.ipynb", cell)
    assert "LakeError: no view is called 'nothing'" in "\n".join(error["traceback"])
    assert "api.py" not in "\n".join(error["traceback"])
