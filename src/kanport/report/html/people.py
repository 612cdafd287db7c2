"""The people of a report: their names, and the places that links to them lead to."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from kanport.report.html.markup import Html, el, join, text
from kanport.report.html.scale import brief
from kanport.report.parts import View


@dataclass(frozen=True, slots=True)
class People:
    """The people of a report by their login names: where they stand, and what they are called."""

    anchors: Mapping[str, str]
    names: Mapping[str, str]
    brief: bool

    @classmethod
    def of(cls, view: View) -> "People":
        """Number the people of a view in their order."""
        return cls(
            _by_username(view, [f"p{number}" for number in range(1, len(view.people) + 1)]),
            _by_username(view, [person.name for person in view.people]),
            brief(view),
        )

    def head(self, username: str) -> Html:
        """Give a person's name with the login name; the login name alone in a page in brief."""
        login = self.login(username)
        return login if self.brief else self._named(username, login)

    def linked(self, username: str) -> Html:
        """Give a person's name with a login name that leads to all of the person's changes."""
        return self._named(username, self.link(username))

    def link(self, username: str) -> Html:
        """Give a login name that leads to all of the person's changes.

        What is no person, such as a group, is told without a link.
        """
        anchor = self.anchors.get(username)
        login = self.login(username)
        return el("a", login, href=f"#{anchor}") if anchor is not None else login

    def login(self, username: str) -> Html:
        """Give a login name."""
        return text(username)

    def _named(self, username: str, login: Html) -> Html:
        name = self.names.get(username)
        return join(text(name), el("i", login)) if name and name != username else login


def _by_username(view: View, values: Sequence[str]) -> dict[str, str]:
    """Return what belongs to each person by username; whoever has a name now comes first."""
    pairs = list(zip(view.people, values, strict=True))
    found = {person.username: value for person, value in reversed(pairs)}
    for person, value in pairs:
        for earlier in person.earlier:
            found.setdefault(earlier, value)
    return found
