"""Which projects are meant by the patterns of those whose memberships are adopted."""

from kanport.model import Project
from kanport.plan.ownership import project_matches
from tests.support.planning import ALPHA, BETA


def test_a_pattern_means_every_shared_project_whose_name_or_identifier_fits() -> None:
    diary = Project(5, "Alpha diary", private=True)
    projects = (ALPHA, BETA, Project(4, "Al"), diary)
    assert project_matches(projects, ["al*"]) == {1, 4}
    assert project_matches(projects, ["beta", "#4"]) == {2, 4}
