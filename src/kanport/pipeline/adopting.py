"""Telling Kanport to manage what it did not make."""

from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from kanport.errors import ConfigInvalid
from kanport.kanboard.client import Client
from kanport.kanboard.current import read_current
from kanport.ledger import adopt, recall
from kanport.pipeline.alone import alone
from kanport.pipeline.inputs import Inputs
from kanport.pipeline.planning import utc_now
from kanport.pipeline.results import OnProgress, Reporter, Stage, ignore
from kanport.plan.matching import numbers_are_ids, people_wanted, projects_wanted
from kanport.plan.ownership import Adoption, adoptable, project_matches
from kanport.plan.resolve import resolve


@dataclass(frozen=True, slots=True)
class Adoptable:
    """What the ledger would take in: users and memberships that are on the server already."""

    found: Adoption
    ledger: Path
    _inputs: Inputs
    _url: str

    def adopt(self) -> None:
        """Record all of it; raise ConfigInvalid where the ledger cannot be written."""
        adopt_all(self._inputs, self._url, self.found)


@contextmanager
def adopting(
    inputs: Inputs,
    server: Client,
    *,
    users: Collection[str] = (),
    memberships: Collection[str] = (),
    state: Path | None = None,
    wait: float = 0.0,
    command: str,
    progress: OnProgress = ignore,
) -> Iterator[Adoptable]:
    """Lock the server and the ledger, and find what Kanport could manage from now on.

    `users` and `memberships` are patterns; by default what the sources name is found. `command` is
    what other runs are told. Raises LockHeld, Unreachable and ConfigInvalid.
    """
    ledger = ledger_needed(inputs)
    with alone(
        server.url,
        ledger,
        state=state,
        command=command,
        token=server.settings.token,
        wait=wait,
    ):
        with Reporter(progress).stage(Stage.SERVER):
            found = find_adoptable(inputs, server, users=users, memberships=memberships)
        yield Adoptable(found, ledger, inputs, server.url)


def find_adoptable(
    inputs: Inputs,
    client: Client,
    *,
    users: Collection[str] = (),
    memberships: Collection[str] = (),
) -> Adoption:
    """Read the server and give what is to be managed from now on; see `kanport.plan.ownership`.

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
