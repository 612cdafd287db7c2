"""Changes as JSON text."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kanport.facts import as_written, fact
from kanport.model import LdapPassword, PasswordCell, RandomPassword
from kanport.origin import Origin
from kanport.plan.change import (
    Action,
    Change,
    GroupChange,
    GroupSide,
    ProjectChange,
    ProjectSide,
    RelationChange,
    Risk,
    RoleSide,
    UserChange,
    UserSide,
)
from kanport.plan.change_text import ChangeTexts
from kanport.plan.model import change_in_file
from kanport.relations import RELATIONS, About

PLAIN = json.JSONEncoder(ensure_ascii=False)
CANONICAL = json.JSONEncoder(ensure_ascii=False, sort_keys=True, separators=(",", ":"))

HOSTILE = ("", "%", "%(id)s", "%%s", '"}, {"', "\\", "{0}", "\n", "\0", "Ä\u2028", "\ud83d", "ann")
TEXTS = st.sampled_from(HOSTILE) | st.text(max_size=5)
MAYBE_TEXTS = st.none() | TEXTS
NUMBERS = st.none() | st.integers(0, 3) | st.integers()
ORIGINS = st.builds(
    Origin,
    source=TEXTS,
    file=MAYBE_TEXTS,
    sheet=MAYBE_TEXTS,
    row=NUMBERS,
    column=MAYBE_TEXTS,
    position=NUMBERS,
    cell=MAYBE_TEXTS,
    dn=MAYBE_TEXTS,
    attribute=MAYBE_TEXTS,
)
COMMON = {
    "id": TEXTS,
    "why": st.sampled_from((None, fact("not-a-member"), fact("keeps-role")))
    | st.builds(as_written, TEXTS),
    "wording": MAYBE_TEXTS,
    "risk": st.lists(st.sampled_from(Risk), max_size=2).map(tuple),
    "origin": st.lists(ORIGINS, max_size=3).map(tuple),
}
FIELDS = dict.fromkeys(("username", "name", "email", "role"), TEXTS) | {"active": st.booleans()}
PASSWORDS = st.sampled_from((None, RandomPassword(), LdapPassword())) | st.builds(
    PasswordCell, ORIGINS
)
SIDES = st.builds(UserSide, st.fixed_dictionaries({}, optional=FIELDS), PASSWORDS)


def _of(*about: About) -> st.SearchStrategy[Action]:
    return st.sampled_from([action for action in Action if action.about in about])


CHANGES = st.one_of(
    st.builds(
        UserChange,
        action=_of(About.USER),
        username=TEXTS,
        user_id=NUMBERS,
        before=st.none() | SIDES,
        after=st.none() | SIDES,
        **COMMON,
    ),
    st.builds(
        RelationChange,
        action=_of(*RELATIONS),
        username=MAYBE_TEXTS,
        user_id=NUMBERS,
        group=MAYBE_TEXTS,
        group_id=NUMBERS,
        project=MAYBE_TEXTS,
        project_id=NUMBERS,
        before=st.none() | st.builds(RoleSide, TEXTS),
        after=st.none() | st.builds(RoleSide, TEXTS),
        **COMMON,
    ),
    st.builds(
        GroupChange,
        action=_of(About.GROUP),
        group=TEXTS,
        group_id=NUMBERS,
        after=st.none() | st.builds(GroupSide, MAYBE_TEXTS, MAYBE_TEXTS),
        **COMMON,
    ),
    st.builds(
        ProjectChange,
        action=_of(About.PROJECT),
        project=TEXTS,
        username=MAYBE_TEXTS,
        user_id=NUMBERS,
        after=st.builds(ProjectSide, TEXTS, MAYBE_TEXTS, MAYBE_TEXTS, MAYBE_TEXTS),
        **COMMON,
    ),
)


@pytest.mark.parametrize("encoder", [PLAIN, CANONICAL])
@given(changes=st.lists(CHANGES, max_size=8))
def test_the_text_of_each_change_is_what_the_encoder_makes_of_it(
    encoder: json.JSONEncoder, changes: list[Change]
) -> None:
    texts = ChangeTexts(encoder)
    expected = [encoder.encode(change_in_file(change)) for change in changes]
    assert texts.of(changes) == expected
    assert [text for change in changes for text in texts.of([change])] == expected
