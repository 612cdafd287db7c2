"""What the YAML reader's complaints mean, in plain words, with what to do about them."""

import re

_QUOTES = 'put the text in quotes: "…"'

# The reader's text, what to say, what to do.
_MEANINGS: tuple[tuple[str, str, str | None], ...] = (
    (
        r"found character '\\t'",
        "a tab stands where YAML takes blanks only",
        "indent with blanks, and put text with tabs in quotes",
    ),
    (
        r"found character '(?P<char>.+)' that cannot start",
        "plain text cannot begin with {char}",
        _QUOTES,
    ),
    (
        r"expected alphabetic or numeric character",
        "* and & have a meaning of their own at the beginning of a text",
        'put it in quotes: "*"',
    ),
    (
        r"found undefined alias '?(?P<char>[^']*)'?",
        "nothing is called &{char}, so *{char} means nothing",
        'a pattern belongs in quotes: "*{char}"',
    ),
    (
        r"found another document",
        "a second document begins here; a mapping is one document",
        "leave out the line ---",
    ),
    (
        r"mapping values are not allowed",
        "a colon stands where none can be",
        "check the indentation; a blank follows each key's colon; put text with a colon in quotes",
    ),
    (
        r"sequence entries are not allowed",
        "a list cannot begin in the line of its key",
        "begin each item on a line of its own, or write [a, b]",
    ),
    (
        r"unexpected end of stream|<stream end>",
        "this is not closed before the end of the file",
        "close the quotes or brackets",
    ),
    (
        r"expected ',' or '(?P<char>.)'",
        "a comma or {char} is missing before this",
        "put text with brackets, braces or colons in quotes",
    ),
    (
        r"expected <block end>, but found '(\{|\[|<scalar>)",
        "this cannot follow here",
        "put text with braces or brackets in quotes, or check the indentation",
    ),
    (
        r"expected <block end>",
        "this line does not fit the ones before it",
        "check the indentation: what belongs together begins in the same column",
    ),
    (
        r"found unknown escape character",
        "in double quotes, a backslash begins an escape, and this is none",
        r"write the backslash twice, or use single quotes: '\d'",
    ),
    (
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
    for pattern, message, hint in _MEANINGS:
        found = re.search(pattern, complaint)
        if found is None:
            continue
        char = found.groupdict().get("char", "")
        if "indent" in (hint or "") and re.match(r" *\t", line):
            return "a tab stands where YAML takes blanks only", "indent with blanks"
        return message.format(char=char), hint and hint.replace("{char}", char)
    return f"this is no YAML that can be read: {complaint}", None
