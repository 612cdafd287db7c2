"""What is said of a run that cannot be taken back, or not in whole."""

from collections.abc import Sequence

from kanport.findings import Finding
from kanport.plan.draft import Draft
from kanport.plan.model import Change
from kanport.plan.places import first_place, listed


def moved(
    what: str, change: Change, *, left: str | None = None, instead: str = "left as it is"
) -> Finding:
    """Give the finding for something that is no longer as the run left it."""
    was = f", where the run left {left}" if left is not None else ""
    return Finding(
        "undo-moved",
        f"{what}{was}; {change.id} is not taken back: {instead}",
        origin=first_place(change.origin),
        value=change.username,
        hint="look at who changed it since, and set it right by hand if that is what you want",
    )


def impossible(what: str, change: Change) -> Finding:
    """Give the finding for something that the API cannot take back."""
    return Finding(
        "undo-impossible",
        f"{what}; {change.id} cannot be taken back",
        origin=first_place(change.origin),
        value=change.username,
    )


def partial(what: str, hint: str) -> Finding:
    """Give the finding for something that is taken back only in part."""
    return Finding("undo-partial", what, hint=hint)


def about_removed(change: Change) -> Finding:
    """Give the finding for a user whom the run removed."""
    return Finding(
        "undo-impossible",
        f"{change.username!r} was removed ({change.id}) and cannot be brought back, nor can"
        " their access, their part in tasks and comments, and the private projects they were in",
        origin=first_place(change.origin),
        value=change.username,
        hint="a new account of that name is another user; a backup of the database has the old one",
    )


def about_disabled(
    drafts: Sequence[Draft], already: Sequence[str], *, removing: bool
) -> list[Finding]:
    """Say that created users stay on the server as disabled accounts.

    `drafts` disable them; `already` are the usernames of those who are disabled as it is.
    """
    if removing:
        return []
    hint = f"--remove-created {len(drafts) + len(already)} removes them instead"
    told = (
        (listed(draft.username for draft in drafts), len(drafts), " will be disabled, and stay"),
        (listed(already), len(already), ", disabled already, will stay"),
    )
    return [
        partial(
            f"{'1 user' if count == 1 else f'{count} users'} whom the run created{what} on the"
            f" server: {names}",
            hint,
        )
        for names, count, what in told
        if count
    ]


def about_enabled(drafts: Sequence[Draft]) -> list[Finding]:
    """Say what disabling has done that enabling does not bring back.

    Kanboard closes the private projects of whoever is disabled and forgets the address of their
    feeds (facts of Kanboard, C4).
    """
    if not drafts:
        return []
    people = "1 user is" if len(drafts) == 1 else f"{len(drafts)} users are"
    return [
        Finding(
            "undo-partial",
            f"{people} enabled again, but private projects that were closed with the account stay"
            f" closed, and the addresses of their feeds are new: {_names(drafts)}",
            hint="the owner, or an administrator, can open a private project again in Kanboard",
        )
    ]


def about_direct(drafts: Sequence[Draft]) -> list[Finding]:
    """Say that a role is back, but perhaps not the way that it came.

    A role through a group can only be changed by a direct membership beside it.
    """
    if not drafts:
        return []
    return [
        Finding(
            "undo-partial",
            "what may have come through a group is set back as a direct membership, for"
            f" {_names(drafts)}",
            hint="remove the direct membership by hand where the group is to decide again",
        )
    ]


def _names(drafts: Sequence[Draft]) -> str:
    return listed(draft.username for draft in drafts)
