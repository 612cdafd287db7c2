"""What is said of a run that cannot be taken back, or not in whole."""

from collections.abc import Iterable

from kanport.facts import Param, fact
from kanport.findings import Finding, finding
from kanport.origin import first_place
from kanport.plan.model import Change


def moved(change: Change, case: str, **params: Param) -> Finding:
    """Return the finding for something that is no longer as the run left it."""
    return _about(change, "undo-moved", case, **params)


def impossible(change: Change, case: str, **params: Param) -> Finding:
    """Return the finding for something that the API cannot take back."""
    return _about(change, "undo-impossible", case, **params)


def _about(change: Change, code: str, case: str, **params: Param) -> Finding:
    why = fact(code, case=case, change=change.id, **params)
    return finding(why, first_place(change.origin), value=change.username)


def partial(case: str, **params: Param) -> Finding:
    """Return the finding for something that is taken back only in part."""
    return finding(fact("undo-partial", case=case, **params))


def about_users(case: str, usernames: Iterable[str], **params: Param) -> list[Finding]:
    """Return what is taken back only in part of several users; nothing where there are none."""
    names = tuple(sorted(set(usernames)))
    return [partial(case, usernames=names, count=len(names), **params)] if names else []
