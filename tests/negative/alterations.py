# SPDX-License-Identifier: Apache-2.0
"""Modules with one operator, number or condition altered, in the running process.

Where `mutants` leaves a check out, these make it another check: what is off by one, at the wrong
side of a boundary, or the wrong way round.

    a < b      a <= b, and back; likewise > and >=
    a == b     a != b, and back; likewise in, is
    a and b    a or b, and back
    not a      a
    if a       if not a, where a is neither of the above
    7          8
    a + b      a - b, and back; likewise << and >>
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import partial
from typing import Any, Final

from tests.negative.mutants import Mutant, Point, made

__all__ = ["alterations"]

_COMPARISONS: Final[dict[type[ast.cmpop], type[ast.cmpop]]] = {
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
}
_OPERATORS: Final[dict[type[ast.AST], type[ast.AST]]] = {
    ast.And: ast.Or,
    ast.Or: ast.And,
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.LShift: ast.RShift,
    ast.RShift: ast.LShift,
}


def alterations(module_name: str) -> list[Mutant]:
    """Return every alteration of a module's functions; names are unique."""
    return made(module_name, _points)


def _points(function: ast.FunctionDef) -> Iterator[Point]:
    told = {id(one) for one in ast.walk(function) for one in _words_only(one)}
    body = ast.Module(body=function.body, type_ignores=[])
    for node in ast.walk(body):
        if id(node) not in told:
            yield from _of(node)


def _words_only(node: ast.AST) -> Iterator[ast.AST]:
    """Yield what stands in the text of an error: no check rests on it."""
    if isinstance(node, ast.JoinedStr):
        yield from ast.walk(node)


def _of(node: ast.AST) -> Iterator[Point]:
    text = ast.unparse(node) if isinstance(node, ast.expr) else ""
    match node:
        case ast.Compare(ops=ops):
            for n, one in enumerate(ops):
                other = _COMPARISONS[type(one)]()
                yield _put(f"{_sign(one)} to {_sign(other)} in {text}", ops, n, other)
        case ast.BoolOp(op=op) | ast.BinOp(op=op) if type(op) in _OPERATORS:
            other_operator = _OPERATORS[type(op)]()
            name = f"{_sign(op)} to {_sign(other_operator)} in {text}"
            yield _put(name, vars(node), "op", other_operator)
        case ast.Constant(value=int() as value) if type(value) is int:
            yield _put(f"{value} to {value + 1}", vars(node), "value", value + 1)
        case ast.If(test=test) | ast.IfExp(test=test) | ast.While(test=test):
            if isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not):
                yield _put(f"if {ast.unparse(test.operand)}", vars(node), "test", test.operand)
            elif not isinstance(test, ast.Compare | ast.BoolOp):
                wrong = ast.UnaryOp(op=ast.Not(), operand=test)
                yield _put(f"if not {ast.unparse(test)}", vars(node), "test", wrong)


def _put(name: str, holder: Any, key: Any, new: object) -> Point:
    old = holder[key]

    def put(one: object) -> None:
        holder[key] = one

    return " ".join(name.split()), partial(put, new), partial(put, old)


def _sign(operator: ast.AST) -> str:
    return type(operator).__name__.lower()
