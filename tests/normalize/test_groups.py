"""What rows and lists say of groups, their members, their access, and new projects."""

from pathlib import Path
from typing import Any

from kanport.mapping import load_mapping
from kanport.model import DesiredState
from kanport.normalize import Normalized, columns_used, normalize, secret_columns
from kanport.origin import Origin
from kanport.sources import SourceContext, read_source
from kanport.table import Row, Table
from tests.support.findings import codes
from tests.support.inputs import normalize_tables

HEAD = "kanport: 1\nledger: a.ledger\nsources: {teams: {type: csv, path: teams.csv}}\n"
TEAMS = (
    "groups: [{from: teams, name: {from: Group, split: ;}, member: {from: Login, split: ;},"
    " external_id: {from: Id}}]\n"
)
ACCESS = (
    "group_access: [{from: teams, group: {from: Group}, project: {from: Project},"
    " role: {from: Role}}]\n"
)


def made(folder: Path, mapping: str, *rows: str) -> Normalized:
    lines = ["Group,Login,Id,Project,Role,About", *rows]
    (folder / "teams.csv").write_text("\n".join([*lines, ""]), encoding="utf-8")
    path = folder / "mapping.yaml"
    path.write_text(HEAD + mapping, encoding="utf-8")
    loaded = load_mapping(path)
    used, secret = columns_used(loaded.spec), secret_columns(loaded.spec)
    tables = {
        name: read_source(name, spec, SourceContext(folder, secret[name], used.get(name)))
        for name, spec in loaded.spec.sources.items()
    }
    return normalize(loaded, tables)


def groups(desired: DesiredState) -> dict[str, Any]:
    return {
        group.name.value: (
            group.external_id.value if group.external_id else None,
            sorted(
                member.holder.value
                for member in desired.group_members
                if member.target.value == group.name.value
            ),
        )
        for group in desired.groups
    }


def test_a_row_may_name_several_groups_and_several_members(tmp_path: Path) -> None:
    desired, findings = made(tmp_path, TEAMS, "Web;Ops,ada; bob,,,,", "Web,eve,cn=web,,,")
    assert findings == []
    assert groups(desired) == {
        "Ops": (None, ["ada", "bob"]),
        "Web": ("cn=web", ["ada", "bob", "eve"]),
    }


def test_a_group_that_the_mapping_lists_is_like_one_of_a_file(tmp_path: Path) -> None:
    listed = "groups: [{list: {Web: [ada], Ops: {external_id: cn=ops}}}]\n"
    desired, findings = made(tmp_path, listed, "x,,,,,")
    assert findings == []
    assert groups(desired) == {"Ops": ("cn=ops", []), "Web": (None, ["ada"])}
    assert {g.name.value: g.members_listed for g in desired.groups} == {"Web": True, "Ops": False}
    (member,) = desired.group_members
    assert str(member.holder.origins[0]).endswith("mapping.yaml:4:18")


def test_a_row_without_its_member_takes_nobody_out(tmp_path: Path) -> None:
    normalized = made(tmp_path, TEAMS, "Web,ada,,,,", "Web,,,,,")
    assert codes(normalized) == ["username-empty"]
    assert (None, "web") in normalized.desired.unknown.group_members


def test_a_group_alone_in_its_row_is_a_group_without_members(tmp_path: Path) -> None:
    normalized = made(tmp_path, TEAMS, "Web,ada,,,,", "Ops,,,,,")
    assert codes(normalized) == []
    assert groups(normalized.desired)["Ops"] == (None, [])


def test_two_external_ids_of_one_group_are_an_error(tmp_path: Path) -> None:
    normalized = made(tmp_path, TEAMS, "Web,ada,a,,,", "web,bob,b,,,", "Ops,eve,c,,,")
    assert codes(normalized) == ["group-differs"]
    assert groups(normalized.desired) == {"Ops": ("c", ["eve"])}
    assert normalized.desired.unknown.group_members == {("ada", "web"), ("bob", "web")}


def test_an_external_id_belongs_to_one_group(tmp_path: Path) -> None:
    for cell in ("Web;Ops", "Web; ;Ops"):
        normalized = made(tmp_path, TEAMS, f"{cell},ada,cn=x,,,", "Dev,eve,cn=y,,,")
        assert codes(normalized) == ["value-not-single"]
        assert groups(normalized.desired) == {"Dev": ("cn=y", ["eve"])}
    normalized = made(tmp_path, TEAMS, "Web; ;Web,ada,cn=x,,,")
    assert codes(normalized) == []
    assert groups(normalized.desired) == {"Web": ("cn=x", ["ada"])}


def test_two_roles_of_one_group_in_one_project_are_an_error(tmp_path: Path) -> None:
    normalized = made(
        tmp_path,
        ACCESS,
        "Web,,,ERP,project-member,",
        "web,,,erp,project-viewer,",
        "Ops,,,ERP,project-viewer,",
        "Ops,,,FIN,boss,",
    )
    assert sorted(codes(normalized)) == ["group-differs", "role-unknown"]
    (access,) = normalized.desired.group_access
    assert (access.holder.value, access.target.value) == ("Ops", "ERP")
    assert normalized.desired.unknown.group_access == {("web", "erp"), ("ops", "fin")}


def test_projects_are_described_once_each(tmp_path: Path) -> None:
    projects = (
        "projects: [{from: teams, name: {from: Project}, identifier: {from: Id}, owner:"
        " {from: Login}, description: {from: About}}]\n"
    )
    normalized = made(
        tmp_path,
        projects,
        ",ada,WEB,Website,,All of it",
        ",ada,web,Website,,All of it",
        ",,ERP,Resources,,",
        ",,ERP,Other,,",
        ",,no-good,Odd,,",
    )
    assert sorted(codes(normalized)) == ["project-differs", "project-identifier"]
    [differs] = [one for one in normalized.findings if one.code == "project-differs"]
    assert dict(differs.params)["fields"] == ("name",)
    (web,) = normalized.desired.projects
    assert (web.name.value, web.identifier and web.identifier.value) == ("Website", "WEB")
    assert web.owner is not None and web.description is not None


def test_two_new_projects_of_one_name_are_an_error(tmp_path: Path) -> None:
    projects = "projects: [{from: teams, name: {from: Project}, identifier: {from: Id}}]\n"
    normalized = made(tmp_path, projects, ",,WEB,Website,,", ",,SITE,website,,")
    assert codes(normalized) == ["project-differs"]
    assert normalized.desired.projects == ()


def test_a_list_is_held_to_the_same_rules(tmp_path: Path) -> None:
    long = "x" * 192
    normalized = made(tmp_path, f'groups: [{{list: {{{long}: ["a\\tb"]}}}}]\n', "x,,,,,")
    assert {"group-name-odd", "cell-control"} <= set(codes(normalized))
    assert normalized.desired.groups == ()


def test_groups_of_a_directory_that_kanboard_takes_for_one_are_an_error() -> None:
    place = Origin("teams")
    names = {"cn=web": "Web", "cn=wéb": "Wéb", "cn=ops": "Ops"}
    table = Table.of_rows(
        "teams",
        "ldap",
        "",
        ("Group", "Login"),
        [
            Row(place.at(dn="uid=ada"), {"Group": name, "Login": "ada"}, {"Group": {"dn": group}})
            for group, name in names.items()
        ],
    )
    mapping = """
        sources: {teams: {type: csv, path: teams.csv}}
        groups: [{from: teams, name: {from: Group}, member: {from: Login}}]
    """
    normalized = normalize_tables(mapping, table)
    (clash,) = normalized.findings
    assert (clash.code, dict(clash.params)["names"]) == ("group-clash", ("Web", "Wéb"))
    assert [group.name.value for group in normalized.desired.groups] == ["Ops"]
