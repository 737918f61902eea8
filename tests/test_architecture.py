"""The house keeps its walls: imports point down, and no two modules import each other."""

from __future__ import annotations

import ast
import functools
import re
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "cte_lake"
#: The rooms from roof to ground, as docs/architecture.md lists them; those of one floor are strangers.
FLOORS = (
    {"__init__", "__main__"},
    {"cli"},
    {"workflow", "demo"},
    {"notebook"},
    {"report"},
    {"correction"},
    {"api"},
    {"results"},
    {"views"},
    {"pipeline"},
    {"plots"},
    {"model"},
    {"simulate"},
    {"frames"},
    {"masters"},
    {"photometry"},
    {"lake"},
    {"config"},
    {"columns"},
    {"names", "radii", "starflags", "wording"},
    {"arrays", "errors", "resources", "bitflags", "clock", "compiled", "detector", "digests", "toml_text"},
    {"filenames"},
)
FLOOR = {room: number for number, rooms in enumerate(FLOORS) for room in rooms}


@functools.cache
def imports() -> dict[str, frozenset[str]]:
    """Return the modules of the package that each module imports, inside functions too."""
    paths = {module_of(path): path for path in PACKAGE.rglob("*.py")}
    return {name: frozenset(imported(path, paths) - {name}) for name, path in paths.items()}


@functools.cache
def nodes(path: Path) -> tuple[ast.AST, ...]:
    """Return all nodes of a module's tree."""
    return tuple(ast.walk(ast.parse(path.read_text(encoding="utf-8"))))


def module_of(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imported(path: Path, known) -> set[str]:
    found = set()
    for node in nodes(path):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            names = {f"{node.module}.{alias.name}" for alias in node.names}
            modules = names & known.keys()
            found |= modules or {node.module}
    return {name for name in found if name in known}


def room_of(module: str) -> str:
    parts = module.split(".")
    return parts[1] if len(parts) > 1 else "__init__"


def test_every_room_has_its_floor():
    assert {room_of(module) for module in imports()} <= FLOOR.keys()


def test_imports_point_down():
    # The version stands in the package's own file, which every room may ask for.
    upward = [
        f"{module} imports {other}"
        for module, others in imports().items()
        for other in others
        if room_of(module) != room_of(other)
        and other != "cte_lake"
        and FLOOR[room_of(other)] <= FLOOR[room_of(module)]
    ]
    assert upward == []


def test_no_modules_import_each_other():
    graph = {module: others - {"cte_lake"} for module, others in imports().items() if module != "cte_lake"}
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        pytest.fail(f"these modules import each other: {' -> '.join(error.args[1])}")


def test_modules_of_different_rooms_are_not_all_called_run():
    assert [str(path) for path in PACKAGE.rglob("run.py") if path.parent.name != "cli"] == []


def test_no_module_is_too_long():
    lengths = {path: len(path.read_text(encoding="utf-8").splitlines()) for path in PACKAGE.rglob("*.py")}
    assert [f"{path.relative_to(ROOT)}: {lines}" for path, lines in lengths.items() if lines > 400] == []


def body_lines(function: ast.FunctionDef) -> int:
    """Return the length of a function without its signature and docstring."""
    body = function.body[1:] if ast.get_docstring(function) is not None else function.body
    return body[-1].end_lineno - body[0].lineno + 1 if body else 0


def test_no_function_is_too_long():
    functions = {
        f"{path.relative_to(ROOT)}: {node.name}": body_lines(node)
        for path in PACKAGE.rglob("*.py")
        for node in nodes(path)
        if isinstance(node, ast.FunctionDef)
    }
    assert {name: lines for name, lines in functions.items() if lines > 45} == {}


#: What waits for another process or machine for as long as it takes, unless it is told otherwise.
WAITS = {"subprocess.run", "subprocess.call", "subprocess.check_call", "subprocess.check_output"}
WAITS_OF_ANY = {"communicate", "urlopen", "wait", "join"}


def waits_without_end(call: ast.Call) -> bool:
    name = ast.unparse(call.func)
    last = name.rpartition(".")[2]
    waits = name in WAITS or (last in WAITS_OF_ANY and not (last in {"wait", "join"} and call.args))
    # Waits of `tests/faults/warm.py` end by themselves.
    return waits and "timeout" not in ast.unparse(call) and name not in {"run.wait", "self.wait"}


def test_no_test_waits_without_end():
    for path in (ROOT / "tests").rglob("*.py"):
        text = path.read_text(encoding="utf-8")
        if re.search(r"subprocess|urlopen|\.(?:wait|join)\(\)", text):
            calls = [node for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Call)]
            assert [f"{path.name}:{call.lineno}" for call in calls if waits_without_end(call)] == []


def test_the_map_shows_the_rooms_in_their_order():
    text = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    shown = re.findall(r"^ {6}([a-z_]+)(?:/|\.py| {2})", text, re.MULTILINE)
    wanted = [room for rooms in FLOORS[1:] for room in rooms]
    assert set(shown) >= set(wanted) - {"detector", "filenames", "names"}
    floors = [FLOOR[room] for room in shown if room in FLOOR]
    assert floors == sorted(floors)
