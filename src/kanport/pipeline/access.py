"""Who has access now: reading a server for a snapshot, and what sources and runs know of it."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path

from kanport.access.compare import AccessComparison
from kanport.access.history import History
from kanport.access.lists import AccessLists, NoAccount
from kanport.access.snapshot import Snapshot, dump_snapshot, snapshot_of
from kanport.errors import UsageError
from kanport.files import ArtifactKind
from kanport.kanboard.client import Client
from kanport.kanboard.reader import read_current
from kanport.ledger import recall
from kanport.memory import NOTHING, LedgerState
from kanport.model import CurrentState, Given
from kanport.names import compare_key
from kanport.origin import Origin
from kanport.pipeline.inputs import Inputs
from kanport.pipeline.planning import all_ids, is_refused, plan_and_state
from kanport.pipeline.reports import ShortReport
from kanport.pipeline.results import OnProgress, Reporter, Stage, ignore
from kanport.pipeline.run_locks import may_be_same
from kanport.pipeline.state_dir import current_actor, state_folder, utc_now
from kanport.plan.change import Action
from kanport.plan.guards.separation import violations
from kanport.plan.matching import name_matcher
from kanport.plan.model import Plan
from kanport.plan.open_removals import carried_by
from kanport.plan.resolve import Resolved, resolve
from kanport.relations import OF_USERS


def access_report(lists: AccessLists) -> ShortReport:
    """Return the report about the access on a server; as JSON it is the snapshot."""
    return ShortReport(
        lists.document(), lambda: dump_snapshot(lists.snapshot), ArtifactKind.SNAPSHOT, "snapshot"
    )


def read_access(
    server: Client, inputs: Inputs | None = None, *, progress: OnProgress = ignore
) -> AccessLists:
    """Read everything that a server holds; with `inputs`, also say which source names each user.

    Sends no procedure that writes. Raises Unreachable where not everything can be read.
    """
    taken_at = utc_now()
    plan = None
    with Reporter(progress).stage(Stage.SERVER):
        if inputs is None:
            current = read_current(server, choose_projects=all_ids)
        else:
            plan, current = plan_and_state(inputs, server, every_project=True, now=lambda: taken_at)
    taken = partial(snapshot_of, current, taken_at=taken_at, read_by=current_actor())
    if inputs is None or plan is None:
        return AccessLists(taken())
    memory = recall(inputs.ledger, server.url) if inputs.ledger is not None else NOTHING
    sources, no_account = _known(inputs, current, memory, plan)
    snapshot = taken(memory=memory, mapping=str(inputs.mapping.path), sources=sources)
    spec = inputs.mapping.spec
    broken = violations(spec, current, at=taken_at) if spec.separation else None
    # Only a comparison with the sources shows what of the ledger is still open.
    still_open = carried_by(plan, None)
    return AccessLists(snapshot, no_account, name_matcher(spec.protect), broken, still_open)


def compare_access(
    old: Snapshot, new: Snapshot, state: Path | None, journals: Sequence[Path] = ()
) -> ShortReport:
    """Return the comparison of two snapshots, explained by the runs of journals.

    These are the ones of the state folder, if it exists, and `journals`.

    Raises UsageError where they are of different servers, or the first is the later one.
    """
    if not may_be_same(old.server.url, new.server.url):
        raise UsageError(
            f"the snapshots are of different servers: {old.server.url} and {new.server.url}",
            hint="compare two snapshots of one server",
        )
    if old.taken_at > new.taken_at:
        raise UsageError(
            f"the first snapshot ({old.taken_at}) is later than the second ({new.taken_at})",
            hint="name the older one first",
        )
    folder = state_folder(state)
    runs = None
    if folder.is_dir() or journals:
        runs = [
            one
            for one in History.of(folder, journals).recorded()
            if may_be_same(one.plan.server.url, new.server.url)
            and one.run.started_at <= new.taken_at
            and (one.run.finished_at or one.run.started_at) >= old.taken_at
        ]
    comparison = AccessComparison(old, new, runs)
    return ShortReport(
        comparison.document(), comparison.as_dict, json_is="comparison of two snapshots"
    )


def history(state: Path | None, journals: Sequence[Path] = ()) -> ShortReport:
    """Return the history of the runs in a state folder and of other journals.

    Raise UsageError where there is neither.
    """
    found = History.of(state_folder(state), journals)
    return ShortReport(found.document(), found.as_dict)


def _known(
    inputs: Inputs, current: CurrentState, memory: LedgerState, plan: Plan
) -> tuple[dict[int, tuple[str, ...] | None], list[NoAccount]]:
    """Return the sources that name each user, and the people of the sources without an account.

    Users whom a row or an entry may name that cannot be used have None.
    """
    spec = inputs.mapping.spec
    resolved = resolve(inputs.desired, current, spec, inputs.findings, memory.identities)
    found: dict[int, set[str]] = defaultdict(set)
    of_others: dict[str, set[str]] = defaultdict(set)
    with_user: set[str] = set()
    for person in resolved.persons:
        if person.user is not None:
            found[person.user.id] |= _sources(person.desired.rows, person.desired.username)
            with_user.add(person.desired.key)
    # Somebody whose row has an error, or whose account is unclear, is in a source all the same.
    absent = {
        one.key: one
        for one in inputs.desired.users
        if one.key not in with_user
        and (one.key in resolved.persons.with_key or not current.people.fitting(one.username.value))
    }
    texts: dict[str, str] = {}
    for key, one in absent.items():
        texts[key] = one.username.value
        of_others[key] |= _sources(one.rows, one.username)
    for kind in OF_USERS:
        for relation in inputs.desired.relations(kind):
            username, named = relation.holder.value, _sources((), relation.holder)
            key, fitting = compare_key(username), current.people.fitting(username)
            if key in absent or not (fitting or key in with_user):
                texts.setdefault(key, username)
                of_others[key] |= named
            else:
                for user in fitting:
                    found[user.id] |= named
    refused = is_refused(inputs, plan.findings)
    created = {
        compare_key(change.username)
        for change in plan.changes
        if change.action is Action.USER_CREATE and not refused
    }
    sources = {user_id: tuple(sorted(named)) for user_id, named in found.items()}
    return _with_doubt(sources, resolved, current), [
        NoAccount.of(username, absent.get(key), of_others[key], created=key in created)
        for key, username in sorted(texts.items())
    ]


def _sources(rows: Iterable[Origin], username: Given[str]) -> set[str]:
    """Return the sources that rows, or the cells of a username, belong to."""
    return {place.source for place in (*rows, *username.origins) if place.source}


def _with_doubt(
    sources: Mapping[int, tuple[str, ...]], resolved: Resolved, current: CurrentState
) -> dict[int, tuple[str, ...] | None]:
    doubted: dict[int, tuple[str, ...] | None] = {
        user.id: None
        for user in current.users
        if resolved.uncertainty.missing(compare_key(user.username))
    }
    return {**doubted, **sources}
