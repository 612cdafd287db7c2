"""Who is who: shared addresses and accounts that are not to be touched."""

from collections.abc import Iterator
from fnmatch import fnmatchcase

from kanport.findings import Finding
from kanport.mapping.spec import MappingFile
from kanport.model import DesiredState, DesiredUser, Given
from kanport.names import spelling_key


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
        yield Finding(
            "email-shared",
            f"{_listed(names)} have the same e-mail address",
            origin=next(iter(first.origins), None),
            value=first.value,
            hint="nobody is found by this address, so a new username of theirs is a new user"
            if by_email
            else "give each person an address of their own, unless they are to share it",
            related=tuple(place for _, email in rest for place in email.origins),
        )


def protected(desired: DesiredState, mapping: MappingFile) -> Iterator[Finding]:
    """Tell of protected accounts that the sources name: nothing will be done to them."""
    patterns = [spelling_key(pattern) for pattern in mapping.protect]
    if not patterns:
        return
    for user in desired.users:
        if any(fnmatchcase(spelling_key(user.username.value), pattern) for pattern in patterns):
            yield Finding(
                "protected-named",
                f'"{user.username.value}" is protected, so nothing is done to this account',
                origin=next(iter(user.username.origins), None),
                value=user.username.value,
            )


def _listed(names: list[str]) -> str:
    quoted = [f'"{name}"' for name in names[:5]]
    more = f" and {len(names) - 5} more" if len(names) > 5 else ""
    if more:
        return ", ".join(quoted) + more
    return ", ".join(quoted[:-1]) + f" and {quoted[-1]}"
