"""Every module imports only what the map of the packages allows."""

import ast
import sys

import pytest

from tests.repo.layers import CLOSED, LIBRARIES, QUERIES, SERVER
from tests.repo.sources import imports, inside, modules

ALL = modules()
OWN = {name: tree for name, tree in ALL.items() if name.startswith("durable_server.")}
STANDARD = set(sys.stdlib_module_names)


def of(name: str) -> set[str]:
    return set(imports(ALL[name], set(ALL)))


def layer_of(module: str) -> str:
    """The longest entry of the map that a module belongs to."""
    fitting = [layer for layer in SERVER if inside(module, layer)]
    return max(fitting, key=len, default="")


def allowed(module: str) -> set[str]:
    layer = layer_of(module)
    named = set(SERVER[layer])
    if "store.queries" in named:
        named |= QUERIES
    package = module.partition(".")[0]
    return named | ({package} if layer else set())


def short(name: str) -> str:
    return name.removeprefix("durable_server.")


@pytest.mark.parametrize("module", [short(name) for name in OWN])
def test_a_module_imports_only_its_neighbours(module: str) -> None:
    assert layer_of(module), "the map of tests/repo/layers.py does not know this module"
    ours = {short(each) for each in of(f"durable_server.{module}") if each in OWN}
    may = allowed(module)
    if "*" in may:
        return

    assert {each for each in ours if not any(inside(each, place) for place in may)} == set()


@pytest.mark.parametrize("module", ALL)
def test_a_library_is_used_where_it_belongs(module: str) -> None:
    astray = set()
    for each in of(module):
        library = each.partition(".")[0]
        if library not in STANDARD:
            places = LIBRARIES.get(library, set())
            astray |= set() if any(inside(module, place) for place in places) else {library}

    assert astray == set()


@pytest.mark.parametrize("closed", CLOSED)
def test_only_the_lanes_write_runs(closed: str) -> None:
    users = {
        short(name)
        for name in OWN
        if any(inside(short(each), closed) for each in of(name)) and not inside(short(name), closed)
    }

    assert {user for user in users if not any(inside(user, p) for p in CLOSED[closed])} == set()


def test_handlers_never_import_one_another() -> None:
    handlers = [name for name in OWN if inside(short(name), "handlers")]
    astray = {
        name: [each for each in of(name) if inside(short(each), "handlers")] for name in handlers
    }

    assert {name: found for name, found in astray.items() if found} == {}


def test_the_engine_touches_nothing_of_the_world() -> None:
    world = {"asyncio", "logging", "os", "random", "socket", "subprocess", "threading", "time"}
    for name in OWN:
        if inside(short(name), "engine"):
            assert of(name) & world == set(), name


def test_importing_a_module_does_nothing() -> None:
    """A call whose value nobody takes is an effect; a few only finish a table of their own."""
    effects = {
        name
        for name, tree in ALL.items()
        for node in tree.body
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Call)
    }
    tables = {name for name in effects if inside(short(name), "store.models")}
    finished = {"durable_server.config", "durable_contracts.reading", "durable_contracts.__main__"}

    assert effects - tables - finished == set()
