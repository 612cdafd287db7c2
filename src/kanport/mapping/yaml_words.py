"""What the YAML reader's complaints mean, in plain words, with what to do about them."""

import re
from typing import NamedTuple

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
        "a tab stands where YAML takes blanks only",
        "indent with blanks, and put text with tabs in quotes",
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
        "check the indentation; a blank follows each key's colon; put text with a colon in quotes",
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
    """Give message and hint for what the reader complains about in this line.

    >>> in_plain_words("found character '@' that cannot start any token", "after: @")[0]
    'plain text cannot begin with @'
    """
    for meaning in _MEANINGS:
        found = re.search(meaning.pattern, complaint)
        if found is None:
            continue
        char = found.groupdict().get("char", "")
        if meaning.indent and re.match(r" *\t", line):
            return "a tab stands where YAML takes blanks only", "indent with blanks"
        return meaning.message.format(char=char), meaning.hint.format(char=char)
    return f"this is no YAML that can be read: {complaint}", None
