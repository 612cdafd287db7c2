"""Checks of the desired state as a whole: administrators, identities, lookalikes, groups.

They run after the sources are normalized and before the plan, and ask no server. They only report
findings: `kanport.normalize` decides what makes a row unusable.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from fnmatch import fnmatchcase
from typing import Any

import numpy as np

from kanport.facts import fact
from kanport.fields import EMAIL, ROLE
from kanport.findings import Acceptance, Finding, found, in_order
from kanport.findings import finding as as_finding
from kanport.frames import DesiredUsers, Relations
from kanport.mapping.spec import MappingFile
from kanport.model import AppRole, DesiredGroup, DesiredRelation, DesiredState, Given
from kanport.names import compare_key, lookalike_key, spelling_key


def administrators(desired: DesiredState, mapping: MappingFile) -> Iterator[Finding]:
    """Yield a finding for each user whom the input makes an administrator of the whole server."""
    users = DesiredUsers.of(desired.users)
    for at in np.flatnonzero(users.values[ROLE.name] == AppRole.ADMIN).tolist():
        user = users[at]
        yield found(
            "admin-wanted",
            next(iter(user.role.origins), None) if user.role is not None else None,
            value=AppRole.ADMIN.value,
            username=user.username.value,
        )


def unlisted_members(desired: DesiredState, mapping: MappingFile) -> Iterator[Finding]:
    """Yield a finding for each user with memberships whom no row of users names.

    The server may have these users; if not, the plan says so. Users whom an unusable row or a
    hidden entry may name count as listed. Without users in the mapping, it yields nothing.
    """
    if mapping.users is None:
        return
    unknown = desired.unknown
    listed = {*DesiredUsers.of(desired.users).keys} | unknown.people | unknown.hidden
    memberships = Relations.of(desired)
    people = memberships.holders.keys(compare_key)
    unlisted: dict[str, list[DesiredRelation]] = {}
    for at in np.flatnonzero(people.having(lambda key: key not in listed)).tolist():
        unlisted.setdefault(people.values[people.codes[at]], []).append(memberships[at])
    for theirs in unlisted.values():
        first, *rest = theirs
        yield found(
            "person-unlisted",
            next(iter(first.holder.origins), None),
            value=first.holder.value,
            related=(place for other in rest for place in other.holder.origins[:1]),
            username=first.holder.value,
            memberships=len(theirs),
        )


# --- what Kanboard's own login does with groups that have an external id --------------------------


def external_ids(desired: DesiredState, mapping: MappingFile) -> Iterator[Finding]:
    """Yield a finding for groups whose external id is a DN, and one for groups whose id is another.

    At each login through LDAP, Kanboard's GroupSync puts a person into the groups whose external id
    is the DN of one of theirs, compared letter for letter, and takes them out of all others that
    have an external id. An id that is not a DN equals no DN, so logins empty such a group.
    """
    given = [g for g in desired.groups if g.external_id is not None and g.external_id.value]
    synced = [group for group in given if _is_dn(group)]
    others = [group for group in given if not _is_dn(group)]
    if others:
        yield _finding("group-login", others)
    if synced:
        yield _finding("group-synced", synced)


def _is_dn(group: DesiredGroup) -> bool:
    # A relative name of a DN has a type and a value (RFC 4514); no group is the root.
    kind, equals, _ = group.external_id.value.partition("=") if group.external_id else ("", "", "")
    return bool(equals) and kind.strip().replace("-", "").replace(".", "").isalnum()


def _finding(code: str, groups: list[DesiredGroup]) -> Finding:
    names = sorted(group.name.value for group in groups)
    places = [p for g in groups if g.external_id is not None for p in g.external_id.origins]
    return found(code, next(iter(places), None), groups=tuple(names), number=len(names))


# --- who is who: shared addresses and accounts that are not to be touched -------------------------


def shared_emails(desired: DesiredState, mapping: MappingFile) -> Iterator[Finding]:
    """Yield a finding for users with the same email address; all of them get the emails.

    Kanboard allows that. If the mapping finds users by email, Kanport finds none of them this way.
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
    """Yield a finding for names that look the same but use letters of different alphabets."""
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
    """Yield a finding for each protected account that the sources name."""
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


# --- all checks of the desired state; they need no server -----------------------------------------

Check = Callable[[DesiredState, MappingFile], Iterator[Finding]]

CHECKS: tuple[Check, ...] = (
    shared_emails,
    lookalikes,
    protected,
    administrators,
    unlisted_members,
    external_ids,
)


def check(desired: DesiredState, mapping: MappingFile) -> list[Finding]:
    """Return all findings about the desired state as a whole, in the order of their places."""
    return in_order(finding for rule in CHECKS for finding in rule(desired, mapping))


# --- findings that the mapping accepts ------------------------------------------------------------


def accept(
    findings: Iterable[Finding], mapping: MappingFile, now: str, *, complete: bool = False
) -> list[Finding]:
    """Return all findings, with those that match an entry of `accept` marked as accepted.

    An entry is valid until the end of its last day (UTC); `now` is RFC 3339. An entry that has
    ended accepts nothing and is an error. With `complete`, these are all findings of a plan, so an
    entry that matches none is a note.
    """
    result, valid = list(findings), [one for one in mapping.accept if now[:10] <= one.until]
    unused = set(valid)
    for at, finding in enumerate(result if valid else ()):
        entry = next((one for one in valid if one.fits(finding)), None)
        if entry is not None:
            unused.discard(entry)
            if finding.accepted is None:
                result[at] = finding.accepted_as(Acceptance(entry.reason, entry.until))
    for entry in mapping.accept:
        given = {"value": entry.value, "place": entry.place}
        params: dict[str, Any] = {key: text for key, text in given.items() if text is not None}
        params |= {"case": "-".join(params), "accepted": entry.code, "until": entry.until}
        if entry not in valid:
            ended = fact("acceptance-ended", reason=entry.reason, **params)
            result.append(as_finding(ended, value=entry.value))
        elif complete and entry in unused:
            result.append(as_finding(fact("acceptance-unused", **params), value=entry.value))
    return in_order(result)
