"""Whose fault it is: surroundings in one sentence, other people's settings without effect."""

import errno
import os
import subprocess
import sys
from pathlib import Path

import pytest

from cte_lake.cli.faults import surroundings
from cte_lake.errors import ExitCode
from cte_lake.lake.create import create_lake
from cte_lake.lake.stored import stored


@pytest.fixture(scope="module")
def lake(tmp_path_factory):
    root = tmp_path_factory.mktemp("faults") / "lake"
    create_lake(stored(root))
    return root


def run(*arguments, prefix="", **settings):
    line = ["bash", "-c", f'{prefix} exec "$@"', "-", sys.executable, "-m", "cte_lake", *map(str, arguments)]
    settings.setdefault("env", dict(os.environ))
    return subprocess.run(
        line, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL, **settings, timeout=400
    )


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (OSError(errno.ENOSPC, "x", "a.pdf"), "a.pdf: the disk is full"),
        (PermissionError(errno.EACCES, "x", "b"), "b: permission is denied"),
        (OSError(errno.EMFILE, "x"), "ulimit -n"),
        (MemoryError(), "not enough memory"),
        (RuntimeError("IO Error: Could not write: No space left on device"), "the disk is full"),
        (ImportError("libx.so: failed to map segment from shared object"), "not enough memory"),
        (RuntimeError("std::bad_alloc"), "not enough memory"),
        (RuntimeError("can't start new thread"), "ulimit -u"),
        (OSError(errno.EROFS, "x", "a\nb"), r"'a\nb': the file system is read-only"),
        (ExceptionGroup("two", [ValueError("x"), OSError(errno.EIO, "x")]), "failed to read or write"),
    ],
)
def test_surroundings_are_named_in_one_sentence(error, said):
    assert said in surroundings(error)
    outer = KeyError("of a library")
    outer.__cause__ = error
    assert said in surroundings(outer)


def test_a_current_folder_that_is_gone_is_called_so(tmp_path, monkeypatch):
    (tmp_path / "gone").mkdir()
    monkeypatch.chdir(tmp_path / "gone")
    (tmp_path / "gone").rmdir()
    with pytest.raises(FileNotFoundError) as gone:
        Path("lake").absolute()
    assert "the current folder is gone" in surroundings(gone.value)


@pytest.mark.parametrize(
    "error", [ValueError("x"), ZeroDivisionError(), KeyError("disk"), OSError("corrupt")]
)
def test_a_defect_is_not_blamed_on_the_surroundings(error):
    assert surroundings(error) is None


READING = [
    ("status",),
    ("sql", "FROM exposures"),
    ("schema", "show"),
]


@pytest.mark.slow
@pytest.mark.parametrize("command", READING, ids=lambda command: command[0])
def test_a_full_disk_below_the_output_of_every_command(lake, command):
    line = [sys.executable, "-m", "cte_lake", *command, *_at(lake, command)]
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(line, stdout=full, stderr=subprocess.PIPE, text=True, check=False, timeout=400)
    assert done.returncode == ExitCode.WRONG_USE
    assert "the disk is full" in done.stderr
    assert "Traceback" not in done.stderr


#: `tests/faults/test_scarce.py` has every command, without the seconds that imports take.
WRITING = [
    ("simulate", "{ro}/frames"),
    ("sql", "FROM exposures", "-o", "{ro}/rows.csv", "--lake", "{lake}"),
]


@pytest.mark.slow
@pytest.mark.parametrize("command", WRITING, ids=lambda command: command[0])
@pytest.mark.parametrize("limit", ["", "ulimit -n 64;"], ids=["read-only", "descriptors"])
def test_a_folder_that_nobody_may_write_to(lake, command, limit):
    # The kernel lets nobody write below /proc, not even root.
    done = run(*(word.format(ro="/proc/1", lake=lake) for word in command), prefix=limit)
    assert done.returncode in {ExitCode.WRONG_USE, ExitCode.NOTHING_TO_DO, ExitCode.DONE_IN_PART}, done.stderr
    assert "Traceback" not in done.stderr
    assert "defect" not in done.stderr
    assert done.stderr.strip()


@pytest.mark.parametrize(
    "command", [("status",), ("fit", "--name", "x"), ("ingest", "/tmp")], ids=lambda c: c[0]
)
def test_too_little_address_space_is_one_sentence(lake, command):
    done = run(*command, "--lake", lake, prefix="ulimit -v 900000;")
    assert done.returncode == ExitCode.WRONG_USE
    assert done.stderr.startswith("cte-lake: a process may reserve 0.9 GB of memory (`ulimit -v`)")
    assert len(done.stderr.splitlines()) == 1


def test_other_peoples_settings_of_matplotlib_have_no_effect(tmp_path):
    (tmp_path / "matplotlibrc").write_text("text.usetex: True\nfont.size: 99\nfigure.facecolor: red\n")
    code = (
        "import sys; sys.argv = ['cte-lake']\n"
        "from cte_lake.cli.main import depend_on_nobody; depend_on_nobody()\n"
        "import hashlib, pathlib\n"
        "from cte_lake.plots import style\n"
        "@style.styled\n"
        "def draw():\n"
        "    figure, axes = style.panels()\n"
        "    figure.suptitle('a_b')\n"
        "    return figure\n"
        "style.save(draw(), pathlib.Path('f.png'))\n"
        "print(hashlib.sha256(pathlib.Path('f.png').read_bytes()).hexdigest())"
    )
    plain, theirs = tmp_path / "plain", tmp_path
    plain.mkdir()
    digests = [
        subprocess.run(
            [sys.executable, "-c", code], cwd=folder, capture_output=True, text=True, check=True,
            env=os.environ | {"MPLBACKEND": backend},
            timeout=400,
        ).stdout
        for folder, backend in ((plain, "agg"), (theirs, "module://matplotlib_inline.backend_inline"))
    ]  # fmt: skip
    assert digests[0] == digests[1] != ""


def test_a_figure_that_cannot_be_drawn_leaves_no_file(tmp_path, monkeypatch):
    from matplotlib.figure import Figure

    from cte_lake.plots import style

    def full(figure, path, **_settings):
        path.write_bytes(b"half")
        raise OSError(errno.ENOSPC, "No space left on device", str(path))

    (tmp_path / "old.pdf").write_bytes(b"old")
    monkeypatch.setattr(Figure, "savefig", full)
    for name in ("new.pdf", "old.pdf"):
        with pytest.raises(Exception, match=r"disk|space"):
            style.save(Figure(), tmp_path / name)
    assert [(path.name, path.read_bytes()) for path in tmp_path.iterdir()] == [("old.pdf", b"old")]


def _at(lake, command):
    return () if command[0] in {"schema"} else ("--lake", str(lake))


@pytest.mark.slow
@pytest.mark.parametrize("closed", ["<&-", ">&-", "<&- >&- 2>&-"])
def test_closed_standard_streams_are_no_defect_and_no_file_gets_their_number(lake, tmp_path, closed):
    out = tmp_path / "out.csv"
    done = run("sql", "SELECT 1 AS a", "--lake", lake, "-o", out, prefix=f"exec {closed};")
    assert done.returncode == ExitCode.DONE, done.stderr
    assert out.read_text() == "a\n1\n"
    assert "Traceback" not in done.stderr
    wrong = run("sql", "SELECT b", "--lake", lake, prefix=f"exec {closed};")
    assert wrong.returncode == ExitCode.WRONG_USE
