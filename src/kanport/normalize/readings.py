"""Each place of a mapping that reads a source, with its rules made ready to be traced."""

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from kanport.fields import BESIDE_USERNAME
from kanport.mapping import LoadedMapping
from kanport.mapping.spec import Groups, MappingFile, Membership, Users
from kanport.names import spelling_key
from kanport.normalize.bound import BoundRule, Context, bind
from kanport.normalize.columns import matrix_columns
from kanport.normalize.relations import CustomRoles, bind_nothing, bind_role, role_cell
from kanport.normalize.rows import contexts
from kanport.normalize.users import (
    bind_field,
    bind_id,
    bind_username,
    password_column,
)
from kanport.table import Table


class Ruled(NamedTuple):
    """One rule, for what it is: username, project, role, another field; or a part of another."""

    name: str
    rule: BoundRule
    several: bool = False


class Reading(NamedTuple):
    """One place of the mapping that reads the rows of a source.

    `part` is the place as the mapping spells it. `who` are the rules that say whom a row is about.
    `projects` are what the columns of a matrix stand for, by the name of their rule. `password` is
    the column with passwords, which no rule reads. `role_part` is the role where a part of the
    project's pattern says it.
    """

    part: str
    table: Table
    context: Context
    who: tuple[Ruled, ...]
    rules: tuple[Ruled, ...]
    projects: Mapping[str, str] = {}
    password: str | None = None
    role_part: tuple[str, BoundRule] | None = None


def readings(mapping: LoadedMapping, tables: Mapping[str, Table]) -> tuple[Reading, ...]:
    """Give all places of a mapping that read rows of people, memberships and groups."""
    return tuple(_readings(mapping.spec, tables))


def _readings(spec: MappingFile, tables: Mapping[str, Table]) -> Iterator[Reading]:
    shared = contexts(spec)
    if spec.users is not None:
        for source in spec.users.sources:
            yield _users(spec.users, tables[source], shared[source])
    custom = {spelling_key(name): frozenset(roles) for name, roles in spec.custom_roles.items()}
    for number, rule in enumerate(spec.memberships, 1):
        table, context = tables[rule.from_], shared[rule.from_]
        yield _membership(f"memberships, number {number}", rule, table, context, custom)
    for number, groups in enumerate(spec.groups, 1):
        if groups.from_ is not None and groups.name is not None:
            table, context = tables[groups.from_], shared[groups.from_]
            yield _groups(f"groups, number {number}", groups, table, context)


def _users(users: Users, table: Table, context: Context) -> Reading:
    who = Ruled("username", bind_username(users.fields.username, context))
    fields = [
        Ruled(field.name, bound)
        for field in BESIDE_USERNAME
        if (bound := bind_field(users.fields.rule(field), field, table, context)) is not None
    ]
    stable_id = bind_id(users.id, table, context)
    known = [Ruled("stable id", stable_id)] if stable_id is not None else []
    password = password_column(users, table)
    return Reading("users", table, context, (who,), (*fields, *known), password=password)


def _membership(
    part: str, rule: Membership, table: Table, context: Context, custom: CustomRoles
) -> Reading:
    who = Ruled("username", bind_username(rule.username, context))
    if rule.matrix is not None:
        projects = matrix_columns(rule.matrix, table.columns)
        cells = tuple(
            Ruled(column, role_cell(rule.matrix, column, project, context, custom))
            for column, project in projects.items()
        )
        return Reading(part, table, context, (who,), cells, projects=projects)
    assert rule.project is not None and rule.role is not None  # noqa: S101 - the model sees to it
    project = bind(rule.project, "project", context, names=True) or bind_nothing("project", context)
    role, role_part = bind_role(rule.role, context)
    rules = [Ruled("project", project, several=True)]
    if role_part is None:
        rules.append(Ruled("role", role))
    picked = (role_part, role) if role_part is not None else None
    return Reading(part, table, context, (who,), tuple(rules), role_part=picked)


def _groups(part: str, groups: Groups, table: Table, context: Context) -> Reading:
    name = bind(groups.name, "group", context, names=True) if groups.name is not None else None
    member = (
        bind(groups.member, "member", context, names=True) if groups.member is not None else None
    )
    return Reading(
        part,
        table,
        context,
        (Ruled("member", member, several=True),) if member is not None else (),
        (Ruled("group", name, several=True),) if name is not None else (),
    )
