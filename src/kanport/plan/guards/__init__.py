"""The rules that stop a plan before the first write. Pure: changes and state in, verdicts out.

All guards are asked of every plan, so that all that stop it are shown at once. A new one is a
function of a module here and its line in `GUARDS`; the catalogue words its verdicts, whose case
says whether it passed, stops the plan or was overridden.
"""

from collections.abc import Callable, Iterable, Iterator

from kanport.mapping.spec import Limits, MappingFile
from kanport.memory import NOTHING, LedgerState
from kanport.model import CurrentState
from kanport.plan.change import Action, Change
from kanport.plan.guards.accounts import (
    admins_by_name,
    enough_admins,
    last_admin,
    min_admins,
    none_protected,
    private_projects,
    private_projects_stay,
    protected_accounts,
    users_known,
)
from kanport.plan.guards.allowances import Allowances, allowed_words, parse_allowed
from kanport.plan.guards.context import GuardContext, SourceUsage
from kanport.plan.guards.counting import access_lost
from kanport.plan.guards.limits import (
    in_projects,
    over_all,
    removal_confirmed,
    removals_within,
)
from kanport.plan.guards.separation import separated
from kanport.plan.guards.sources import columns_there, not_empty, not_shrunk, not_stale
from kanport.plan.model import GuardVerdict, Plan

__all__ = [
    "Allowances",
    "GuardContext",
    "SourceUsage",
    "access_lost",
    "allowed_words",
    "judge",
    "judge_again",
    "judge_undo",
    "last_admin",
    "min_admins",
    "parse_allowed",
]

GUARDS: tuple[Callable[[GuardContext], Iterator[GuardVerdict]], ...] = (
    enough_admins,
    none_protected,
    admins_by_name,
    private_projects_stay,
    not_empty,
    not_shrunk,
    columns_there,
    not_stale,
    over_all,
    in_projects,
    removal_confirmed,
    users_known,
    separated,
)


def judge(context: GuardContext) -> tuple[GuardVerdict, ...]:
    """Ask every guard; one that stops is enough."""
    return tuple(verdict for guard in GUARDS for verdict in guard(context))


def judge_again(
    changes: tuple[Change, ...],
    current: CurrentState,
    plan: Plan,
    *,
    protect: Iterable[str] = (),
    memory: LedgerState = NOTHING,
    at: str | None = None,
) -> tuple[GuardVerdict, ...]:
    """Ask the guards that depend on the server, of what is left of a plan, by what is there now.

    The plan brings the limits, the rules of separation, the protected accounts and the number of
    administrators that it was made with; `protect` are patterns that came since, `at` is the time
    (default: that of the plan). Shares are of what could be read, so a server
    that cannot list its users is not held to them again.
    """
    context = GuardContext(
        changes,
        current,
        MappingFile.model_construct(
            kanport=1,
            sources={},
            limits=plan.limits or Limits(),
            protect=(*(plan.protect or ()), *protect),
            min_admins=plan.min_admins,
            separation=plan.separation or (),
            custom_roles=plan.custom_roles or {},
        ),
        memory=memory,
        allowed=Allowances(plan.allowed),
        access=plan.access or (),
        at=at or plan.created_at,
    )
    guards = [enough_admins, none_protected, private_projects_stay, separated]
    if plan.limits is not None and current.unlisted is None:
        guards += [over_all, in_projects, removal_confirmed]
    return tuple(verdict for guard in guards for verdict in guard(context))


def judge_undo(
    changes: tuple[Change, ...],
    current: CurrentState,
    *,
    protect: Iterable[str],
    remove_at_most: int | None,
) -> tuple[GuardVerdict, ...]:
    """Ask the guards that hold without a mapping, of a plan that undoes a run.

    The limits of the mapping are for what sources ask for, and not asked. Removing people needs a
    number all the same: `remove_at_most`, as it was asked for.
    """
    verdicts = [
        last_admin(changes, current),
        protected_accounts(changes, protect),
    ]
    count = sum(change.action is Action.USER_REMOVE for change in changes)
    if count:
        verdicts.extend(private_projects(changes, current))
    if count or remove_at_most is not None:
        verdicts.append(removals_within(count, remove_at_most or 0))
    return tuple(verdicts)
