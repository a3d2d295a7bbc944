"""Files, functions, parameters and nesting keep the limits of the style guide."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
CODE = [
    path
    for folder in ("server", "contracts", "conformance", "cli", "tools", "bench", "tests")
    for path in sorted((ROOT / folder).rglob("*.py"))
    if "_shipped" not in path.parts
]
OURS = [path for path in CODE if path.relative_to(ROOT).parts[0] != "tests"]
BANNED = {"utils", "util", "helpers", "helper", "common", "base", "manager", "misc"}
BLOCKS = (ast.If, ast.For, ast.AsyncFor, ast.While, ast.Try, ast.Match)
Function = ast.FunctionDef | ast.AsyncFunctionDef


def name_of(path: Path) -> str:
    return str(path.relative_to(ROOT))


def functions(path: Path) -> Iterator[Function]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


def lines_max(path: Path) -> int:
    roomy = {"tests", "models", "migrations"}
    return 600 if roomy & set(path.relative_to(ROOT).parts) else 400


def depth(node: ast.AST, inside: int = 0) -> int:
    """How many blocks stand inside one another; an `elif` is no deeper than its `if`."""
    deepest = inside
    for field, value in ast.iter_fields(node):
        for child in value if isinstance(value, list) else [value]:
            if not isinstance(child, ast.AST):
                continue
            chained = field == "orelse" and isinstance(node, ast.If) and isinstance(child, ast.If)
            deeper = inside + (isinstance(child, BLOCKS) and not chained)
            deepest = max(deepest, depth(child, deeper))
    return deepest


def parameters(path: Path, function: Function) -> int:
    """How many parameters a caller gives; a handler's are the contract's, not its own choice."""
    if path.parent.name == "handlers":
        return 0
    given = function.args
    names = [argument.arg for argument in given.posonlyargs + given.args + given.kwonlyargs]
    return len([name for name in names if name not in ("self", "cls")])


@pytest.mark.parametrize("path", CODE, ids=name_of)
def test_a_file_keeps_its_length_and_its_name_says_what_it_is(path: Path) -> None:
    assert len(path.read_text().splitlines()) <= lines_max(path)
    assert path.stem not in BANNED


@pytest.mark.parametrize("path", OURS, ids=name_of)
def test_functions_are_short_flat_and_have_few_parameters(path: Path) -> None:
    broken = []
    for function in functions(path):
        length = (function.end_lineno or 0) - function.lineno + 1
        count = parameters(path, function)
        too_deep = depth(function) > 3
        if length > 50 or count > 6 or too_deep:
            broken.append(f"{function.name}: {length} lines, {count} parameters")
    assert broken == []


@pytest.mark.parametrize("path", OURS, ids=name_of)
def test_the_clock_ids_and_chance_are_read_in_their_own_modules(path: Path) -> None:
    if path.name in ("clock.py", "ids.py") or "durable_server" not in path.parts:
        assert path.exists()
        return
    text = path.read_text()
    banned = ("datetime.now(", "datetime.utcnow(", "time.time(", "uuid4(", "import random")
    # The jitter between passes is the loop's own business.
    allowed = {"import random"} if path.name == "loop.py" else set()
    assert [word for word in banned if word in text and word not in allowed] == []
