"""Random tables and mappings: the engine for columns agrees with the naive reference."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from hypothesis import event, given, settings
from hypothesis import strategies as st

from kanport.mapping import LoadedMapping
from kanport.mapping.spec import MappingFile
from kanport.model import DesiredRelation
from kanport.names import normalize
from kanport.normalize import Normalized
from kanport.origin import Origin
from kanport.rules import strip_blanks
from tests.support.examples import examples
from tests.support.inputs import a_table, normalize_tables
from tests.support.reference.relations import RelationsReference
from tests.support.reference.rows import Reference
from tests.support.reference.values import SECOND

GOOD = {
    "Login": ("ada", "Ada", "ADA", "bob", "eve", "björn", "bjorn", "groß", "gross", "GROSS"),
    "First": ("Ada", "Björn", "MÃ¼ller", "аnna", "a  b", "x\u200by", "<clear>", ""),
    "Mail": ("a@example.org", "A@Example.org", "b@example.org", "a(at)b", "<clear>", ""),
    "Role": ("app-user", "app-manager", "app-admin", "lead", "LEAD", "staff"),
    "Project": (
        *("WEB", "web", "OPS", "Über uns", "uber uns", "WEB;OPS", "OPS; web;ERP", "web;WEB"),
        *("kb-WEB-rw", "kb-web-ro", "kb-OPS-rw;kb-WEB-ro", "vpn;kb-OPS-ro", "kb-ERP-xx"),
    ),
    "Access": ("project-member", "project-viewer", "project-manager", "RO", "rw", "RW"),
}
"""What columns usually have: all texts that somebody may mean, and a few that nobody does."""

COLUMNS = tuple(GOOD)
PIECES = (
    *("ada", "Ada", "ADA ", "bob", "eve", "björn", "Bjo\u0308rn", "groß", "gross", "GROSS", "İpek"),
    *("ß", "ẞ", "MÃ¼ller", "аnna", "anna\u00ad", "x\u200by", "tab\there", "line\nbreak", "\x07"),
    *("a@example.org", "A@Example.org", "a(at)b", "@", "jsonrpc", "<clear>", "-", "0", "12"),
    *("app-admin", "app-user", "lead", "LEAD", "staff", "project-member", "project-viewer"),
    *("RO", "rw", "RW", "PM", "WEB", "web", "OPS", "Über uns", "uber uns", "WEB;OPS", "web | Ops"),
    *("kb-WEB-rw", "kb-OPS-ro;vpn", "kb-web-pm;kb-WEB-rw", ";", "; ;", "a  b", "\u00a0"),
)
texts = st.one_of(
    st.just(""),
    st.sampled_from(PIECES),
    st.text(st.sampled_from("abAB äÄßéıİ@.;|-<>0\u200b\u00ad\u0301Аа\tÃ¼7"), max_size=6),
).map(lambda text: strip_blanks(normalize("NFC", text)))
"""Cells as sources give them: composed, and without blanks at their ends."""

PATTERNS = ("^(?P<value>[^@;]+)", "(?P<value>[A-Za-z]*)$", "[a-z]", "^(?P<value>.*)-(?:ro|rw)$")
WITH_PART = (
    "^kb-(?P<project>.+)-(?P<access>[a-z]+)$",
    "^(?P<value>[^|]*)(?P<access>[|].*)?$",
)
TRANSFORMS = ("trim", "lower", "upper", "title", "collapse", "umlauts", "ascii")
steps = st.lists(
    st.one_of(
        st.sampled_from(TRANSFORMS),
        st.sampled_from([{"before": "@"}, {"prefix": "x-"}, {"replace": {"from": "b", "to": ""}}]),
    ),
    max_size=2,
)
APP_ROLES = ("app-user", "app-manager", "app-admin")
PROJECT_ROLES = ("project-viewer", "project-member", "project-manager")


@st.composite
def tables(draw: st.DrawFn) -> list[list[str]]:
    """Draw rows of few people, of which many repeat another one with one cell changed."""
    pools = [
        draw(st.lists(st.sampled_from(good), min_size=2, max_size=4)) for good in GOOD.values()
    ]
    for _ in range(draw(st.integers(0, 2))):
        draw(st.sampled_from(pools)).append(draw(texts))
    row = st.tuples(*map(st.sampled_from, pools)).map(list)
    rows = draw(st.lists(row, min_size=1, max_size=4))
    for _ in range(draw(st.integers(0, 4))):
        copy = list(draw(st.sampled_from(rows)))
        at = COLUMNS.index(draw(st.sampled_from((*COLUMNS, "Login", "Access", "Access"))))
        copy[at] = draw(st.one_of(st.sampled_from(pools[at]), st.just(copy[at].swapcase())))
        rows.append(copy)
    return rows


@st.composite
def rules(
    draw: st.DrawFn,
    column: str,
    meanings: tuple[str, ...] = (),
    *,
    several: bool = False,
    part: bool = False,
    who: bool = False,
) -> dict[str, Any]:
    """Draw a rule that reads a column, or some; `meanings` is all that it may give by itself.

    `several` says that it may give several values, `part` that it has a pattern with a part for
    roles, `who` that people are identified by it.
    """
    made: dict[str, Any] = {}
    if draw(st.integers(0, 3)) and not part:
        # Where every rule is odd, nothing is left that could be put together.
        known = {text: meanings[at % 3] for at, text in enumerate(GOOD[column]) if meanings}
        split = {"split": ";"} if several and draw(st.booleans()) else {}
        return {"from": column, **({"values": known} if known else split)}
    kind = draw(st.sampled_from([*["from"] * 5, "template", "from" if who else "value"]))
    if kind == "from":
        made["from"] = column
    elif kind == "template":
        made["template"] = draw(
            st.sampled_from([f"{{{column}}}", "{First}.{Login}", f"{{First}} {{{column}}} x"])
        )
    else:
        made["value"] = draw(st.sampled_from(meanings or ("ada", "WEB")))
    if draw(st.booleans()):
        made["transform"] = draw(steps)
    if draw(st.integers(0, 5)) == 0 or part:
        made["match"] = draw(st.sampled_from(WITH_PART if part else PATTERNS))
    said = st.sampled_from(meanings) if meanings else texts
    if draw(st.integers(0, 3)) == 0 or (meanings and draw(st.booleans())):
        key = st.one_of(*[st.sampled_from(GOOD[column])] * 3, texts)
        keys = draw(st.lists(key, min_size=1, max_size=5))
        # Nobody's username is what an empty cell means.
        made["values"] = {key: draw(said) for key in keys if key or not who}
        made = {key: value for key, value in made.items() if value != {}}
    if draw(st.integers(0, 2)) == 0 and not who:
        made["default"] = draw(said.filter(bool))
    if several and draw(st.booleans()):
        made["split"] = draw(st.sampled_from([";", "|", [";", "; ", "|"], "b"]))
    if several and draw(st.booleans()):
        made["each"] = True
    return made


@st.composite
def mappings(draw: st.DrawFn) -> dict[str, Any]:
    """Draw a mapping for users, memberships or both, all from one list."""
    made: dict[str, Any] = {}
    which = draw(st.sampled_from(["users", "memberships", "both", "both"]))
    if which != "memberships":
        fields = {"username": draw(rules("Login", who=True))}
        for field, column, meanings in (
            ("name", "First", ()),
            ("email", "Mail", ()),
            ("role", "Role", APP_ROLES),
        ):
            if draw(st.booleans()):
                fields[field] = draw(rules(column, meanings))
        made["users"] = {"from": "staff", "fields": fields}
    if which != "users":
        part = draw(st.integers(0, 2)) == 0
        rule: dict[str, Any] = {"from": "staff", "username": draw(rules("Login", who=True))}
        rule["project"] = draw(rules("Project", several=True, part=part))
        if part:
            words = {"rw": "project-member", "ro": "project-viewer", "|x": "project-manager"}
            rule["role"] = {"part": "access", "values": words}
            if draw(st.booleans()):
                rule["role"]["default"] = "project-viewer"
        else:
            constant = st.sampled_from(PROJECT_ROLES)
            rule["role"] = draw(st.one_of(rules("Access", PROJECT_ROLES), constant))
        several = draw(st.sampled_from([None, "highest", "highest", "refuse"]))
        rule |= {"several": several} if several else {}
        made["memberships"] = [rule]
    return made


@st.composite
def group_mappings(draw: st.DrawFn) -> dict[str, Any]:
    """Draw a mapping for members of groups, access of groups or both, all from one list."""
    made: dict[str, Any] = {}
    which = draw(st.sampled_from(["members", "access", "both"]))
    if which != "access":
        name = draw(rules("Project", several=True))
        made["groups"] = [
            {"from": "staff", "name": name, "member": draw(rules("Login", several=True))}
        ]
    if which != "members":
        part = draw(st.integers(0, 2)) == 0
        role: Any = draw(st.one_of(rules("Access", PROJECT_ROLES), st.sampled_from(PROJECT_ROLES)))
        if part:
            words = {"rw": "project-member", "ro": "project-viewer", "|x": "project-manager"}
            role = {"part": "access", "values": words}
        project = draw(rules("Project", several=True, part=part))
        group = draw(rules("Login", several=True))
        made["ledger"] = "people.ledger"
        made["group_access"] = [{"from": "staff", "group": group, "project": project, "role": role}]
    return made


def loaded(parts: dict[str, Any]) -> LoadedMapping:
    """Return the mapping of these parts, over one CSV file, or two where users come from both."""
    names = ("staff", "more") if "more" in parts.get("users", {}).get("from", ()) else ("staff",)
    sources = {name: {"type": "csv", "path": f"{name}.csv"} for name in names}
    spec = MappingFile.model_validate({"kanport": 1, "sources": sources, **parts}, by_name=False)
    return LoadedMapping(spec, Path("map.yaml"), "", lambda steps: Origin(file="map.yaml"))


def places(origins: tuple[Origin, ...]) -> tuple[tuple[int, str], ...]:
    """Return the rows and columns of origins as the reference has them."""
    return tuple(
        sorted(
            {
                ((origin.row or 0) + (origin.source == "more") * SECOND, origin.column or "")
                for origin in origins
            }
        )
    )


def found_by(engine: Normalized) -> dict[str, Any]:
    """Return what the engine made of a table in the words of the reference."""
    desired = engine.desired
    users = []
    for user in desired.users:
        fields = {"username": user.username, "name": user.name, "email": user.email}
        fields["role"] = user.role
        said = {key: (one.value, places(one.origins)) for key, one in fields.items() if one}
        users.append((user.username.value, said))
    return {
        "users": users,
        "memberships": relations(desired.memberships),
        "unknown": set(desired.unknown.people),
        "findings": findings_of(engine),
    }


def findings_of(engine: Normalized) -> set[Any]:
    """Return the findings with the rows and columns where they are."""
    return {
        (finding.code, places((finding.origin,))[0], places(finding.related))
        for finding in engine.findings
        if finding.origin is not None
    }


def relations(wanted: Sequence[DesiredRelation]) -> list[Any]:
    """Return relations as the reference has them: holder, target and role with their places."""
    return [
        tuple((part.value, places(part.origins)) for part in (one.holder, one.target, one.role))
        for one in wanted
    ]


@settings(max_examples=examples(150, 5000))
@given(rows=tables(), parts=mappings())
def test_the_engine_and_the_reference_agree(rows: list[list[str]], parts: dict[str, Any]) -> None:
    check_agreement(parts, COLUMNS, rows, ())


@settings(max_examples=examples(150, 5000))
@given(
    rows=tables(),
    others=tables(),
    parts=mappings().filter(lambda parts: "users" in parts),
    lacking=st.sampled_from(["", "Mail", "Role"]),
    turned=st.sets(st.sampled_from(["username", "name", "email", "role"])),
)
def test_they_agree_on_people_of_two_sources(
    rows: list[list[str]],
    others: list[list[str]],
    parts: dict[str, Any],
    lacking: str,
    turned: set[str],
) -> None:
    fields = parts["users"]["fields"]
    for field in turned & fields.keys():
        fields[field]["precedence"] = ["more"]
    parts["users"]["from"] = ["staff", "more"]
    kept = [at for at, column in enumerate(COLUMNS) if column != lacking]
    # Half of the second list repeats the first, or the sources would agree on nobody.
    more = [*others[: len(others) // 2], *rows[: len(rows) // 2 + 1]]
    second = [[row[at] for at in kept] for row in more]
    check_agreement(parts, [COLUMNS[at] for at in kept], rows, second)


def check_agreement(
    parts: dict[str, Any],
    columns: Sequence[str],
    rows: Sequence[list[str]],
    second: Sequence[list[str]],
) -> None:
    """Check that both make the same of a table, and of a second one with these columns."""
    mapping = loaded(parts)
    tables = [a_table("staff", " | ".join(COLUMNS), *rows)]
    tables += [a_table("more", " | ".join(columns), *second)] if second else []
    engine = found_by(normalize_tables(mapping, *tables))
    spec = mapping.spec
    naive = Reference(
        [dict(zip(COLUMNS, row, strict=True)) for row in rows],
        [dict(zip(columns, row, strict=True)) for row in second],
    ).read(spec.users, spec.memberships[0] if spec.memberships else None)
    named = (one["username"][1] for one in naive.users.values())
    both = any(len({at > SECOND for at, _ in where}) > 1 for where in named)
    event(f"{bool(naive.users)} users, {both} of both, {bool(naive.memberships)} memberships")
    assert engine == {
        "users": list(naive.users.items()),
        "memberships": naive.memberships,
        "unknown": naive.unknown,
        "findings": naive.findings,
    }


@settings(max_examples=examples(150, 5000))
@given(rows=tables(), parts=group_mappings())
def test_they_agree_on_groups_as_well(rows: list[list[str]], parts: dict[str, Any]) -> None:
    mapping = loaded(parts)
    engine = normalize_tables(mapping, a_table("staff", " | ".join(COLUMNS), *rows))
    spec, desired = mapping.spec, engine.desired
    naive = RelationsReference([dict(zip(COLUMNS, row, strict=True)) for row in rows]).read(
        spec.groups[0] if spec.groups else None, spec.group_access[0] if spec.group_access else None
    )
    event(f"{bool(naive.members)} members, {bool(naive.access)} access")
    assert {
        "groups": [group.name.value for group in desired.groups],
        "members": relations(desired.group_members),
        "access": relations(desired.group_access),
        "open": (desired.unknown.group_members, desired.unknown.group_access),
        "findings": findings_of(engine),
    } == {
        "groups": naive.groups,
        "members": naive.members,
        "access": naive.access,
        "open": (naive.open_members, naive.open_access),
        "findings": naive.findings,
    }
