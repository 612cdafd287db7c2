"""A row with an error is evidence of nothing: nobody loses, and nobody gains, because of it.

The server is as the files want it. Whatever a plan changes after a row was broken, it changes
because of that row.
"""

import tempfile
from pathlib import Path

from hypothesis import assume, event, given, settings
from hypothesis import strategies as st

from kanport.errors import SourceInvalid
from kanport.findings import errors_in
from kanport.mapping import load_mapping
from kanport.memory import Grant, LedgerState
from kanport.model import CurrentState, Group, User
from kanport.pipeline.inputs import inputs_of, read_tables
from kanport.plan.change import Action
from kanport.plan.make import make_plan
from kanport.plan.model import Plan
from tests.support.examples import examples
from tests.support.planning import ALPHA, BETA, a_server

MAPPING = """\
kanport: 1
sources:
  hr: {{type: csv, path: hr.csv}}
  people: {{type: csv, path: people.csv}}
  grants: {{type: csv, path: grants.csv}}
  teams: {{type: csv, path: teams.csv}}
  access: {{type: csv, path: access.csv}}
users:
  from: [hr, people]
  find_by: {find_by}
  fields:
    username: {{from: Login}}
    email: {{from: Mail}}
    role: {{from: Role, values: {{U: app-user, M: app-manager}}}}
    active: {{from: Active}}
  missing: {missing}
  managed: {{usernames: ["*"]}}
memberships:
  - from: grants
    username: {{from: Login}}
    project: {{from: Project, split: ";"}}
    role: {{from: Role, values: {{RO: project-viewer, RW: project-member}}}}
    several: {several}
memberships_missing: revoke
groups:
  - {{from: teams, name: {{from: Team}}, external_id: {{from: DN}}, member: {{from: Login}}}}
group_members_missing: remove
groups_missing: remove
groups_managed: ["*"]
group_access:
  - from: access
    group: {{from: Team}}
    project: {{from: Project}}
    role: {{from: Role, values: {{RO: project-viewer, RW: project-member}}}}
group_access_missing: revoke
invalid_rows: skip
protect: [admin]
ledger: night.ledger
"""
FILES = {
    "hr": [["Login", "Role", "Active"], ["ann", "M", "no"], ["bob", "U", "yes"]],
    "people": [
        ["Login", "Mail", "Role", "Active"],
        ["ann", "ann@example.org", "U", "yes"],
        ["bob", "bob@example.org", "U", "yes"],
        ["cleo", "", "U", "yes"],
    ],
    "grants": [
        ["Login", "Project", "Role"],
        ["ann", "ALPHA;Beta project", "RW"],
        ["bob", "ALPHA", "RO"],
        ["dora", "BETA", "RW"],
    ],
    "teams": [
        ["Team", "DN", "Login"],
        ["Red", "cn=red", "bob"],
        ["Red", "cn=red", "cleo"],
        ["Blue", "cn=blue", "eric"],
    ],
    "access": [["Team", "Project", "Role"], ["Red", "BETA", "RO"], ["Blue", "ALPHA", "RO"]],
}
NAMES = {"Login", "Team", "Project"}
RED = Group(1, "Red", "cn=red", frozenset({3, 4}))
BLUE = Group(2, "Blue", "cn=blue", frozenset({6}))
SERVER: CurrentState = a_server(
    User(2, "ann", email="ann@example.org", role="app-manager", active=False),
    User(3, "bob", email="bob@example.org"),
    User(4, "cleo"),
    User(5, "dora"),
    User(6, "eric"),
    groups=(RED, BLUE),
    roles={
        1: {2: "project-member", 3: "project-viewer", 6: "project-viewer"},
        2: {2: "project-member", 5: "project-member", 3: "project-viewer", 4: "project-viewer"},
    },
)
LEDGER = LedgerState(
    group_access={(1, 2): "project-viewer", (2, 1): "project-viewer"},
    access_names={(1, 2): Grant("Red", BETA.label), (2, 1): Grant("Blue", ALPHA.label)},
    counted_at="2026-11-20T02:00:00Z",
)
# What a row of a group says of the group stands, whoever its member is.
ABOUT_GROUPS = {Action.GROUP_CREATE, Action.GROUP_UPDATE, Action.GROUP_MEMBER_ADD}
OPTIONS = st.fixed_dictionaries(
    {
        "find_by": st.sampled_from(("[username]", "[username, email]")),
        "missing": st.sampled_from(("disable", "remove", "{then: disable, and: revoke}")),
        "several": st.sampled_from(("refuse", "highest")),
    }
)


@st.composite
def broken(draw: st.DrawFn) -> tuple[str, int, list[str]]:
    """Draw a row of a file with one or more cells that say something else, or nothing readable.

    A cell never gives the name of somebody or something else: that would be what the row says.
    """
    source = draw(st.sampled_from(sorted(FILES)))
    number = draw(st.integers(1, len(FILES[source]) - 1))
    header, row = FILES[source][0], list(FILES[source][number])
    for at in draw(st.sets(st.integers(0, len(row) - 1), min_size=1)):
        cut = draw(st.integers(0, len(row[at])))
        odd = [f"{row[at][:cut]}\x01{row[at][cut:]}"]
        # A row without a group may be about something else than groups.
        odd += [""] if header[at] != "Team" else []
        # Whoever is new in a list of users is a joiner, whatever else their row has wrong.
        if header[at] not in NAMES:
            odd += ["?", "RO", "RW", "U", "M", "yes", "no"]
        elif source not in ("hr", "people"):
            odd += [f"{row[at][:cut]}z{row[at][cut:]}", "nobody", f"{row[at]};nobody"]
        row[at] = draw(st.sampled_from(odd))
    return source, number, draw(st.sampled_from((row, row, row, row[:-1], [*row, "more"])))


def planned(folder: Path, options: dict[str, str], files: dict[str, list[list[str]]]) -> Plan:
    path = folder / "map.yaml"
    path.write_text(MAPPING.format(**options), encoding="utf-8")
    for name, rows in files.items():
        text = "".join(f"{','.join(row)}\n" for row in rows)
        (folder / f"{name}.csv").write_text(text, encoding="utf-8")
    mapping = load_mapping(path)
    inputs = inputs_of(mapping, read_tables(mapping))
    return make_plan(
        inputs.desired,
        SERVER,
        mapping.spec,
        findings=inputs.findings,
        mapping_ref=inputs.mapping_ref,
        sources=inputs.source_refs,
        created_at="2026-11-21T02:00:00Z",
        version="1.0",
        memory=LEDGER,
    )


@given(OPTIONS, broken())
@settings(max_examples=examples(60, 2000), deadline=None)
def test_a_row_with_an_error_takes_nothing_away_and_gives_nothing(
    options: dict[str, str], one: tuple[str, int, list[str]]
) -> None:
    source, number, row = one
    files = {name: list(rows) for name, rows in FILES.items()}
    files[source][number] = row
    with tempfile.TemporaryDirectory() as folder:
        try:
            plan = planned(Path(folder), options, files)
        except SourceInvalid:
            event("refused")
            return
    found = [
        finding
        for finding in errors_in(plan.findings)
        for place in (finding.origin, *finding.related)
        if place is not None and (place.source, place.row) == (source, number + 1)
    ]
    event(f"an error: {bool(found)}")
    assume(found)
    # With only its member unknown, a row may name a new group.
    is_new = source == "teams" and row[0] != FILES[source][number][0]
    assume(not (is_new and {finding.code for finding in found} == {"person-unknown"}))
    assert {change.action for change in plan.changes} <= ABOUT_GROUPS


def test_the_server_is_as_the_files_want_it() -> None:
    options = {"find_by": "[username]", "missing": "disable", "several": "refuse"}
    with tempfile.TemporaryDirectory() as folder:
        plan = planned(Path(folder), options, FILES)
    assert plan.changes == ()
    assert not list(errors_in(plan.findings))
