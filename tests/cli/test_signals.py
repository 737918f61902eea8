"""Ctrl-C, SIGTERM and SIGHUP in commands started as a user does it: one line, the right code, no trace."""

import contextlib
import ctypes
import os
import signal
import subprocess
import sys
import time

import pytest

from cte_lake.cli import main as cli
from cte_lake.cli.main import _outcome
from cte_lake.cli.signals import go_on, listening
from cte_lake.errors import ExitCode, UsageError
from cte_lake.lake.create import create_lake
from cte_lake.lake.stored import stored

#: What works long enough to be stopped, with the seconds after which it is, and the signal.
#: `tests/faults/test_stopped.py` has every command, without the seconds that imports take.
LONG = {
    "closure": (("closure", "-n", "300", "--no-progress"), 6, signal.SIGTERM),
    "demo": (("demo", "{tmp}/demo", "--workers", "2"), 5, signal.SIGINT),
    "refresh": (("refresh", "--step", "report", "--step", "audit", "--lake", "{lake}"), 4, signal.SIGHUP),
    "impatience": (("status", "--lake", "{lake}"), 0.2, signal.SIGTERM),
    "impatience-2": (("status", "--lake", "{lake}"), 0.2, signal.SIGINT),
}
#: A command that was done before the signal came.
DONE = {ExitCode.DONE, ExitCode.DONE_IN_PART, ExitCode.NOTHING_TO_DO, ExitCode.WRONG_USE}


pytestmark = pytest.mark.usefixtures("signals_heard")


@pytest.fixture(autouse=True)
def same_handlers_afterwards():
    """After a signal the next one ends Python; not that of the tests."""
    former = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
    yield
    for number, handler in former.items():
        signal.signal(number, handler)


def assert_python_had_come_to_the_command(said):
    """On a busy machine it may not have: then its own trace has nothing of the command in it."""
    if "Traceback" in said and "cte_lake/__main__.py" not in said and "cte_lake/cli/" not in said:
        pytest.skip("on this busy machine Python had not yet come to the command")


@pytest.mark.slow
@pytest.mark.parametrize("name", LONG)
def test_a_signal_in_a_command_is_one_line(tmp_path, name):
    lake = tmp_path / "lake"
    create_lake(stored(lake))
    arguments, seconds, number = LONG[name]
    line = [sys.executable, "-m", "cte_lake", *(word.format(tmp=tmp_path, lake=lake) for word in arguments)]
    with subprocess.Popen(
        line, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    ) as process:
        time.sleep(seconds)
        if process.poll() is None:
            # As a terminal does: to the command and to all that it has started.
            os.killpg(process.pid, number)
        _, said = process.communicate(timeout=400)
    assert_python_had_come_to_the_command(said)
    # A signal of the system that comes before Python listens ends the process at once.
    assert process.returncode in {128 + number, -number, *DONE}, said
    assert "Traceback" not in said
    assert "defect" not in said
    if process.returncode == 128 + number:
        assert said.rstrip().splitlines()[-1].startswith("cte-lake: ")


@pytest.mark.slow
@pytest.mark.parametrize("seconds", [0.1, 0.4, 1.0, 2.5])
def test_ctrl_c_pressed_again_and_again_is_one_line(tmp_path, seconds):
    lake = tmp_path / "lake"
    create_lake(stored(lake))
    query = "SELECT count(*) FROM range(10000000000) WHERE range % 7 = 3"
    line = [sys.executable, "-m", "cte_lake", "sql", query, "--lake", str(lake)]
    with subprocess.Popen(line, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        time.sleep(seconds)
        for _ in range(20):
            process.send_signal(signal.SIGINT)
            time.sleep(0.002)
        _, said = process.communicate(timeout=400)
    assert_python_had_come_to_the_command(said)
    assert process.returncode in {128 + signal.SIGINT, -signal.SIGINT}
    # Python in its very first steps ends without a word.
    assert said in {"cte-lake: interrupted\n", ""}


def test_a_signal_when_the_command_is_done_is_one_line(monkeypatch, capsys):
    @contextlib.contextmanager
    def stopped_late():
        yield
        signal.raise_signal(signal.SIGTERM)

    monkeypatch.setenv("MPLBACKEND", "agg")
    monkeypatch.setattr(cli, "_run", lambda: None)
    monkeypatch.setattr(cli, "_seldom_collecting", stopped_late)
    with pytest.raises(SystemExit) as end:
        cli.main()
    assert end.value.code == 128 + signal.SIGTERM
    assert capsys.readouterr().err == "cte-lake: terminated by another process\n"


def test_a_signal_while_text_is_run_keeps_its_code(tmp_path):
    """Python took SIGTERM for Ctrl-C where it came while, for instance, a dataclass was made."""
    (tmp_path / "late.py").write_text(
        "from cte_lake.cli import main as cli\n"
        "cli._run = lambda: exec('import signal; signal.raise_signal(signal.SIGTERM)')\n"
        "cli.main()\n"
    )
    line = [sys.executable, "-m", "late"]
    done = subprocess.run(line, cwd=tmp_path, capture_output=True, text=True, timeout=300, check=False)
    assert done.stderr == "cte-lake: terminated by another process\n"
    assert done.returncode == 128 + signal.SIGTERM


def swallowed(error):
    """Be told to stop in code that C calls back, as numba's compiler does; what called it fails."""

    @ctypes.CFUNCTYPE(None)
    def called_back():
        signal.raise_signal(signal.SIGTERM)
        time.sleep(0)

    called_back()
    raise error


@pytest.mark.parametrize("error", [RuntimeError("no compiled object yet"), UsageError("it cannot be read")])
def test_a_signal_that_a_library_makes_an_error_of_is_still_a_signal(error, capsys):
    with listening():
        code = _outcome(lambda: swallowed(error))
    assert code == 128 + signal.SIGTERM
    assert capsys.readouterr().err == "cte-lake: terminated by another process\n"


def test_an_error_after_a_query_that_was_interrupted_is_told(capsys):
    def prompt():
        with contextlib.suppress(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
        go_on()
        raise UsageError("it cannot be read")

    with listening():
        code = _outcome(prompt)
    assert code == ExitCode.WRONG_USE
    assert capsys.readouterr().err == "cte-lake: it cannot be read\n"


def stopped(work):
    """Run something that is told to stop, and wait where it went on."""
    work()
    time.sleep(60)


def stopped_in(module):
    """Be told to stop in a function of a module; say so when it is done with its work."""
    done = []
    names = {"__name__": module, "signal": signal, "done": done}
    exec("def work():\n    signal.raise_signal(signal.SIGTERM)\n    done.append(1)\n", names)
    with pytest.raises(KeyboardInterrupt), listening():
        stopped(names["work"])
    return bool(done)


@pytest.mark.parametrize("module", ["numba.core.serialize", "llvmlite.binding.executionengine"])
def test_a_signal_acts_after_what_compiled_code_calls_back(module):
    assert stopped_in(module)
    assert not stopped_in("numbers")


def test_a_signal_acts_in_a_compiler_that_takes_long():
    names = {"__name__": "numba.core.compiler", "signal": signal, "time": time}
    exec("def work():\n    signal.raise_signal(signal.SIGTERM)\n    time.sleep(60)\n", names)
    began = time.monotonic()
    with pytest.raises(KeyboardInterrupt), listening():
        stopped(names["work"])
    assert time.monotonic() - began < 50


def test_a_second_signal_to_a_compiler_does_not_break_off_what_the_first_puts_away():
    put_away = []
    names = {"__name__": "numba.core.compiler", "signal": signal, "time": time}
    told = "signal.raise_signal(signal.SIGTERM)"
    exec(f"def work():\n    {told}\n    time.sleep(0.013)\n    {told}\n", names)

    def work():
        try:
            stopped(names["work"])
        finally:
            time.sleep(0.1)
            put_away.append(1)

    with pytest.raises(KeyboardInterrupt), listening():
        work()
    assert put_away


def test_a_signal_whose_exception_nobody_heard_comes_again():
    class Closing:
        def __del__(self):
            signal.raise_signal(signal.SIGTERM)

    with pytest.raises(KeyboardInterrupt), listening():
        stopped(Closing)
