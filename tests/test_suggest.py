"""What `kanport validate --suggest` proposes for values that a mapping does not know."""

from pathlib import Path

from kanport.mapping.yaml_file import read_yaml
from kanport.pipeline.inputs import read_inputs
from kanport.suggest import lines_of, unknown_values
from tests.support.command_line import Kanport

MAPPING = """\
kanport: 1
sources:
  people: {type: csv, path: people.csv}
users:
  from: people
  fields:
    username: {from: Login}
    active: {from: Status, values: {employed: true, left: false}}
memberships:
  - from: people
    username: {from: Login}
    project: {value: WEB}
    role:
      from: Access
      values: {read: project-viewer, write: project-member, lead: project-manager}
  - from: people
    username: {from: Login}
    matrix: {columns: [ERP], values: {R: project-viewer}}
  - from: people
    username: {from: Login}
    project: {value: OPS}
    role: {from: Duty}
"""
PEOPLE = """\
Login;Status;Access;ERP;Duty
ann;employd;reed;R;project-viewer
bob;employed;reed;X;Chef
cem;gone;leed;X;project-member
dan;left;steer;;
"""


def suggested(folder: Path, people: str = PEOPLE) -> str:
    (folder / "people.csv").write_text(people, "utf-8")
    (folder / "m.yaml").write_text(MAPPING, "utf-8")
    inputs = read_inputs(folder / "m.yaml")
    return "\n".join(lines_of(unknown_values(inputs.mapping, inputs.tables, inputs.findings)))


def test_each_rule_gets_the_lines_that_it_lacks_with_counts_and_rows(tmp_path: Path) -> None:
    blocks = suggested(tmp_path).split("\n\n")
    assert [block.splitlines()[0] for block in blocks] == [
        "# users, fields, active: 2 unknown values in the column Status of people",
        "# memberships, item 1, role: 3 unknown values in the column Access of people",
        "# memberships, item 2, matrix: 1 unknown value in the column ERP of people",
        "# memberships, item 3, role: 1 unknown value in the column Duty of people",
    ]
    assert "  reed: project-viewer   # like read; 2 rows: 2, 3" in blocks[1]
    assert (
        '  # X: project-manager | project-member | project-viewer | ""   # 2 rows: 3, 4'
        in blocks[2]
    )


def test_what_is_not_sure_is_a_comment_and_the_lines_are_yaml(tmp_path: Path) -> None:
    found = [read_yaml(block).data for block in suggested(tmp_path).split("\n\n")]
    assert found == [
        {"values": {"employd": True}},
        {"values": {"reed": "project-viewer"}},
        {"values": None},
        {"values": None},
    ]


def test_a_privileged_role_is_never_proposed_however_near_the_word(tmp_path: Path) -> None:
    assert "  # leed: project-manager   # like lead; 1 row: 4" in suggested(tmp_path)


def test_the_mapping_with_the_lines_knows_the_values(kanport: Kanport, tmp_path: Path) -> None:
    people = "Login;Status;Access;ERP;Duty\nann;employd;reed;R;project-viewer\n"
    assert "employd: true" in suggested(tmp_path, people)
    text = MAPPING.replace("left: false", "left: false, employd: true")
    text = text.replace("read: project-viewer", "read: project-viewer, reed: project-viewer")
    (tmp_path / "m.yaml").write_text(text, "utf-8")
    done = kanport("validate", "m.yaml", "--suggest")
    assert (done.code, done.out) == (0, "")
    assert "nothing to add" in done.err
