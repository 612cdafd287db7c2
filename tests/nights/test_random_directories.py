"""Ten nights with a random directory: nobody's access changes but by their own entry.

Each example is a tree on a real slapd, with entries, lists and attributes that Kanport's login may
not read, and events between the nights. The oracle is a model of that tree (`staff`); it knows
whose account is whose by the first login of each account, and asks nothing of Kanport.
"""

import os
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from importlib import import_module
from pathlib import Path

import pytest
from click.testing import CliRunner
from hypothesis import Phase, example, given, note, settings
from hypothesis import strategies as st

from kanport.cli import cli
from kanport.sandbox import Sandbox, SandboxOptions
from tests.nights.at import ASKING
from tests.nights.staff import (
    BRANCH,
    FIRST,
    KINDS,
    LEFT,
    PROJECTS,
    RANKS,
    READER,
    RULES,
    Event,
    Group,
    Person,
    Staff,
)
from tests.support.command_line import Result
from tests.support.examples import examples
from tests.support.ldap.ldif import GROUPS, PEOPLE, entry
from tests.support.ldap.slapd import PASSWORD, SUFFIX, Slapd

NIGHTS = 10
# By hand, hundreds of examples: KANPORT_RANDOM_DIRECTORIES=300 pytest --timeout=0 -n0 ...
ASKED = int(os.environ.get("KANPORT_RANDOM_DIRECTORIES", "0"))
# To shrink an example takes minutes, so that is done only by hand.
TRIED = settings(
    max_examples=ASKED or examples(3, 60),
    phases=set(Phase) if ASKED else (Phase.explicit, Phase.reuse, Phase.generate),
)
FIRST_NIGHT = datetime(2027, 1, 1, 2, 30, tzinfo=UTC)

_SOURCE = f"""\
    type: ldap
    url: URL
    allow_plaintext: true
    bind_dn: "{READER}"
    bind_password: {{env: LDAP_PASSWORD}}
    base: "{PEOPLE}"
    filter: (objectClass=inetOrgPerson)
    id: entryUUID
"""
MAPPING = f"""\
kanport: 1
name: nightly
sources:
  people:
{_SOURCE}    active: [shadowExpire]
  access:
{_SOURCE}    groups:
      base: "{GROUPS}"
      filter: (cn=kb-*)
      members: [member, memberUid]
      ignore: ["cn=nobody"]
users:
  from: people
  id: {{from: id}}
  fields:
    username: {{from: uid}}
    active: {{from: active}}
  missing: disable
  managed: {{usernames: ["*"]}}
memberships:
  - from: access
    username: {{from: uid}}
    project: {{from: group.cn, match: "^kb-(?P<project>.+)-(?P<level>[a-z]+)$"}}
    role: {{part: level, values: {{members: project-member, managers: project-manager}}}}
memberships_missing: revoke
protect: [admin]
limits:
  disable: 100%
  revoke: 100%
  lower: 100%
  by_project: {{revoke: 100%, lower: 100%}}
  shrink: 100%
"""


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Slapd]:
    entries = [
        entry(SUFFIX, objectClass=["dcObject", "organization"], dc="example", o="Example"),
        entry(
            READER,
            objectClass=["organizationalRole", "simpleSecurityObject"],
            cn="reader",
            userPassword=PASSWORD,
        ),
        *(entry(base, objectClass="organizationalUnit") for base in (PEOPLE, GROUPS, LEFT)),
    ]
    folder = tmp_path_factory.mktemp("random") / "slapd"
    with Slapd(folder, entries, database=RULES) as slapd:
        yield slapd


@dataclass(frozen=True)
class Account:
    """What the server has of somebody."""

    username: str
    active: bool
    roles: dict[str, str]

    def rank(self, project: str) -> int:
        """Return how much they may do in a project; 0 is nothing."""
        return RANKS.get(self.roles.get(project, ""), 0)


@dataclass
class Nights:
    """A directory, a server, and the runs between them, with what is known of each account."""

    staff: Staff
    server: Sandbox
    folder: Path
    tell: Callable[[str], None]
    owners: dict[int, Person] = field(default_factory=dict)
    before: dict[int, Account] = field(default_factory=dict)
    locks_seen: bool = False

    # --- what runs ------------------------------------------------------------------------------

    def run(self, *arguments: str) -> Result:
        """Run a command on the mapping."""
        ended = CliRunner().invoke(
            cli,
            [*arguments, str(self.folder / "nightly.yaml")],
            env={
                "KANPORT_URL": self.server.url,
                "KANPORT_TOKEN": self.server.token,
                "KANPORT_STATE": str(self.folder / "state"),
            },
        )
        if ended.exception is not None and not isinstance(ended.exception, SystemExit):
            raise ended.exception
        return Result(ended.exit_code, ended.stdout, ended.stderr)

    def accounts(self) -> dict[int, Account]:
        """Return all accounts but the administrator's, by id."""
        now = self.server.store.snapshot()
        roles: dict[str, dict[str, str]] = {}
        for (project, name), role in now.memberships.items():
            roles.setdefault(name, {})[project] = role
        return {
            user.id: Account(name, user.is_active, roles.get(name, {}))
            for name, user in now.users.items()
            if name != "admin"
        }

    def night(self) -> None:
        """Let a night go by, and check all that must hold after it."""
        done = self.run("sync")
        self.tell(f"exit {done.code}: {done.out}{done.err}")
        if done.code == 4:
            self.is_stopped(done, expected=self.may_stop(done))
            return
        assert done.code in (0, 3), done
        after = self.accounts()
        unclear = self.unclear()
        assert done.code == 0 or unclear, "only somebody unclear makes a run end with 3"
        for number, account in after.items():
            if number not in self.owners:
                self.owners[number] = self.owner_of(account)
        for number, owner in self.owners.items():
            self.is_justified(owner, self.before.get(number), after[number])
            if owner not in unclear:
                self.is_carried_out(owner, after[number])
        for person in self.staff.insiders():
            due = self.staff.visible(person) and "nolock" not in person.marks and not person.locked
            if due and person not in unclear:
                assert person in self.owners.values(), f"{person} has no account"
        again = self.run("plan", "--check")
        assert again.code == done.code, f"a second plan is not empty: {again}"
        assert self.accounts() == after
        self.before = after
        self.is_seen()

    def is_stopped(self, done: Result, *, expected: bool) -> None:
        """Check that a run was stopped for a reason, and changed nothing."""
        assert expected, done
        assert self.accounts() == self.before

    # --- what must hold -------------------------------------------------------------------------

    def owner_of(self, account: Account) -> Person:
        """Return who a new account is for: the only one with this login now."""
        found = [one for one in self.staff.insiders() if one.login == account.username]
        assert len(found) == 1, f"{account} was created for {found}"
        assert found[0] not in self.owners.values(), f"a second account for {found[0]}"
        return found[0]

    def is_justified(self, owner: Person, before: Account | None, after: Account) -> None:
        """Check that nothing changed but by the own entry, and the groups that list it."""
        old = before or Account(after.username, active=False, roles={})
        if old.username != after.username:
            assert after.username == owner.login, f"{owner} was renamed to {after.username}"
        if after.active and not old.active:
            assert owner.inside and not owner.locked, f"{owner} was enabled"
        if old.active and not after.active:
            assert owner.locked or not owner.inside or self.lost_sight_of(owner), (
                f"{owner} was disabled"
            )
        for project in PROJECTS:
            had, has = old.rank(project), after.rank(project)
            if has > had:
                assert has <= self.rank(owner, project), f"{owner} got {project}: {after}"
            if has < had and owner.inside and not self.lost_sight_of(owner):
                known = self.rank(owner, project, known=True)
                assert has >= known, f"{owner} lost {project}: {old} -> {after}"

    def is_carried_out(self, owner: Person, after: Account) -> None:
        """Check that what the directory shows is done the same night."""
        gone = self.is_proven_gone(owner)
        if gone:
            assert not after.active, f"{owner} has left and is still active"
        elif not owner.inside or not self.staff.visible(owner) or "nolock" in owner.marks:
            return
        else:
            assert after.active is not owner.locked, f"{owner} should be otherwise: {after}"
            assert after.username == owner.login, f"{owner} should be renamed: {after}"
        for project in PROJECTS:
            if self.is_clear(project) and (gone or not owner.locked):
                due = 0 if gone else self.rank(owner, project)
                assert after.rank(project) == due, f"{owner} in {project}: {after}"

    def rank(self, owner: Person, project: str, *, known: bool = False) -> int:
        """Return what the groups give somebody in a project; only those that Kanport can know."""
        if not owner.inside:
            return 0
        return max(
            (
                RANKS[group.role]
                for group in self.staff.groups
                if group.project == project
                and self.staff.lists(group, owner)
                and (not known or group.known or self.staff.seen_group(group))
            ),
            default=0,
        )

    def is_clear(self, project: str) -> bool:
        """Return whether the directory shows all that there is about a project."""
        # What is unknown of a project is unknown of one whose name looks alike, too.
        alike = project.casefold()
        groups = [one for one in self.staff.groups if one.project.casefold() == alike and one.there]
        named = any(group.project == project for group in groups)
        return named and all(self._is_readable(group) for group in groups)

    def _is_readable(self, group: Group) -> bool:
        if not self.staff.seen_group(group) or group.marks & {"nolist", "novalue"}:
            return False
        if group.logins:
            listed = [one for one in self.staff.insiders() if one.login in group.members]
            # A login that is nobody's among those who are shown may be that of somebody hidden.
            shown = {one.login for one in listed if self.staff.visible(one)}
            hidden = any(not self.staff.visible(one) for one in self.staff.insiders())
            return set(group.members) <= shown or not hidden
        return all(self._is_resolved(dn) for dn in group.members)

    def _is_resolved(self, dn: str) -> bool:
        inner = next((one for one in self.staff.groups if one.dn == dn and one.there), None)
        if inner is not None:
            return self._is_readable(inner)
        member = self.staff.entry_at(dn)
        if member is not None:
            return self.staff.visible(member)
        return self.staff.branch_shown or not dn.endswith(BRANCH)

    def lost_sight_of(self, owner: Person) -> bool:
        """Return whether a hidden entry moved away from the DN at which Kanport saw it last."""
        return not self.staff.visible(owner) and owner.seen != owner.dn

    def is_proven_gone(self, owner: Person) -> bool:
        """Return whether the directory proves that the entry is no longer one of the people."""
        if owner.inside or owner.seen is None:
            return False
        there = self.staff.entry_at(owner.seen)
        if there is not None:
            return self.staff.visible(there)
        return self.staff.branch_shown or not owner.seen.endswith(BRANCH)

    # --- whom nobody can tell apart -------------------------------------------------------------

    def unclear(self) -> set[Person]:
        """Return whose login is that of another one's account, which keeps it, and these others.

        People who swap logins are clear, and so is whoever passes theirs on.
        """
        accounts = self.accounts()
        found: set[Person] = set()
        holders = {one.username: self.owners.get(number) for number, one in accounts.items()}
        for person in self.staff.insiders():
            chain = [person]
            while (holder := holders.get(chain[-1].login)) not in (None, chain[-1]):
                assert holder is not None
                if holder in chain:
                    # They swap.
                    break
                chain.append(holder)
                if not holder.inside or not self.staff.visible(holder):
                    found.update(chain)
                    break
        return found

    def may_stop(self, done: Result) -> bool:
        """Return whether a guard has a reason to stop the run."""
        said = done.out + done.err
        shown = [one for one in self.staff.insiders() if self.staff.visible(one)]
        if not shown:
            return "source-empty" in said
        locks = any(one.locked and "nolock" not in one.marks for one in shown)
        hidden = any("nolock" in one.marks for one in shown)
        return self.locks_seen and not locks and hidden and "columns-gone" in said

    def is_seen(self) -> None:
        """Record what Kanport has seen by now."""
        for person in self.staff.people:
            if self.staff.visible(person) and person.inside:
                person.seen = person.dn
        for group in self.staff.groups:
            group.known = group.there and (group.known or self.staff.seen_group(group))
        self.locks_seen = any(
            one.locked and "nolock" not in one.marks and self.staff.visible(one)
            for one in self.staff.insiders()
        )


def let_it_be(patch: pytest.MonkeyPatch, night: int) -> None:
    """Let it be this night for everybody who asks what time it is."""
    moment = FIRST_NIGHT + timedelta(days=night)

    class Datetime(datetime):
        @classmethod
        def now(cls, tz: object = None) -> "Datetime":
            return cls.fromtimestamp(moment.timestamp(), UTC)

    for name in ASKING:
        patch.setattr(import_module(name), "datetime", Datetime)


SMALL = st.integers(0, 9)
EVENTS = st.builds(Event, st.sampled_from(KINDS), SMALL, SMALL, st.integers(0, 6), st.booleans())
DAYS = st.lists(st.lists(EVENTS, max_size=3), min_size=NIGHTS - 1, max_size=NIGHTS - 1)
MEMBERS = st.lists(st.sets(st.integers(0, len(FIRST) - 1)), min_size=7, max_size=7)


# What went wrong once: a role that a hidden list, a hidden value or a hidden link gave.
UNREADABLE = [
    [Event("list_is_hidden", group=0)],
    [Event("group_is_shown", group=0), Event("group_is_hidden", group=0)],
    [Event("group_is_shown", group=0), Event("team_is_put_into", group=2)],
    [Event("value_is_hidden", group=6), Event("is_deleted", who=5)],
    [Event("group_is_shown", group=6), Event("value_is_hidden", group=2)],
    [Event("value_is_hidden", group=3), Event("is_locked", who=5)],
    [Event("is_hidden", who=3), Event("lock_is_hidden", who=5), Event("is_unlocked", who=5)],
    [Event("group_is_shown", group=3), Event("is_put_out", who=4, group=3)],
    [Event("is_shown", who=3), Event("group_is_shown", group=2), Event("is_shown", who=5)],
]
# Leavers whom groups go on listing, names that look alike, and logins that are somebody else's.
MOVING = [
    [Event("gets_twin", who=0, group=1, flag=True), Event("leaves", who=3, flag=True)],
    [Event("lists_twin", who=0, group=0), Event("has_namesake", who=4, group=0)],
    [Event("moves", who=7, flag=True), Event("moves", who=1), Event("is_hidden", who=2)],
    [Event("moves_inside", who=5, flag=True), Event("comes_back", who=3, flag=True)],
    [Event("branch_is_hidden"), Event("swaps_logins", who=6, other=4)],
    [Event("swaps_logins", who=1, other=4), Event("is_hidden", who=1)],
    [Event("passes_login_on", who=6, group=3), Event("list_is_spelled_otherwise", flag=True)],
    [Event("is_deleted", who=0, flag=True), Event("branch_is_hidden")],
    [Event("reuses_login", who=6, group=2), Event("group_is_emptied", group=1)],
]
LISTED = [{0, 3}, {0, 3, 4}, {5, 6}, {1, 3, 4}, {2}, {0}, {3, 4}]


@pytest.mark.timeout(1800)
@example(members=LISTED, locked={1}, days=UNREADABLE)
@example(members=LISTED, locked=set(), days=MOVING)
@TRIED
@given(members=MEMBERS, locked=st.sets(st.integers(0, len(FIRST) - 1), max_size=2), days=DAYS)
def test_over_ten_nights_nobodys_access_changes_but_by_their_own_entry(
    directory: Slapd,
    members: list[set[int]],
    locked: set[int],
    days: list[list[Event]],
) -> None:
    ten_nights(directory, members, locked, days)


def ten_nights(
    directory: Slapd,
    members: list[set[int]],
    locked: set[int],
    days: list[list[Event]],
    tell: Callable[[str], None] = note,
) -> None:
    """Begin with these members of the groups, let the days go by, and check each night."""
    with (
        Staff(directory.url) as staff,
        tempfile.TemporaryDirectory() as folder,
        Sandbox(SandboxOptions()) as server,
        pytest.MonkeyPatch.context() as patch,
    ):
        for name in PROJECTS:
            server.store.add_project(name)
        path = Path(folder) / "nightly.yaml"
        path.write_text(MAPPING.replace("URL", directory.url), encoding="utf-8")
        patch.setenv("LDAP_PASSWORD", PASSWORD)
        patch.setenv("XDG_CONFIG_HOME", folder)
        for number, name in enumerate(FIRST):
            staff.add(name, f"login{number}", locked=number in locked)
        for group, numbers in zip(staff.groups, members, strict=True):
            staff.list(group, [group.name_of(staff.people[one]) for one in sorted(numbers)])
        nights = Nights(staff, server, Path(folder), tell)
        for night, events in enumerate([[], *days]):
            for event in events:
                event.happens(staff)
            tell(f"night {night}: {events}\n  {staff.people}\n  {staff.groups}")
            let_it_be(patch, night)
            nights.night()
