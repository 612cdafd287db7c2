"""Telling Kanport to manage what it did not make."""

from collections.abc import Callable, Collection
from pathlib import Path

from kanport.errors import ConfigInvalid
from kanport.kanboard.client import Client
from kanport.kanboard.current import read_current
from kanport.ledger import adopt, recall
from kanport.pipeline.inputs import Inputs
from kanport.pipeline.planning import utc_now
from kanport.plan.adoption import Adoption, adoptable, project_matches
from kanport.plan.match import numbers_are_ids, people_wanted, projects_wanted
from kanport.plan.resolve import resolve


def find_adoptable(
    inputs: Inputs,
    client: Client,
    *,
    users: Collection[str] = (),
    memberships: Collection[str] = (),
) -> Adoption:
    """Read the server and give what is to be managed from now on; see `kanport.plan.adoption`.

    Sends no procedure that writes. Rows with an error name nobody here. Raises ConfigInvalid where
    the mapping names no ledger, or it cannot be used.
    """
    memory = recall(ledger_needed(inputs), client.url)
    numbers = numbers_are_ids(inputs.mapping.spec)
    usernames, user_ids = people_wanted(inputs.desired, memory.identities)
    current = read_current(
        client,
        choose_projects=lambda projects: (
            projects_wanted(inputs.desired, projects, numbers=numbers)
            | project_matches(projects, memberships, numbers=numbers)
        ),
        with_groups=False,
        usernames=usernames,
        user_ids=user_ids,
    )
    spec = inputs.mapping.spec
    resolved = resolve(inputs.desired, current, spec, inputs.findings, memory.identities)
    return adoptable(resolved, current, spec, memory, users=users, memberships=memberships)


def adopt_all(
    inputs: Inputs, url: str, adoption: Adoption, *, now: Callable[[], str] = utc_now
) -> None:
    """Record in the ledger that these are managed; raises as `find_adoptable`."""
    path = ledger_needed(inputs)
    adopt(path, url, users=adoption.names, grants=adoption.grants, now=now())


def ledger_needed(inputs: Inputs) -> Path:
    """Return where the ledger is; raises ConfigInvalid where the mapping keeps none."""
    if inputs.ledger is None:
        raise ConfigInvalid(
            f"the mapping {inputs.mapping.path} names no ledger, in which it could be kept",
            hint="add ledger: people.ledger, a file of its own beside the mapping",
        )
    return inputs.ledger
