"""What a ledger keeps besides stable ids: what is managed, who is missing, the last good run."""

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from kanport.errors import ConfigInvalid
from kanport.ledger import adopt, recall, record, record_good
from kanport.memory import (
    NOTHING,
    Absence,
    GoodRun,
    Grant,
    LedgerState,
    LedgerUpdate,
    Missed,
    SourceMemory,
    with_present_names,
)
from kanport.model import CurrentState, Group, Identity, Project, ServerInfo, User
from kanport.relations import About

SERVER = "https://kanboard.example.org/jsonrpc.php"
OLD = Path(__file__).parent / "files" / "version-1.sqlite"
NIGHTS = [f"2026-11-{day:02}T02:00:00Z" for day in range(1, 29)]
ADA = User(5, "ada")
ALPHA = Project(1, "Alpha project", "ALPHA")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "people.ledger"


def after(path: Path, night: int, **learned: object) -> None:
    record(path, SERVER, LedgerUpdate(NIGHTS[night], **learned), now=NIGHTS[night])  # type: ignore[arg-type]


def missed(path: Path, night: int, *, active: bool = True, disabled: bool = False) -> Absence:
    after(path, night, missed={5: Missed("ada", active, disabled)})
    return recall(path, SERVER).absent[5]


def test_a_ledger_of_version_1_is_read_as_it_is_and_becomes_a_new_one_when_written(
    path: Path,
) -> None:
    shutil.copy(OLD, path)
    before = path.read_bytes()
    known = recall(path, SERVER)
    assert known.identities == {"7": Identity("7", 5, "ada"), "8": Identity("8", 6, "bob")}
    assert (known.users, known.grants, known.absent, known.last_good) == ({}, {}, {}, None)
    assert path.read_bytes() == before
    after(path, 0, created={7: "cyd"})
    assert recall(path, SERVER).identities == known.identities
    assert recall(path, SERVER).users == {7: "cyd"}
    with closing(sqlite3.connect(path)) as database:
        assert database.execute("PRAGMA user_version").fetchone() == (7,)


def test_who_was_created_or_adopted_is_managed_while_they_have_their_username(path: Path) -> None:
    after(path, 0, created={5: "ada"})
    adopt(path, SERVER, users={6: "bob"}, grants={(6, 1): Grant("bob", "ALPHA")}, now=NIGHTS[0])
    known = recall(path, SERVER)
    assert known.manages(ADA) and known.manages(User(6, "BOB"))
    assert not known.manages(User(5, "zoe")), "the number was passed on"
    assert known.gave(About.MEMBERSHIP, User(6, "bob"), ALPHA)
    assert not known.gave(About.MEMBERSHIP, User(6, "bob"), Project(1, "Another", "OTHER"))
    assert not known.gave(About.MEMBERSHIP, User(6, "eve"), ALPHA)


def test_a_renamed_user_stays_managed_and_a_removed_one_is_forgotten(path: Path) -> None:
    after(
        path,
        0,
        identities=(Identity("7", 5, "ada"),),
        created={5: "ada"},
        granted={(5, 1): Grant("ada", "ALPHA")},
    )
    after(path, 1, renamed={5: "ada.l"}, identities=(Identity("7", 5, "ada.l"),))
    known = recall(path, SERVER)
    assert known.manages(User(5, "ada.l")) and known.gave(About.MEMBERSHIP, User(5, "ada.l"), ALPHA)
    after(path, 2, removed=frozenset({5}))
    known = recall(path, SERVER)
    assert (known.users, known.grants, known.identities) == ({}, {}, {})
    assert known.departed == {"7": "ada.l"}
    after(path, 3, identities=(Identity("7", 9, "ada"),))
    assert recall(path, SERVER).departed == {}


def test_a_membership_that_was_revoked_is_not_managed_any_more(path: Path) -> None:
    after(path, 0, granted={(5, 1): Grant("ada", "ALPHA"), (5, 2): Grant("ada", "BETA")})
    after(path, 1, revoked=frozenset({(5, 1)}))
    assert set(recall(path, SERVER).grants) == {(5, 2)}


def test_runs_that_miss_somebody_are_counted_from_the_first_one(path: Path) -> None:
    assert missed(path, 0) == Absence("ada", NIGHTS[0], 1)
    assert missed(path, 1) == Absence("ada", NIGHTS[0], 2)
    after(path, 2)
    assert recall(path, SERVER).absent[5].runs == 2, "a night that knows nothing of them"
    assert missed(path, 3) == Absence("ada", NIGHTS[0], 3)


def test_the_same_plan_counts_once_and_an_older_one_not_at_all(path: Path) -> None:
    missed(path, 1)
    assert missed(path, 1).runs == 1
    assert missed(path, 0).runs == 1
    after(path, 2, back={5: True})
    after(path, 1, missed={5: Missed("ada", active=True)})
    assert recall(path, SERVER).absent == {}, "a plan from before they were back proves nothing"


def test_who_is_back_is_forgotten_unless_they_are_still_disabled(path: Path) -> None:
    missed(path, 0)
    disabled = missed(path, 1, disabled=True)
    assert disabled.disabled_at == NIGHTS[1]
    after(path, 2, back={5: False})
    assert recall(path, SERVER).absent[5] == Absence("ada", NIGHTS[2], 0, NIGHTS[1])
    after(path, 3, back={5: True}, enabled=frozenset({5}))
    assert recall(path, SERVER).absent == {}


def test_who_was_enabled_by_hand_was_not_disabled_by_kanport_any_more(path: Path) -> None:
    missed(path, 0, disabled=True)
    after(path, 1, enabled=frozenset({5}))
    assert recall(path, SERVER).absent[5].disabled_at is None
    missed(path, 2, disabled=True)
    assert missed(path, 3, active=True).disabled_at is None
    assert missed(path, 4, active=False).disabled_at is None


def test_a_number_that_was_passed_on_begins_anew(path: Path) -> None:
    missed(path, 0, disabled=True)
    after(path, 1, missed={5: Missed("zoe", active=False)})
    assert recall(path, SERVER).absent[5] == Absence("zoe", NIGHTS[1], 1)
    assert recall(path, SERVER).absence(ADA) is None


def test_the_last_good_run_is_kept_with_its_sources(path: Path) -> None:
    good = GoodRun("run-1", NIGHTS[0], {"people": SourceMemory(48, frozenset({"mail", "uid"}))})
    record_good(path, SERVER, good)
    assert recall(path, SERVER).last_good == good
    later = GoodRun("run-2", NIGHTS[1], {"staff": SourceMemory(3)})
    record_good(path, SERVER, later)
    assert recall(path, SERVER).last_good == later
    after(path, 2)
    assert recall(path, SERVER).last_good == later
    assert recall(path, "https://other.example.org/jsonrpc.php") == NOTHING


def test_access_through_groups_and_of_groups_is_kept_until_it_is_forgotten(path: Path) -> None:
    after(
        path, 0, through_group={(5, 1): "project-member"}, group_access={(3, 1): "project-viewer"}
    )
    known = recall(path, SERVER)
    assert known.through_group == {(5, 1): "project-member"}
    assert known.group_access == {(3, 1): "project-viewer"}
    after(path, 1, through_group={(5, 1): None}, group_access={(3, 1): "project-manager"})
    known = recall(path, SERVER)
    assert known.through_group == {}
    assert known.group_access == {(3, 1): "project-manager"}


def test_access_of_groups_is_kept_with_whose_it_is(path: Path) -> None:
    team, alpha = Group(3, "Team"), Project(1, "Alpha", "ALPHA")
    role = {(3, 1): "project-viewer"}
    after(path, 0, group_access=role)
    assert recall(path, SERVER).gave(About.GROUP_ACCESS, team, alpha)
    after(path, 1, group_access=role, group_names={3: "Team"}, project_names={1: "ALPHA"})
    known = recall(path, SERVER)
    assert known.gave(About.GROUP_ACCESS, team, alpha)
    assert known.gave(About.GROUP_ACCESS, Group(3, "TEAM"), Project(1, "Beta", "alpha"))
    assert not known.gave(About.GROUP_ACCESS, Group(3, "Newcomers"), alpha)
    assert not known.gave(About.GROUP_ACCESS, team, Project(1, "Gamma", "GAMMA"))
    after(path, 2, group_names={3: "Crew"})
    assert recall(path, SERVER).gave(About.GROUP_ACCESS, Group(3, "Crew"), alpha)


def test_all_of_what_a_run_taught_is_written_or_nothing(path: Path) -> None:
    after(path, 0, created={5: "ada"})
    with pytest.raises(ConfigInvalid):
        after(path, 1, created={6: "bob"}, granted={(6, 1): Grant(None, "ALPHA")})  # type: ignore[arg-type]
    assert recall(path, SERVER).users == {5: "ada"}


def test_what_kanport_never_writes_is_told_as_damage(path: Path) -> None:
    record_good(path, SERVER, GoodRun("run-1", NIGHTS[0], {"people": SourceMemory(1)}))
    with closing(sqlite3.connect(path)) as database:
        database.execute("UPDATE good_sources SET columns = 'oops'")
        database.commit()
    with pytest.raises(ConfigInvalid, match="damaged"):
        recall(path, SERVER)


def test_what_sources_named_and_whom_kanport_put_into_groups_is_kept(path: Path) -> None:
    team = Group(3, "Team")
    after(
        path,
        0,
        named_projects={1: "ALPHA", 2: "BETA"},
        named_groups={3: "Team"},
        put_in={(5, 3): Grant("ada", "Team"), (6, 3): Grant("bob", "Team")},
    )
    after(path, 1, named_projects={2: "BETA"}, taken_out=frozenset({(6, 3)}))
    known = recall(path, SERVER)
    assert known.named_projects == {1: "ALPHA", 2: "BETA"}, "it is remembered that it was named"
    assert known.gave(About.GROUP_MEMBER, ADA, team) and not known.gave(
        About.GROUP_MEMBER, User(6, "bob"), team
    )
    assert not known.gave(About.GROUP_MEMBER, User(5, "zoe"), team), "the number was passed on"
    assert not known.gave(About.GROUP_MEMBER, ADA, Group(3, "Others"))
    after(path, 2, renamed={5: "ada.king"}, group_names={3: "Crew"})
    assert recall(path, SERVER).gave(About.GROUP_MEMBER, User(5, "ada.king"), Group(3, "Crew"))
    after(path, 3, gone_projects=frozenset({1}), gone_groups=frozenset({3}))
    known = recall(path, SERVER)
    assert (known.named_projects, known.named_groups) == ({2: "BETA"}, {})
    assert known.group_members == {}


@pytest.mark.parametrize(
    ("held", "same"), [((5, 6, 7), True), ((5, 6), True), ((5,), False), ((), False), ((9,), False)]
)
def test_a_number_under_another_name_is_the_same_where_most_of_it_is_as_it_was(
    held: tuple[int, ...], same: bool
) -> None:
    people = [User(5, "ada"), User(6, "bob"), User(7, "eve"), User(9, "zoe")]
    granted = {(user.id, 1): Grant(user.username, "Old") for user in people[:3]}
    put = {(user.id, 3): Grant(user.username, "Old team") for user in people[:3]}
    current = CurrentState(
        ServerInfo(SERVER),
        tuple(people),
        (Project(1, "New"),),
        (Group(3, "New team", members=frozenset(held)),),
        {1: dict.fromkeys(held, "project-member")},
    )
    known = with_present_names(LedgerState(grants=granted, group_members=put), current)
    for user in people[:3]:
        assert known.gave(About.MEMBERSHIP, user, current.projects[0]) is (same and user.id in held)
        assert known.gave(About.GROUP_MEMBER, user, current.groups[0]) is (same and user.id in held)
