"""Single points of a module at which its behavior can be changed, and the changed text."""

import ast
import difflib
from collections.abc import Callable, Iterator
from dataclasses import dataclass

_COMPARE: dict[type[ast.cmpop], str] = {
    ast.Eq: "!=",
    ast.NotEq: "==",
    ast.Lt: "<=",
    ast.LtE: "<",
    ast.Gt: ">=",
    ast.GtE: ">",
    ast.In: "not in",
    ast.NotIn: "in",
    ast.Is: "is not",
    ast.IsNot: "is",
}
_ARITHMETIC: dict[type[ast.operator], str] = {
    ast.Add: "-",
    ast.Sub: "+",
    ast.BitOr: "&",
    ast.BitAnd: "|",
}


@dataclass(frozen=True, slots=True)
class Mutant:
    """One change of one module: the text between two offsets (in bytes) becomes another one.

    `function` is the one that has to run for the change to have an effect, as `Class.method`.
    """

    path: str
    line: int
    function: str
    start: int
    end: int
    text: str

    def applied(self, source: bytes) -> bytes:
        """Return the module with the change in it."""
        return source[: self.start] + self.text.encode() + source[self.end :]


def described(mutant: Mutant, source: bytes) -> str:
    """Return what a change changes, as a short diff."""
    before, after = source.decode(), mutant.applied(source).decode()
    lines = difflib.unified_diff(before.splitlines(), after.splitlines(), lineterm="", n=0)
    return "\n".join(
        f"    {line}" for line in lines if line[:1] in "-+" and line[:3] not in ("---", "+++")
    )


def mutants_of(path: str, source: bytes) -> Iterator[Mutant]:
    """Yield every change that can be made to a module, in the order of its syntax tree."""
    offsets = [0]
    for line in source.splitlines(keepends=True):
        offsets.append(offsets[-1] + len(line))

    def span(node: ast.expr | ast.stmt) -> tuple[int, int]:
        assert node.end_lineno is not None
        assert node.end_col_offset is not None
        return (
            offsets[node.lineno - 1] + node.col_offset,
            offsets[node.end_lineno - 1] + node.end_col_offset,
        )

    def mutant(function: str, node: ast.expr | ast.stmt, text: str) -> Mutant:
        start, end = span(node)
        return Mutant(path, node.lineno, function, start, end, text)

    def text_of(node: ast.expr) -> str:
        start, end = span(node)
        return source[start:end].decode()

    for function, statement in _statements(ast.parse(source)):
        if isinstance(statement, ast.Continue):
            yield mutant(function, statement, "break")
        elif isinstance(statement, ast.Expr) and isinstance(
            statement.value, ast.Call | ast.YieldFrom | ast.Yield
        ):
            yield mutant(function, statement, "pass")
        elif isinstance(statement, ast.Return) and statement.value is not None:
            constant = isinstance(statement.value, ast.Constant) and statement.value.value is None
            if not constant:
                yield mutant(function, statement.value, "None")
        for node in _expressions(statement):
            for text in _changed(node, text_of):
                yield mutant(function, node, text)


def _changed(node: ast.expr, text_of: Callable[[ast.expr], str]) -> Iterator[str]:
    match node:
        case ast.Compare(left=left, ops=[operator], comparators=[right]):
            yield f"({text_of(left)} {_COMPARE[type(operator)]} {text_of(right)})"
        case ast.BoolOp(op=operator, values=values):
            word = " or " if isinstance(operator, ast.And) else " and "
            yield f"({word.join(f'({text_of(value)})' for value in values)})"
            for value in values:
                yield f"({text_of(value)})"
        case ast.UnaryOp(op=ast.Not(), operand=operand):
            yield f"bool({text_of(operand)})"
        case ast.Constant(value=bool(value)):
            yield str(not value)
        case ast.Constant(value=int(value)):
            yield str(value + 1)
        case ast.IfExp(test=test, body=body, orelse=otherwise):
            yield f"({text_of(otherwise)} if {text_of(test)} else {text_of(body)})"
        case ast.BinOp(left=left, op=operator, right=right) if type(operator) in _ARITHMETIC:
            yield f"({text_of(left)} {_ARITHMETIC[type(operator)]} {text_of(right)})"
        case ast.Call(func=ast.Name(id="any"), args=[only]):
            yield f"all({text_of(only)})"
        case ast.Call(func=ast.Name(id="all"), args=[only]):
            yield f"any({text_of(only)})"


def _statements(tree: ast.Module | ast.ClassDef, of: str = "") -> Iterator[tuple[str, ast.stmt]]:
    """Yield every statement in a function or method, with the outermost function that it is in."""
    for node in tree.body:
        if isinstance(node, ast.ClassDef):
            yield from _statements(node, f"{of}{node.name}.")
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            for child in ast.walk(node):
                if isinstance(child, ast.stmt) and child is not node:
                    yield f"{of}{node.name}", child


def _expressions(statement: ast.stmt) -> Iterator[ast.expr]:
    """Yield the expressions of a statement itself, not those of the statements within it.

    Of a variable in a function Python does not even look at the type.
    """
    types = [statement.annotation] if isinstance(statement, ast.AnnAssign) else []
    waiting: list[ast.AST] = [
        child
        for child in ast.iter_child_nodes(statement)
        if not isinstance(child, ast.stmt | ast.excepthandler | ast.match_case)
        and child not in types
    ]
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.JoinedStr) or (
            isinstance(node, ast.Constant) and isinstance(node.value, str)
        ):
            continue  # a wording is no decision
        if isinstance(node, ast.expr):
            yield node
        waiting.extend(ast.iter_child_nodes(node))
