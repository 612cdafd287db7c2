"""The order of changes."""

from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kanport.facts import as_written
from kanport.names import compare_key
from kanport.plan.change import Action, UserChange, UserSide
from kanport.plan.order import PHASES, Phase, in_plan_order, order_renames


def _rename(number: int, old: str, new: str) -> UserChange:
    return UserChange(
        action=Action.USER_RENAME,
        username=old,
        user_id=number,
        why=as_written("a test"),
        before=UserSide({"username": old}),
        after=UserSide({"username": new}),
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


def _names(renames: Iterable[UserChange]) -> list[tuple[str, str]]:
    return [(rename.username, rename.new_username) for rename in renames]


def _carried_out(renames: Iterable[UserChange], users: dict[int, str]) -> dict[int, str]:
    """Rename users as MariaDB would let it: no two of one name, whatever case and accents."""
    for rename in renames:
        new = rename.new_username
        assert users[rename.user_id or 0] == rename.username
        others = {compare_key(name) for number, name in users.items() if number != rename.user_id}
        assert compare_key(new) not in others
        users[rename.user_id or 0] = new
    return users


@pytest.mark.parametrize("others", [[], [_rename(3, "x", "y")]])
def test_two_users_who_swap_their_names_do_so_by_way_of_a_temporary_one(
    others: list[UserChange],
) -> None:
    ordered = order_renames([_rename(1, "a", "b"), _rename(2, "B", "a"), *others])
    temporary = "kanport-rename-1"
    assert _names(ordered) == [
        *(_names(others)),
        ("a", temporary),
        ("B", "a"),
        (temporary, "b"),
    ]


def test_a_temporary_name_is_nobodys() -> None:
    taken = ["Kanport-Rename-1", "kanport-rename-1-2"]
    ordered = order_renames([_rename(1, "a", "b"), _rename(2, "b", "a")], taken)
    assert _names(ordered)[0] == ("a", "kanport-rename-1-3")


@given(st.permutations(range(1, 8)), st.sets(st.integers(1, 7)), st.integers(0, 3))
def test_whatever_users_pass_on_their_names_each_one_is_free_in_time(
    onto: list[int], leaving: set[int], heads: int
) -> None:
    """A permutation of names is made of circles; leaving names out makes chains of them."""
    names = {number: f"Name{number}" for number in range(1, 8)}
    wanted = {
        number: (f"new{number}" if number in leaving else names[onto[number - 1]].lower())
        for number in names
    }
    # Somebody waits for a circle without being in it.
    for head in range(heads):
        names[8 + head] = f"head{head}"
        wanted[8 + head] = names[head + 1] if head + 1 in leaving else f"own{head}"
    held = [compare_key(name) for name in wanted.values()]
    wanted = {n: w for n, w in wanted.items() if held.count(compare_key(w)) == 1}
    moving = [n for n in wanted if not _blocked(n, wanted, names)]
    renames = [_rename(number, names[number], wanted[number]) for number in moving]
    ordered = order_renames(renames, names.values())
    after = _carried_out(ordered, dict(names))
    assert after == {**names, **{number: wanted[number] for number in moving}}
    assert len(ordered) - len(renames) <= len(renames) // 2
    assert [c.username for c in in_plan_order(renames, names.values())] == [
        c.username
        for c in order_renames(
            sorted(renames, key=lambda c: compare_key(c.username)), names.values()
        )
    ]


def _blocked(number: int, wanted: dict[int, str], names: dict[int, str]) -> bool:
    """Tell whether the holder of a name keeps it, at whatever remove."""
    seen = {number}
    while True:
        new = compare_key(wanted[number])
        holder = next((n for n, name in names.items() if compare_key(name) == new), None)
        if holder is None or holder in seen:
            return False
        if holder not in wanted:
            return True
        seen.add(holder)
        number = holder


def test_a_rename_that_only_changes_the_spelling_is_no_circle() -> None:
    assert len(order_renames([_rename(1, "ann", "Ann")])) == 1


def test_names_that_compare_the_same_are_renamed_one_after_the_other() -> None:
    # SQLite and PostgreSQL tell them apart, so both can be on one server.
    renames = [_rename(1, "ann", "eve"), _rename(2, "Ann", "bob"), _rename(3, "cy", "ann")]
    assert [rename.username for rename in order_renames(renames)] == ["ann", "Ann", "cy"]
    assert len(in_plan_order(renames)) == 3


def test_a_circle_of_names_that_compare_the_same_comes_to_an_end() -> None:
    renames = [_rename(1, "ann", "bob"), _rename(2, "Ann", "eve"), _rename(3, "bob", "ANN")]
    ordered = order_renames(renames)
    assert _carried_out(ordered, {1: "ann", 2: "Ann", 3: "bob"}) == {1: "bob", 2: "eve", 3: "ANN"}


def test_an_empty_username_is_freed_before_it_is_given() -> None:
    changes = in_plan_order([_rename(1, "ann", ""), _rename(2, "", "bob")])
    assert [change.username for change in changes] == ["", "ann"]
