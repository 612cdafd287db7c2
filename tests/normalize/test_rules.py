"""One value: cells, templates, transforms, patterns, tables, defaults."""

import pytest

from kanport.facts import fact
from kanport.mapping.patterns import Pattern
from kanport.messages import MASK
from kanport.model import DesiredUser, Given
from kanport.normalize import Normalized
from kanport.normalize.compiled import CompiledRule, Context
from kanport.normalize.notes import Notes
from kanport.normalize.rows import read_one
from kanport.normalize.rules import State, shape
from kanport.rules import app_role_problem
from kanport.table import Odd
from tests.support.inputs import GRANTS, PEOPLE, Cell, a_table, codes_and_places, normalize_tables


def people(fields: str, header: str, *lines: str | list[Cell], more: str = "") -> Normalized:
    """Normalize one source of users with these fields."""
    rules = "\n".join(f"        {rule}" for rule in fields.strip().split("\n"))
    mapping = (
        "sources:\n  staff: {type: csv, path: staff.csv}\n"
        f"users:\n  from: staff\n  fields:\n{rules}\n{more}"
    )
    return normalize_tables(mapping, a_table("staff", header, *lines))


def only(found: Normalized) -> DesiredUser:
    [user] = found.desired.users
    return user


def text(given: Given[str] | None) -> str | None:
    return None if given is None else given.value


def test_an_empty_cell_is_not_given() -> None:
    user = only(
        normalize_tables(PEOPLE, a_table("staff", "Login|Name|Mail|Role|Active", "ada||||"))
    )
    assert (user.name, user.email, user.role, user.active) == (None, None, None, None)


def test_every_value_knows_its_cell() -> None:
    user = only(
        normalize_tables(PEOPLE, a_table("staff", "Login|Name|Mail|Role|Active", "ada|Ada|||"))
    )
    assert user.name is not None
    assert [str(place) for place in user.name.origins] == ["staff.csv:2:2"]
    assert [str(place) for place in user.rows] == ["staff.csv:2"]


def test_a_clear_token_clears_name_and_address_and_nothing_else() -> None:
    found = normalize_tables(
        PEOPLE,
        a_table(
            "staff",
            "Login|Name|Mail|Role|Active",
            "ada|<clear>|<clear>||",
            "bob|||<clear>|",
            "cy||||<clear>",
            "<clear>||||",
        ),
    )
    assert (text(only(found).name), text(only(found).email)) == ("", "")
    assert codes_and_places(found) == [
        ("value-not-clearable", "staff.csv:3:4"),
        ("value-not-clearable", "staff.csv:4:5"),
        ("value-not-clearable", "staff.csv:5:1"),
    ]


def test_a_source_may_have_another_clear_token() -> None:
    mapping = PEOPLE.replace("path: staff.csv}", 'path: staff.csv, clear: "-"}')
    user = only(
        normalize_tables(mapping, a_table("staff", "Login|Name|Mail|Role|Active", "ada|-|||"))
    )
    assert text(user.name) == ""


def test_templates_leave_no_holes() -> None:
    found = people(
        'username: {from: Login}\nname: {template: "{First} {Middle} {Last}"}',
        "Login|First|Middle|Last",
        "ada|Ada|King|Lovelace",
        "bob|Bob||Ross",
        "cy|||Young",
        "di|||",
        "eve|<clear>||",
        "flo|<clear>||Flo",
    )
    assert [text(user.name) for user in found.desired.users] == [
        "Ada King Lovelace",
        "Bob Ross",
        "Young",
        None,
        "",
        "Flo",
    ]
    assert found.findings == []


def test_blanks_inside_the_parts_of_a_full_template_are_kept() -> None:
    found = people(
        'username: {from: Login}\nname: {template: "{{{First}}} {Last}"}',
        "Login|First|Last",
        ["ada", "A  B", "C"],
    )
    assert text(only(found).name) == "{A  B} C"


def test_one_unreadable_part_makes_the_whole_template_unusable() -> None:
    found = people(
        'username: {from: Login}\nname: {template: "{First} {Last}"}',
        "Login|First|Last",
        ["ada", Odd(fact("cell-error", error="#N/A"), "#N/A"), "Lovelace"],
    )
    assert codes_and_places(found) == [("cell-error", "staff.csv:2:2")]
    assert found.desired.users == ()
    assert found.desired.unknown.people == {"ada"}


def test_an_odd_cell_that_the_mapping_does_not_name_is_nobodys_business() -> None:
    found = people(
        "username: {from: Login}",
        "Login|Remark",
        ["ada", Odd(fact("cell-error", error="#N/A"), "#N/A")],
    )
    assert found.findings == []
    assert only(found).key == "ada"


def test_a_warning_about_a_cell_lets_its_value_pass() -> None:
    odd = Odd(fact("cell-number"), "4711")
    found = people("username: {from: Login}", "Login", [odd])
    assert codes_and_places(found) == [("cell-number", "staff.csv:2:1")]
    assert only(found).username.value == "4711"


def test_a_number_is_nothing_odd_where_only_certain_words_are_taken() -> None:
    odd = Odd(fact("cell-number"), "1")
    found = people(
        "username: {from: Login}\nactive: {from: A}\nrole: {from: R, values: {1: app-user}}",
        "Login|A|R",
        ["ada", odd, odd],
    )
    assert found.findings == []
    assert only(found).active is not None
    assert text(only(found).role) == "app-user"


def test_a_truth_value_is_told_unless_only_certain_words_are_taken() -> None:
    odd = Odd(fact("cell-boolean", text="TRUE"), "TRUE")
    found = people(
        "username: {from: Login}\nname: {from: N}\nactive: {from: A}\n"
        "role: {from: R, values: {true: app-user}}",
        "Login|N|A|R",
        ["ada", odd, odd, odd],
    )
    assert codes_and_places(found) == [("cell-boolean", "staff.csv:2:2")]
    assert only(found).active is not None
    assert (text(only(found).name), text(only(found).role)) == ("TRUE", "app-user")


CHANGED = Odd(fact("cell-converted", case="shortened"), "1.2E+11", names=True)


def test_what_a_spreadsheet_changed_is_neither_a_username_nor_a_name() -> None:
    found = people(
        'username: {from: Login, transform: [lower]}\nname: {template: "{First} {Last}"}',
        "Login|First|Last",
        [CHANGED, "Ada", "L"],
        ["bob", "Bob", CHANGED],
    )
    assert codes_and_places(found) == [
        ("cell-converted", "staff.csv:2:1"),
        ("cell-converted", "staff.csv:3:3"),
    ]
    assert found.desired.users == ()
    assert found.desired.unknown.everybody


@pytest.mark.parametrize(
    "name", ["Jan", "jan.maar", "may01", "april", "2024", "10-11-12", "1/2", "2024-01", "1-Mar"]
)
def test_what_resembles_a_date_is_a_name(name: str) -> None:
    found = people("username: {from: Login}\nname: {from: N}", "Login|N", f"{name}|{name}")
    assert (found.findings, text(only(found).name)) == ([], name)


def test_a_date_is_a_member_and_a_project_like_any_text() -> None:
    table = a_table("grants", "Login|Project|Access", "ada|2024-01-02|R", "1-Mar|ALPHA|R")
    found = normalize_tables(GRANTS, table)
    assert codes_and_places(found) == []
    assert [given.target.value for given in found.desired.memberships] == ["ALPHA", "2024-01-02"]


def test_what_a_table_gives_a_meaning_is_no_mistake() -> None:
    found = people('username: {from: Login, values: {"1.2E+11": ada}}', "Login", [CHANGED])
    assert (found.findings, only(found).key) == ([], "ada")


def test_transforms_come_before_pattern_and_table() -> None:
    found = people(
        "username: {from: Mail, transform: [lower], match: '^(?P<value>[^@]+)@'}\n"
        "role: {from: Kind, transform: [{before: /}], values: {chief: app-manager}}",
        "Mail|Kind",
        "Ada@Example.org|chief/2",
    )
    assert only(found).username.value == "ada"
    assert text(only(found).role) == "app-manager"


def test_a_value_that_does_not_fit_the_pattern_is_told_with_it() -> None:
    found = people("username: {from: Login, match: '^[a-z]+$'}", "Login", "ada", "B0B")
    assert codes_and_places(found) == [("value-no-match", "staff.csv:3:1")]
    assert found.findings[0].value == "B0B"
    assert only(found).key == "ada"


def test_tables_are_read_exactly_and_else_without_case_and_blanks() -> None:
    found = people(
        "username: {from: Login}\n"
        "role: {from: K, values: {x: app-user, X: app-admin, Boss: app-manager}}",
        "Login|K",
        "a|x",
        "b|X",
        "c|BOSS",
    )
    assert [text(user.role) for user in found.desired.users] == [
        "app-user",
        "app-admin",
        "app-manager",
    ]


def test_a_table_that_only_case_tells_apart_does_not_guess() -> None:
    found = people(
        "username: {from: Login}\nrole: {from: K, values: {ab: app-user, aB: app-admin}}",
        "Login|K",
        "a|AB",
    )
    assert codes_and_places(found) == [("value-not-in-table", "staff.csv:2:2")]


def test_a_value_not_in_the_table_says_what_the_table_has() -> None:
    found = people(
        "username: {from: Login}\nrole: {from: K, values: {u: app-user}}", "Login|K", "a|z"
    )
    [finding] = found.findings
    assert finding.code == "value-not-in-table"
    assert finding.value == "z"
    assert dict(finding.params)["keys"] == ("u",)


def test_a_default_is_told_once_for_each_value_and_column() -> None:
    found = people(
        "username: {from: Login}\nrole: {from: K, values: {u: app-user}, default: app-manager}",
        "Login|K",
        "a|z",
        "b|",
        "c|u",
        "d|z",
        "e|y",
    )
    assert codes_and_places(found) == [
        ("value-took-default", "staff.csv:2:2"),
        ("value-took-default", "staff.csv:6:2"),
    ]
    assert dict(found.findings[0].params)["count"] == 2
    assert [text(user.role) for user in found.desired.users] == [
        "app-manager",
        "app-manager",
        "app-user",
        "app-manager",
        "app-manager",
    ]


def test_a_table_may_say_what_an_empty_cell_means() -> None:
    found = people(
        'username: {from: Login}\nrole: {from: K, values: {"": app-user}}', "Login|K", "a|"
    )
    assert text(only(found).role) == "app-user"


def test_a_constant_goes_to_everybody() -> None:
    found = people("username: {from: Login}\nrole: {value: app-user}", "Login", "a", "b")
    assert [text(user.role) for user in found.desired.users] == ["app-user", "app-user"]


@pytest.mark.parametrize("word", ["1", "TRUE", "yes", "Ja", "oui", "Sì", "vrai", "WAHR", "x", "on"])
def test_words_for_yes(word: str) -> None:
    active = only(people("username: {from: L}\nactive: {from: A}", "L|A", f"a|{word}")).active
    assert active is not None
    assert active.value is True


@pytest.mark.parametrize("word", ["0", "FALSE", "no", "Nein", "non", "faux", "Falsch", "off", "n"])
def test_words_for_no(word: str) -> None:
    active = only(people("username: {from: L}\nactive: {from: A}", "L|A", f"a|{word}")).active
    assert active is not None
    assert active.value is False


def test_a_word_that_is_neither_yes_nor_no_is_not_guessed() -> None:
    found = people("username: {from: L}\nactive: {from: A}", "L|A", "a|tbd")
    assert codes_and_places(found) == [("value-not-boolean", "staff.csv:2:2")]


def test_active_may_have_words_of_its_own() -> None:
    found = people(
        "username: {from: L}\nactive: {from: A, values: {A: true, L: false}}", "L|A", "a|A", "b|l"
    )
    assert [user.active.value for user in found.desired.users if user.active] == [True, False]


def test_a_line_break_within_a_single_value_makes_it_unusable() -> None:
    found = people("username: {from: L}\nname: {from: N}", "L|N", ["ada", "Ada\nLovelace"])
    assert codes_and_places(found) == [("cell-control", "staff.csv:2:2")]


def test_several_values_where_one_belongs_are_refused() -> None:
    found = people("username: {from: L}\nname: {from: N}", "L|N", ["ada", ("Ada", "Augusta")])
    assert codes_and_places(found) == [("value-not-single", "staff.csv:2:2")]


def test_blanks_round_a_username_are_cut_as_the_server_would() -> None:
    found = people("username: {template: '{L} '}", "L", ["ada"])
    assert only(found).username.value == "ada"


def test_values_are_composed_whatever_a_transform_makes_of_them() -> None:
    found = people('username: {from: L, transform: [{suffix: "\u0308"}]}', "L", ["a"])
    assert only(found).username.value == "ä"


def test_a_long_value_is_cut_where_it_is_shown() -> None:
    found = people("username: {from: L}", "L", "x" * 192)
    assert found.findings[0].value == "x" * 79 + "…"


def test_all_findings_come_in_one_pass() -> None:
    found = normalize_tables(
        PEOPLE,
        a_table("staff", "Login|Name|Mail|Role|Active", f"|{'n' * 256}|nope|boss|perhaps"),
    )
    assert {code for code, _ in codes_and_places(found)} == {
        "username-empty",
        "name-too-long",
        "email-invalid",
        "role-unknown",
        "value-not-boolean",
    }


def test_a_secret_is_masked_even_if_a_rule_should_come_to_read_its_column() -> None:
    context = Context("staff", "<clear>", frozenset({"P"}))
    rule = CompiledRule("role", context, ("P",), check=app_role_problem)
    notes = Notes()
    [row] = a_table("staff", "P", "hunter2x").rows
    assert read_one(rule, row, notes).state is State.BAD
    [finding] = notes.findings()
    assert finding.value == MASK
    assert "hunter2x" not in f"{finding.message}{finding.hint}"


def test_an_empty_value_is_empty_and_not_one_that_a_pattern_refuses() -> None:
    rule = CompiledRule("role", Context("staff", "-"), ("Role",), pattern=Pattern("x+"))
    assert shape(rule, "").state is State.EMPTY
    assert shape(rule, "y").state is State.BAD
