"""Renames that wait for each other are sent one after the other."""

from kanport.apply.state import stages_of
from kanport.plan.change import Change
from tests.support.changes import a_change


def rename(user_id: int, before: str, after: str) -> Change:
    return a_change(
        "user.rename",
        username=before,
        user_id=user_id,
        before={"username": before},
        after={"username": after},
    )


def test_who_takes_a_username_that_another_frees_waits_for_that() -> None:
    first, second = rename(2, "Bob", "carl"), rename(3, "ann", "bob")
    assert list(stages_of([first, second])) == [[first], [second]]


def test_the_second_rename_of_a_user_waits_for_the_first() -> None:
    first, second = rename(2, "bob", "aside"), rename(2, "aside", "ann")
    assert list(stages_of([first, second])) == [[first], [second]]


def test_renames_that_have_nothing_in_common_go_together() -> None:
    renames = [rename(2, "bob", "carl"), rename(3, "ann", "anna")]
    assert list(stages_of(renames)) == [renames]
