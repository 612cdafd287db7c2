"""What a mapping itself lists, as rows: so that it is read, judged and told like that of a file."""

from collections.abc import Iterator

from kanport.mapping import LoadedMapping
from kanport.mapping.spec import (
    GroupAccess,
    Groups,
    ListedGroup,
    ListRule,
    ProjectRule,
    RoleRule,
    Rule,
)
from kanport.normalize.bound import Context
from kanport.table import Row, Table

# The columns of the rows that a list stands for.
GROUP, MEMBER, EXTERNAL_ID, PROJECT, ROLE = "group", "member", "external id", "project", "role"
CONTEXT = Context("", clear="\0")
"""What all lists share: no source, and no token that clears."""

GROUPS = Groups.model_construct(
    from_="",
    name=ListRule.model_construct(from_=GROUP),
    member=ListRule.model_construct(from_=MEMBER),
    external_id=Rule.model_construct(from_=EXTERNAL_ID),
)
GROUP_ACCESS = GroupAccess.model_construct(
    from_="",
    group=ListRule.model_construct(from_=GROUP),
    project=ProjectRule.model_construct(from_=PROJECT),
    role=RoleRule.model_construct(from_=ROLE),
)


def listed_groups(mapping: LoadedMapping, number: int) -> tuple[Table, frozenset[str]]:
    """Give the rows that a list of groups stands for, and the groups whose members it lists."""
    rows: list[Row] = []
    complete: set[str] = set()
    for name, listed in (mapping.spec.groups[number].list or {}).items():
        at = ("groups", number, "list", name)
        external_id: str = ""
        members: tuple[str, ...] = ()
        if isinstance(listed, ListedGroup):
            external_id, members = listed.external_id or "", listed.members or ()
        else:
            members = listed
        if not isinstance(listed, ListedGroup) or listed.members is not None:
            complete.add(name)
        rows.append(Row(mapping.place(at), {GROUP: (name,), EXTERNAL_ID: external_id}))
        rows += [Row(mapping.place(at), {GROUP: (name,), MEMBER: (who,)}) for who in members]
    return _table(mapping, rows), frozenset(complete)


def listed_access(mapping: LoadedMapping, number: int) -> Table:
    """Give the rows that a list of the access of groups stands for."""

    def rows() -> Iterator[Row]:
        for group, projects in (mapping.spec.group_access[number].list or {}).items():
            for project, role in projects.items():
                place = mapping.place(("group_access", number, "list", group, project))
                yield Row(place, {GROUP: (group,), PROJECT: (project,), ROLE: role})

    return _table(mapping, rows())


def _table(mapping: LoadedMapping, rows: Iterator[Row] | list[Row]) -> Table:
    columns = (GROUP, MEMBER, EXTERNAL_ID, PROJECT, ROLE)
    return Table.of_rows("", "mapping", str(mapping.path), columns, rows)
