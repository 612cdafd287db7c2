"""What a manager needs: what would happen or has happened, to whom, and whether it is dangerous."""

from collections.abc import Iterator

from kanport.report.html.charts import bar
from kanport.report.html.marks import ENDINGS, LEVELS, level_mark
from kanport.report.html.markup import Html, el, text
from kanport.report.parts import Count, View
from kanport.report.words import utc

# What became of changes, as bars: by the key of the number in the sums.
_TALLY = {
    "done": "done",
    "already_so": "same",
    "failed": "fail",
    "skipped": "skip",
    "not_attempted": "rest",
    "as_planned": "done",
    "not_as_planned": "fail",
}
_FIGURES = ("people", "projects", "risky", "users", "memberships", "invalid_rows")


def masthead(view: View) -> Html:
    """Give the head of the page: what it is about."""
    facts = view.facts
    about = [
        f"{facts.server.url}" if facts.server else "",
        f"run {facts.run.id}" if facts.run else "",
        utc(facts.run.started_at if facts.run else facts.verified_at or facts.created_at),
    ]
    return el(
        "header",
        el("h1", text(view.title)),
        el("p", *_dotted([text(part) for part in about if part])),
        class_="masthead",
    )


def _dotted(parts: list[Html]) -> Iterator[Html]:
    for number, part in enumerate(parts):
        if number:
            yield Html(" · ")
        yield el("span", part)


def verdict(view: View) -> Html:
    """Give the sentence that it all comes to, and the few beside it."""
    word = LEVELS[view.level][1]
    return el(
        "section",
        el("h2", "In short", class_="unseen", id="short"),
        el(
            "p",
            level_mark(view.level),
            el("span", el("span", f"{word}: ", class_="unseen"), text(view.headline)),
            class_="headline",
        ),
        el(
            "ul",
            *(
                el("li", level_mark(sentence.level), el("span", text(sentence.text)))
                for sentence in view.sentences
            ),
        )
        if view.sentences
        else "",
        class_=f"verdict {view.level}",
        aria_labelledby="short",
    )


def figures(view: View) -> Html:
    """Give the few numbers that everybody asks for."""
    counts = {count.key: count for count in view.counts}
    chosen = [total.total for total in view.sums if total.total.key in ("changes", "findings")]
    chosen[1:1] = [counts[key] for key in _FIGURES if key in counts]
    return el("ul", *map(_figure, chosen), class_="figures")


def _figure(count: Count) -> Html:
    return el("li", el("b", str(count.number)), " ", text(count.label))


def tally(view: View) -> Html:
    """Give planned beside done as one bar with its numbers; nothing where nothing was done."""
    numbers = view.numbers
    if numbers is None or not numbers.planned:
        return Html("")
    title = "Is it as planned?" if view.verified else "Did it work?"
    parts = {key: number for key, number in numbers.to_dict().items() if key != "planned"}
    signs = {ending.replace(" ", "_"): mark for ending, mark in ENDINGS.items()}
    legend = (
        el(
            "li",
            bar([(_TALLY[key], 1)], 1),
            el("b", str(number)),
            f" {signs[key]} {key.replace('_', ' ')}",
            class_=None if number else "none",
        )
        for key, number in parts.items()
    )
    return el(
        "section",
        el("h2", title, id="worked"),
        el("p", el("b", str(numbers.planned)), " planned =", class_="sum"),
        bar([(_TALLY[key], number) for key, number in parts.items()], numbers.planned),
        el("ul", *legend, class_="legend"),
        class_="tally",
        aria_labelledby="worked",
    )


def next_steps(view: View) -> Html:
    """Give what to do next; nothing where there is nothing to say."""
    if not view.next_steps:
        return Html("")
    return el(
        "section",
        el("h2", "Next steps", id="next"),
        el("ul", *(el("li", text(step)) for step in view.next_steps)),
        class_="next",
        aria_labelledby="next",
    )
