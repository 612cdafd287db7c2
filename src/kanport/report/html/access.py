"""Access before and after, as a matrix of projects and roles."""

from collections.abc import Iterator

from kanport.report.html.charts import pair, swatch
from kanport.report.html.markup import EOL, Html, el, join, text
from kanport.report.html.scale import PIECE
from kanport.report.parts import View
from kanport.report.tables import Matrix, MatrixRow, RoleCount


def matrix(view: View) -> Iterator[Html]:
    """Give how many people have each role in each project, before and after, in pieces."""
    told = view.matrix
    if told is None or not told.rows:
        return
    yield el("p", swatch("was"), " before ", swatch("now"), " after", class_="key")
    longest = max((max(c.before, c.after) for row in told.rows for c in row.cells), default=1) or 1
    for start in range(0, len(told.rows), PIECE):
        rows = [_row(row, longest) for row in told.rows[start : start + PIECE]]
        if start + PIECE >= len(told.rows):
            rows.append(_total(told))
        caption = "People with each role in each project, before and after"
        heads = ("Project", *told.roles, "all roles")
        table = el(
            "table",
            el("caption", caption, f", from number {start + 1}" if start else ""),
            el("thead", el("tr", *(el("th", text(head), scope="col") for head in heads))),
            el("tbody", *rows),
        )
        long = " long" if len(rows) >= PIECE else ""
        yield el(
            "div",
            table,
            class_=f"matrix{long}",
            tabindex=0,
            role="region",
            aria_label=f"{caption}, {start + 1}" if start else caption,
        )


def _row(row: MatrixRow, longest: int) -> Html:
    every = RoleCount("", row.before, row.after)
    return el(
        "tr",
        EOL,
        el("th", text(row.project), scope="row"),
        *(_cell(cell, longest) for cell in row.cells),
        _cell(every, 0),
    )


def _total(told: Matrix) -> Html:
    every = RoleCount("", told.before, told.after)
    return el(
        "tr",
        EOL,
        el("th", "all projects", scope="row"),
        *(_cell(cell, 0) for cell in (*told.totals, every)),
        class_="total",
    )


def _cell(cell: RoleCount, longest: int) -> Html:
    """Give a cell; with a bar for each of both where there is a longest one to hold them to."""
    bars = pair(cell.before, cell.after, longest) if longest else Html("")
    if cell.before == cell.after:
        return el("td", el("i", str(cell.before)), bars)
    sign = "▲" if cell.after > cell.before else "▼"
    return el(
        "td",
        join(el("i", f"{cell.before} → "), el("b", str(cell.after)), el("span", f" {sign}")),
        bars,
        class_="up" if cell.after > cell.before else "down",
    )
