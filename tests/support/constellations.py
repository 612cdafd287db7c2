"""Random constellations of access: direct roles, groups in each other's way, custom roles."""

from dataclasses import dataclass

from hypothesis import strategies as st

from kanport.sandbox import Sandbox
from tests.support.reference.access import GroupAccess, project_access

ROLES = ("project-viewer", "project-member", "project-manager", "Tester", "tester", "Ärztin")
PEOPLE = 5
GROUPS = 4


@dataclass(frozen=True)
class Constellation:
    """One project: direct roles by person, who is in each group, and the groups' roles in order.

    People are numbered from 0, groups too; `attached` is in the order in which they get access.
    """

    direct: dict[int, str]
    members: tuple[frozenset[int], ...]
    attached: tuple[tuple[int, str], ...]

    def expected(self, *, by_number: bool = False) -> dict[int, str]:
        """Give who is listed, with the role that the model gives them.

        Of roles that rank alike, the one of the oldest access counts, or, on MariaDB, of the group
        with the lowest number.
        """
        order = sorted(self.attached) if by_number else self.attached
        groups = [GroupAccess(role, self.members[group]) for group, role in order]
        return project_access(self.direct, groups)


@st.composite
def constellations(draw: st.DrawFn) -> Constellation:
    """Draw a constellation."""
    people = st.integers(0, PEOPLE - 1)
    role = st.sampled_from(ROLES)
    groups = draw(st.permutations(range(GROUPS)))
    return Constellation(
        draw(st.dictionaries(people, role | st.just(""), max_size=PEOPLE)),
        tuple(draw(st.frozensets(people)) for _ in range(GROUPS)),
        tuple((group, draw(role)) for group in groups[: draw(st.integers(0, GROUPS))]),
    )


def of_store(constellation: Constellation, server: Sandbox) -> dict[int, str]:
    """Put a constellation on a sandbox, and give what it answers about it."""
    store = server.store
    with store.transaction():
        people = [store.add_user(f"p{number}") for number in range(PEOPLE)]
        groups = [store.add_group(f"g{number}") for number in range(GROUPS)]
        project = store.add_project("P")
        for person, role in constellation.direct.items():
            store.add_member(project, people[person], role)
        for group, members in zip(groups, constellation.members, strict=True):
            for member in members:
                store.add_group_member(group, people[member])
        for number, role in constellation.attached:
            store.add_group_access(project, groups[number], role)
    return asked(server, project, people)


def asked(server: Sandbox, project: int, people: list[int]) -> dict[int, str]:
    """Ask a sandbox who is listed in a project and with which role."""
    from kanport.kanboard import procedures as api
    from tests.kanboard.test_client_against_kanboard import client_of

    with client_of(server) as client:
        listed, *roles = client.read(
            [
                api.get_project_users(project),
                *(api.get_project_user_role(project, user) for user in people),
            ]
        )
    ids = api.member_ids(listed) or frozenset()
    return {number: roles[number] for number, user in enumerate(people) if user in ids}
