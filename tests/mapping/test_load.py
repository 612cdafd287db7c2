"""A good mapping is read as it is meant, with the place of each of its parts."""

import hashlib
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from kanport.errors import ConfigInvalid
from kanport.fields import ACTIVE, EMAIL
from kanport.mapping import load_mapping
from kanport.mapping.patterns import parse_template, template_columns
from kanport.mapping.rules import RoleRule
from kanport.mapping.spec import Limit, MappingFile
from kanport.mapping.transforms import TransformStep
from tests.support.mappings import GOOD, MEMBERSHIP, write_mapping


def test_the_place_of_every_part_is_known(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    mapping = load_mapping(
        write_mapping(Path(), MEMBERSHIP + "    project: {from: P}\n    role: project-member\n")
    )

    assert str(mapping.place(("users", "fields", "username"))) == "mapping.yaml:8:5"
    assert str(mapping.place(("users", "fields", "username", "from"))) == "mapping.yaml:8:16"
    assert str(mapping.place(("memberships", 0))) == "mapping.yaml:10:5"
    assert str(mapping.place(("memberships", 0, "role"))) == "mapping.yaml:13:5"
    assert str(mapping.place(("memberships", 0, "matrix", "match"))) == "mapping.yaml:10:5"
    assert str(mapping.place(("limits",))) == "mapping.yaml:1:1"


def test_the_fingerprint_is_that_of_the_file(tmp_path: Path) -> None:
    path = write_mapping(tmp_path, b"\xef\xbb\xbf" + GOOD.encode())

    mapping = load_mapping(path)

    assert mapping.path == path
    assert mapping.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()


def test_what_is_left_out_has_the_careful_default(tmp_path: Path) -> None:
    spec = load_mapping(write_mapping(tmp_path, GOOD)).spec

    assert spec.users is not None
    assert (spec.users.missing, spec.memberships_missing) == ("keep", "keep")
    assert spec.invalid_rows == "abort"
    assert spec.users.password == "random"
    assert spec.users.find_by == ("username",)
    assert spec.limits.remove is None


def test_short_forms_mean_the_long_ones(tmp_path: Path) -> None:
    text = GOOD + "limits: {create: 40, disable: 5%, revoke: 2.5 %, remove: {max: 3, share: 1}}\n"

    limits = load_mapping(write_mapping(tmp_path, text)).spec.limits

    assert limits.create == Limit(max=40)
    assert limits.disable == Limit(share=5)
    assert limits.revoke == Limit(share=2.5)
    assert limits.remove == Limit(max=3, share=1)


def test_a_mapping_may_hold_memberships_alone(tmp_path: Path) -> None:
    text = """\
kanport: 1
sources: {grants: {type: csv, path: a.csv}}
memberships:
  - from: grants
    username: {from: Login}
    project: {from: Group, match: "^kb-(?P<value>.+)-(?P<level>[a-z]+)$"}
    role: {part: level, values: {ro: project-viewer, rw: Tester}}
custom_roles: {WEB: [Tester]}
"""
    spec = load_mapping(write_mapping(tmp_path, text)).spec

    assert spec.users is None
    role = spec.memberships[0].role
    assert isinstance(role, RoleRule)
    assert role.values == {"ro": "project-viewer", "rw": "Tester"}


def test_numbers_and_booleans_as_keys_of_a_table_are_text(tmp_path: Path) -> None:
    text = (
        GOOD
        + "    active: {from: A, values: {1: true, 0: false, 007: true, yes: true, true: true}}\n"
    )

    users = load_mapping(write_mapping(tmp_path, text)).spec.users

    active = users.fields.rule(ACTIVE) if users is not None else None
    assert active is not None
    assert list(active.values or {}) == ["1", "0", "007", "yes", "true"]


def test_from_may_name_a_column_for_each_source(tmp_path: Path) -> None:
    text = GOOD.replace("from: staff", "from: [staff, phones]")
    text += "    email: {from: {phones: Mail}, precedence: [phones]}\n"
    text += "  password: {from: {staff: Initial}}\n"

    users = load_mapping(write_mapping(tmp_path, text)).spec.users

    assert users is not None
    assert users.sources == ("staff", "phones")
    email = users.fields.rule(EMAIL)
    assert email is not None and email.from_ == {"phones": "Mail"}


def test_a_mapping_is_made_in_python_as_in_yaml() -> None:
    spec = MappingFile.model_validate(
        {
            "kanport": 1,
            "sources": {"staff": {"type": "csv", "path": "a.csv"}},
            "users": {
                "from_": "staff",
                "fields": {"username": {"from": "Login", "transform": ["trim"]}},
            },
            "memberships": [
                {"from": "staff", "username": {"from": "Login"},
                 "matrix": {"columns": ["WEB"],
                            "values": {1: "project-member", False: "project-viewer"}}}
            ],
        }
    )  # fmt: skip

    assert spec.users is not None and spec.users.fields.username.transform == (
        TransformStep("trim"),
    )
    matrix = spec.memberships[0].matrix
    assert matrix is not None and matrix.values == {
        "1": "project-member",
        "false": "project-viewer",
    }
    assert MappingFile.model_validate(spec) == spec
    assert MappingFile.model_validate(spec.model_dump(by_alias=True, exclude_unset=True)) == spec


def test_a_loaded_mapping_does_not_change(tmp_path: Path) -> None:
    spec = load_mapping(write_mapping(tmp_path, GOOD)).spec

    with pytest.raises(ValidationError):
        spec.name = "other"  # type: ignore[misc]


def test_a_template_is_taken_apart_into_text_and_columns() -> None:
    pieces = parse_template("{{{Last}}}, {First name}")

    assert "".join(piece.text for piece in pieces) == "{Last}, First name"
    assert template_columns("{A} {B} {A}") == ("A", "B")


@given(st.text(alphabet="{}ab ", max_size=12))
def test_a_template_is_either_taken_apart_or_refused_in_words(text: str) -> None:
    with suppress(ValueError):
        assert all(piece.text for piece in parse_template(text))


@given(st.binary(max_size=200))
def test_no_content_brings_the_reader_down(content: bytes) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("kanport.mapping.load._read", lambda path: content)
        with pytest.raises(ConfigInvalid):
            load_mapping(Path("mapping.yaml"))


YAML_PARTS = st.recursive(
    st.sampled_from(
        ["staff", "1", "true", "~", "''", '"*"', "x: y", "[", "{a}", "*x", "&x y", "5%"]
    ),
    lambda inner: (
        st.lists(inner, max_size=3).map(lambda parts: f"[{', '.join(parts)}]")
        | st.dictionaries(
            st.sampled_from(
                ["from", "fields", "username", "values", "match", "role", "matrix", "max"]
            ),
            inner,
            max_size=3,
        ).map(lambda part: "{" + ", ".join(f"{key}: {value}" for key, value in part.items()) + "}")
    ),
    max_leaves=8,
)
TOP_KEYS = ["kanport", "sources", "users", "memberships", "limits", "protect", "custom_roles"]


@given(st.dictionaries(st.sampled_from(TOP_KEYS), YAML_PARTS))
def test_no_mistake_brings_the_checks_down(parts: dict[str, str]) -> None:
    text = "".join(f"{key}: {value}\n" for key, value in parts.items())
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("kanport.mapping.load._read", lambda path: text.encode())
        with pytest.raises(ConfigInvalid) as raised:
            load_mapping(Path("mapping.yaml"))

    assert all(detail.startswith("mapping.yaml:") for detail in raised.value.details)
