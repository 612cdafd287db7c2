"""Names that are valid and yet not what they seem: encoded twice, of two alphabets, unseen."""

from pathlib import Path

import pytest

from kanport.findings import Severity
from tests.test_spreadsheet import MAPPING, logins, read, serious


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        *(("MÃ¼ller", "Müller"), ("Ã„pfel", "Äpfel"), ("RenÃ©e", "Renée"), ("Oâ€™Neil", "O’Neil")),
        *(("BjÃ¶rk Ã…s", "Björk Ås"), ("M√ºller", "Müller"), ("M├╝ller", "Müller")),
        *(("Ð\u0098Ð²Ð°Ð½"[2:], "вано"[:2] + "н"), ("MÃƒÂ¼ller", "Müller"), ("DvoÅ™Ã¡k", "Dvořák")),
    ],
)
def test_a_name_that_was_encoded_twice_is_a_warning_with_what_it_meant(
    tmp_path: Path, text: str, meant: str
) -> None:
    found = read(tmp_path, ["ann;Ann;", f"ben;{text};"])
    (warning,) = [f for f in found.findings if f.severity is Severity.WARNING]
    assert (warning.code, warning.value) == ("name-double-encoded", text)
    assert warning.origin is not None and warning.origin.row == 3
    if "Ð" not in text:
        assert meant in warning.message
    assert logins(found) == ["ann", "ben"]


@pytest.mark.parametrize("step", ["lower", "upper", "ascii", "umlauts", '{before: "Ã"}'])
def test_a_transform_does_not_hide_that_a_name_was_encoded_twice(tmp_path: Path, step: str) -> None:
    mapping = MAPPING.replace(
        "{from: Login}\n    name", f"{{from: Login, transform: [{step}]}}\n    name"
    )
    found = read(tmp_path, ["RenÃ©e;Ann;"], mapping=mapping)
    assert ("name-double-encoded", "people.csv:2:1") in serious(found.findings)


@pytest.mark.parametrize(
    "text",
    [
        *("Müller", "João", "SÃO PAULO", "Ångström", "Weiß–Groß", "Groß’", "Łukasz Żółw", "Zoë"),
        *("Иван Ивáнов", "李娜", "محمد", "Ñandú", "MENÜ™", "Ž€", "«Ä»", "Ã", "Façade – x"),
    ],
)
def test_ordinary_names_are_none_that_were_encoded_twice(tmp_path: Path, text: str) -> None:
    found = read(tmp_path, ["ann;Ann;", f"ben;{text};"])
    assert "name-double-encoded" not in {f.code for f in found.findings}


@pytest.mark.parametrize(
    "text", ["\u0430nna", "ann\u0430", "p\u0435ter", "\u0391nna", "\u0441\u043e\u0441\u043e.smith"]
)
def test_a_login_of_two_alphabets_is_a_warning_at_its_row(tmp_path: Path, text: str) -> None:
    found = read(tmp_path, ["ben;Ben;", f"{text};Anna;"])
    assert serious(found.findings) == [("name-mixed-scripts", "people.csv:3:1")]
    assert text in logins(found)


@pytest.mark.parametrize(
    "text", ["анна", "ИТ-team", "αθηνά", "user-отдел", "Müller", "ann.山田", "µ5"]
)
def test_names_of_one_alphabet_and_of_two_words_are_not_suspicious(
    tmp_path: Path, text: str
) -> None:
    assert serious(read(tmp_path, ["ben;Ben;", f"{text};Anna;"]).findings) == []


def test_projects_and_groups_are_looked_at_too(tmp_path: Path) -> None:
    found = read(tmp_path, ["ann;Ann;"], ["ann;\u0410LPHA;R", "ann;BETA\u200bX;R", "ann;MÃ¼ll;R"])
    assert serious(found.findings) == [
        ("name-mixed-scripts", "grants.csv:2:2"),
        ("name-invisible", "grants.csv:3:2"),
        ("name-double-encoded", "grants.csv:4:2"),
    ]


def test_twins_that_only_the_list_shows_are_named_together(tmp_path: Path) -> None:
    people = ["coco;Coco;", "\u0441\u043e\u0441\u043e;Other;", "ben;Ben;"]
    found = read(tmp_path, people, ["ben;ABC;R", "ben;\u0410\u0412\u0421;R", "\u0441oco;X;R"])
    twins = [f for f in found.findings if f.code == "name-lookalike"]
    assert len(twins) == 2
    assert all("look the same" in twin.message and twin.related for twin in twins)


@pytest.mark.parametrize("char", ["\u200b", "\u00ad", "\u200e", "\u2060", "\u202e"])
def test_what_cannot_be_seen_in_a_name_is_a_warning_at_its_row(tmp_path: Path, char: str) -> None:
    found = read(tmp_path, ["ann;Ann;", f"be{char}n;Be{char}n;"])
    assert serious(found.findings) == [
        ("username-odd", "people.csv:3:1"),
        ("name-invisible", "people.csv:3:2"),
    ]


@pytest.mark.parametrize("text", ["می‌خواهم", "👩‍💻 Ada", "ක්‍ෂ"])
def test_joiners_where_a_script_needs_them_are_no_trick(tmp_path: Path, text: str) -> None:
    assert serious(read(tmp_path, [f"ann;{text};"]).findings) == []
