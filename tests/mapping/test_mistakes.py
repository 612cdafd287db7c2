"""Each mistake of a mapping gives one message, in plain words, at its place, with what to do."""

from pathlib import Path

import pytest

from kanport.errors import ConfigInvalid, Exit
from kanport.mapping import load_mapping
from kanport.mapping.base import listed
from kanport.mapping.sources import TYPES
from kanport.mapping.spec import MappingFile
from tests.support.mappings import GOOD, MEMBERSHIP, mistakes_in, write_mapping

NEEDS_ORIGIN = "needs one of from, template or value"
NO_TYPE = f"type must be {listed(TYPES)}"


def field(text: str) -> str:
    """Give a mapping with one more field of a user, in line 9 from column 5."""
    return f"{GOOD}    {text}\n"


def users(text: str) -> str:
    """Give a mapping with one more key of users, in line 9 from column 3."""
    return f"{GOOD}  {text}\n"


def top(text: str) -> str:
    """Give a mapping with one more key at the top, in line 9."""
    return f"{GOOD}{text}\n"


def staff(text: str) -> str:
    """Give a mapping with one more key of a CSV source, in line 3 from column 35."""
    return GOOD.replace("path: a.csv", f"path: a.csv, {text}")


def membership(text: str) -> str:
    """Give a mapping with more keys of a membership, in line 12 from column 5."""
    return MEMBERSHIP + "".join(f"    {line}\n" for line in text.splitlines())


KEYS = {
    field("name: {from: A, transfrom: [trim]}"): (
        '9:21: unknown key "transfrom" | did you mean transform?'
    ),
    users("pasword: random"): '9:3: unknown key "pasword" | did you mean password?',
    users("password: {column: Pw, from: Pw}"): (
        '9:14: unknown key "column" | the only key here is from'
    ),
    users("from_: staff"): '9:3: unknown key "from_" | did you mean from?',
    top("zzz: 1"): (
        f'9:1: unknown key "zzz" | the keys here are {listed(MappingFile.model_fields, "and")}'
    ),
    GOOD.replace("kanport: 1\n", ""): "1:1: kanport is missing",
    GOOD.replace("  from: staff\n", ""): "5:1: from is missing",
    GOOD.replace("    username: {from: Login}", "    name: {from: Login}"): (
        "7:3: username is missing"
    ),
    membership("project: {from: P}"): "10:5: role is missing",
    membership("role: project-member"): "10:5: project is missing",
}

SHAPES = {
    GOOD.replace("kanport: 1", "kanport: 2"): (
        "1:10: kanport must be 1 | this Kanport reads version 1 of the format"
    ),
    GOOD.replace("kanport: 1", "kanport: '1'"): (
        "1:10: kanport must be 1 | write 1 without quotes"
    ),
    top("name: 2026"): '9:7: name must be text | write it in quotes: "2026"',
    top("name: true"): '9:7: name must be text | write it in quotes: "true"',
    top("name: [a]"): "9:1: name must be text | one text, without brackets",
    top("name: ''"): "9:7: name must not be empty",
    top("protect: admin"): "9:10: protect must be a list: [a, b] | write [admin]",
    top("protect: '*'"): '9:10: protect must be a list: [a, b] | write ["*"]',
    top("memberships: {from: staff}"): "9:1: memberships must be a list: [a, b]",
    top("invalid_rows: Skip"): ("9:15: invalid_rows must be abort or skip | did you mean skip?"),
    top("limits: 5"): "9:9: limits must be a table of keys and values",
    users("managed: '*'"): ('9:12: managed must be ledger, or {usernames: ["*"]}'),
    users("managed: {usernames: []}"): "9:13: usernames must not be empty",
    users("find_by: username"): "9:12: find_by must be a list: [a, b] | write [username]",
    users("find_by: [username, mail]"): (
        "9:23: this must be username or email | did you mean email?"
    ),
    field("name: Full name"): (
        "9:11: name must be a table of keys and values | for a column, write {from: Full name}"
    ),
    field("name: {from: [A, B]}"): (
        "9:12: from must be a column, or a table of source and column: {staff: E-Mail}"
    ),
    field("name: {from: 2026}"): (
        "9:18: from must be a column, or a table of source and column: {staff: E-Mail}"
    ),
    field("name: {from: {}}"): "9:12: from must not be empty",
    field("name: {from: A, default: 1.5}"): (
        "9:30: default must be text, a whole number, true or false"
    ),
    field("name: {from: A, values: [a]}"): "9:21: values must be a table of keys and values",
    field("name: {from: A, values: {}}"): "9:21: values must not be empty",
    field("name: {from: A, transform: trim}"): (
        "9:32: transform must be a list: [a, b] | write [trim]"
    ),
    membership("project: {from: P, split: 3}\nrole: project-member"): (
        "12:31: split must be text, or a list of texts"
    ),
    membership("project: {from: P, each: yes}\nrole: project-member"): (
        "12:30: each must be true or false | yes, no, on and off are text in YAML 1.2"
    ),
    membership("project: {from: P}\nrole: [a]"): (
        "13:5: role must be a role, or a table that says how it is made"
    ),
    membership("matrix: {columns: 3}"): (
        "12:23: columns must be a list of columns, or a table of column and project"
    ),
    staff("max_rows: true"): "3:45: max_rows must be a whole number",
    staff("max_rows: '5'"): "3:45: max_rows must be a whole number | write 5 without quotes",
    staff("max_rows: 0"): "3:45: max_rows must be more than 0",
    staff("delimiter: ':'"): r'3:46: delimiter must be ",", ";", "\t" or "|"',
    staff(r"delimiter: \t"): (
        r'3:46: delimiter must be ",", ";", "\t" or "|" | a tab is written "\t", in double quotes'
    ),
    staff("encoding: cp125"): '3:45: there is no encoding "cp125" | did you mean cp1252?',
    GOOD.replace("type: csv, ", ""): (
        f"3:3: type is missing | write type: csv, or {listed(list(TYPES)[1:])}"
    ),
    GOOD.replace("type: csv", "type: cvs"): (f"3:17: {NO_TYPE} | did you mean csv?"),
    GOOD.replace("{type: csv, path: a.csv}", "a.csv"): (
        "3:10: staff must be a table that begins with type"
    ),
}

RULES = {
    field("name: {transform: [trim]}"): f"9:5: name {NEEDS_ORIGIN}",
    field("name: {from: A, template: '{B}'}"): (
        "9:5: from and template cannot stand together | keep one of them"
    ),
    field("name: {template: '{First} {Last'}"): (
        "9:22: a brace is not closed: {Last | write {{ and }} for plain braces"
    ),
    field("name: {template: 'First}'}"): (
        "9:22: a brace is closed that was never opened: } | write {{ and }} for plain braces"
    ),
    field("name: {template: 'a {} b'}"): (
        "9:22: there is no column between these braces: {} | write {{ and }} for plain braces"
    ),
    field("name: {template: 'All of {{us}}'}"): (
        '9:22: the template names no column | write "{First} {Last}", or use value for the same'
        " text in every row"
    ),
    field("name: {from: A, match: '(a'}"): (
        "9:28: not a regular expression: missing ), unterminated subpattern at character 1"
        r" | a \ before a character makes it a plain one"
    ),
    field("name: {from: A, match: '(a)'}"): (
        "9:28: the pattern has parts in brackets, but none is named value"
        " | write (?P<value>…) for what is to be taken, (?:…) for other brackets"
    ),
    field("name: {from: A, transform: [trm]}"): (
        '9:33: there is no transform "trm" | did you mean trim?'
    ),
    field("name: {from: A, transform: [{befor: x}]}"): (
        '9:34: there is no transform "befor" | did you mean before?'
    ),
    field("name: {from: A, transform: [{before: 3}]}"): (
        '9:42: this is not what before takes | write {before: "@"}'
    ),
    GOOD.replace("{from: Login}", "{value: x}"): (
        "8:23: every row would name the same person | take it from a column: {from: Login}"
    ),
    GOOD.replace("{from: Login}", "{from: A, default: y}"): (
        "8:34: every row without a username would name the same person"
        " | leave it out: a row without a username is a finding anyway"
    ),
    field("active: {from: A, values: {J: yes, N: false}}"): (
        "9:35: J must be true or false | yes, no, on and off are text in YAML 1.2"
    ),
    field("active: {from: A, default: 1}"): "9:32: default must be true or false",
    field("email: {from: A, values: {x: true}}"): (
        '9:34: x must be text | write it in quotes: "true"'
    ),
    field("email: {value: 5}"): '9:20: value must be text | write it in quotes: "5"',
}

ROLES = {
    field("role: {from: A, values: {X: app-admn}}"): (
        '9:33: there is no role "app-admn" | did you mean app-admin?'
    ),
    field("role: {from: A, default: App-Admin}"): (
        '9:30: there is no role "App-Admin" | did you mean app-admin?'
    ),
    field("role: {value: project-member}"): (
        '9:19: there is no role "project-member" | project-member is a role on a project;'
        " here it is app-admin, app-manager or app-user"
    ),
    field("role: {from: A, values: {X: true}}"): (
        "9:33: X must be a role | use one of app-admin, app-manager or app-user"
    ),
    membership("project: {from: P}\nrole: member"): (
        '13:11: there is no role "member" | did you mean project-member?'
    ),
    membership("project: {from: P}\nrole: app-user"): (
        '13:11: there is no role "app-user" | app-user is a role on the whole server; here it is'
        " project-manager, project-member or project-viewer; custom_roles can name more"
    ),
    membership("project: {from: P}\nrole: {from: R, values: {1: Tester}}")
    + "custom_roles: {WEB: [Testing]}\n": (
        '13:33: there is no role "Tester" | did you mean Testing?'
    ),
    membership("matrix: {columns: [A], values: {R: viewer}}"): (
        '12:40: there is no role "viewer" | did you mean project-viewer?'
    ),
    top("custom_roles: {WEB: [project-member]}"): (
        "9:22: project-member is not a custom role | leave it out"
    ),
}

REFERENCES = {
    GOOD.replace("from: staff", "from: staf"): (
        '6:9: there is no source "staf" | did you mean staff?'
    ),
    GOOD.replace("from: staff", "from: [staff, staff]"): (
        '6:17: "staff" is listed twice | leave one out'
    ),
    GOOD.replace("from: staff", "from: [staff, ldap]"): (
        '6:17: there is no source "ldap" | sources has staff and phones'
    ),
    field("name: {from: {stff: A}}"): '9:19: there is no source "stff" | did you mean staff?',
    field("name: {from: {phones: A}}"): (
        '9:19: the source "phones" is not read here | from names staff only'
    ),
    field("name: {from: A, precedence: [phones]}"): (
        '9:34: the source "phones" is not read here | from names staff only'
    ),
    users("password: {from: {phones: A}}"): (
        '9:21: the source "phones" is not read here | from names staff only'
    ),
    GOOD.replace("staff\n", "[staff, phones]\n").replace("Login", "{staff: A}"): (
        "8:16: the username of phones is not said | add phones: COLUMN"
    ),
    membership("project: {from: P}\nrole: project-member").replace("- from: sta", "- from: stu"): (
        '10:11: there is no source "stuff" | did you mean staff?'
    ),
    membership("project: {from: {phones: P}}\nrole: project-member"): (
        '12:22: the source "phones" is not read here | from names staff only'
    ),
    membership("project: {from: P, match: '^(?P<value>.+)-(?P<role>.+)'}\nrole: {part: rolle}"): (
        "13:18: the match of project has no part (?P<rolle>…)"
    ),
    membership("project: {from: P, match: '^(?P<value>.+)'}\nrole: {part: value}"): (
        "13:18: the part value of match is the project, not the role"
    ),
    membership("project: {from: P}\nrole: {part: role}"): (
        "13:18: part needs the match of project | give project a match with (?P<role>…) in it"
    ),
}  # fmt: skip

BETWEEN_KEYS = {
    users("missing: disable"): (
        "9:12: missing: disable needs managed, which says whom it may touch"
        ' | managed: {usernames: ["*"]} means everybody who is not protected'
    ),
    field("email: {from: E}") + "  find_by: [email]\n": (
        "10:3: a person is always found by username, so it must be here | write [username, email]"
    ),
    users("inactive: create"): (
        "9:13: nobody is inactive where fields has no active"
        " | add active to fields, or leave this out"
    ),
    users("find_by: [username, email]"): (
        "9:3: people can only be found by email where fields has email"
        " | add email to fields, or leave it out here"
    ),
    users("id: {from: Number}"): (
        "9:3: stable ids are kept in a ledger, and the mapping names none"
        " | add ledger: people.ledger, a file of its own beside the mapping"
    ),
    users("id: {value: all}") + "ledger: l\n": (
        "9:15: several people would have the same id"
        " | take it from a column: {from: Personnel number}"
    ),
    users("id: {from: N, default: none}") + "ledger: l\n": (
        "9:26: several people would have the same id"
        " | take it from a column: {from: Personnel number}"
    ),
    users("id: {from: {phones: N}}") + "ledger: l\n": (
        '9:15: the source "phones" is not read here | from names staff only'
    ),
    users("password: hunter22"): "9:13: password must be random, ldap, or {from: COLUMN}",
    membership("matrix: {columns: [A]}\nrole: project-member"): (
        "13:5: matrix already says the role | leave out role, or matrix"
    ),
    membership(""): "10:5: this needs project and role, or a matrix",
    membership("matrix: {columns: [A], match: '(?P<project>.)'}"): (
        "12:5: columns and match cannot stand together | keep one of them"
    ),
    membership("matrix: {values: {R: project-viewer}}"): "12:5: matrix needs columns or match",
    membership("matrix: {match: '^P '}"): (
        "12:21: the pattern does not say which part is the project | write (?P<project>…) round it"
    ),
    top("memberships_missing: revoke"): (
        "9:22: revoke works within the projects that memberships names, and there are none"
        " | add memberships, or leave this out"
    ),
    "kanport: 1\nsources: {a: {type: csv, path: b}}\n": (
        "1:1: a mapping needs users, memberships, groups, group_access or projects; otherwise there"
        " is nothing to do"
    ),
    top("limits: {create: many}"): (
        "9:18: create must be a whole number such as 40, or a share such as 5%"
        " | both together: {max: 40, share: 5}"
    ),
    top("limits: {create: true}"): (
        "9:18: create must be a whole number such as 40, or a share such as 5%"
        " | both together: {max: 40, share: 5}"
    ),
    top("limits: {create: -1}"): "9:18: max must be at least 0",
    top("limits: {create: 120%}"): "9:18: share must be at most 100",
    top("limits: {create: {}}"): "9:10: create needs max or share",
    top("accept: [{code: email-invalid, reason: x, until: 2026-12-31}]"): (
        "9:17: email-invalid is an error, and only warnings and notes can be accepted"
        " | correct the cause, or set invalid_rows: skip to ignore invalid rows"
    ),
    top("accept: [{code: email-shred, reason: x, until: 2026-12-31}]"): (
        '9:17: no finding has the code "email-shred" | did you mean email-shared?'
    ),
    top("accept: [{code: email-shared, reason: x, until: 31.12.2026}]"): (
        "9:49: until must be a date such as 2026-12-31"
    ),
    top("accept: [{code: email-shared, reason: x}]"): "9:10: until is missing",
}


@pytest.mark.parametrize(
    ("text", "said"),
    [*KEYS.items(), *SHAPES.items(), *RULES.items(), *ROLES.items(), *REFERENCES.items(),
     *BETWEEN_KEYS.items()],
)  # fmt: skip
def test_a_mistake_gives_one_message_at_its_place(tmp_path: Path, text: str, said: str) -> None:
    assert mistakes_in(tmp_path, text) == [said]


TEN = """\
# Ten mistakes, each of another kind.
kanport: 1
nmae: nightly
sources:
  staff: {type: exel, path: staff.xlsx}
  grants: {type: csv, path: grants.csv, delimiter: ":"}
users:
  from: staf
  fields:
    username: {from: Login, transform: [trim, lowr]}
    name: {template: "{First} {Last"}
    role: {from: Access, values: {X: app-admn}}
  missing: disable
memberships:
  - from: grants
    username: {from: Login}
    project: {from: Project, match: "([a-z"}
    role: project-member
limits: {create: many, disable: 5%}
protect: admin
"""

TEN_SAID = """\
mapping.yaml:3:1: unknown key "nmae"
     3 | nmae: nightly
       | ^^^^
    hint: did you mean name?
mapping.yaml:5:17: NO_TYPE
     5 |   staff: {type: exel, path: staff.xlsx}
       |                 ^^^^
    hint: did you mean excel?
mapping.yaml:6:52: delimiter must be ",", ";", "\\t" or "|"
     6 |   grants: {type: csv, path: grants.csv, delimiter: ":"}
       |                                                    ^^^
mapping.yaml:8:9: there is no source "staf"
     8 |   from: staf
       |         ^^^^
    hint: did you mean staff?
mapping.yaml:10:47: there is no transform "lowr"
    10 |     username: {from: Login, transform: [trim, lowr]}
       |                                               ^^^^
    hint: did you mean lower?
mapping.yaml:11:22: a brace is not closed: {Last
    11 |     name: {template: "{First} {Last"}
       |                      ^^^^^^^^^^^^^^^
    hint: write {{ and }} for plain braces
mapping.yaml:12:38: there is no role "app-admn"
    12 |     role: {from: Access, values: {X: app-admn}}
       |                                      ^^^^^^^^
    hint: did you mean app-admin?
mapping.yaml:13:12: missing: disable needs managed, which says whom it may touch
    13 |   missing: disable
       |            ^^^^^^^
    hint: managed: {usernames: ["*"]} means everybody who is not protected
mapping.yaml:17:37: not a regular expression: unterminated character set at character 2
    17 |     project: {from: Project, match: "([a-z"}
       |                                     ^^^^^^^
    hint: a \\ before a character makes it a plain one
mapping.yaml:19:18: create must be a whole number such as 40, or a share such as 5%
    19 | limits: {create: many, disable: 5%}
       |                  ^^^^
    hint: both together: {max: 40, share: 5}
mapping.yaml:20:10: protect must be a list: [a, b]
    20 | protect: admin
       |          ^^^^^
    hint: write [admin]""".replace("NO_TYPE", NO_TYPE)


def test_a_mapping_with_ten_mistakes_shows_all_ten(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    text, said = TEN.replace("protect: admin\n", ""), TEN_SAID.partition("\nmapping.yaml:20")[0]

    with pytest.raises(ConfigInvalid) as raised:
        load_mapping(write_mapping(Path(), text))

    assert raised.value.exit_code == Exit.CONFIG
    assert raised.value.message == "the mapping mapping.yaml has 10 mistakes"
    assert len(raised.value.details) == 10
    assert "\n".join(raised.value.details) == said


def test_one_more_mistake_hides_none_of_the_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)

    with pytest.raises(ConfigInvalid) as raised:
        load_mapping(write_mapping(Path(), TEN))

    assert "\n".join(raised.value.details) == TEN_SAID


def test_a_secret_in_the_wrong_place_is_not_shown(tmp_path: Path) -> None:
    path = write_mapping(tmp_path, top("bind_password: geheim-123\nname: [geheim-123-no-key]"))

    with pytest.raises(ConfigInvalid) as raised:
        load_mapping(path)

    secret, other = raised.value.details
    assert secret.splitlines()[1:3] == ["     9 | bind_password: ••••••", "       | ^^^^^^^^^^^^^"]
    assert "geheim" in other, "only what is called a secret is hidden"


def test_the_caret_stands_below_the_mistake_also_after_wide_and_in_long_lines(
    tmp_path: Path,
) -> None:
    path = write_mapping(tmp_path, top(f"名前: 1\nprotect: [{'x' * 300}, {{}}]"))

    with pytest.raises(ConfigInvalid) as raised:
        load_mapping(path)

    wide, long = (detail.splitlines() for detail in raised.value.details)
    assert wide[1:3] == ["     9 | 名前: 1", "       | ^^^^"]
    assert len(long[1]) < 120
    assert long[1][long[2].index("^") :].startswith("{}]")


def test_lines_are_counted_right_with_carriage_returns(tmp_path: Path) -> None:
    text = top("nmae: x").replace("\n", "\r\n")

    assert mistakes_in(tmp_path, text) == ['9:1: unknown key "nmae" | did you mean name?']


def test_a_mapping_that_is_not_there_says_what_is(tmp_path: Path) -> None:
    write_mapping(tmp_path, GOOD)
    (tmp_path / "compose.yaml").write_text("services: {}\n")

    with pytest.raises(ConfigInvalid, match=r"there is no mapping .*maping\.yaml") as raised:
        load_mapping(tmp_path / "maping.yaml")

    assert raised.value.hint == f"did you mean {tmp_path / 'mapping.yaml'}?"

    for number in range(6):
        (tmp_path / f"list{number}.yaml").write_text(GOOD)
    with pytest.raises(ConfigInvalid, match="there is no mapping") as raised:
        load_mapping(tmp_path / "nobody.yaml")
    assert str(raised.value.hint).endswith("list4.yaml and 2 more")


def test_a_folder_is_no_mapping(tmp_path: Path) -> None:
    with pytest.raises(ConfigInvalid, match="is a folder, not a mapping file"):
        load_mapping(tmp_path)


def test_a_folder_that_is_not_there_is_said_too(tmp_path: Path) -> None:
    with pytest.raises(ConfigInvalid) as raised:
        load_mapping(tmp_path / "nowhere" / "mapping.yaml")

    assert raised.value.hint == f"there is no folder {tmp_path / 'nowhere'} either"


def test_a_file_spells_its_keys_as_the_format_does(tmp_path: Path) -> None:
    assert mistakes_in(tmp_path, GOOD.replace("  from: staff", "  from_: staff")) == [
        "5:1: from is missing",
        '6:3: unknown key "from_" | did you mean from?',
    ]
