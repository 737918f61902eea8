"""One grammar for every command: each option once, old words with a hint, values that the shell completes."""

import fcntl
import io
import os
import signal
import subprocess
import sys
import termios
import time
from pathlib import Path

import pytest
import typer

from cte_lake.cli import complete
from cte_lake.cli.app import app
from cte_lake.cli.commands import load
from cte_lake.cli.grammar import RENAMED
from cte_lake.errors import ConfigError, CteLakeError, ExitCode, NothingToDo, UnknownName, UsageError
from cte_lake.lake.create import create_lake
from cte_lake.lake.stored import stored

load()
COMMAND = typer.main.get_command(app)


def run(*arguments):
    return COMMAND.main([str(word) for word in arguments], standalone_mode=False)


def process(*arguments, **settings):
    line = [sys.executable, "-m", "cte_lake", *map(str, arguments)]
    return subprocess.Popen(line, text=True, stderr=subprocess.PIPE, **settings)


@pytest.fixture(scope="module")
def lake(tmp_path_factory):
    root = tmp_path_factory.mktemp("grammar") / "lake"
    create_lake(stored(root))
    return root


def options(group=COMMAND, path=()):
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            yield from options(command, (*path, name))
        else:
            yield from (((*path, name), parameter) for parameter in command.params)


@pytest.mark.parametrize(
    ("command", "wrong", "meant"),
    [
        ("correct", "--apertur", ["--radius"]),
        ("measure", "--apertures", ["--radius"]),
        ("measure", "--replce", ["--overwrite"]),
        ("correct", "--coef", ["--coefficients"]),
        ("correct", "--no-progres", ["--no-progress"]),
        ("fit", "--targt", ["--target"]),
        ("fit", "--epch", []),
        ("fit", "--xyz", []),
        ("fit", "-z", []),
    ],
)
def test_an_unknown_option_suggests_the_one_that_is_meant_or_none(command, wrong, meant):
    with pytest.raises(Exception, match="No such option") as error:
        run(command, wrong, "3")
    assert error.value.possibilities == meant


def test_one_word_for_a_thing_in_every_command():
    for path, parameter in options():
        assert not {*parameter.opts} & RENAMED.keys(), path
    filters = {path: p.multiple for path, p in options() if "--target" in p.opts}
    single = {path for path, multiple in filters.items() if not multiple}
    # These name the one target of a catalog or a set; all others filter.
    assert single == {("master", name) for name in ("import", "build", "merge")} | {("coeffs", "new")}


@pytest.mark.parametrize(
    ("given", "spread"),
    [
        ("data --radius 3 5 10 --plots a b", "data --radius 3 --radius 5 --radius 10 --plots a --plots b"),
        ("--radius 3 5 data", "--radius 3 --radius 5 data"),
        ("--radius 3 --radius 5 data", "--radius 3 --radius 5 data"),
        ("--plots a b --no-report", "--plots a --plots b --no-report"),
        ("--plots a -- b", "--plots a -- b"),
        ("--steps a b --radius=3", "--steps a b --radius=3"),
    ],
)
def test_a_list_takes_the_words_up_to_the_next_option(given, spread):
    assert COMMAND.commands["run"]._spread(given.split()) == spread.split()


@pytest.mark.parametrize(
    "arguments",
    [
        ("measure", "--radius", 3, "--radius", 5),
        ("measure", "--radius", 3, "--aperture=5"),
        ("plot", "cte-time", "-o", "a.png", "--output", "b.png"),
        ("verify", "--lake", "a", "--lake", "b"),
    ],
)
def test_an_option_with_one_value_is_taken_once(arguments):
    with pytest.raises(UsageError, match="is given 2 times and takes one value"):
        run(*arguments)


def test_options_that_select_are_repeatable(lake):
    with pytest.raises(NothingToDo, match="the lake has no pair"):
        run("measure", "--lake", lake, "--target", "47 Tuc", "--target", "NGC 6791")


@pytest.mark.parametrize(
    ("old", "new", "arguments"),
    [
        ("--aperture", "--radius", ("measure", "--aperture", 3)),
        ("--aperture", "--radius", ("measure", "--aperture=3")),
        ("--replace", "--overwrite", ("fit", "--replace")),
    ],
)
def test_a_word_of_the_last_version_works_with_a_hint(lake, capsys, old, new, arguments):
    with pytest.raises(NothingToDo):
        run(*arguments, "--lake", lake)
    assert f"{old} is now {new}" in capsys.readouterr().err


@pytest.mark.slow
@pytest.mark.parametrize("option", [("--epoch", "57000"), ("--pivot", 1024)])
def test_the_commands_that_were_options_of_fit_go_on(lake, capsys, option):
    with pytest.raises(NothingToDo):
        run("fit", *option, "--lake", lake)
    assert "this is now `cte-lake" in capsys.readouterr().err


def test_a_name_that_nothing_has_is_answered_with_the_nearest(lake):
    for command in (("measure",), ("plot", "cte-time"), ("fit",), ("pivot",), ("rebuild",)):
        with pytest.raises(UnknownName, match="did you mean 'ngc104'"):
            run(*command, "--lake", lake, "--target", "ngc105")
    with pytest.raises(ConfigError, match="did you mean 'ngc104'"):
        run("master", "import", "x.cat", "--target", "ngc105", "--lake", lake)


@pytest.mark.parametrize("command", ["ingest", "align", "crmask"])
def test_a_folder_without_frames_is_nothing_to_do(lake, tmp_path, command):
    with pytest.raises(NothingToDo, match="no FLT or FLC file was found in"):
        run(command, tmp_path, "--lake", lake)


def test_a_dash_is_standard_input_and_output(lake, tmp_path, monkeypatch, capfdbinary):
    monkeypatch.setattr(sys, "stdin", io.StringIO(f"{tmp_path}\n\n"))
    with pytest.raises(NothingToDo, match=f"no FLT or FLC file was found in {tmp_path}"):
        run("ingest", "-", "--lake", lake)
    with pytest.raises(NothingToDo, match="standard input holds no path"):
        run("ingest", "-", "--lake", lake)
    monkeypatch.setattr(sys, "stdin", io.StringIO("SELECT 1 AS one"))
    run("sql", "-", "-o", "-", "--format", "csv", "--lake", lake)
    assert capfdbinary.readouterr().out == b"one\n1\n"


def test_the_shell_completes_values_of_the_lake(lake):
    for folder in ("exposures/target=ngc104", "master/target=ngc6791"):
        (lake / folder).mkdir(parents=True)
    (lake / "coefficients" / "mine.toml").touch()
    (lake / "coefficients" / "notes.txt").touch()
    context = typer.Context(COMMAND)
    context.params["lake"] = lake
    assert complete.targets(context, "") == ["ngc104", "ngc6791"]
    assert complete.targets(context, "NGC6") == ["ngc6791"]
    assert complete.coefficient_sets(context, "mi") == ["mine"]
    context.params["lake"] = lake / "nothing"
    assert complete.targets(context, "") == []
    assert "mine" not in complete.coefficient_sets(context, "")


def test_the_kinds_that_are_completed_are_those_that_are_drawn():
    from cte_lake.report.figures import KINDS

    assert tuple(KINDS) == complete.KINDS


def test_help_and_completion_import_no_heavy_library():
    heavy = "numpy pyarrow duckdb pydantic astropy matplotlib dask rich importlib.metadata"
    code = (
        "import sys; import cte_lake.cli.main; from cte_lake.cli import complete; import typer;"
        "complete.targets(typer.Context(typer.main.get_command(cte_lake.cli.main.app)), '');"
        f"print(*[name for name in '{heavy}'.split() if name in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=400
    )
    assert done.stdout.strip() == ""


def test_commands_and_the_page_s_facts_import_no_library_of_frames_or_models(tmp_path):
    heavy = "astropy dask scipy matplotlib pydantic cte_lake.pipeline.ingest"
    code = (
        "import sys; import cte_lake.report.status; from typer.testing import CliRunner;"
        "from cte_lake.cli.main import app;"
        "words = 'config show --set measure.aperture=5 --describe'.split();"
        "assert CliRunner().invoke(app, words).exit_code == 0;"
        f"print(*[name for name in '{heavy}'.split() if name in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=600, cwd=tmp_path
    )
    assert done.stdout.strip() == ""


def test_python_m_and_the_short_word_for_the_version():
    with process("-V", stdout=subprocess.PIPE) as started:
        assert started.communicate(timeout=400)[0].startswith("cte-lake ")


def test_a_reader_that_leaves_early_is_no_defect():
    with process("config", "default", stdout=subprocess.PIPE) as started:
        started.stdout.close()
        assert (started.stderr.read(), started.wait(timeout=400)) == ("", 0)


def test_a_full_disk_below_standard_output_is_said_so():
    with Path("/dev/full").open("w") as full, process("config", "default", stdout=full) as started:
        assert started.stderr.read() == "cte-lake: the disk is full: free space, or write elsewhere\n"
        assert started.wait(timeout=400) == ExitCode.WRONG_USE


@pytest.mark.usefixtures("signals_heard")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_a_command_with_one_line(lake, number):
    reader, writer = os.pipe()
    with process("sql", "-", "--lake", lake, stdin=reader, stdout=subprocess.DEVNULL) as started:
        os.close(reader)
        try:
            # The pipe is drained when the command waits for the rest of its query.
            os.write(writer, b"SELECT")
            deadline = time.monotonic() + 200
            while _waiting_bytes(writer) and time.monotonic() < deadline:
                time.sleep(0.05)
            started.send_signal(number)
            _, said = started.communicate(timeout=200)
        finally:
            started.kill()
            os.close(writer)
        assert started.returncode == 128 + number
    assert said.startswith("cte-lake: ")
    assert said.count("\n") == 1


def _waiting_bytes(pipe):
    return int.from_bytes(fcntl.ioctl(pipe, termios.FIONREAD, bytes(4)), sys.byteorder)


@pytest.mark.parametrize(
    ("arguments", "meant"),
    [
        (("plot", "cte-tme"), "cte-time"),
        (("config", "show", "--set", "measure.apertur=5"), "measure.aperture"),
        (("views", "--columns", "pars"), "pairs"),
        (("measure", "--estimator", "meanflux"), "mean_flux"),
        (("coeffs", "show", "simulated_demo_flt"), "simulated_demo_flt_r3"),
    ],
)
def test_every_kind_of_name_is_answered_with_the_nearest(lake, arguments, meant):
    with pytest.raises(CteLakeError, match=f"did you mean '{meant}'"):
        run(*arguments, *(("--lake", lake) if arguments[0] != "views" else ()))
