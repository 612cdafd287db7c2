"""Find code that decides by the wording of a message: it must ask for codes and parameters.

`make check` runs it. Within each module it follows wordings through names, calls, loops and texts
that are made of them, and reports where one is compared, searched, cut, counted, sorted, matched or
used as a key. Only what `MAY_LOOK` lists may do that, each for its own reason.
"""

import ast
import re
import sys
from collections.abc import Iterable, Iterator, Mapping
from enum import IntEnum
from pathlib import Path
from typing import NamedTuple

SOURCE = Path(__file__).parents[2] / "src" / "kanport"
# What may look at words, a folder, a module or a function of one, and why.
MAY_LOOK: Mapping[str, str] = {
    # Renderers: they make a text fit where it is shown, and decide nothing by it.
    "report/markdown.py": "escapes what Markdown would take for its own signs",
    "report/text.py:_show_finding": "does not show a value twice that the message has already",
    "report/html/__init__.py:_shows_value": "shows no value twice that the message has already",
    "cli/output.py:show_error": "indents each line of a detail",
    "doctor/checks.py:lines": "indents each line of a detail",
    "mapping/mistakes.py:_with_subject": "puts a subject before what begins with its verb",
    "mapping/mistakes.py:with_mistakes": "orders the mistakes of one place alike each time",
    "plan/model.py:read": "keeps the wording of another version as it is, if it is another one",
    # Readers of what others wrote, who give no codes: each is the only one of its library.
    "config/file.py:_syntax": "tomllib says the place of a mistake in its text only",
    "kanboard/redact.py:judge_error": "databases and Kanboard give no codes, only words",
    "mapping/patterns.py:__init__": "shows in small letters what re says of a pattern",
    "sources/csv_records.py:broken_finding": "csv.Error has nothing but its text",
    "sources/ldap/ber.py:answer_text": "shows the diagnostic message of a directory on one line",
    "sources/ldap/sockets.py:_words": "shows the reason of OpenSSL, which is a constant, as words",
}


class Kind(IntEnum):
    """What an expression is, as far as words go."""

    OTHER = 0
    SAYING = 1  # a fact or an exception: what a text is made of
    WORDS = 2  # a text, or a collection of texts


# What the wordings of findings, outcomes, guards and errors are called, also in JSON.
WORDINGS = {"message", "hint", "reason", "details", "instead"}
# What facts and exceptions are called: `.text`, `.args`, str() and f"" make words of them.
SAYINGS = {"fact", "why", "stopped", "actual", "error", "problem", "wrong"}
MAKERS = {"fact", "as_written"}
SAYING_TYPES = re.compile("Fact|Error|Exception")
# Functions that give back what they are given, and methods that give back words.
PASSING = {"list", "tuple", "iter", "next", "reversed", "enumerate", "zip", "cast", "map", "filter"}
PASSING_METHODS = {
    *("join", "format", "strip", "lstrip", "rstrip", "encode"),
    *("append", "extend", "insert", "copy"),
}
# Methods, functions and modules of functions that look at the words that they are given.
TAKING = {
    *("startswith", "endswith", "find", "rfind", "index", "rindex", "count", "split", "rsplit"),
    *("partition", "rpartition", "removeprefix", "removesuffix", "search", "match", "fullmatch"),
    *("findall", "finditer", "sub", "subn", "get", "setdefault", "pop", "add", "discard", "remove"),
    *("fromkeys", "__contains__", "__eq__", "__getitem__"),
}
# Methods that only a text has, so that a fact they are called on was taken for one.
OF_TEXTS = {"startswith", "endswith", "split", "partition", "lower", "upper", "casefold"}
LOOKING = {"Counter", "set", "frozenset", "groupby", "sorted", "min", "max", "len", "hash", "ord"}
SEARCHING = {"re", "operator", "fnmatch", "difflib"}


class Found(NamedTuple):
    """A place that looks at words: its line, the function around it, and the code."""

    line: int
    function: str
    code: str


def main() -> int:
    """Print each place where code reads a wording, and return how many there are, at most 1."""
    told: list[str] = []
    used: set[str] = set()
    for path in sorted(SOURCE.rglob("*.py")):
        module = path.relative_to(SOURCE)
        whole = {str(part) for part in (module, *module.parents)} & MAY_LOOK.keys()
        for found in looks_in(path.read_text(encoding="utf-8")):
            exempt = whole | ({f"{module}:{found.function}"} & MAY_LOOK.keys())
            used |= exempt
            if not exempt:
                told.append(
                    f"src/kanport/{module}:{found.line}: {found.code!r} looks at the words of a"
                    f" message; ask for its code or its parameters ({found.function})"
                )
    told += [
        f"{place} looks at no words and needs no exemption" for place in MAY_LOOK.keys() - used
    ]
    sys.stdout.write("\n".join(told or ["No code looks at the words of a message"]) + "\n")
    return min(len(told), 1)


def looks_in(source: str) -> list[Found]:
    """Return each place of a module that looks at words, in the order of lines.

    >>> looks_in("if str(run.stopped).startswith('the journal'): pass")
    [Found(line=1, function='', code="str(run.stopped).startswith('the journal')")]
    >>> looks_in("if run.stopped.code == 'cut-off' and finding.hint is None: pass")
    []
    """
    return _Module(ast.parse(source)).found()


class _Module:
    """A module: its scopes, and what goes from one to another."""

    def __init__(self, tree: ast.Module) -> None:
        self.returns: dict[str, Kind] = {}
        self.given: dict[tuple[str, str], Kind] = {}
        self.attributes: dict[str, Kind] = {}
        self.parameters: dict[str, list[str]] = {}
        rest: list[ast.AST] = []
        self.scopes = [_Scope(self, "", rest)]
        self._split(tree.body, rest)

    def _split(self, body: Iterable[ast.stmt], rest: list[ast.AST]) -> None:
        for statement in body:
            if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef):
                names = [each.arg for each in statement.args.posonlyargs + statement.args.args]
                self.parameters[statement.name] = [name for name in names if name != "self"]
                self.scopes.append(_Scope(self, statement.name, [statement]))
            elif isinstance(statement, ast.ClassDef):
                rest += statement.decorator_list
                self._split(statement.body, rest)
            else:
                rest.append(statement)

    def found(self) -> list[Found]:
        for scope in self.scopes:
            scope.gather()
        # What one function learns can tell another one more; three steps reach far enough.
        for _ in range(3):
            before = self._known()
            for scope in self.scopes:
                scope.follow()
            if before == self._known():
                break
        return sorted({found for scope in self.scopes for found in scope.looking()})

    def _known(self) -> int:
        return sum(sum(kinds.values()) for kinds in (self.returns, self.given, self.attributes))


class _Scope:
    """A function with those inside of it, or what a module does outside of functions."""

    def __init__(self, module: _Module, name: str, roots: list[ast.AST]) -> None:
        self.module, self.name, self.roots = module, name, roots
        self.names: dict[str, Kind] = {}
        self.nodes: list[ast.AST] = []
        self.binding: list[ast.AST] = []

    def gather(self) -> None:
        """List the nodes once, and those that bind a name or pass words on a second time."""
        for root in self.roots:
            self.nodes += ast.walk(root)
        self.binding = [node for node in self.nodes if isinstance(node, _BINDING)]
        for node in self.nodes:
            match node:
                case ast.ExceptHandler(name=str() as name):
                    self._name(name, Kind.SAYING)
                case ast.arg(arg=name, annotation=ast.expr() as annotation):
                    if SAYING_TYPES.search(ast.unparse(annotation)):
                        self._name(name, Kind.SAYING)

    def follow(self) -> None:
        """Learn which names hold words, until nothing new comes up."""
        while True:
            before = dict(self.names)
            for node in self.binding:
                self._bind(node)
            if before == self.names:
                return

    def _bind(self, node: ast.AST) -> None:
        match node:
            case ast.Assign(targets=targets, value=value):
                for target in targets:
                    self._set(target, value)
            case ast.AnnAssign(target=target, value=ast.expr() as value):
                self._set(target, value)
            case (
                ast.AugAssign(target=target, value=value)
                | ast.NamedExpr(target=target, value=value)
            ):
                self._set(target, value)
            case ast.For(target=target, iter=value) | ast.comprehension(target=target, iter=value):
                self._set(target, value)
            case ast.arg(arg=name):
                self._name(name, self.module.given.get((self.name, name), Kind.OTHER))
            case ast.Return(value=ast.expr() as value) if self.name:
                if kind := self.kind(value):
                    returns = self.module.returns
                    returns[self.name] = max(kind, returns.get(self.name, kind))
            case ast.Call(func=func, args=arguments):
                name = _local(func)
                for parameter, value in zip(
                    self.module.parameters.get(name, ()), arguments, strict=False
                ):
                    if kind := self.kind(value):
                        self.module.given[name, parameter] = kind
            case ast.MatchClass(kwd_attrs=attrs, kwd_patterns=patterns):
                for attr, pattern in zip(attrs, patterns, strict=True):
                    if attr in WORDINGS and isinstance(pattern, ast.MatchAs) and pattern.name:
                        self._name(pattern.name, Kind.WORDS)

    def _set(self, target: ast.expr, value: ast.expr) -> None:
        match target, value:
            case ast.Tuple(elts=targets), ast.Tuple(elts=values) if len(targets) == len(values):
                for each, part in zip(targets, values, strict=True):
                    self._set(each, part)
            case ast.Tuple(elts=targets), _:
                for each in targets:
                    self._set(each, value)
            case ast.Name(id=name), _:
                self._name(name, self.kind(value))
            case ast.Attribute(value=ast.Name(id="self"), attr=name), _:
                if kind := self.kind(value):
                    self.module.attributes[name] = kind

    def _name(self, name: str, kind: Kind) -> None:
        if kind:
            self.names[name] = max(kind, self.names.get(name, kind))

    def kind(self, node: ast.expr | None) -> Kind:
        """Return what an expression is."""
        match node:
            case ast.Name(id=name):
                named = Kind.WORDS if name in WORDINGS else Kind(name in SAYINGS)
                return max(named, self.names.get(name, named))
            case ast.Attribute(attr=attr) if attr in WORDINGS:
                return Kind.WORDS
            case ast.Attribute(value=value, attr="text" | "args") if self.kind(value):
                return Kind.WORDS
            case ast.Attribute(value=ast.Name(id="self"), attr=attr) if (
                attr in self.module.attributes
            ):
                return self.module.attributes[attr]
            case ast.Attribute(attr=attr):
                return Kind(attr in SAYINGS)
            case ast.Subscript(slice=ast.Constant(value=key)) if key in WORDINGS:
                return Kind.WORDS
            case ast.Subscript(value=value):
                return Kind.WORDS if self.kind(value) is Kind.WORDS else Kind.OTHER
            case ast.JoinedStr(values=values):
                return Kind.WORDS if any(map(self.kind, values)) else Kind.OTHER
            case ast.BinOp(left=left, right=right):
                both = max(self.kind(left), self.kind(right))
                return both if both is Kind.WORDS else Kind.OTHER
            case ast.BoolOp(values=parts) | ast.Tuple(elts=parts) | ast.List(elts=parts):
                return max(map(self.kind, parts), default=Kind.OTHER)
            case ast.IfExp(body=body, orelse=orelse):
                return max(self.kind(body), self.kind(orelse))
            case (
                ast.FormattedValue(value=value)
                | ast.Starred(value=value)
                | ast.NamedExpr(value=value)
            ):
                return self.kind(value)
            case ast.ListComp(elt=value) | ast.GeneratorExp(elt=value) | ast.SetComp(elt=value):
                return self.kind(value)
            case ast.Call():
                return self._kind_of_call(node)
        return Kind.OTHER

    def _kind_of_call(self, node: ast.Call) -> Kind:
        given = max(map(self.kind, node.args), default=Kind.OTHER)
        match node.func:
            case ast.Name(id="str" | "repr" | "format"):
                return Kind.WORDS if given else Kind.OTHER
            case ast.Name(id="getattr") if _constants(node.args) & WORDINGS:
                return Kind.WORDS
            case ast.Name(id="map") if given and isinstance(node.args[0], ast.Name):
                return Kind.WORDS if node.args[0].id in ("str", "repr") else given
            case ast.Name(id=name) if name in PASSING:
                return given
            case ast.Name(id=name) if name in MAKERS:
                return Kind.SAYING
            case ast.Attribute(attr="get") if _constants(node.args[:1]) & WORDINGS:
                return Kind.WORDS
            case ast.Attribute(value=value, attr=attr) if attr in PASSING_METHODS:
                return Kind.WORDS if Kind.WORDS in (given, self.kind(value)) else Kind.OTHER
        return self.module.returns.get(_local(node.func), Kind.OTHER)

    def looking(self) -> Iterator[Found]:
        """Yield what looks at words."""
        for node in self.nodes:
            if isinstance(node, _LOOKING) and self._looks(node):
                line = getattr(node, "lineno", 0) or getattr(node, "subject", node).lineno
                yield Found(line, self.name, ast.unparse(node).partition("\n")[0])

    def _looks(self, node: ast.AST) -> bool:
        match node:
            case ast.Compare(left=left, ops=ops, comparators=others):
                # Whether there is one at all says nothing of its words.
                if all(isinstance(operator, ast.Is | ast.IsNot) for operator in ops):
                    return False
                return self._held_against((left, *others))
            case ast.Call(func=func, args=arguments, keywords=keywords):
                return self._call_looks(func, arguments, keywords)
            case ast.Subscript(value=value, slice=key):
                return self._words(key) or (isinstance(key, ast.Slice) and self._cut(value))
            case ast.Dict(keys=keys):
                return any(key is not None and self._words(key) for key in keys)
            case ast.DictComp(key=key):
                return self._words(key)
            case ast.Set(elts=parts):
                return any(map(self._words, parts))
            case ast.SetComp(elt=part):
                return self._words(part)
            case ast.Match(subject=subject, cases=cases):
                patterns = [one.pattern for one in cases]
                values = [one.value for one in patterns if isinstance(one, ast.MatchValue)]
                return self._words(subject) or self._held_against((subject, *values))
            case ast.MatchClass(kwd_attrs=names, kwd_patterns=patterns):
                return any(
                    name in WORDINGS and not isinstance(pattern, ast.MatchAs)
                    for name, pattern in zip(names, patterns, strict=True)
                )
            case ast.MatchMapping(keys=keys, patterns=patterns):
                return any(
                    _constants([key]) & WORDINGS and not isinstance(pattern, ast.MatchAs)
                    for key, pattern in zip(keys, patterns, strict=True)
                )
        return False

    def _held_against(self, parts: Iterable[ast.expr]) -> bool:
        """Return whether words are compared, or a fact with a text, as if it were one."""
        parts = tuple(parts)
        kinds = [self.kind(part) for part in parts]
        texts = any(
            isinstance(part, ast.Constant) and isinstance(part.value, str) for part in parts
        )
        return Kind.WORDS in kinds or (texts and Kind.SAYING in kinds)

    def _call_looks(
        self, func: ast.expr, arguments: list[ast.expr], keywords: list[ast.keyword]
    ) -> bool:
        for keyword in keywords:
            order = keyword.value
            if keyword.arg == "key" and isinstance(order, ast.Lambda) and self._words(order.body):
                return True
        given = any(map(self._words, arguments))
        match func:
            case ast.Name(id="attrgetter" | "itemgetter"):
                return bool(_constants(arguments) & WORDINGS)
            case ast.Name(id=name):
                return given and name in LOOKING
            case ast.Attribute(value=ast.Name(id=name)) if name in SEARCHING:
                return given
            case ast.Attribute(value=value, attr=attr):
                kind = self.kind(value)
                if attr in ("get", "setdefault", "pop"):
                    # What comes after the key is no key.
                    given = any(map(self._words, arguments[:1]))
                return (
                    (given and attr in TAKING)
                    or (kind is Kind.WORDS and attr not in PASSING_METHODS)
                    or (kind is Kind.SAYING and attr in OF_TEXTS)
                )
        return False

    def _cut(self, value: ast.expr) -> bool:
        # A slice of a collection of texts cuts none of them.
        return self._words(value) and not (
            isinstance(value, ast.Attribute) and value.attr in ("details", "args")
        )

    def _words(self, node: ast.expr) -> bool:
        return self.kind(node) is Kind.WORDS


_BINDING = (
    ast.Assign,
    ast.AnnAssign,
    ast.AugAssign,
    ast.NamedExpr,
    ast.For,
    ast.comprehension,
    ast.arg,
    ast.Return,
    ast.Call,
    ast.MatchClass,
)
_LOOKING = (
    *(ast.Compare, ast.Call, ast.Subscript, ast.Dict, ast.DictComp, ast.Set, ast.SetComp),
    *(ast.Match, ast.MatchClass, ast.MatchMapping),
)


def _local(func: ast.expr) -> str:
    """Return the name of a function or method that this module may define."""
    match func:
        case ast.Name(id=name) | ast.Attribute(value=ast.Name(id="self" | "cls"), attr=name):
            return name
    return ""


def _constants(parts: Iterable[ast.expr]) -> set[object]:
    return {part.value for part in parts if isinstance(part, ast.Constant)}


if __name__ == "__main__":
    sys.exit(main())
