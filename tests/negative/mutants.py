# SPDX-License-Identifier: Apache-2.0
"""Modules with one check removed, in the running process.

A mutant is the code object of one function, compiled from its module's source with one check out:

    if wrong: raise …                 never raises; of `a or b`, each operand alone is left out
    a <= b <= c                       each comparison alone is left out
    trace.check(rule, holds, …)       holds; of `a and b`, each operand alone is left out
    check_something(…)                is not called, likewise verify, finish, fits, screen
    for … in (row, row): check        each row alone is left out
    except …: …; raise                swallows
    if reaches: return level          always does; of `a and b`, each operand alone is left out
    return a and b                    each operand alone is left out; likewise in `[… if a and b]`
    min(a, b)                         each of the two alone

It is put in place by exchanging `__code__`, so every reference to the function sees it.
"""

from __future__ import annotations

import ast
import inspect
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property, partial
from importlib import import_module
from types import CodeType, FunctionType, ModuleType
from typing import Any, Final, cast

_CALLED: Final = frozenset(
    {"decide", "finish", "fits", "screen", "verify", "verify_der", "verify_directly_issued_by"}
)
_TAKES_OUTCOME: Final = frozenset({"check", "holds"})  # Trace.check, Rules.holds
_OUTCOME: Final = 1  # the position of that argument

TRUE: Final = ast.Constant(value=True)

Point = tuple[str, Callable[[], None], Callable[[], None]]
"""What is removed, how to remove it from the tree, how to put it back."""


@dataclass(frozen=True, slots=True)
class Mutant:
    """One check that is not made."""

    name: str
    codes: frozenset[str]
    function: FunctionType
    code: CodeType

    @contextmanager
    def installed(self) -> Iterator[None]:
        """Run the block without the check."""
        sound = self.function.__code__
        self.function.__code__ = self.code
        try:
            yield
        finally:
            self.function.__code__ = sound


def mutants(module_name: str) -> list[Mutant]:
    """Return every mutant of a module; names are unique and say what is left out."""
    return made(module_name, _points)


def made(module_name: str, points: Callable[[ast.FunctionDef], Iterator[Point]]) -> list[Mutant]:
    """Return the mutants of a module at these points of its functions, with unique names."""
    module = import_module(module_name)
    tree = ast.parse(inspect.getsource(module))
    found: list[Mutant] = []
    names: dict[str, int] = {}
    for qualified, node in _functions(tree):
        function = _function(module, qualified)
        for what, remove, restore in points(node):
            remove()
            code = _code(tree, module, qualified)
            restore()
            name = f"{module_name.removeprefix('troth.')}.{qualified}: {what}"
            names[name] = names.get(name, 0) + 1
            if names[name] > 1:
                name += f" ({names[name]})"
            found.append(Mutant(name, frozenset(_words(node)), function, code))
    return found


def _functions(tree: ast.Module) -> Iterator[tuple[str, ast.FunctionDef]]:
    for node in tree.body:
        if isinstance(node, ast.FunctionDef):
            yield node.name, node
        elif isinstance(node, ast.ClassDef):
            for one in node.body:
                if isinstance(one, ast.FunctionDef):
                    yield f"{node.name}.{one.name}", one


def _function(module: ModuleType, qualified: str) -> FunctionType:
    owner, _, name = qualified.rpartition(".")
    found: Any = vars(vars(module)[owner] if owner else module)[name]
    if isinstance(found, property):
        found = found.fget
    elif isinstance(found, cached_property):
        found = found.func
    found = inspect.unwrap(getattr(found, "__func__", found))
    assert isinstance(found, FunctionType), qualified
    return found


def _code(tree: ast.Module, module: ModuleType, qualified: str) -> CodeType:
    ast.fix_missing_locations(tree)
    code = compile(tree, str(module.__file__), "exec", dont_inherit=True)
    for name in qualified.split("."):
        code = next(
            one for one in code.co_consts if isinstance(one, CodeType) and one.co_name == name
        )
    return code


def _words(node: ast.AST) -> Iterator[str]:
    for one in ast.walk(node):
        if isinstance(one, ast.Constant) and isinstance(one.value, str):
            yield one.value


def _points(function: ast.FunctionDef) -> Iterator[Point]:
    for node in ast.walk(function):
        yield from _of_statement(node)
        yield from _of_expression(node)
        for field in ("body", "orelse"):
            statements = getattr(node, field, None)
            if isinstance(statements, list):
                yield from _calls(statements)


def _of_statement(node: ast.AST) -> Iterator[Point]:
    match node:
        case ast.If(body=[*_, ast.Raise()]):
            yield from _condition(node, "test", weaken=ast.Or, constant=False)
        case ast.ExceptHandler(body=[*_, ast.Raise(exc=None)]):
            yield _exchanged(node.body, len(node.body) - 1, ast.Pass(), "except: raise")
        case ast.For(iter=ast.Tuple(elts=[_, _, *_] as rows)) if _checks(node):
            yield from (_left_out(rows, n, "for") for n in range(len(rows)))
        case ast.For(body=[*_, ast.If(body=[ast.Return()]) as reaches]):
            yield from _condition(reaches, "test", weaken=ast.And, constant=True)
        case ast.Return(value=ast.BoolOp(op=ast.And(), values=values)):
            yield from (_exchanged(values, n, TRUE, "and") for n in range(len(values)))


def _of_expression(node: ast.AST) -> Iterator[Point]:
    match node:
        case ast.Call(args=[_, _, _, *_]) if _called(node) in _TAKES_OUTCOME:
            yield from _condition(node.args, _OUTCOME, weaken=ast.And, constant=True)
        case ast.Call(func=ast.Name(id="min"), args=[one, other]):
            yield _exchanged(node.args, 0, other, "min of")
            yield _exchanged(node.args, 1, one, "min of")
        case ast.comprehension(ifs=[ast.BoolOp(op=ast.And(), values=values)]):
            yield from (_exchanged(values, n, TRUE, "if") for n in range(len(values)))
        case ast.Compare(ops=[_, _, *_]):
            yield from _links(node)


def _calls(body: list[ast.stmt]) -> Iterator[Point]:
    for n, one in enumerate(body):
        if isinstance(one, ast.Expr) and isinstance(one.value, ast.Call) and _is_check(one.value):
            yield _exchanged(body, n, ast.Pass(), "")


def _condition(
    holder: Any,
    field: str | int,
    *,
    weaken: type[ast.boolop],
    constant: bool,
) -> Iterator[Point]:
    test = holder[field] if isinstance(field, int) else getattr(holder, field)
    yield _exchanged(holder, field, ast.Constant(value=constant), "if")
    if isinstance(test, ast.BoolOp) and isinstance(test.op, weaken):
        # What is left out of `a or b` is as if it were false, of `a and b` as if it were true.
        yield from (
            _exchanged(test.values, n, ast.Constant(value=constant), "of")
            for n in range(len(test.values))
        )


def _links(node: ast.Compare) -> Iterator[Point]:
    left, ops, right = node.left, list(node.ops), list(node.comparators)
    text = ast.unparse(node)

    def restore() -> None:
        node.left, node.ops, node.comparators = left, ops, right

    def without_first() -> None:
        node.left, node.ops, node.comparators = right[0], ops[1:], right[1:]

    def without_last() -> None:
        node.ops, node.comparators = ops[:-1], right[:-1]

    yield f"first of {text}", without_first, restore
    yield f"last of {text}", without_last, restore


def _exchanged(holder: Any, field: str | int, new: ast.AST, word: str) -> Point:
    old = holder[field] if isinstance(field, int) else getattr(holder, field)

    def put(one: ast.AST) -> None:
        if isinstance(field, int):
            holder[field] = one
        else:
            setattr(holder, field, one)

    text = " ".join(ast.unparse(old).split()) if not isinstance(old, ast.Raise) else ""
    return f"{word} {text}".strip(), partial(put, new), partial(put, old)


def _left_out(values: list[Any], n: int, word: str) -> Point:
    old = values[n]
    text = " ".join(ast.unparse(cast("ast.AST", old)).split())
    return f"{word} {text}", partial(values.__delitem__, n), partial(values.insert, n, old)


def _called(node: ast.Call) -> str:
    if isinstance(node.func, ast.Attribute):
        return node.func.attr
    return node.func.id if isinstance(node.func, ast.Name) else ""


def _is_check(node: ast.Call) -> bool:
    name = _called(node)
    if name in _TAKES_OUTCOME:
        return False
    return name in _CALLED or name.lstrip("_").startswith("check_")


def _checks(node: ast.For) -> bool:
    return any(
        isinstance(one, ast.Call) and (_is_check(one) or _called(one) in _TAKES_OUTCOME)
        for one in ast.walk(node)
    )
