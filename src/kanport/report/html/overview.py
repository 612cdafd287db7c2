"""Pictures of the whole: changes by kind and by project, tables of numbers with a bar each."""

from collections.abc import Iterable, Sequence

from kanport.outcome import Tally, Verified
from kanport.report.html.charts import bar
from kanport.report.html.marks import KINDS, sign
from kanport.report.html.markup import EOL, Html, el, text
from kanport.report.parts import ProjectAccess, View

_PROJECTS = 12  # in the picture; the list by project has all


def kinds(view: View) -> Html:
    """Give how many changes there are of each kind, and what became of them."""
    if not view.summary:
        return Html("")
    longest = max(row.planned for row in view.summary)
    rows = [
        el(
            "tr",
            EOL,
            el("th", sign(row.symbol), " ", text(row.label), scope="row"),
            el("td", bar([(KINDS[row.symbol], row.planned)], longest)),
            *_numbers(_tally(row.planned, row.tally).values()),
        )
        for row in view.summary
    ]
    total = _tally(len(view.lines), view.numbers)
    rows.append(
        el("tr", EOL, el("th", "all changes", scope="row"), el("td"), *_numbers(total.values()))
    )
    heads = [key.replace("_", " ") for key in total]
    return _figure("Changes by kind", "kinds", "Change", heads, rows)


def projects(view: View) -> Html:
    """Give the changes of access to the projects that change most."""
    if not view.projects:
        return Html("")
    most = sorted(view.projects, key=_changes, reverse=True)[:_PROJECTS]
    longest = max(map(_changes, most))
    rows = [
        el(
            "tr",
            EOL,
            el("th", text(access.project), scope="row"),
            el("td", bar(parts_of(access), longest)),
            *_numbers(number for _, number in parts_of(access)),
        )
        for access in most
    ]
    heads = ["+ granted", "~ changed", "− revoked"]
    few = len(most) < len(view.projects)
    title = f"Changes by project, the {_PROJECTS} with the most" if few else "Changes by project"
    return _figure(title, "projects", "Project", heads, rows)


def parts_of(access: ProjectAccess) -> list[tuple[str, int]]:
    """Give the numbers of a project, each with the pattern that stands for it."""
    return [
        ("add", access.made.granted + access.groups_made.granted),
        ("mod", access.made.changed + access.groups_made.changed),
        ("del", access.made.revoked + access.groups_made.revoked),
    ]


def _changes(access: ProjectAccess) -> int:
    return len(access.lines)


def _tally(planned: int, tally: Tally | Verified | None) -> dict[str, int]:
    return tally.to_dict() if tally else {"planned": planned}


def _numbers(numbers: Iterable[int]) -> list[Html]:
    return [el("td", str(number), class_=None if number else "none") for number in numbers]


def _figure(title: str, name: str, first: str, heads: Sequence[str], rows: list[Html]) -> Html:
    top = (
        el("th", first, scope="col"),
        el("td", class_="bars"),
        *(el("th", head, scope="col") for head in heads),
    )
    table = el(
        "table",
        el("caption", title),
        el("thead", el("tr", *top)),
        el("tbody", *rows),
        class_="chart",
    )
    return el("div", table, class_=f"figure by-{name}", tabindex=0, role="region", aria_label=title)
