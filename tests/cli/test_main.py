"""The command as a whole: every command helps, errors are one line, exit codes are those of the design."""

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
import typer

from cte_lake.cli import main as cli
from cte_lake.cli.app import app
from cte_lake.cli.commands import COMMAND_MODULES, modules_of
from cte_lake.errors import ExitCode
from tests.cli.in_process import in_process
from tests.e2e.conftest import command, environment


def every_command(group=None, path=()):
    group = group or typer.main.get_command(app)
    for name, found in sorted(group.commands.items()):
        if hasattr(found, "commands"):
            yield from every_command(found, (*path, name))
        else:
            yield (*path, name), found


@pytest.mark.parametrize(
    ("path", "found"),
    list(every_command()),
    ids=lambda value: "-".join(value) if isinstance(value, tuple) else "",
)
def test_every_command_and_option_says_what_it_does(path, found):
    assert found.help, path
    assert found.help.strip().split("\n")[0].endswith((".", ":")), path
    for parameter in found.params:
        assert getattr(parameter, "help", None), (path, parameter.name)


def test_a_command_stands_in_the_module_of_its_name():
    for path, found in every_command():
        name = "_".join(path) if path == ("coeffs", "new") else path[0]
        assert found.callback.__module__ == f"cte_lake.cli.{name}"


@pytest.mark.parametrize(
    ("words", "shown"), [(("init",), "[refresh]"), (("schema", "fill"), "[exposures.added.NAME]")]
)
def test_help_shows_tables_of_the_configuration(words, shown):
    assert shown in " ".join(in_process(*words, "--help").stdout.split())


def test_a_group_without_command_shows_its_help():
    done = in_process()
    assert "ingest" in done.stdout + done.stderr
    assert max(map(len, done.stdout.splitlines())) <= 80


def test_wrong_use_exits_with_2():
    for arguments in (("ingest",), ("nonsense",), ("ingest", "x", "--no-such-option")):
        assert in_process(*arguments).returncode == ExitCode.WRONG_USE


def test_an_error_is_one_line_that_says_what_to_do(tmp_path):
    done = in_process("ingest", "x", cwd=tmp_path)
    assert done.returncode == ExitCode.WRONG_USE
    assert done.stdout == ""
    assert re.fullmatch(r"cte-lake: no lake found from .*`cte-lake init LAKE`\n", done.stderr)


def test_config_show_names_every_origin(tmp_path):
    assert in_process("init", tmp_path / "lake").returncode == 0
    (tmp_path / "lake" / "cte_lake.toml").write_text("lake_version = 1\n[measure]\nclip_sigma = 3.0\n")
    done = in_process("config", "show", "--lake", tmp_path / "lake", "--set", "measure.aperture=5")
    lines = done.stdout.splitlines()
    assert "measure.aperture = 5  # flag measure.aperture" in lines
    assert "measure.clip_sigma = 3.0  # cte_lake.toml" in lines
    assert 'photometry.mode = "standard"  # default' in lines
    described = in_process("config", "show", "--describe").stdout
    assert "standard deviations" in described


def test_a_bad_setting_exits_with_2_and_names_the_key(tmp_path):
    in_process("init", tmp_path / "lake")
    done = in_process("config", "show", "--lake", tmp_path / "lake", "--set", "measure.aperture=4")
    assert done.returncode == ExitCode.WRONG_USE
    assert "measure.aperture" in done.stderr


def test_a_defect_is_called_one(monkeypatch, capsys):
    def broken():
        raise ZeroDivisionError("oops")

    monkeypatch.setattr(cli, "app", broken)
    with pytest.raises(SystemExit) as ended:
        cli.main()
    assert ended.value.code == ExitCode.DEFECT
    assert "this is a defect of cte-lake" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("module", "heavy"),
    [
        ("cte_lake.cli.main", "numpy pyarrow duckdb astropy numba matplotlib dask scipy pandas"),
        # What a night loads before its first step, and what a small question loads.
        ("cte_lake.workflow.refresh", "astropy.table numba matplotlib dask scipy pandas"),
        ("cte_lake.report.status", "astropy.table numba matplotlib dask scipy pandas pyarrow.compute"),
        # What a night loads after its last step.
        ("cte_lake.report.moves", "astropy numba matplotlib dask scipy pandas"),
        ("cte_lake.correction.coefficient_files", "astropy.table numba matplotlib dask scipy pandas"),
    ],
)
def test_heavy_libraries_are_loaded_where_they_are_used(module, heavy):
    script = f"import sys, {module}\nprint(sorted(set({heavy.split()}) & set(sys.modules)))"
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=300
    )
    assert done.stdout.strip() == "[]"


def test_every_command_of_the_contract_is_there():
    names = {path[0] for path, _ in every_command()}
    contract = (
        "init config master fetch align crmask ingest run measure fit coeffs correct predict closure plot "
        "report status sql views audit compare schema compact vacuum verify snapshot restore rebuild "
        "simulate demo refresh consistency"
    )
    assert set(contract.split()) <= names


def test_the_installed_command_tells_its_version():
    done = subprocess.run(
        [*command(), "--version"], capture_output=True, text=True, env=environment(), check=True, timeout=300
    )
    assert re.fullmatch(r"cte-lake \d+\.\d+\.\d+\n", done.stdout)


def test_the_modules_of_commands_exist():
    folder = Path(cli.__file__).parent
    assert all((folder / f"{name}.py").is_file() for name in COMMAND_MODULES)


@pytest.mark.parametrize(
    ("line", "names"),
    [
        ("sql 'FROM pairs' --lake audit", "sql"),
        ("-q -v coeffs list", "coeffs coeffs_new"),
        ("--help", " ".join(COMMAND_MODULES)),
        ("sqll", " ".join(COMMAND_MODULES)),
    ],
)
def test_a_command_line_names_the_modules_that_it_needs(line, names):
    assert modules_of(shlex.split(line)) == names.split()


def test_a_program_imports_the_module_of_its_command_alone():
    script = (
        "import sys; from cte_lake.cli.commands import load; load(['sql', 'FROM pairs']); "
        "import cte_lake.cli.main as main; "
        "print([one.callback.__name__ for one in main.app.registered_commands], main.app.registered_groups)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=300
    )
    assert done.stdout == "['sql'] []\n"
