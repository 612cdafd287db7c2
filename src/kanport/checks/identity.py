"""Who is who: shared addresses and accounts that are not to be touched."""

from collections.abc import Iterator
from fnmatch import fnmatchcase

from kanport.findings import Finding, found
from kanport.mapping.spec import MappingFile
from kanport.model import DesiredState, DesiredUser, Given
from kanport.names import compare_key, lookalike_key, spelling_key


def shared_emails(desired: DesiredState, mapping: MappingFile) -> Iterator[Finding]:
    """Tell of people with one e-mail address: Kanboard allows it, but mail goes to all of them.

    Where the mapping finds people by e-mail, none of them can be found so.
    """
    by_address: dict[str, list[tuple[DesiredUser, Given[str]]]] = {}
    for user in desired.users:
        if user.email is not None and user.email.value:
            by_address.setdefault(user.email.value.casefold(), []).append((user, user.email))
    by_email = mapping.users is not None and "email" in mapping.users.find_by
    for people in by_address.values():
        if len(people) == 1:
            continue
        names = [user.username.value for user, _ in people]
        (_, first), *rest = people
        yield found(
            "email-shared",
            next(iter(first.origins), None),
            case="found-by-email" if by_email else "",
            value=first.value,
            related=(place for _, email in rest for place in email.origins),
            usernames=tuple(names),
        )


def lookalikes(desired: DesiredState, mapping: MappingFile) -> Iterator[Finding]:
    """Warn of names that look the same and are written with letters of different alphabets."""
    people = [
        *(user.username for user in desired.users),
        *(membership.username for membership in desired.memberships),
        *(member.username for member in desired.group_members),
    ]
    kinds: list[tuple[str, list[Given[str]]]] = [
        ("username", people),
        ("group", [group.name for group in desired.groups]),
        ("project", list(desired.projects_named)),
    ]
    for kind, names in kinds:
        odd = {lookalike_key(name.value) for name in names if not name.value.isascii()}
        alike: dict[str, dict[str, Given[str]]] = {}
        for name in names:
            key = lookalike_key(name.value)
            if key in odd:
                alike.setdefault(key, {}).setdefault(compare_key(name.value), name)
        for _, twins in sorted(alike.items()):
            if len(twins) > 1:
                first, *rest = twins.values()
                yield found(
                    "name-lookalike",
                    next(iter(first.origins), None),
                    case=kind,
                    value=first.value,
                    related=(place for name in rest for place in name.origins[:1]),
                    names=tuple(name.value for name in twins.values()),
                )


def protected(desired: DesiredState, mapping: MappingFile) -> Iterator[Finding]:
    """Tell of protected accounts that the sources name: nothing will be done to them."""
    patterns = [spelling_key(pattern) for pattern in mapping.protect]
    if not patterns:
        return
    for user in desired.users:
        if any(fnmatchcase(spelling_key(user.username.value), pattern) for pattern in patterns):
            yield found(
                "protected-named",
                next(iter(user.username.origins), None),
                value=user.username.value,
                username=user.username.value,
            )
