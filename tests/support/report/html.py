"""A page read back with the parser of the standard library, as tests want to look at it."""

from dataclasses import dataclass, field
from html.parser import HTMLParser

Attributes = list[tuple[str, str | None]]


@dataclass
class Part:
    """What stands under a heading: its rows of cells, the items of its lists, all its text."""

    rows: list[list[str]] = field(default_factory=list)
    items: list[str] = field(default_factory=list)
    text: str = ""


class Reader(HTMLParser):
    """Collects the text of a page by its second headings, and whatever could do harm."""

    def __init__(self, page: str) -> None:
        super().__init__(convert_charrefs=True)
        self.parts: dict[str, Part] = {}
        self.tags: set[str] = set()
        self.attributes: set[str] = set()
        self.links: list[str] = []
        self.metas: list[dict[str, str | None]] = []
        self.styles: list[str] = []
        self.scripts: list[str] = []
        self.title = ""
        self._part = Part()
        self._where = ""
        self._heading: str | None = None
        self._cell = False
        self.feed(page)
        self.close()

    @property
    def text(self) -> str:
        """All that is text below the headings."""
        return "".join(part.text for part in self.parts.values())

    def handle_starttag(self, tag: str, attrs: Attributes) -> None:
        self.tags.add(tag)
        self.attributes.update(name for name, _ in attrs)
        given = dict(attrs)
        self.links += [str(given[name]) for name in ("href", "src") if name in given]
        if tag == "meta":
            self.metas.append(given)
        elif tag == "h2":
            self._heading = ""
        elif tag == "thead":
            self._where = ""
        elif tag == "tr":
            self._part.rows.append([])
            self._where = ""
        elif tag in ("td", "th"):
            self._part.rows[-1].append("")
            self._where = "cell"
        elif tag in ("li", "dt", "dd"):
            self._part.items.append("")
            self._where = "item"
        elif tag == "br":
            self.handle_data("\n")
        elif tag in ("style", "script", "title"):
            self._where = tag

    def handle_endtag(self, tag: str) -> None:
        if tag == "h2" and self._heading is not None:
            self._part = self.parts.setdefault(self._heading, Part())
            self._heading = None
            self._where = ""
        elif tag in ("table", "ul", "dl", "style", "script", "title"):
            self._where = ""

    def handle_data(self, data: str) -> None:
        if self._where == "style":
            self.styles.append(data)
            return
        if self._where == "script":
            self.scripts.append(data)
            return
        if self._where == "title":
            self.title += data
            return
        if self._heading is not None:
            self._heading += data
            return
        self._part.text += data
        if self._where == "cell":
            self._part.rows[-1][-1] += data
        elif self._where == "item":
            self._part.items[-1] += data
