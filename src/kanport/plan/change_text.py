"""Changes as JSON text: what many of half a million changes have in common is encoded once."""

from collections.abc import Callable, Iterable, Mapping
from json import JSONEncoder
from json.encoder import encode_basestring as quoted
from operator import itemgetter
from typing import Any, NamedTuple

from kanport.facts import Fact
from kanport.origin import Origin
from kanport.plan.change import Change, RelationChange, UserChange, UserSide, called
from kanport.plan.model import change_in_file

# A gap in a template; JSON text holds no such character but escaped.
_GAP = "\0{}\0".format
_SUBJECT = {name: _GAP(name) for name in ("username", "project", "group")}
_CHANGE = {name: _GAP(name) for name in ("id", "user_id", "project_id", "group_id")}
_SIDES = {name: _GAP(name) for name in ("before", "after")}
_ORIGIN = f"[{_GAP('origin')}]"
_PLACE = {name: _GAP(name) for name in ("row", "cell", "dn")}
# In this order the values for the gaps of a change are given.
_GAPS = (*_CHANGE, *_SUBJECT, *_SIDES, "origin")


class _Template(NamedTuple):
    """A text with `%s` in its gaps; `pick` takes the values for them out of those for all gaps."""

    text: str
    pick: Callable[[tuple[object, ...]], object]

    @classmethod
    def of(cls, text: str, gaps: Iterable[str]) -> "_Template":
        """Return the template of a text with `_GAP`s, whose values come in the order of `gaps`."""
        constant = [part.replace("%", "%%") for part in text.split("\0")[::2]]
        at = list(map(list(gaps).index, text.split("\0")[1::2]))
        return cls("%s".join(constant), itemgetter(*at) if at else itemgetter(slice(0)))


class ChangeTexts:
    """Writes changes as a JSON encoder (without `ensure_ascii`) would write them in the plan file.

    Changes and places that have the same parts, and the same in those that repeat, share a
    template. Templates hold wordings, so use each of these for one file only.
    """

    def __init__(self, encoder: JSONEncoder) -> None:
        """Keep the encoder, which says how keys are ordered and what separates parts."""
        self._encoder, self._comma = encoder, encoder.item_separator
        self._changes: dict[object, _Template] = {}
        self._places: dict[object, _Template] = {}
        self._rows: dict[object, str] = {}
        self._sides: dict[object, _Template] = {}
        self._causes: dict[Fact | None, int] = {}
        self._names: dict[str | None, str] = {}

    def of(self, changes: Iterable[Change]) -> list[str]:
        """Return the text of each change."""
        # Most changes share the object that is their reason, whose hash takes longer than its id.
        causes: dict[int, int] = {}
        names, quoted_name, place_text = self._names, self._quoted_name, self._place
        texts = []
        for change in changes:
            sides: tuple[object, object]
            if isinstance(change, UserChange):
                sides = change.before is None, change.after is None
                old, new = self._side(change.before), self._side(change.after)
            elif isinstance(change, RelationChange):
                # Without the properties, whose calls take longer than all the rest of this.
                before, after = change.before, change.after
                sides = before and before.role, after and after.role
                old = new = ""
            else:
                texts.append(self._encoder.encode(change_in_file(change)))
                continue
            why = change.why
            username, user_id = change.username, change.user_id
            project, project_id = change.project, change.project_id
            group, group_id = change.group, change.group_id
            if (cause := causes.get(id(why))) is None:
                cause = causes[id(why)] = self._causes.setdefault(why, len(self._causes))
            if username is None:
                username = called(change)
            shape = (
                id(change.action),
                cause,
                change.wording,
                change.risk,
                sides,
                username is None,
                user_id is None,
                project is None,
                project_id is None,
                group is None,
                group_id is None,
            )
            if (template := self._changes.get(shape)) is None:
                template = self._changes[shape] = self._template_of(change)
            origin = change.origin
            values = (
                quoted(change.id),
                user_id,
                project_id,
                group_id,
                quoted(username or ""),
                names.get(project) or quoted_name(project),
                names.get(group) or quoted_name(group),
                old,
                new,
                place_text(origin[0])
                if len(origin) == 1
                else self._comma.join(map(place_text, origin)),
            )
            texts.append(template.text % template.pick(values))
        return texts

    def _quoted_name(self, name: str | None) -> str:
        text = self._names[name] = quoted(name or "")
        return text

    def _template_of(self, change: RelationChange | UserChange) -> _Template:
        parts = change_in_file(change)
        gaps = _CHANGE | (_SIDES if isinstance(change, UserChange) else {})
        gaps |= {"subject": self._with_gaps(parts["subject"], _SUBJECT), "origin": _ORIGIN}
        return _Template.of(self._with_gaps(parts, gaps), _GAPS)

    def _side(self, side: UserSide | None) -> str:
        if side is None:
            return ""
        values = side.values
        names = tuple(values)
        if (template := self._sides.get(names)) is None:
            text = self._with_gaps(values, {name: _GAP(name) for name in names})
            template = self._sides[names] = _Template.of(text, names)
        encode = self._encoder.encode
        texts = tuple([quoted(v) if isinstance(v, str) else encode(v) for v in values.values()])
        return template.text % template.pick(texts)

    def _place(self, place: Origin) -> str:
        row, cell, dn = place.row, place.cell, place.dn
        of_file = place.source, place.file, place.sheet, place.column, place.position
        if row is not None and cell is None and dn is None and place.attribute is None:
            # This is how nearly every place looks.
            if (text := self._rows.get(of_file)) is None:
                parts = self._with_gaps(place.to_dict(), {"row": _GAP("row")})
                text = self._rows[of_file] = _Template.of(parts, ("row",)).text
            return text % row
        shape = (*of_file, place.attribute, row is None, not cell, not dn)
        if (template := self._places.get(shape)) is None:
            text = self._with_gaps(place.to_dict(), _PLACE)
            template = self._places[shape] = _Template.of(text, _PLACE)
        return template.text % template.pick((row, quoted(cell or ""), quoted(dn or "")))

    def _with_gaps(self, parts: Mapping[str, Any], gaps: Mapping[str, str]) -> str:
        """Return the text of an object with gaps for what varies."""
        colon = self._encoder.key_separator
        names = sorted(parts) if self._encoder.sort_keys else parts
        encode = self._encoder.encode
        texts = [f'"{name}"{colon}{gaps.get(name) or encode(parts[name])}' for name in names]
        return "{" + self._comma.join(texts) + "}"
