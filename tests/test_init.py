"""A first mapping from a file's headers: valid as it is, and honest about what it leaves open."""

import shutil
from pathlib import Path

import pytest

from kanport.fields import ACTIVE, EMAIL, NAME
from kanport.findings import errors_in
from kanport.mapping import load_mapping
from kanport.mapping.sources import CsvSource
from kanport.pipeline.inputs import read_inputs
from kanport.sources.file import FileBytes, read_bytes
from tests.support.command_line import Kanport
from tests.support.sources import workbook

SAMPLES = Path(__file__).parents[1] / "samples"
FILES = ["people.csv", "memberships.csv", "starters.csv", "phones.xlsx", "kanboard-users.csv"]


@pytest.mark.parametrize("name", FILES)
def test_the_mapping_for_a_sample_leaves_open_only_what_a_privileged_word_means(
    kanport: Kanport, name: str
) -> None:
    shutil.copy(SAMPLES / name, name)
    assert kanport("init", name).code == 0
    text = Path("mapping.yaml").read_text()
    errors = list(errors_in(read_inputs(Path("mapping.yaml")).findings))
    assert all(f'#   "{dict(error.params).get("text")}": ' in text for error in errors)
    assert {error.code for error in errors} <= {"value-not-in-table"}


def test_headers_in_several_languages_are_understood(kanport: Kanport) -> None:
    Path("liste.csv").write_text(
        "Kürzel;Vorname;Nachname;E-Mail-Adresse;Aktiv;Telefon\nada;Ada;L;ada@x.example;ja;1\n"
    )
    kanport("init", "liste.csv")
    users = load_mapping(Path("mapping.yaml")).spec.users
    assert users is not None
    assert users.fields.username.from_ == "Kürzel"
    name = users.fields.rule(NAME)
    assert name is not None and name.template == "{Vorname} {Nachname}"
    assert users.fields.rule(EMAIL) is not None and users.fields.rule(ACTIVE) is not None
    assert '# Columns that the mapping does not read: "Telefon"' in Path("mapping.yaml").read_text()


def test_roles_that_say_themselves_are_mapped_and_others_are_left_open(kanport: Kanport) -> None:
    Path("access.csv").write_text("Login,Project,Access\nada,WEB,RW\nbob,WEB;APP,Boss\n")
    kanport("init", "access.csv")
    text = Path("mapping.yaml").read_text()
    assert '"RW": project-member' in text
    choices = 'project-viewer | project-member | project-manager | ""'
    assert f'#   "Boss": {choices}' in text
    assert 'split: ";"' in text and "users:" not in text
    ended = kanport("validate", "mapping.yaml")
    assert ended.code == 5 and "Boss" in ended.out


def test_what_the_mapping_leaves_to_the_user_is_not_called_decided(kanport: Kanport) -> None:
    Path("access.csv").write_text(
        "Staff ID,Login,Name,Status,Project,Role\n1,ada,Ada,A,WEB,RW\n1,bob,Bob,L,WEB,Boss\n"
    )
    told = kanport("init", "access.csv").err
    assert '# active: {from: "Status"' in Path("mapping.yaml").read_text()
    assert '- active: not decided; the column "Status" has "A", "L"' in told
    assert '- role: the column "Role", by its header; still to decide: "Boss"' in told
    assert '- stable id: not decided; not every row of the column "Staff ID" has an id' in told


def test_without_usernames_they_are_made_of_addresses(kanport: Kanport) -> None:
    Path("list.csv").write_text("Name,Mail\nAda L,Ada.L@x.example\n")
    kanport("init", "list.csv")
    assert kanport("validate", "mapping.yaml").code == 0
    assert '{before: "@"}' in Path("mapping.yaml").read_text()


def test_a_column_that_gives_two_things_is_named_for_both(kanport: Kanport) -> None:
    Path("list.csv").write_text("Name,Mail\nAda L,Ada.L@x.example\n")
    told = kanport("init", "list.csv").err
    assert '- username: the part of the column "Mail" before "@"' in told
    assert '- email: the column "Mail", by its header' in told


def test_a_file_that_names_nobody_is_told_with_its_columns(kanport: Kanport) -> None:
    Path("list.csv").write_text("Shade,Size\nred,1\n")
    ended = kanport("init", "list.csv")
    assert ended.code == 2 and "Shade, Size" in ended.err
    assert not Path("mapping.yaml").exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "name either a file"),
        (["a.csv", "--ldap", "ldap://x"], "name either a file"),
        (["--ldap", "ldap://x"], "needs --base"),
        (["--ldap", "http://x", "--base", "dc=x"], "not the address of a directory"),
        (["a.doc"], "neither a .csv nor an .xlsx"),
    ],
)
def test_what_makes_no_sense_is_wrong_usage(
    kanport: Kanport, arguments: list[str], message: str
) -> None:
    ended = kanport("init", *arguments)
    assert ended.code == 2 and message in ended.err


def test_a_missing_file_is_not_called_one_of_a_source_or_a_mapping(kanport: Kanport) -> None:
    ended = kanport("init", "nosuch.csv")
    assert ended.code == 7
    assert "the file nosuch.csv does not exist" in ended.err
    assert "mapping" not in ended.err


def test_a_mapping_that_is_there_stays(kanport: Kanport) -> None:
    Path("mapping.yaml").write_text("mine")
    shutil.copy(SAMPLES / "people.csv", "people.csv")
    assert kanport("init", "people.csv").code == 2
    assert Path("mapping.yaml").read_text() == "mine"


@pytest.mark.parametrize("url", ["ldap://ldap.x.example", "ldaps://ldap.x.example:636"])
def test_the_mapping_for_a_directory_is_valid(kanport: Kanport, url: str) -> None:
    assert kanport("init", "--ldap", url, "--base", 'ou="p",dc=x').code == 0
    assert load_mapping(Path("mapping.yaml")).spec.users is not None


def test_a_file_in_another_encoding_is_named_so(kanport: Kanport) -> None:
    shutil.copy(SAMPLES / "hr.csv", "hr.csv")
    assert kanport("init", "hr.csv").code == 5
    assert kanport("init", "hr.csv", "--encoding", "cp1252").code == 0
    assert "encoding: cp1252" in Path("mapping.yaml").read_text()


def test_headers_below_a_title_are_found(kanport: Kanport) -> None:
    shutil.copy(SAMPLES / "staff-messy.xlsx", "staff.xlsx")
    ended = kanport("init", "staff.xlsx")
    assert ended.code == 0, ended.err
    assert "header_row: 4" in Path("mapping.yaml").read_text()
    assert "- headers: row 4, below a title" in ended.err
    assert kanport("validate", "mapping.yaml").code in (0, 5)


def test_a_broken_workbook_is_opened_once(
    kanport: Kanport, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[str] = []

    def counted(source: str, path: str, base: Path) -> FileBytes:
        opened.append(path)
        return read_bytes(source, path, base)

    monkeypatch.setattr("kanport.sources.excel.read_bytes", counted)
    Path("broken.xlsx").write_bytes(b"PK\x03\x04 and nothing more")
    assert kanport("init", "broken.xlsx").code == 5
    assert len(opened) == 1


def test_nobody_gets_a_privileged_role_by_a_guess(kanport: Kanport) -> None:
    Path("access.csv").write_text(
        "Login,Projekt,Rolle,Projektrolle\nada,WEB,Admin,Leitung\nbob,WEB,User,RW\n"
    )
    assert kanport("init", "access.csv").code == 0
    text = Path("mapping.yaml").read_text()
    assert 'from: "Projektrolle"' in text
    assert '"RW": project-member' in text
    rules = [line for line in text.splitlines() if not line.lstrip().startswith("#")]
    assert not any("manager" in line or "app-admin" in line for line in rules)
    assert '#   "Leitung": project-viewer | project-member | project-manager | ""' in text
    ended = kanport("validate", "mapping.yaml")
    assert ended.code == 5 and "Leitung" in ended.out


@pytest.mark.parametrize(
    "texts",
    [["project-manager"], ["project-manager", "rw"], ["project-manager", "project-viewer"],
     ["Project-Manager"], ["project-manager", *(f"role {number}" for number in range(25))]],
)  # fmt: skip
def test_a_text_that_is_a_privileged_role_gives_it_to_nobody_unasked(
    kanport: Kanport, texts: list[str]
) -> None:
    rows = [f"user{number},WEB,{text}\n" for number, text in enumerate(texts)]
    Path("access.csv").write_text("Login,Project,Role\n" + "".join(rows))
    told = kanport("init", "access.csv").err
    text = Path("mapping.yaml").read_text()
    open_ = texts[0]
    assert f'#   "{open_}": project-viewer | project-member | project-manager | ""' in text
    assert f'still to decide: "{open_}"' in told
    inputs = read_inputs(Path("mapping.yaml"))
    assert open_ in {dict(error.params).get("text") for error in errors_in(inputs.findings)}
    assert {one.role.value for one in inputs.desired.memberships} <= {
        "project-viewer", "project-member",
    }  # fmt: skip
    # As decided, the mapping is valid.
    if len(texts) < 5:
        decided = text.replace("values: {", f'values: {{"{open_}": project-manager, ')
        Path("mapping.yaml").write_text(decided)
        assert kanport("validate", "mapping.yaml").code == 0


def test_the_application_role_of_an_administrator_is_asked_for(kanport: Kanport) -> None:
    Path("list.csv").write_text("Login,Role\nada,admin\nbob,app-admin\ncem,user\n")
    kanport("init", "list.csv")
    text = Path("mapping.yaml").read_text()
    for privileged in ("admin", "app-admin"):
        assert f'#   "{privileged}": app-user | app-manager | app-admin | ""' in text


@pytest.mark.parametrize(
    "name", ["l😀.csv", "Größe.csv", "a b'.csv", 'q"\\u0041.csv', "n\nkanport: 2.csv"]
)
def test_any_name_of_a_file_is_readable_in_its_mapping(kanport: Kanport, name: str) -> None:
    Path(name).write_text("Login,Name\nada,Ada\n")
    assert kanport("init", name, "-o", "my 😀.yaml").code == 0
    text = Path("my 😀.yaml").read_text()
    assert "kanport validate 'my 😀.yaml'" in text
    assert ("Größe" in name) == ('path: "Größe.csv"' in text)
    assert kanport("validate", "my 😀.yaml").code == 0
    loaded = load_mapping(Path("my 😀.yaml")).spec
    source = loaded.sources["people"]
    assert isinstance(source, CsvSource)
    assert (loaded.name, source.path) == (Path(name).stem, name)


def test_what_was_decided_is_told_with_its_reason(kanport: Kanport) -> None:
    Path("list.csv").write_text("Login,Name,Phone\nada,Ada L,1\n")
    ended = kanport("init", "list.csv")
    assert 'username: the column "Login", by its header' in ended.err
    assert 'name: the column "Name", by its header' in ended.err
    assert 'not read: "Phone"' in ended.err


def test_a_merged_cell_stops_nothing_and_is_filled_where_a_column_needs_it(
    kanport: Kanport,
) -> None:
    book = workbook(
        [["Login", "Name", "Team"], ["ada", "Ada", "A"], ["bob", "Bob", None], ["cem", "Cem", "B"]]
    )
    sheet = book.worksheets[0]
    sheet.merge_cells("C2:C3")
    book.save("list.xlsx")
    assert kanport("init", "list.xlsx").code == 0
    assert "merged_cells" not in Path("mapping.yaml").read_text()
    assert kanport("validate", "mapping.yaml").code == 0
    Path("mapping.yaml").unlink()
    sheet["C1"] = "Project"
    sheet["D1"] = "Access"
    for row in (2, 3, 4):
        sheet.cell(row, 4, "RW")
    book.save("list.xlsx")
    ended = kanport("init", "list.xlsx")
    assert ended.code == 0
    assert "merged_cells: fill" in Path("mapping.yaml").read_text()
    assert "- merged cells: every cell of a range gets its value" in ended.err
    assert kanport("validate", "mapping.yaml").code == 0


def test_a_stable_id_is_proposed_where_each_person_has_one(kanport: Kanport) -> None:
    Path("list.csv").write_text("Login,Name,Personalnummer\nada,Ada,0017\nbob,Bob,0018\n")
    kanport("init", "list.csv")
    spec = load_mapping(Path("mapping.yaml")).spec
    assert spec.users is not None and spec.users.id is not None
    assert spec.users.id.from_ == "Personalnummer"
    assert spec.ledger == "mapping.ledger"
    Path("mapping.yaml").unlink()
    Path("list.csv").write_text("Login,Name,Personalnummer\nada,Ada,0017\nbob,Bob,\n")
    kanport("init", "list.csv")
    users = load_mapping(Path("mapping.yaml")).spec.users
    assert users is not None and users.id is None
    assert '# id: {from: "Personalnummer"}' in Path("mapping.yaml").read_text()


@pytest.mark.parametrize(
    "arguments",
    [
        ["list.csv", "--sheet", "Staff"],
        ["list.xlsx", "--encoding", "cp1252"],
        ["list.xlsx", "--delimiter", ";"],
        ["--ldap", "ldap://x", "--base", "dc=x", "--header-row", "2"],
        ["list.csv", "--base", "dc=x"],
        ["list.csv", "--kind", "openldap"],
    ],
)
def test_an_option_that_means_nothing_there_is_refused(
    kanport: Kanport, arguments: list[str]
) -> None:
    Path("list.csv").write_text("Login,Name\nada,Ada\n")
    workbook([["Login"], ["ada"]]).save("list.xlsx")
    ended = kanport("init", *arguments)
    assert ended.code == 2
    assert "means nothing for" in ended.err


def test_a_csv_file_has_its_header_row_and_delimiter_named(kanport: Kanport) -> None:
    Path("list.csv").write_text("a|b|c\nLogin|Name|Mail\nada|Ada|a@x.example\n")
    assert kanport("init", "list.csv", "--header-row", "2", "--delimiter", "|").code == 0
    assert kanport("validate", "mapping.yaml").code == 0
    source = load_mapping(Path("mapping.yaml")).spec.sources["people"]
    assert isinstance(source, CsvSource)
    assert (source.header_row, source.delimiter) == (2, "|")


def test_what_a_mapping_would_say_is_an_option_of_init(kanport: Kanport) -> None:
    Path("hr.csv").write_bytes("Login;Name\nann;Jörg\n".encode("cp1252"))
    told = kanport("init", "hr.csv")
    assert told.code == 5 and "use the option of that name, such as --encoding cp1252" in told.err
    workbook([["Login"], ["ada"]]).save("list.xlsx")
    told = kanport("init", "list.xlsx", "--sheet", "Nobody")
    assert told.code == 5 and "no sheet" in told.err and "--header-row" not in told.err
