"""How one value came about: from the cells of a row, step by step, to what a rule made of it.

The steps are taken with the very functions that `rules` takes them with, and what came out in the
end is its own result; so what is explained here is what was done.
"""

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from kanport.fields import BESIDE_USERNAME
from kanport.findings import Finding
from kanport.mapping import LoadedMapping
from kanport.mapping.patterns import TooSlow
from kanport.mapping.relations import Groups, Membership
from kanport.mapping.users import Users
from kanport.names import spelling_key
from kanport.normalize.columns import matrix_columns
from kanport.normalize.compiled import CompiledRule, Context, compile_rule
from kanport.normalize.notes import Notes, shown
from kanport.normalize.relations import CustomRoles, compile_project, compile_role, role_cell
from kanport.normalize.rows import Value, contexts, read_one, read_several, written
from kanport.normalize.rules import State, items_of, matched, meaning_of, transformed
from kanport.normalize.users import (
    compile_field,
    compile_id,
    compile_username,
    password_column,
)
from kanport.origin import Origin
from kanport.table import Row, Table


class Cell(NamedTuple):
    """A cell that a rule reads, with the texts that stand in it; masked where they are secret."""

    column: str
    origin: Origin
    texts: tuple[str, ...]


class Step(NamedTuple):
    """One step of a rule, and the text after it; None where the step leaves no value."""

    name: str
    text: str | None


class Thread(NamedTuple):
    """The way of one text through the steps of a rule."""

    start: str
    steps: tuple[Step, ...]


class Trace(NamedTuple):
    """How a rule read a row: the cells, the steps of each text in them, and what came out.

    `threads` is empty where nothing stands in the cells, and for what is secret.
    """

    what: str
    cells: tuple[Cell, ...]
    threads: tuple[Thread, ...]
    values: tuple[Value, ...]
    findings: tuple[Finding, ...] = ()


def trace(rule: CompiledRule, row: Row, *, several: bool = False) -> Trace:
    """Read a row as `read_one` does, or `read_several`, and return the steps as well."""
    notes = Notes()
    values = read_several(rule, row, notes) if several else [read_one(rule, row, notes)]
    secret = rule.is_secret
    threads = () if secret else tuple(_threads(rule, row, several=several))
    kept = tuple(value._replace(text=shown(value.text, masked=True)) for value in values)
    return Trace(
        rule.what,
        tuple(_cell(rule, row, column) for column in rule.columns),
        threads,
        kept if secret else tuple(values),
        tuple(notes.findings()),
    )


def thread(rule: CompiledRule, text: str) -> Thread:
    """Return the way of one text through the steps of a rule."""
    return Thread(text, tuple(_steps(rule, text)))


def _cell(rule: CompiledRule, row: Row, column: str) -> Cell:
    cell = row.values.get(column, "")
    texts = cell if isinstance(cell, tuple) else (cell,) if cell else ()
    masked = column in rule.context.secret
    return Cell(column, row.place(column), tuple(shown(text, masked=masked) for text in texts))


def _threads(rule: CompiledRule, row: Row, *, several: bool) -> Iterator[Thread]:
    if rule.constant is not None:
        yield Thread(rule.constant, ())
        return
    there = written(rule, row)
    if isinstance(there, State):
        return
    texts = dict.fromkeys(items_of(rule, there) if several else there)
    speaks = rule.default is not None or meaning_of(rule, "") is not None
    for text in texts or ([""] if speaks else []):
        if text == rule.context.clear:
            yield Thread(text, (Step("clear", None),))
        else:
            yield thread(rule, text)


def _steps(rule: CompiledRule, text: str) -> Iterator[Step]:
    stepped = text
    for transform in rule.steps:
        stepped = transform(stepped)
        yield Step(_named(transform.written()), stepped)
    shaped = transformed(rule, text)
    if shaped != stepped:
        yield Step("whitespace and accents", shaped)
    if rule.pattern is not None and shaped:
        try:
            found = matched(rule.pattern, shaped)
        except TooSlow:
            yield Step(f"match {rule.pattern.pattern} takes too long", None)
            return
        shaped = found[0] if found is not None else ""
        yield Step(f"match {rule.pattern.pattern}", shaped if found is not None else None)
        if found is None:
            return
    meaning = meaning_of(rule, shaped)
    if meaning is not None:
        yield Step("values", meaning)
    elif rule.default is not None and (rule.table is not None or not shaped):
        yield Step("default", rule.default)
    elif rule.table is not None and shaped:
        yield Step("values", None)


def _named(written: Any) -> str:
    """Return a transform as it stands in a mapping.

    >>> _named("lower"), _named({"replace": {"from": "a", "to": "b"}}), _named({"prefix": "x"})
    ('lower', "replace 'a', 'b'", "prefix 'x'")
    """
    if isinstance(written, str):
        return written
    ((name, argument),) = written.items()
    arguments = argument.values() if isinstance(argument, dict) else (argument,)
    return f"{name} {', '.join(map(repr, arguments))}"


def result(traced: Trace) -> str | None:
    """Return what came out, where it is one value that is given; None otherwise."""
    given = [value for value in traced.values if value.state is State.GIVEN]
    return given[0].text if len(given) == 1 else None


# --- each place of a mapping that reads a source, with its rules ----------------------------------


class RuleBinding(NamedTuple):
    """One rule, for what it is: username, project, role, another field; or a part of another."""

    name: str
    rule: CompiledRule
    several: bool = False


class SourceBinding(NamedTuple):
    """One place of the mapping that reads the rows of a source.

    `part` is the place as the mapping spells it. `who` are the rules that say whom a row is about.
    `projects` are what the columns of a matrix stand for, by the name of their rule. `password` is
    the column with passwords, which no rule reads. `role_part` is the role where a part of the
    project's pattern says it.
    """

    part: str
    table: Table
    context: Context
    who: tuple[RuleBinding, ...]
    rules: tuple[RuleBinding, ...]
    projects: Mapping[str, str] = {}
    password: str | None = None
    role_part: tuple[str, CompiledRule] | None = None


def source_bindings(mapping: LoadedMapping, tables: Mapping[str, Table]) -> Iterator[SourceBinding]:
    """Yield all places of a mapping that read rows of people, memberships and groups."""
    spec = mapping.spec
    shared = contexts(spec)
    if spec.users is not None:
        for source in spec.users.sources:
            yield _users(spec.users, tables[source], shared[source])
    custom = {spelling_key(name): frozenset(roles) for name, roles in spec.custom_roles.items()}
    for number, rule in enumerate(spec.memberships, 1):
        table, context = tables[rule.from_], shared[rule.from_]
        yield _membership(f"memberships, item {number}", rule, table, context, custom)
    for number, groups in enumerate(spec.groups, 1):
        if groups.from_ is not None and groups.name is not None:
            table, context = tables[groups.from_], shared[groups.from_]
            yield _groups(f"groups, item {number}", groups, table, context)


def _users(users: Users, table: Table, context: Context) -> SourceBinding:
    who = RuleBinding("username", compile_username(users.fields.username, context))
    fields = [
        RuleBinding(field.name, bound)
        for field in BESIDE_USERNAME
        if (bound := compile_field(users.fields.rule(field), field, table, context)) is not None
    ]
    stable_id = compile_id(users.id, table, context)
    known = [RuleBinding("stable id", stable_id)] if stable_id is not None else []
    password = password_column(users, table)
    return SourceBinding("users", table, context, (who,), (*fields, *known), password=password)


def _membership(
    part: str, rule: Membership, table: Table, context: Context, custom: CustomRoles
) -> SourceBinding:
    who = RuleBinding("username", compile_username(rule.username, context))
    if rule.matrix is not None:
        projects = matrix_columns(rule.matrix, table.columns)
        cells = tuple(
            RuleBinding(column, role_cell(rule.matrix, column, project, context, custom))
            for column, project in projects.items()
        )
        return SourceBinding(part, table, context, (who,), cells, projects=projects)
    assert rule.project is not None and rule.role is not None  # noqa: S101 - the model sees to it
    project = compile_project(rule.project, context)
    role, role_part = compile_role(rule.role, context)
    rules = [RuleBinding("project", project, several=True)]
    if role_part is None:
        rules.append(RuleBinding("role", role))
    picked = (role_part, role) if role_part is not None else None
    return SourceBinding(part, table, context, (who,), tuple(rules), role_part=picked)


def _groups(part: str, groups: Groups, table: Table, context: Context) -> SourceBinding:
    name = compile_rule(groups.name, "group", context, names=True)
    member = compile_rule(groups.member, "member", context, names=True)
    return SourceBinding(
        part,
        table,
        context,
        (RuleBinding("member", member, several=True),) if member is not None else (),
        (RuleBinding("group", name, several=True),) if name is not None else (),
    )
