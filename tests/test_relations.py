"""Each kind of relation has in its entry all that the code that iterates over the table needs."""

import sqlite3
from contextlib import closing
from pathlib import Path
from types import SimpleNamespace
from typing import get_args

import pytest

from kanport import catalogue
from kanport.apply.calls import RELATION_CALLS
from kanport.ledger.reading import NAMES, recall
from kanport.ledger.recording import record
from kanport.mapping.spec import MappingFile
from kanport.memory import LedgerUpdate
from kanport.model import DesiredState, Unknown
from kanport.plan.change import CHANGES, ENDS, GIVES, Action, relation_action
from kanport.relations import RELATIONS, About, Cells

KINDS = pytest.mark.parametrize("kind", RELATIONS)


@KINDS
def test_its_verbs_are_actions_and_each_has_a_call(kind: About) -> None:
    actions = {action for action in Action if action.about is kind}
    verbs = {f"{kind}.{verb}" for verb in RELATIONS[kind].verbs if verb}
    assert {str(action) for action in actions} == verbs
    assert actions <= RELATION_CALLS.keys()
    assert actions <= {*GIVES, *CHANGES, *ENDS}


@KINDS
def test_an_action_follows_from_the_roles_before_and_after(kind: About) -> None:
    relation = RELATIONS[kind]
    assert relation_action(kind, None, "").value == f"{kind}.{relation.verbs.gives}"
    assert relation_action(kind, "", None).value == f"{kind}.{relation.verbs.ends}"
    if relation.has_roles:
        changed = relation_action(kind, "project-viewer", "project-member")
        assert changed.value == f"{kind}.{relation.verbs.changes}"


@KINDS
def test_a_mapping_has_its_rules_and_the_setting_that_ends_it(kind: About) -> None:
    relation, fields = RELATIONS[kind], MappingFile.model_fields
    assert relation.rules in fields
    assert set(get_args(fields[f"{relation.several}_missing"].annotation)) == {
        "keep",
        relation.verbs.ends,
    }
    for setting in ("keep", relation.verbs.ends):
        mapping = SimpleNamespace(**{f"{relation.several}_missing": setting})
        assert relation.ends_unlisted(mapping) is (setting != "keep")


@KINDS
def test_states_list_it(kind: About) -> None:
    assert DesiredState().relations(kind) == ()
    assert Unknown().pairs(kind) == frozenset()


@KINDS
def test_the_catalogue_words_its_reasons_and_findings(kind: About) -> None:
    relation, texts = RELATIONS[kind], catalogue.ALL
    assert relation.absent in texts
    assert relation.unlisted in texts["not-listed"].texts
    assert relation.withheld in texts["missing-unknown"].texts
    assert "" in texts[relation.code].texts


@KINDS
def test_the_ledger_has_a_table_for_it(kind: About, tmp_path: Path) -> None:
    path, relation = tmp_path / "a.ledger", RELATIONS[kind]
    record(path, "server", LedgerUpdate("2026-01-01T00:00:00Z"), now="2026-01-01T00:00:00Z")
    with closing(sqlite3.connect(path)) as ledger:
        rows = ledger.execute(f"PRAGMA table_info({relation.ledger})").fetchall()
    columns = {str(row[1]) for row in rows}
    assert {end.numbered_by for end in relation.ends} | {NAMES[end] for end in relation.ends} <= (
        columns
    )
    assert recall(path, "server").grants == {}


@KINDS
def test_it_ties_two_things_and_shows_cells_of_its_holder(kind: About) -> None:
    relation = RELATIONS[kind]
    assert set(relation.ends) <= {About.USER, About.GROUP, About.PROJECT}
    assert relation.holder is not relation.target
    assert relation.shown.holder is not Cells.NONE
    assert set(relation.evidence) <= {"holder", "target", "role"}
