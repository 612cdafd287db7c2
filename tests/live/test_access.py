"""The model of access against a live Kanboard: 500 random constellations."""

from collections.abc import Iterator
from random import Random

import pytest

from kanport.config.file import Layers
from kanport.config.settings import settings_of
from kanport.kanboard import procedures as api
from kanport.kanboard.client import Client
from kanport.kanboard.rpc import Call, CallResult
from tests.support.constellations import GROUPS, PEOPLE, ROLES, Constellation

pytestmark = pytest.mark.live

HOW_MANY = 500


def random_constellation(chance: Random) -> Constellation:
    """Give a constellation that depends on nothing but the state of chance."""
    groups = chance.sample(range(GROUPS), chance.randint(0, GROUPS))
    people = range(PEOPLE)
    return Constellation(
        {who: chance.choice([*ROLES, ""]) for who in people if chance.random() < 0.4},
        tuple(frozenset(who for who in people if chance.random() < 0.5) for _ in range(GROUPS)),
        tuple((group, chance.choice(ROLES)) for group in groups),
    )


@pytest.fixture
def client(live: tuple[str, str]) -> Iterator[Client]:
    """Connect to the live server; what the test makes there is removed again."""
    url, token = live
    with Client.open(settings_of(Layers({"url": url}, {"KANPORT_TOKEN": token}))) as opened:
        made: list[Call] = []
        opened.made = made  # type: ignore[attr-defined]
        yield opened
        for start in range(0, len(made), 100):
            opened.batch(made[start : start + 100])


def call(method: str, **params: object) -> Call:
    return Call(method, params)


def ids(client: Client, calls: list[Call], undo: str, name: str) -> list[int]:
    """Create things and give their ids; they are removed after the test."""
    found = []
    for start in range(0, len(calls), 50):
        for answer in client.batch(calls[start : start + 50]):
            assert isinstance(answer, CallResult) and isinstance(answer.value, int), answer
            found.append(answer.value)
    client.made += [call(undo, **{name: number}) for number in found]  # type: ignore[attr-defined]
    return found


def test_it_gives_what_a_live_kanboard_gives(client: Client) -> None:
    seed = 20261121
    chance = Random(seed)
    drawn = [random_constellation(chance) for _ in range(HOW_MANY)]
    people = ids(
        client,
        [api.create_user(f"access-{n}", "123456") for n in range(PEOPLE)],
        "removeUser",
        "user_id",
    )
    projects = ids(
        client,
        [call("createProject", name=f"Access {n}") for n in range(HOW_MANY)],
        "removeProject",
        "project_id",
    )
    groups = ids(
        client,
        [call("createGroup", name=f"Access {n}") for n in range(HOW_MANY * GROUPS)],
        "removeGroup",
        "group_id",
    )
    writes: list[Call] = []
    reads: list[Call] = []
    for number, (constellation, project) in enumerate(zip(drawn, projects, strict=True)):
        own = groups[number * GROUPS : (number + 1) * GROUPS]
        writes += [
            api.add_project_user(project, people[who], role)
            for who, role in constellation.direct.items()
        ]
        writes += [
            call("addGroupMember", group_id=group, user_id=people[who])
            for group, members in zip(own, constellation.members, strict=True)
            for who in members
        ]
        writes += [
            call("addProjectGroup", project_id=project, group_id=own[group], role=role)
            for group, role in constellation.attached
        ]
        reads.append(api.get_project_users(project))
        reads += [api.get_project_user_role(project, person) for person in people]
    for start in range(0, len(writes), 200):
        answers = client.batch(writes[start : start + 200])
        assert all(isinstance(one, CallResult) and one.value is True for one in answers)
    told = iter(client.read(reads))
    wrong: dict[bool, list[object]] = {False: [], True: []}
    for constellation in drawn:
        listed = api.member_ids(next(told))
        assert listed is not None
        roles = [next(told) for _ in people]
        shown = {n: roles[n] for n, person in enumerate(people) if person in listed}
        for by_number, found in wrong.items():
            expected = constellation.expected(by_number=by_number)
            if shown != expected:
                found.append((constellation, shown, expected))
    # Which of equal roles comes first is the database's business, but the same all the time.
    fewest = min(wrong.values(), key=len)
    assert not fewest, f"{len(fewest)} of {HOW_MANY} differ with seed {seed}: {fewest[0]}"
