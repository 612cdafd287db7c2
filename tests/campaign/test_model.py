"""Which rows a review has, who decides about each, and that its file is not changed."""

import json
from pathlib import Path

import pytest

from kanport.access.snapshot import write_snapshot
from kanport.campaign.model import (
    SNAPSHOT_FILE,
    load_review,
    managers_of,
    owner_of,
    rows_of,
    write_review,
)
from kanport.errors import UsageError
from kanport.model import Project
from tests.support.planning import a_mapping
from tests.support.reviews import EVE, LEA, ReviewDesk, a_current, a_review, a_snapshot


def test_each_access_is_a_row_and_nobody_decides_about_themselves() -> None:
    snapshot = a_snapshot()
    rows = rows_of(a_review(snapshot), snapshot)
    assert [(row.project.label, row.user.username, row.reviewers) for row in rows] == [
        ("ALPHA", "bob", ("lea",)),
        ("ALPHA", "eve", ("lea",)),
        ("ALPHA", "gil", ("lea",)),
        ("ALPHA", "lea", ()),
        ("BETA", "admin", ("lea", "max")),
        ("BETA", "eve", ("lea", "max")),
        ("BETA", "lea", ("max",)),
        ("BETA", "max", ("lea",)),
    ]
    assert len({row.key for row in rows}) == len(rows)


def test_somebody_else_decides_what_nobody_can_and_a_review_may_allow_oneself() -> None:
    snapshot = a_snapshot()

    def of_lea(**parts: object) -> tuple[str, ...]:
        rows = rows_of(a_review(snapshot, **parts), snapshot)
        return next(row.reviewers for row in rows if row.user.username == "lea")

    assert of_lea(otherwise="max") == ("max",)
    assert of_lea(otherwise="LEA") == ()
    assert of_lea(about_self=True) == ("lea",)


def test_the_keys_of_another_review_are_other_keys() -> None:
    snapshot = a_snapshot()
    keys = {row.key for row in rows_of(a_review(snapshot), snapshot)}
    later = a_review(snapshot, created_at="2026-11-21T08:00:00Z")
    assert keys.isdisjoint(row.key for row in rows_of(later, snapshot))


def test_rows_say_what_to_check() -> None:
    snapshot = a_snapshot(sources={EVE.id: ("people",), 1: ("people",)})
    rules = a_mapping(separation=[["ALPHA", "BETA:project-manager"]])
    advice = {
        (row.user.username, row.project.label): [(one.case) for one in row.advice]
        for row in rows_of(a_review(snapshot), snapshot, rules)
    }
    assert advice["gil", "ALPHA"] == ["disabled", "orphan"]
    assert advice["eve", "BETA"] == ["privileged", "separation"]
    assert advice["admin", "BETA"] == ["administrator"]
    assert advice["bob", "ALPHA"] == ["orphan"]


def test_managers_and_owners_review_if_they_are_active() -> None:
    owned = Project(2, "Beta project", "BETA", owner_id=EVE.id)
    users = (EVE, LEA.__class__(5, "lea", active=False), LEA.__class__(6, "max"))
    roles = {1: {5: "project-manager"}, 2: {6: "project-manager", 2: "project-member"}}
    snapshot = a_snapshot(a_current(roles, users=users, projects=(Project(1, "Alpha"), owned)))
    alpha, beta = snapshot.projects
    assert (managers_of(snapshot, alpha), managers_of(snapshot, beta)) == ((), ("max",))
    assert (owner_of(snapshot, alpha), owner_of(snapshot, beta)) == ((), ("eve",))


def test_a_review_comes_back_from_its_folder_and_a_changed_one_does_not(tmp_path: Path) -> None:
    desk = ReviewDesk(tmp_path)
    write_review(tmp_path, desk.review)
    with pytest.raises(UsageError, match="snapshot"):
        load_review(tmp_path)
    write_snapshot(tmp_path / SNAPSHOT_FILE, desk.snapshot)
    assert load_review(tmp_path) == (desk.review, desk.snapshot)
    path = tmp_path / "review.json"
    content = json.loads(path.read_text("utf-8"))
    path.write_text(json.dumps(content | {"about_self": True}), "utf-8")
    with pytest.raises(UsageError, match="was changed"):
        load_review(tmp_path)
    write_review(tmp_path, desk.review.model_copy(update={"snapshot": "0" * 64}).sealed())
    with pytest.raises(UsageError, match="not the snapshot"):
        load_review(tmp_path)
    for text in ("", "[]", '{"format": "kanport-plan/1"}'):
        path.write_text(text, "utf-8")
        with pytest.raises(UsageError, match="not a valid review"):
            load_review(tmp_path)
