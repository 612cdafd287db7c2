"""The people of a directory: one row for each entry that the search finds."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from kanport.errors import SourceInvalid
from kanport.findings import Finding
from kanport.mapping.ldap import LdapSource
from kanport.origin import Origin
from kanport.sources.ldap.ber import Attributes, Entry
from kanport.sources.ldap.connection import Question
from kanport.sources.ldap.names import dn_key
from kanport.sources.ldap.rows import Shaped, Shaper
from kanport.sources.ldap.search import Directory


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody in the directory: the DN as DNs are compared, the cells, and what groups need."""

    key: str
    shaped: Shaped
    attributes: Attributes


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
    asked = {name.lower(): name for name in (*shaper.attributes, *extra)}
    people: dict[str, Person] = {}
    make = maker(shaper, extra)
    for base in spec.bases:
        question = Question(base, spec.scope, spec.filter, tuple(asked.values()))
        for entry in directory.search(question):
            # Bases may lie in one another.
            person = make(entry)
            people.setdefault(person.key, person)
    if not people:
        below = " and ".join(spec.bases)
        message = f"nobody was found with {spec.filter} below {below}"
        raise SourceInvalid(
            f'the source "{source}" is empty: {message}',
            findings=[
                Finding(
                    "directory-empty",
                    message,
                    Origin(source, dn=spec.bases[0]),
                    hint="check base, filter, and what this login may read",
                )
            ],
        )
    return dict(sorted(people.items()))


def maker(shaper: Shaper, extra: tuple[str, ...]) -> Callable[[Entry], Person]:
    """Give what makes a person of an entry, keeping only the raw attributes that groups need."""
    kept = tuple(name.lower() for name in extra)

    def make(entry: Entry) -> Person:
        raw = {name: entry.attributes[name] for name in kept if name in entry.attributes}
        return Person(dn_key(entry.dn), shaper.shape(entry), raw)

    return make


def everybody(people: dict[str, Person]) -> Iterator[Shaped]:
    """Give the cells of all people."""
    return (person.shaped for person in people.values())
