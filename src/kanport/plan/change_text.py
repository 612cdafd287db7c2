"""Changes as JSON text: what many of half a million changes have in common is encoded once."""

from collections.abc import Mapping
from functools import cache
from json import JSONEncoder
from json.encoder import encode_basestring as quoted
from typing import Any

from kanport.origin import Origin
from kanport.plan.change import (
    Change,
    RelationChange,
    UserChange,
    UserSide,
    called,
)
from kanport.plan.model import change_in_file

# What differs from one change to the next, and from one place to the next.
_SUBJECT = {name: f"%({name})s" for name in ("username", "project", "group")}
_CHANGE = {name: f"%({name})s" for name in ("id", "user_id", "project_id", "group_id")}
_SIDES = {name: f"%({name})s" for name in ("before", "after")}
_PLACE = {name: f"%({name})s" for name in ("row", "cell", "dn")}


class ChangeTexts:
    """Writes changes as a JSON encoder (without `ensure_ascii`) would write them in the plan file.

    Changes and places that have the same parts, and the same in those that repeat, share a
    template. Templates hold wordings, so use each of these for one file only.
    """

    def __init__(self, encoder: JSONEncoder) -> None:
        """Take the encoder, which says how keys are ordered and what stands between parts."""
        self._encoder, self._comma = encoder, encoder.item_separator
        self._changes: dict[object, str] = {}
        self._places: dict[object, str] = {}
        self._name = cache(quoted)

    def of(self, change: Change) -> str:
        """Return the text of a change."""
        if isinstance(change, UserChange):
            sides: Any = change.before is None, change.after is None
        elif isinstance(change, RelationChange):
            sides = change.old_role, change.new_role
        else:
            return self._encoder.encode(change_in_file(change))
        username = called(change) if change.username is None else change.username
        shape = (
            change.action,
            change.why,
            change.wording,
            change.risk,
            sides,
            username is None,
            change.user_id is None,
            change.project is None,
            change.project_id is None,
            change.group is None,
            change.group_id is None,
        )
        template = self._changes.get(shape)
        if template is None:
            template = self._changes[shape] = self._template_of(change)
        texts = {
            "id": quoted(change.id),
            "username": quoted(username or ""),
            "user_id": change.user_id,
            "project": self._name(change.project or ""),
            "project_id": change.project_id,
            "group": self._name(change.group or ""),
            "group_id": change.group_id,
            "origin": self._comma.join([self._place(place) for place in change.origin]),
        }
        if isinstance(change, UserChange):
            texts["before"], texts["after"] = self._side(change.before), self._side(change.after)
        return template % texts

    def _template_of(self, change: RelationChange | UserChange) -> str:
        parts = change_in_file(change)
        varying = {
            **_CHANGE,
            **(_SIDES if isinstance(change, UserChange) else {}),
            "subject": self._template(parts["subject"], _SUBJECT),
            "origin": "[%(origin)s]",
        }
        return self._template(parts, varying)

    def _side(self, side: UserSide | None) -> str:
        values = {} if side is None else side.values
        return self._object(
            {
                name: quoted(value) if isinstance(value, str) else self._encoder.encode(value)
                for name, value in values.items()
            }
        )

    def _place(self, place: Origin) -> str:
        row, cell, dn = place.row, place.cell, place.dn
        shape = (
            place.source,
            place.file,
            place.sheet,
            place.column,
            place.position,
            place.attribute,
            row is None,
            not cell,
            not dn,
        )
        template = self._places.get(shape)
        if template is None:
            template = self._places[shape] = self._template(place.to_dict(), _PLACE)
        return template % {"row": row, "cell": quoted(cell or ""), "dn": quoted(dn or "")}

    def _template(self, parts: Mapping[str, Any], varying: Mapping[str, str]) -> str:
        """Return the text of an object, for `%` to fill in what varies."""
        encode = self._encoder.encode
        return self._object(
            {
                name: varying.get(name) or encode(value).replace("%", "%%")
                for name, value in parts.items()
            }
        )

    def _object(self, texts: Mapping[str, str]) -> str:
        """Return the text of an object with the texts of its values."""
        colon = self._encoder.key_separator
        names = sorted(texts) if self._encoder.sort_keys else texts
        return "{" + self._comma.join([f'"{name}"{colon}{texts[name]}' for name in names]) + "}"
