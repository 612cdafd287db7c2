"""Texts made from facts: templates, plurals, lists and quotes. The only place that knows grammar.

A template is filled from named parameters. After the name of a parameter, a colon says how it
appears:

    {who:q}             in straight quotes; of several, each one in quotes, as a list
    {who:many}          the same with forty, where by default a list names the first five
    {who:all}           the same without an end
    {roles:list}        a list without quotes
    {details:;}         texts or facts one after the other, with semicolons between them
    {changes:+}         the same with commas
    {option:sh}         as a shell takes it, in quotes where needed
    {names:yaml}        as YAML takes it, in quotes where needed; of several, with commas
    {n:#user|users}     a number with its noun, "1 user" or "3 users"
    {n:is|are}          the word alone that goes with the number
    {size:,}            whatever Python's own formats say
"""

import json
import re
import shlex
from collections.abc import Callable, Iterator, Mapping, Sequence
from string import Formatter
from typing import Any

Params = Mapping[str, object]

SHOWN, MANY = 5, 40
# What stands for a secret.
MASK = "••••••"
# What YAML takes for the text that it is, without quotes; but not these words.
_PLAIN = re.compile(r"(?!(?:true|false|yes|no|on|off|null|y|n)$)[A-Za-z][\w.-]*", re.I | re.A)
_NOT_IN_YAML = re.compile("[\x7f-\x9f\u2028\u2029\ud800-\udfff\ufeff\ufffe\uffff]")


def quoted(text: str) -> str:
    r"""Return a text in straight quotes, with what cannot be printed escaped.

    >>> quoted("anna"), quoted("a\tb")
    ('"anna"', '"a\\tb"')
    """
    if not text.isprintable():
        text = "".join(
            char if char.isprintable() else char.encode("unicode_escape").decode() for char in text
        )
    return f'"{text}"'


def listed(texts: Sequence[str], *, most: int | None = SHOWN) -> str:
    """Return texts as a sentence lists them; beyond `most`, how many more there are.

    >>> listed(["a"]), listed(["a", "b"]), listed(["a", "b", "c"]), listed("abcdefg")
    ('a', 'a and b', 'a, b and c', 'a, b, c, d, e and 2 more')
    """
    shown, more = list(texts[:most]), 0 if most is None else max(0, len(texts) - most)
    if more:
        shown.append(f"{more} more")
    if len(shown) < 2:
        return "".join(shown)
    return f"{', '.join(shown[:-1])} and {shown[-1]}"


def counted(number: int, one: str, many: str | None = None) -> str:
    """Return a number in plain digits with its noun; the plural ends in s where none is given.

    >>> counted(1, "user"), counted(2000, "user"), counted(0, "entry", "entries")
    ('1 user', '2000 users', '0 entries')
    """
    return f"{number} {one if number == 1 else many or one + 's'}"


def yaml_quoted(text: str) -> str:
    r"""Return a text in quotes as YAML takes it for this text.

    >>> yaml_quoted("Größe"), yaml_quoted("a\x85b")
    ('"Größe"', '"a\\u0085b"')
    """
    # What JSON writes as a string is one in YAML as well, but for these characters.
    return _NOT_IN_YAML.sub(
        lambda found: f"\\u{ord(found[0]):04x}", json.dumps(text, ensure_ascii=False)
    )


def as_yaml(text: str) -> str:
    """Return a text as YAML takes it for this text.

    >>> as_yaml("WEB"), as_yaml("Beta board"), as_yaml("no")
    ('WEB', '"Beta board"', '"no"')
    """
    return text if _PLAIN.fullmatch(text) else yaml_quoted(text)


def fill(template: str, params: Params) -> str:
    """Return a template with its parameters filled in; raise KeyError for one that is missing.

    >>> fill("{who:q} {n:is|are} in {n:#row|rows}", {"who": ("ada", "bob"), "n": 2})
    '"ada" and "bob" are in 2 rows'
    """
    return _FORMATTER.vformat(template, (), params)


def fields_of(template: str) -> Iterator[str]:
    """Yield the names of the parameters that a template shows.

    >>> sorted(set(fields_of("{who:q} {n:is|are} in {n:#row|rows}")))
    ['n', 'who']
    """
    return (name for _, name, _, _ in _FORMATTER.parse(template) if name)


class _Texts(Formatter):
    def format_field(self, value: Any, format_spec: str) -> str:
        if "|" in format_spec:
            one, _, many = format_spec.removeprefix("#").partition("|")
            word = one if value == 1 else many
            return f"{value} {word}" if format_spec.startswith("#") else word
        if format_spec in _AS:
            return _AS[format_spec](list(map(str, value if isinstance(value, tuple) else [value])))
        if isinstance(value, tuple):
            return listed(list(map(str, value)))
        if not isinstance(value, int | float):
            value = str(value)
        return format(value, format_spec)


_AS: Mapping[str, Callable[[Sequence[str]], str]] = {
    "q": lambda texts: listed([quoted(text) for text in texts]),
    "many": lambda texts: listed([quoted(text) for text in texts], most=MANY),
    "all": lambda texts: listed([quoted(text) for text in texts], most=None),
    "list": listed,
    ";": "; ".join,
    "+": ", ".join,
    "sh": shlex.join,
    "yaml": lambda texts: ", ".join(map(as_yaml, texts)),
}
_FORMATTER = _Texts()
