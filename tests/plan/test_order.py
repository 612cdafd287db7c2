"""The order of changes."""

import pytest

from kanport.plan.draft import Draft
from kanport.plan.model import Action
from kanport.plan.order import PHASES, Phase, in_plan_order, order_renames


def _rename(number: int, old: str, new: str) -> Draft:
    return Draft(
        Action.USER_RENAME,
        old,
        user_id=number,
        reason="a test",
        before={"username": old},
        after={"username": new},
    )


def test_the_phases_begin_with_what_lowers_and_end_with_removals() -> None:
    assert PHASES[0] is Phase.LOWER
    assert PHASES[-1] is Phase.REMOVE
    assert len(PHASES) == len(Phase)


def test_a_chain_of_renames_frees_each_name_before_it_is_given() -> None:
    chain = [_rename(1, "a", "b"), _rename(2, "b", "c"), _rename(3, "c", "d")]
    changes = in_plan_order(chain)
    assert [change.username for change in changes] == ["c", "b", "a"]
    assert [change.id for change in changes] == ["c0001", "c0002", "c0003"]


@pytest.mark.parametrize("others", [[], [_rename(3, "x", "y")]])
def test_two_users_who_would_swap_their_names_are_a_circle(others: list[Draft]) -> None:
    ordered, circle = order_renames([_rename(1, "a", "b"), _rename(2, "B", "a"), *others])
    assert list(ordered) == others
    assert {rename.username for rename in circle} == {"a", "B"}


def test_a_rename_that_only_changes_the_spelling_is_no_circle() -> None:
    ordered, circle = order_renames([_rename(1, "ann", "Ann")])
    assert (len(ordered), circle) == (1, ())


def test_names_that_compare_the_same_are_renamed_one_after_the_other() -> None:
    # SQLite and PostgreSQL tell them apart, so both can be on one server.
    renames = [_rename(1, "ann", "eve"), _rename(2, "Ann", "bob"), _rename(3, "cy", "ann")]
    ordered, circle = order_renames(renames)
    assert [rename.username for rename in ordered] == ["ann", "Ann", "cy"]
    assert circle == ()
    assert len(in_plan_order(renames)) == 3
