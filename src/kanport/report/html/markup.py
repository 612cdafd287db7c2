"""Markup that is safe by construction: whatever is not markup already is escaped.

End tags that HTML lets one leave out are left out: with 50,000 changes they are megabytes.
"""

import re
import unicodedata
from collections.abc import Mapping
from functools import lru_cache

from kanport.report.visible import visible

# What follows these ends them, or the end of their parent does.
_OPEN_ENDED = frozenset(["dd", "dt", "li", "option", "tbody", "td", "th", "thead", "tr"])
_VOID = frozenset(["br", "col", "hr", "input", "link", "meta"])
_PLAIN = re.compile(r"[A-Za-z0-9_./#%:-]+")
_ESCAPES = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;"})
_RIGHT_TO_LEFT = {"R", "AL"}


class Html(str):
    """Text that is markup already, and is not escaped again."""

    __slots__ = ()


# The end of a line in the file, for those who read or compare it; a browser does not show it.
EOL = Html("\n")


@lru_cache(maxsize=16384)
def text(value: str) -> Html:
    r"""Give data as it is to be read: no markup, and every character can be seen.

    What is written from right to left is kept from moving its neighbours.

    >>> text("a<b>\u202e\0"), text("\u05d0")
    ('a&lt;b&gt;\\u202e\\x00', '<bdi>א</bdi>')
    """
    shown = visible(value).translate(_ESCAPES)
    if not shown.isascii() and any(unicodedata.bidirectional(c) in _RIGHT_TO_LEFT for c in shown):
        return Html(f"<bdi>{shown}</bdi>")
    return Html(shown)


def el(name: str, /, *children: str, **attributes: str | int | bool | None) -> Html:
    """Give an element; children that are no markup are data.

    An attribute is left out where it is None or False and has no value where it is True. Names of
    attributes lose an underscore at the end; others become hyphens.

    >>> el("td", "1 < 2", el("b", "so"), class_="x", data_a='"')
    '<td class=x data-a="&quot;">1 &lt; 2<b>so</b>'
    """
    start = f"<{name}{_attributes(attributes)}>" if attributes else f"<{name}>"
    if name in _VOID:
        return Html(start)
    body = "".join([part if type(part) is Html else words(part) for part in children])
    return Html(f"{start}{body}" if name in _OPEN_ENDED else f"{start}{body}</{name}>")


def join(*parts: str) -> Html:
    """Put parts side by side; those that are no markup are data.

    >>> join("a & ", el("b", "c"))
    'a &amp; <b>c</b>'
    """
    return Html("".join([part if type(part) is Html else words(part) for part in parts]))


@lru_cache(maxsize=1024)
def words(value: str) -> Html:
    """Give words of our own, of which the blanks at the ends count.

    >>> words(" in "), words("<")
    (' in ', '&lt;')
    """
    core = value.strip(" ")
    if not core:
        return Html(value)
    before, _, after = value.partition(core)
    return Html(before + text(core) + after)


def _attributes(attributes: Mapping[str, str | int | bool | None]) -> str:
    told = ""
    for name, value in attributes.items():
        if value is None or value is False:
            continue
        told += f" {name.rstrip('_').replace('_', '-')}"
        if value is True:
            continue
        given = str(value)
        if _PLAIN.fullmatch(given):
            told += f"={given}"
        else:
            shown = visible(given) if given else ""
            told += f'="{shown.translate(_ESCAPES).replace(chr(34), "&quot;")}"'
    return told
