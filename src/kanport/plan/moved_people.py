"""What is to be known of people who are moved from another server: pure."""

from collections.abc import Iterable, Iterator

from kanport.findings import Finding
from kanport.mapping.spec import KanboardSource, MappingFile
from kanport.plan.draft import Draft
from kanport.plan.model import Action
from kanport.plan.own_ldap import by_ldap
from kanport.plan.people import Person, origin_of

_FIELDS = {"name": "name", "email": "e-mail address", "role": "role"}


def from_a_server(mapping: MappingFile) -> bool:
    """Tell whether the users come from another server, or from what was exported of one."""
    if mapping.users is None:
        return False
    sources = (mapping.sources[name] for name in mapping.users.sources)
    exported = isinstance(mapping.projects, tuple) and any(
        rule.called is not None for rule in mapping.projects
    )
    return exported or any(isinstance(source, KanboardSource) for source in sources)


def moved_findings(
    persons: Iterable[Person], changes: Iterable[Draft], mapping: MappingFile
) -> Iterator[Finding]:
    """Say whose password stays behind, and who is called by a name that somebody has already."""
    if not from_a_server(mapping):
        return
    made = [change for change in changes if change.action is Action.USER_CREATE]
    if behind := [change for change in made if not by_ldap(change)]:
        people = "1 person gets" if len(behind) == 1 else f"{len(behind)} people get"
        yield Finding(
            "passwords-behind",
            f"{people} a new password, as those of the other server cannot be read",
            hint="where they are random, let people set their own by Kanboard's reset by e-mail",
        )
    for person in persons:
        if person.user is not None and (differ := list(_differing(person))):
            who = person.user.username
            yield Finding(
                "person-differs",
                f"{who!r} is on the server already, and gets from the other one"
                f" {' and '.join(differ)}",
                origin=origin_of(person.desired),
                value=who,
                hint="if that is somebody else, rename one of them first, or protect the account",
            )


def _differing(person: Person) -> Iterator[str]:
    for field, word in _FIELDS.items():
        given, has = getattr(person.desired, field), getattr(person.user, field)
        if given is not None and given.value != has:
            yield f"the {word} {given.value!r} (now {str(has)!r})"
