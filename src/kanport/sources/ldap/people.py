"""The people of a directory: one row for each entry that the search finds."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from kanport.errors import SourceInvalid
from kanport.findings import found
from kanport.mapping.ldap import LdapSource
from kanport.origin import Origin
from kanport.sources.ldap.ber import Attributes, Entry
from kanport.sources.ldap.connection import Question
from kanport.sources.ldap.names import dn_key
from kanport.sources.ldap.rows import Shaped, Shaper
from kanport.sources.ldap.search import Directory, distinct

IDS = ("entryUUID", "objectGUID", "nsUniqueId", "ipaUniqueID")
"""What a server calls an entry for good, whatever its DN becomes."""


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody in the directory: the DN as DNs are compared, the cells, and what groups need.

    `id` is the id that the server gives to the entry for good, with the attribute that it is of.
    `outside` is True for somebody who lies below none of the bases, `locked` where the account of
    such a person is surely disabled or has expired.
    """

    key: str
    shaped: Shaped
    attributes: Attributes
    id: str = ""
    outside: bool = False
    locked: bool = False


def read_people(
    directory: Directory,
    spec: LdapSource,
    shaper: Shaper,
    source: str,
    *,
    extra: tuple[str, ...] = (),
) -> dict[str, Person]:
    """Give all people by their key, in its order; `extra` are attributes that groups need.

    Raises SourceInvalid where there is nobody at all, as that is no proof that all have gone.
    """
    asked = {name.lower(): name for name in (*shaper.attributes, *extra, *IDS)}
    people: dict[str, Person] = {}
    make = maker(shaper, extra)
    for base in spec.bases:
        question = Question(base, spec.scope, spec.filter, tuple(asked.values()))
        for _, entry in distinct(directory.search(question)):
            # Bases may lie in one another.
            person = make(entry)
            people.setdefault(person.key, person)
    if not people:
        place = Origin(source, dn=spec.bases[0])
        empty = found("directory-empty", place, filter=spec.filter, bases=tuple(spec.bases))
        raise SourceInvalid(f'the source "{source}" is empty: {empty.message}', findings=[empty])
    return dict(sorted(people.items()))


def maker(shaper: Shaper, extra: tuple[str, ...]) -> Callable[[Entry], Person]:
    """Give what makes a person of an entry, keeping only the raw attributes that groups need."""
    kept = tuple(name.lower() for name in extra)

    def make(entry: Entry) -> Person:
        raw = {name: entry.attributes[name] for name in kept if name in entry.attributes}
        return Person(dn_key(entry.dn), shaper.shape(entry), raw, _id_of(entry.attributes))

    return make


def _id_of(attributes: Attributes) -> str:
    for name in IDS:
        if values := attributes.get(name.lower()):
            return f"{name}={values[0].hex()}"
    return ""


def everybody(people: dict[str, Person]) -> Iterator[Shaped]:
    """Give the cells of all people."""
    return (person.shaped for person in people.values())
