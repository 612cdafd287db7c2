"""A short paper of headings and lists, for what is no report of a plan or a run.

It is made once and drawn in several formats. What comes from outside stands apart as `Data` or
`Prose`, so that each format can show it as what it is: text, and never markup.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from kanport.report.markdown import code, prose
from kanport.report.parts import Level
from kanport.report.visible import visible


@dataclass(frozen=True, slots=True)
class Data:
    """A text from outside: a name, a value, a place."""

    text: str


@dataclass(frozen=True, slots=True)
class Prose:
    """A sentence in which something from outside may stand, such as a reason or a message."""

    text: str


Part = str | Data | Prose
"""A piece of a line; a plain text is ours, and has nothing from outside in it."""

Words = tuple[Part, ...]
"""A line, put together of its pieces without blanks between."""


@dataclass(frozen=True, slots=True)
class Item:
    """A line of a list, with what belongs under it."""

    words: Words
    items: tuple["Item", ...] = ()


@dataclass(frozen=True, slots=True)
class Section:
    """A heading and its list; it is left out where the list is empty."""

    title: Words
    items: tuple[Item, ...]


@dataclass(frozen=True, slots=True)
class Document:
    """A title, what it comes to in one sentence, and the sections."""

    title: Words
    level: Level
    headline: Words
    sections: tuple[Section, ...]

    @property
    def told(self) -> tuple[Section, ...]:
        """The sections that say something."""
        return tuple(section for section in self.sections if section.items)


def item(*words: Part, under: Iterable[Item] = ()) -> Item:
    """Give a line of a list from its words."""
    return Item(words, tuple(under))


_MARKS = {Level.GOOD: "OK", Level.NOTE: "Note", Level.LOOK: "Attention", Level.STOP: "Problem"}


def as_text(document: Document) -> str:
    """Give a document as plain lines that end with a line break."""
    return "\n".join(_text_lines(document)) + "\n"


def _text_lines(document: Document) -> Iterator[str]:
    yield plain(document.title)
    yield f"{_MARKS[document.level]}: {plain(document.headline)}"
    for section in document.told:
        yield ""
        yield plain(section.title)
        yield from _indented(section.items, "  ", plain, "")


def as_markdown(document: Document) -> str:
    """Give a document as Markdown that ends with a line break."""
    return "\n".join(_markdown_lines(document)) + "\n"


def _markdown_lines(document: Document) -> Iterator[str]:
    yield f"# {_marked(document.title)}"
    yield ""
    yield f"**{_MARKS[document.level]}:** {_marked(document.headline)}"
    for section in document.told:
        yield from ("", f"## {_marked(section.title)}", "")
        yield from _indented(section.items, "", _marked, "- ")


def _indented(
    items: Iterable[Item], indent: str, told: Callable[[Words], str], bullet: str
) -> Iterator[str]:
    for one in items:
        yield f"{indent}{bullet}{told(one.words)}"
        yield from _indented(one.items, f"{indent}  ", told, bullet)


def plain(words: Words) -> str:
    """Give words as text on one line, in which every character can be seen.

    >>> plain(("user ", Data("ada\\x1b[2J")))
    'user ada\\\\x1b[2J'
    """
    return "".join(part if isinstance(part, str) else visible(part.text) for part in words)


def _marked(words: Words) -> str:
    return "".join(map(_piece, words))


def _piece(part: Part) -> str:
    if isinstance(part, str):
        return part
    return code(part.text) if isinstance(part, Data) else prose(part.text)
