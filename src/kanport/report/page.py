"""A page of text for a terminal, or for a pipe: what fits, what can be encoded, what is safe."""

from collections.abc import Iterable, Iterator
from dataclasses import field

from rich.cells import cell_len
from rich.console import Console
from rich.table import Table
from rich.text import Text

from kanport.messages import MASK
from kanport.records import dataclass
from kanport.report.escape import escape_control, escape_name

_ASCII = {"→": "->", "·": "|", "…": "...", "─": "-", "✓": "ok", "✗": "x", "•": "*", "×": "x"}
_LEAST = 24  # cells for words; where indents would leave less, they shrink
_GLYPHS = "".join(_ASCII)


@dataclass(frozen=True, slots=True)
class Page:
    """Lines on their way to a console. `width` is None where no person looks at a screen.

    Then nothing is wrapped, aligned or colored: each record is one line, as `grep` wants it.
    """

    console: Console
    width: int | None
    encoding: str
    lines: list[Text | str] = field(default_factory=list)

    @classmethod
    def on(cls, console: Console) -> "Page":
        """Make a page that suits a console."""
        screen = console.is_terminal and not console.is_dumb_terminal
        return cls(console, console.width if screen else None, console.encoding)

    @property
    def plain(self) -> bool:
        """Whether this goes to a file or a pipe."""
        return self.width is None

    def glyph(self, text: str) -> str:
        """Return marks of our own as they are, or in ASCII where the encoding cannot hold them."""
        try:
            _GLYPHS.encode(self.encoding)
        except UnicodeEncodeError:
            for mark, instead in _ASCII.items():
                text = text.replace(mark, instead)
        return text

    def styled(self, text: str, style: str = "") -> Text:
        """Return somebody's data as text that is safe to show; markup in it stays text."""
        # As a span: a style of the whole text would color what is appended to it as well.
        return Text().append(self.safe(text), style)

    def safe(self, text: str) -> str:
        """Return somebody's data as a plain string that is safe to show."""
        if MASK in text:
            text = text.replace(MASK, self.glyph(MASK))
        return escape_name(text, self.encoding)

    def prose(self, text: str, style: str = "") -> Text:
        """Return a sentence with somebody's data in it as text that is safe to show."""
        return Text().append(escape_control(self.glyph(text), self.encoding), style)

    def mark(self, text: str, style: str = "") -> Text:
        """Return words and marks of our own."""
        return Text().append(self.glyph(text), style)

    def add(self, text: Text | str, *, indent: int = 0, hang: int = 0) -> None:
        """Add a line; on a screen it is wrapped, `hang` deeper from its second line on.

        A plain string is for pages that go to a file or a pipe only.
        """
        if self.width is None or isinstance(text, str):
            self.lines.append(text)
            return
        indent = indent if self.width - indent >= _LEAST else 2
        hang = hang if self.width - indent - hang >= _LEAST else 2
        for number, line in enumerate(self.wrapped(text, self.width - indent, hang)):
            self.lines.append(Text(" " * (indent + (hang if number else 0))).append_text(line))

    def wrapped(self, text: Text, width: int, hang: int = 0) -> Iterator[Text]:
        """Return the lines of a text that fit into a width, less `hang` from the second on."""
        while cell_len(text.plain) > width:
            # A page that is narrower than its indents still shows everything.
            first = text.wrap(self.console, max(width, 10), overflow="fold")[0]
            text = text[len(first) :]
            text = text[len(text.plain) - len(text.plain.lstrip()) :]
            first.rstrip()
            yield first
            width, hang = max(width - hang, 10), 0
        yield text

    def cut(self, text: Text, indent: int = 0) -> Text:
        """Return a text cut to one line of a screen, after an indent."""
        if self.width is not None:
            text.truncate(max(self.width - indent, _LEAST), overflow="ellipsis")
        return text

    def add_table(self, table: Table, *, indent: int = 0) -> None:
        """Add the lines of a table, which takes the width of the screen."""
        width = self.width or 0
        indent = indent if width - indent >= _LEAST else 0
        options = self.console.options.update(width=max(width - indent, _LEAST))
        for segments in self.console.render_lines(table, options, pad=False):
            line = Text(" " * indent)
            for segment in segments:
                line.append(segment.text, segment.style)
            line.rstrip()
            self.lines.append(line)

    def section(self, title: str) -> None:
        """Begin a section."""
        self.lines.append(Text())
        heading = self.mark(title, "bold")
        if self.width is not None:
            rest = self.width - cell_len(title) - 1
            if rest > 0:
                heading.append_text(self.mark(f" {'─' * rest}", "dim"))
        self.add(heading)

    def show(self) -> None:
        """Print the page."""
        if self.plain:
            lines = (line if isinstance(line, str) else line.plain for line in self.lines)
            # Past the console, which would look at each character twice more.
            self.console.file.write("\n".join(lines) + "\n")
            return
        page = Text("\n").join(line for line in self.lines if isinstance(line, Text))
        self.console.print(page, soft_wrap=True, highlight=False, markup=False, emoji=False)


def width_of(texts: Iterable[str], most: int) -> int:
    """Return how many cells the widest text takes, leaving out of account those above a limit."""
    return max((size for text in texts if (size := cell_len(text)) <= most), default=0)


def padded(text: Text, width: int) -> Text:
    """Return a text filled up with blanks to a width in cells."""
    text.append(" " * max(width - cell_len(text.plain), 0))
    return text
