"""Who is who: shared addresses and accounts that are not to be touched."""

from collections.abc import Callable, Iterator, Sequence
from fnmatch import fnmatchcase

import numpy as np

from kanport.fields import EMAIL
from kanport.findings import Finding, found
from kanport.frames import DesiredUsers, Relations
from kanport.mapping.spec import MappingFile
from kanport.model import DesiredState, Given
from kanport.names import compare_key, lookalike_key, spelling_key


def shared_emails(desired: DesiredState, mapping: MappingFile) -> Iterator[Finding]:
    """Tell of people with one e-mail address: Kanboard allows it, but mail goes to all of them.

    Where the mapping finds people by e-mail, none of them can be found so.
    """
    users = DesiredUsers.of(desired.users)
    by_address: dict[str, list[int]] = {}
    for at, address in enumerate(users.values[EMAIL.name]):
        if address:
            by_address.setdefault(address.casefold(), []).append(at)
    shared = [
        [(user, user.email) for user in map(users.__getitem__, several) if user.email is not None]
        for several in by_address.values()
        if len(several) > 1
    ]
    by_email = mapping.users is not None and "email" in mapping.users.find_by
    for people in shared:
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
    for kind, names in _names(desired):
        texts = [text for several, _ in names for text in several]
        odd = {lookalike_key(text) for text in texts if not text.isascii()}
        alike: dict[str, dict[str, Given[str]]] = {}
        for several, given in names if odd else ():
            for number, text in enumerate(several):
                key = lookalike_key(text)
                if key in odd and compare_key(text) not in alike.setdefault(key, {}):
                    alike[key][compare_key(text)] = given(number)
        for _, twins in sorted(alike.items()):
            if len(twins) > 1:
                first, *rest = twins.values()
                param = "names" if kind == "username" else f"{kind}s"
                yield found(
                    "name-lookalike",
                    next(iter(first.origins), None),
                    case=kind,
                    value=first.value,
                    related=(place for name in rest for place in name.origins[:1]),
                    **{param: tuple(name.value for name in twins.values())},
                )


_Names = tuple[Sequence[str], Callable[[int], Given[str]]]
"""Names, and what returns one of them with its places by its number."""


def _names(desired: DesiredState) -> Iterator[tuple[str, list[_Names]]]:
    """Yield all names of each kind."""
    users, memberships = DesiredUsers.of(desired.users), Relations.of(desired)
    codes, first = np.unique(memberships.holders.codes, return_index=True)
    yield (
        "username",
        [
            (users.usernames.tolist(), lambda at: users[at].username),
            (
                [memberships.holders.values[code] for code in codes],
                lambda at: memberships[int(first[at])].holder,
            ),
            _as_given([member.holder for member in desired.group_members]),
        ],
    )
    yield "group", [_as_given([group.name for group in desired.groups])]
    yield "project", [_as_given(desired.projects_named)]


def _as_given(names: Sequence[Given[str]]) -> _Names:
    return [name.value for name in names], names.__getitem__


def protected(desired: DesiredState, mapping: MappingFile) -> Iterator[Finding]:
    """Tell of protected accounts that the sources name: nothing will be done to them."""
    patterns = [spelling_key(pattern) for pattern in mapping.protect]
    if not patterns:
        return
    users = DesiredUsers.of(desired.users)
    for at, name in enumerate(users.usernames):
        key = spelling_key(name)
        if any(fnmatchcase(key, pattern) for pattern in patterns):
            user = users[at]
            yield found(
                "protected-named",
                next(iter(user.username.origins), None),
                value=user.username.value,
                username=user.username.value,
            )
