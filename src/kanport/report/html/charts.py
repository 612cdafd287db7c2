"""Pictures: bars that are drawn beside the numbers that they stand for.

The numbers and words are in the table; a bar has a pattern of its own, so that colour is not
needed. Nothing is counted here: a bar's length is a number of the view, divided by the longest.
"""

from collections.abc import Sequence

from kanport.report.html.markup import Html, el, join

_PATTERNS = {
    "add": '<rect width="8" height="8" class="base"/>',
    "mod": '<rect width="8" height="8" class="base"/><path d="M-2 10 10-2M-6 6 6-6M2 14 14 2"/>',
    "del": '<rect width="8" height="8" class="base"/><circle cx="4" cy="4" r="1.6"/>',
    "done": '<rect width="8" height="8" class="base"/>',
    "same": '<rect width="8" height="8" class="base"/><path d="M0 4H8"/>',
    "fail": '<rect width="8" height="8" class="base"/><path d="M0 0 8 8M8 0 0 8"/>',
    "skip": '<rect width="8" height="8" class="base"/><path d="M-2 10 10-2M-6 6 6-6M2 14 14 2"/>',
    "rest": '<rect width="8" height="8" class="base"/><circle cx="4" cy="4" r="1.2"/>',
    "was": '<rect width="8" height="8" class="base"/><path d="M-2 10 10-2M-6 6 6-6M2 14 14 2"/>',
    "now": '<rect width="8" height="8" class="base"/>',
}


def patterns() -> Html:
    """Give the patterns that the bars are filled with; they stand in a report once."""
    drawn = "".join(
        f'<pattern id="fill-{name}" class="{name}" width="8" height="8" '
        f'patternUnits="userSpaceOnUse">{shapes}</pattern>'
        for name, shapes in _PATTERNS.items()
    )
    return Html(
        '<svg width="0" height="0" class="patterns" aria-hidden="true" focusable="false">'
        f"<defs>{drawn}</defs></svg>"
    )


def bar(parts: Sequence[tuple[str, int]], longest: int) -> Html:
    """Give a bar of parts, each a pattern's name and its number, as wide as its sum of the longest.

    A part that is not nothing can always be seen.
    """
    rects: list[Html] = []
    at = 0.0
    for name, number in parts:
        if number:
            width = max(100 * number / longest, 0.4)
            rects.append(_rect(name, at, width))
            at += width
    return el("svg", join(*rects), class_="bar", aria_hidden="true", focusable="false")


def pair(before: int, after: int, longest: int) -> Html:
    """Give two thin bars, one over the other: what was and what will be."""
    rects = [
        _rect(name, 0, 100 * number / longest, top=top, height="6")
        for name, number, top in (("was", before, "1"), ("now", after, "9"))
        if number
    ]
    return el("svg", join(*rects), class_="pair", aria_hidden="true", focusable="false")


def _rect(name: str, at: float, width: float, *, top: str = "0", height: str = "100%") -> Html:
    return el(
        "rect",
        x=f"{at:.2f}%",
        y=top,
        width=f"{width:.2f}%",
        height=height,
        fill=f"url(#fill-{name})",
    )


def swatch(name: str) -> Html:
    """Give a small field of a pattern, for a legend."""
    return el("svg", _rect(name, 0, 100), class_="swatch", aria_hidden="true", focusable="false")
