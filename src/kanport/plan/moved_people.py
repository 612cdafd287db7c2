"""What is to be known of people who are moved from another server: pure."""

from collections.abc import Iterable, Iterator

from kanport.facts import Fact, fact
from kanport.fields import UPDATABLE, Holds
from kanport.findings import Finding, found
from kanport.mapping.spec import KanboardSource, MappingFile
from kanport.model import DesiredUser, User
from kanport.plan.change import Action, UserChange
from kanport.plan.notes import user_finding
from kanport.plan.own_ldap import by_ldap
from kanport.plan.people import Person, origin_of


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
    persons: Iterable[Person], changes: Iterable[UserChange], mapping: MappingFile
) -> Iterator[Finding]:
    """Say whose password stays behind, and who is called by a name that somebody has already."""
    if not from_a_server(mapping):
        return
    made = [change for change in changes if change.action is Action.USER_CREATE]
    if behind := [change for change in made if not by_ldap(change)]:
        yield found("passwords-behind", count=len(behind))
    for person in persons:
        if person.user is not None and (
            differences := tuple(_differing(person.desired, person.user))
        ):
            who = person.user.username
            yield user_finding(
                "person-differs", who, origin_of(person.desired), differences=differences
            )


def _differing(desired: DesiredUser, user: User) -> Iterator[Fact]:
    for field in UPDATABLE:
        given, now = field.wanted(desired), field.of(user)
        if given is not None and given.value != now:
            case = "role" if field.holds is Holds.ROLE else ""
            values = {"value": str(given.value), "now": str(now)}
            yield fact("field-differs", case=case, field=field.label, **values)
