"""What Kanboard's own login does with groups that have an external id."""

from collections.abc import Iterator

from kanport.findings import Finding, found
from kanport.mapping.spec import MappingFile
from kanport.model import DesiredGroup, DesiredState


def external_ids(desired: DesiredState, mapping: MappingFile) -> Iterator[Finding]:
    """Tell once of groups whose external id is a DN, and once of those whose id is none.

    At each login through LDAP, Kanboard's GroupSync puts a person into the groups whose external id
    is the DN of one of theirs, compared letter for letter, and takes them out of all others that
    have an external id. No DN is like an id that is none, so such a group empties itself.
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
