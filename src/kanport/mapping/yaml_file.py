"""A YAML file as plain values, with the place of every key and value. The one user of ruamel.yaml.

YAML 1.2, one document. Values are resolved here and not by the library, so that nothing is turned
into what its writer did not mean: `yes`, `no`, `on`, dates and numbers with leading zeros stay
text (YAML 1.1 makes booleans, dates and octal numbers of them), and a key is always the text that
stands there, as in `values: {1: true, 012: false}`. The library's complaints are put into plain
words, with what to do about them.
"""

import re
import warnings
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, ReusedAnchorWarning, YAMLError
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode
from ruamel.yaml.reader import ReaderError

from kanport.mapping.base import quoted

MAX_BYTES = 1_000_000
MAX_DEPTH = 32
MAX_NODES = 100_000

KeyPath = tuple[str | int, ...]

_STANDARD_TAG = "tag:yaml.org,2002:"
_INTEGER = re.compile(r"[-+]?(0|[1-9][0-9]{0,17})")
_FRACTION = re.compile(r"[-+]?[0-9]+\.[0-9]+")


class Spot(NamedTuple):
    """A place in the file: line and column from 1, and how many characters it is long."""

    line: int
    column: int
    length: int = 1


class Mistake(NamedTuple):
    """One thing that is wrong, at its place."""

    spot: Spot
    message: str
    hint: str | None = None


class SyntaxProblem(Exception):
    """The text is not YAML at all, so this is the only mistake."""

    def __init__(self, mistake: Mistake) -> None:
        super().__init__(mistake.message)
        self.mistake = mistake


@dataclass(slots=True)
class LocatedDocument:
    """What a YAML text says. A path leads through keys and list positions, as in `("a", 0)`.

    `mistakes` are those that do not keep the rest from being read, such as a key that is there
    twice; the first one counts.
    """

    data: Any = None
    keys: dict[KeyPath, Spot] = field(default_factory=dict)
    values: dict[KeyPath, Spot] = field(default_factory=dict)
    collections: set[KeyPath] = field(default_factory=set)
    empty: set[KeyPath] = field(default_factory=set)
    mistakes: list[Mistake] = field(default_factory=list)

    def key(self, path: KeyPath) -> Spot:
        """Return the place of a key or list item; if there is none, of the nearest part around."""
        return self._first(path, self.keys, self.values)

    def value(self, path: KeyPath) -> Spot:
        """Return the place of a value; a table or list is shown at the key that it belongs to."""
        while path and path not in self.values:
            path = path[:-1]
        if path in self.values and path not in self.collections:
            return self.values[path]
        return self.key(path)

    def _first(self, path: KeyPath, *indexes: dict[KeyPath, Spot]) -> Spot:
        for end in range(len(path), 0, -1):
            for index in indexes:
                if path[:end] in index:
                    return index[path[:end]]
        return Spot(1, 1)


def decode(content: bytes, *, most: int = MAX_BYTES) -> str:
    """Return the text of a file; raises SyntaxProblem where it is too large or not UTF-8."""
    if len(content) > most:
        raise SyntaxProblem(Mistake(Spot(1, 1), f"the file is larger than {most:,} bytes"))
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as wrong:
        before = content[: wrong.start]
        line = before.count(b"\n") + 1
        start = before.rfind(b"\n") + 1
        column = len(before[start:].decode("utf-8", "replace")) + 1
        message = f"the file is not in UTF-8: byte {content[wrong.start]:02X} cannot stand here"
        hint = "save it as UTF-8"
        raise SyntaxProblem(Mistake(Spot(line, column), message, hint)) from wrong


def read_yaml(text: str, *, most: int = MAX_NODES) -> LocatedDocument:
    """Read one YAML document of so many values at most.

    Raises SyntaxProblem where the text cannot be read to its end.
    """
    try:
        with warnings.catch_warnings():
            # YAML allows it: an alias means the anchor before it.
            warnings.simplefilter("ignore", ReusedAnchorWarning)
            root = YAML(typ="rt", pure=True).compose(text)
    except MarkedYAMLError as wrong:
        raise SyntaxProblem(_syntax(wrong, text)) from wrong
    except ReaderError as wrong:
        raise SyntaxProblem(_character(wrong, text)) from wrong
    except RecursionError as wrong:
        raise SyntaxProblem(Mistake(Spot(1, 1), _TOO_DEEP)) from wrong
    except (YAMLError, ValueError, AttributeError) as wrong:
        # The library stumbles over a list as a key with an AttributeError of its own.
        message = "this is not valid YAML"
        raise SyntaxProblem(Mistake(Spot(1, 1), message, "a key must be plain text")) from wrong
    document = LocatedDocument()
    if root is not None:
        document.data = _Builder(document, most).build(root, ())
    return document


_TOO_DEEP = "tables and lists are nested too deeply"


def _syntax(wrong: MarkedYAMLError, text: str) -> Mistake:
    mark = wrong.problem_mark or wrong.context_mark
    line, column = (mark.line, mark.column) if mark else (0, 0)
    lines = text.splitlines()
    shown = lines[line] if line < len(lines) else ""
    message, hint = in_plain_words(wrong.problem or wrong.context or "", shown)
    if re.search("end of stream|stream end", wrong.problem or "") and wrong.context_mark:
        # What was opened is what has to be looked at, not the end of the file.
        line, column = wrong.context_mark.line, wrong.context_mark.column
    return Mistake(Spot(line + 1, column + 1), message, hint)


def _character(wrong: ReaderError, text: str) -> Mistake:
    before = text[: wrong.position]
    spot = Spot(before.count("\n") + 1, len(before) - before.rfind("\n"))
    return Mistake(spot, f"there is a control character here (U+{ord(text[wrong.position]):04X})")


class _Builder:
    """Makes plain values of nodes and notes where each stands."""

    def __init__(self, document: LocatedDocument, most: int) -> None:
        self.document = document
        self.most = most
        self.nodes = 0
        self.inside: set[int] = set()

    def build(self, node: Node, path: KeyPath) -> Any:
        spot = _spot(node)
        self.document.values[path] = spot
        self.nodes += 1
        if self.nodes > self.most:
            raise SyntaxProblem(
                Mistake(spot, f"with its aliases the file grows beyond {self.most:,} values")
            )
        if node.tag is not None and not node.tag.startswith(_STANDARD_TAG):
            message = f"the tag {node.tag} means nothing here"
            hint = "leave it out, or put text that begins with ! in quotes"
            self.document.mistakes.append(Mistake(spot, message, hint))
        if isinstance(node, ScalarNode):
            return self._scalar(node, path)
        if id(node) in self.inside:
            raise SyntaxProblem(Mistake(spot, "this part contains itself through an alias"))
        if len(path) >= MAX_DEPTH:
            raise SyntaxProblem(Mistake(spot, _TOO_DEEP))
        self.document.collections.add(path)
        self.inside.add(id(node))
        built = self._table(node, path) if isinstance(node, MappingNode) else self._list(node, path)
        self.inside.discard(id(node))
        return built

    def _list(self, node: Node, path: KeyPath) -> list[Any]:
        return [self.build(item, (*path, number)) for number, item in enumerate(node.value)]

    def _table(self, node: MappingNode, path: KeyPath) -> dict[str, Any]:
        table: dict[str, Any] = {}
        for key, value in self._pairs(node):
            name = key.value
            spot = _spot(key)
            first = self.document.keys.get((*path, name))
            if name in table and first is not None:
                message = f"{quoted(name)} is defined twice; first on line {first.line}"
                self.document.mistakes.append(Mistake(spot, message, "leave one of them out"))
                continue
            self.document.keys[(*path, name)] = spot
            table[name] = self.build(value, (*path, name))
        return table

    def _pairs(self, node: MappingNode) -> Iterator[tuple[ScalarNode, Node]]:
        for key, value in node.value:
            if not isinstance(key, ScalarNode):
                message, hint = "a table or list cannot be a key", "put text with braces in quotes"
            elif key.tag == f"{_STANDARD_TAG}merge":
                message = "<< does not merge here"
                hint = "write the keys out, or use an alias for the whole value: values: *roles"
            else:
                yield key, value
                continue
            self.document.mistakes.append(Mistake(_spot(key), message, hint))

    def _scalar(self, node: ScalarNode, path: KeyPath) -> Any:
        text: str = node.value
        if node.style is not None or node.tag == f"{_STANDARD_TAG}str":
            # A plain `yes` under %YAML 1.1 has another tag but is text all the same.
            return text
        if text in ("", "~", "null", "Null", "NULL"):
            self.document.empty.add(path)
            return None
        if text in ("true", "True", "TRUE", "false", "False", "FALSE"):
            return text.lower() == "true"
        if _INTEGER.fullmatch(text):
            return int(text)
        if _FRACTION.fullmatch(text):
            return float(text)
        return text


def _spot(node: Node) -> Spot:
    start, end = node.start_mark, node.end_mark
    length = end.column - start.column if end.line == start.line else 1
    return Spot(start.line + 1, start.column + 1, max(length, 1))


# --- what the YAML reader's complaints mean, in plain words, with what to do about them -----------

_QUOTES = 'put the text in quotes: "…"'


class _Meaning(NamedTuple):
    """What a text of the reader means: what to say, what to do, and whether a tab may be behind it.

    `{char}` is what the pattern found.
    """

    pattern: str
    message: str
    hint: str
    indent: bool = False


_MEANINGS = (
    _Meaning(
        r"found character '\\t'",
        "a tab is not allowed here: YAML indents with spaces",
        "indent with spaces, and put text with tabs in quotes",
        indent=True,
    ),
    _Meaning(
        r"found character '(?P<char>.+)' that cannot start",
        "plain text cannot begin with {char}",
        _QUOTES,
    ),
    _Meaning(
        r"expected alphabetic or numeric character",
        "* and & have a meaning of their own at the beginning of a text",
        'put it in quotes: "*"',
    ),
    _Meaning(
        r"found undefined alias '?(?P<char>[^']*)'?",
        "nothing is called &{char}, so *{char} means nothing",
        'a pattern belongs in quotes: "*{char}"',
    ),
    _Meaning(
        r"found another document",
        "a second document begins here; a mapping is one document",
        "leave out the line ---",
    ),
    _Meaning(
        r"mapping values are not allowed",
        "a colon stands where none can be",
        "check the indentation; a space follows each key's colon; put text with a colon in quotes",
        indent=True,
    ),
    _Meaning(
        r"sequence entries are not allowed",
        "a list cannot begin in the line of its key",
        "begin each item on a line of its own, or write [a, b]",
    ),
    _Meaning(
        r"unexpected end of stream|<stream end>",
        "this is not closed before the end of the file",
        "close the quotes or brackets",
    ),
    _Meaning(
        r"expected ',' or '(?P<char>.)'",
        "a comma or {char} is missing before this",
        "put text with brackets, braces or colons in quotes",
    ),
    _Meaning(
        r"expected <block end>, but found '(\{|\[|<scalar>)",
        "this cannot follow here",
        "put text with braces or brackets in quotes, or check the indentation",
        indent=True,
    ),
    _Meaning(
        r"expected <block end>",
        "this line does not fit the ones before it",
        "check the indentation: what belongs together begins in the same column",
        indent=True,
    ),
    _Meaning(
        r"found unknown escape character",
        "in double quotes, a backslash begins an escape, and this is none",
        r"write the backslash twice, or use single quotes: '\d'",
    ),
    _Meaning(
        r"could not find expected ':'",
        "a colon is missing after a key",
        "write it as key: value",
    ),
)


def in_plain_words(complaint: str, line: str) -> tuple[str, str | None]:
    """Return message and hint for what the reader complains about in this line.

    >>> in_plain_words("found character '@' that cannot start any token", "after: @")[0]
    'plain text cannot begin with @'
    """
    for meaning in _MEANINGS:
        found = re.search(meaning.pattern, complaint)
        if found is None:
            continue
        char = found.groupdict().get("char", "")
        if meaning.indent and re.match(r" *\t", line):
            return "a tab is not allowed here: YAML indents with spaces", "indent with spaces"
        return meaning.message.format(char=char), meaning.hint.format(char=char)
    return f"this is not valid YAML: {complaint}", None
