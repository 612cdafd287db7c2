"""The words of a report: labels of actions and risks, numbers with nouns, sentences, facts."""

import shlex
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from types import MappingProxyType
from typing import NamedTuple

from kanport import messages
from kanport.facts import Fact
from kanport.findings import Severity
from kanport.origin import Origin
from kanport.outcome import STILL_RUNNING, Approved, Status, Tally, Verified, VerifyStatus
from kanport.plan.change import Action
from kanport.plan.guards.allowances import allowed_words
from kanport.plan.model import GuardVerdict, PlanSource
from kanport.plan.review import SEVERAL_ROLES, Review
from kanport.report.view import (
    AccessRow,
    ChangeView,
    Difference,
    Facts,
    Flow,
    Level,
    Moves,
    OpenView,
    ProjectAccess,
    RiskRow,
    Sentence,
    UndoneRow,
    View,
    ViewKind,
    WithheldView,
)


class Noun(NamedTuple):
    """What can be counted, as one and as many."""

    one: str
    many: str

    def __call__(self, number: int) -> str:
        """Return the form that goes with a number.

        >>> USER(1), USER(0), USER(2)
        ('user', 'users', 'users')
        """
        return self.one if number == 1 else self.many


MEMBERSHIP = Noun("membership", "memberships")
USER = Noun("user", "users")
PROJECT = Noun("project", "projects")
GROUP = Noun("group", "groups")
GROUP_MEMBER = Noun("group member", "group members")
GROUP_ACCESS = Noun("group access entry", "group access entries")
CHANGE = Noun("change", "changes")
FINDING = Noun("finding", "findings")
GUARD = Noun("safety check", "safety checks")
SOURCE = Noun("source", "sources")
ROW = Noun("row", "rows")


class Wording(NamedTuple):
    """The words for an action: what it is done to, what is done, and its mark.

    `between` are the words between whom it is done to and the project or group.
    """

    noun: Noun
    verb: str
    participle: str
    symbol: str
    between: str = ""

    def label(self, number: int) -> str:
        """Return what was counted, such as `users created`."""
        return f"{self.noun(number)} {self.participle}"


ACTIONS: dict[Action, Wording] = {
    Action.USER_CREATE: Wording(USER, "create", "created", "+"),
    Action.USER_UPDATE: Wording(USER, "update", "updated", "~"),
    Action.USER_RENAME: Wording(USER, "rename", "renamed", "~"),
    Action.USER_ENABLE: Wording(USER, "enable", "enabled", "+"),
    Action.USER_DISABLE: Wording(USER, "disable", "disabled", "-"),
    Action.USER_REMOVE: Wording(USER, "remove", "removed", "-"),
    Action.MEMBERSHIP_GRANT: Wording(MEMBERSHIP, "grant", "granted", "+", " access to "),
    Action.MEMBERSHIP_CHANGE: Wording(MEMBERSHIP, "change", "changed", "~", "'s role in "),
    Action.MEMBERSHIP_REVOKE: Wording(MEMBERSHIP, "revoke", "revoked", "-", "'s access to "),
    Action.GROUP_CREATE: Wording(GROUP, "create group", "created", "+"),
    Action.GROUP_UPDATE: Wording(GROUP, "update group", "updated", "~"),
    Action.GROUP_REMOVE: Wording(GROUP, "remove group", "removed", "-"),
    Action.GROUP_MEMBER_ADD: Wording(GROUP_MEMBER, "add", "added", "+", " to group "),
    Action.GROUP_MEMBER_REMOVE: Wording(GROUP_MEMBER, "remove", "removed", "-", " from group "),
    Action.GROUP_ACCESS_GRANT: Wording(GROUP_ACCESS, "grant", "granted", "+", " access to "),
    Action.GROUP_ACCESS_CHANGE: Wording(GROUP_ACCESS, "change", "changed", "~", "'s role in "),
    Action.GROUP_ACCESS_REVOKE: Wording(GROUP_ACCESS, "revoke", "revoked", "-", "'s access to "),
    Action.PROJECT_CREATE: Wording(PROJECT, "create project", "created", "+"),
}

# What Kanport withholds.
REMOVALS: dict[Action, Noun] = {
    Action.USER_REMOVE: Noun("user to remove", "users to remove"),
    Action.USER_DISABLE: Noun("user to disable", "users to disable"),
    Action.USER_UPDATE: Noun("user to lower", "users to lower"),
    Action.MEMBERSHIP_REVOKE: Noun("revocation", "revocations"),
    Action.MEMBERSHIP_CHANGE: Noun("role to lower", "roles to lower"),
    Action.GROUP_REMOVE: Noun("group to remove", "groups to remove"),
    Action.GROUP_MEMBER_REMOVE: Noun("group member to remove", "group members to remove"),
    Action.GROUP_ACCESS_REVOKE: Noun(
        "group access entry to revoke", "group access entries to revoke"
    ),
    Action.GROUP_ACCESS_CHANGE: Noun(
        "group access entry to lower", "group access entries to lower"
    ),
}

REVIEWS: dict[Review, Noun] = {
    Review.ADMIN_GRANTED: Noun("grants administrator rights", "grant administrator rights"),
    Review.PRIVILEGE_GRANTED: Noun("grants a privileged role", "grant a privileged role"),
    Review.RE_ENABLED: Noun("re-enables a user", "re-enable a user"),
    Review.GROUP_ACCESS: Noun("opens a project to a group", "open a project to a group"),
    Review.SEVERAL_ROLES: Noun(
        f"gives one user {SEVERAL_ROLES} or more roles at once",
        f"give one user {SEVERAL_ROLES} or more roles at once",
    ),
    Review.PROJECT_FROM_ONE_ROW: Noun(
        "creates a project that only one row names", "create a project that only one row names"
    ),
    Review.LOGIN_CHANGED: Noun("changes a username", "change a username"),
    Review.DELETES_DATA: Noun("deletes data", "delete data"),
    Review.ADMIN_LOST: Noun("revokes administrator rights", "revoke administrator rights"),
}
LEFT_PRIVILEGE = Noun(
    "grants a privileged role or leaves somebody with one",
    "grant a privileged role or leave somebody with one",
)
"""What `PRIVILEGE_GRANTED` is called where a revocation is among the changes."""
NO_ACCESS = "no access"
MAYBE_KEPT = "may leave access through a group"
REMOVAL = Noun("removal", "removals")

SEVERITIES: dict[Severity, Noun] = {
    Severity.ERROR: Noun("error", "errors"),
    Severity.WARNING: Noun("warning", "warnings"),
    Severity.INFO: Noun("note", "notes"),
}

# What did not work comes first where a report repeats it.
UNDONE: tuple[Status | VerifyStatus, ...] = (
    Status.FAILED,
    Status.SKIPPED,
    Status.NOT_ATTEMPTED,
    VerifyStatus.MISMATCH,
)


def counted(number: int, noun: Noun) -> str:
    """Return a number with its noun, in plain digits.

    >>> counted(1, CHANGE), counted(50000, CHANGE)
    ('1 change', '50000 changes')
    """
    return messages.counted(number, *noun)


def listed(parts: Sequence[str]) -> str:
    """Join parts as a sentence does.

    >>> listed(["3 created", "2 updated", "1 disabled"])
    '3 created, 2 updated and 1 disabled'
    """
    if len(parts) < 2:
        return "".join(parts)
    return f"{', '.join(parts[:-1])} and {parts[-1]}"


def ranged(least: int, most: int) -> str:
    """Return a number that is certain, or the range that it lies in.

    >>> ranged(33, 33), ranged(25, 33)
    ('33', '25 to 33')
    """
    return str(most) if least == most else f"{least} to {most}"


def are(number: int) -> str:
    """Return the verb that goes with a number: is or are."""
    return "is" if number == 1 else "are"


def was(number: int) -> str:
    """Return the verb that goes with a number: was or were."""
    return "was" if number == 1 else "were"


def utc(moment: str) -> str:
    """Return an RFC 3339 time as people read it, in UTC; what is no such time stays as it is.

    >>> utc("2026-11-03T23:15:07+01:00")
    '2026-11-03 22:15:07 UTC'
    """
    try:
        when = datetime.fromisoformat(moment)
    except ValueError:
        return moment
    when = when.replace(tzinfo=UTC) if when.tzinfo is None else when.astimezone(UTC)
    return f"{when:%Y-%m-%d %H:%M:%S} UTC"


def size(number: int) -> str:
    """Return a number of bytes exactly.

    >>> size(1), size(20480)
    ('1 byte', '20480 bytes')
    """
    return counted(number, Noun("byte", "bytes"))


def action_words(action: Action) -> str:
    """Return an action in plain words.

    >>> action_words(Action.MEMBERSHIP_GRANT), action_words(Action.GROUP_CREATE)
    ('grant membership', 'create group')
    """
    words = ACTIONS[action]
    return words.verb if " " in words.verb else f"{words.verb} {words.noun.one}"


def deed(action: Action, who: str, target: str) -> str:
    """Return what a change does to whom, and where.

    >>> deed(Action.MEMBERSHIP_REVOKE, "ada", "WEB"), deed(Action.USER_REMOVE, "ada", "")
    ("revoke ada's access to WEB", 'remove ada')
    >>> deed(Action.PROJECT_CREATE, "ada", "WEB")
    'create project WEB for ada'
    """
    words = ACTIONS[action]
    if target and action is Action.PROJECT_CREATE:
        return f"{words.verb} {target} for {who}"
    return f"{words.verb} {who}{words.between}{target}" if target else f"{words.verb} {who}"


def target_words(action: Action, target: str) -> str:
    """Return the project or group of a change as it stands behind the verb alone.

    >>> target_words(Action.GROUP_MEMBER_REMOVE, "Crew")
    'from group Crew'
    """
    words = ACTIONS[action]
    named = words.noun is GROUP_MEMBER and target
    return f"{words.between.strip()} {target}" if named else target


def whose(line: ChangeView) -> str:
    """Return whom a change is about, and where: short, beside the verb or without it."""
    words = ACTIONS[line.change.action]
    between = words.between if words.noun is GROUP_MEMBER else " in "
    return f"{line.who}{between}{line.target}" if line.target else line.who


def no_value(difference: Difference, target: str) -> str:
    """Return what stands for no value: in a project there is nothing but a role."""
    return NO_ACCESS if target and difference.field == "role" else "(none)"


def access_words(row: AccessRow) -> str:
    """Return somebody's role in a project, before and after where it changes."""
    before, after = row.before or NO_ACCESS, row.after or NO_ACCESS
    unsure = " (uncertain)" if row.maybe else ""
    return f"{after}{unsure}" if before == after else f"{before} → {after}{unsure}"


def group_move(row: AccessRow) -> tuple[str, str]:
    """Return the mark of access that moves with groups, and a verb."""
    symbol = "+" if row.before is None else "~" if row.after is not None else "-"
    verb = {"+": "gain", "~": "change", "-": "lose"}[symbol]
    return symbol, f"may {verb}" if row.maybe else verb


def through_groups(row: AccessRow) -> str:
    """Return how somebody's role changes because groups change.

    Where no group may give the role in the end, a direct one may.
    """
    groups = ", ".join(row.through)
    how = f" (through {groups})" if groups else ""
    if row.maybe:
        why = f"may depend on {groups}" if groups else "may also have a direct role"
        how = f" (uncertain: {why})"
    return f"{row.before or NO_ACCESS} → {row.after or NO_ACCESS}{how}"


def actor_rows(facts: Facts) -> list[tuple[str, str]]:
    """Return in short who planned, approved and ran it, and whether these are one and the same."""
    rows = []
    if facts.made_by:
        rows.append(("Planned by", f"{facts.made_by}, {utc(facts.created_at)}"))
    run = facts.run
    if run is not None:
        approved = run.approved
        rows.append(
            (
                "Approved by",
                f"{approved.names}, {utc(approved.approved_at)} ({approved.signature})",
            )
            if approved is not None
            else ("Approved", "no")
        )
        rows.append(("Run by", f"{run.by or 'unknown'}, {utc(run.started_at)}"))
    if facts.digest:
        rows.append(("Plan", _short(facts.digest, 16)))
    if note := same_person(facts):
        rows.append(("Note", note))
    return rows


def same_person(facts: Facts) -> str:
    """Return that one person planned, approved or ran it; empty where they are several."""
    run = facts.run
    roles = [("planned", facts.made_by)]
    if run is not None:
        roles += [("approved", run.approved.by if run.approved else ""), ("ran", run.by)]
    did: dict[str, list[str]] = {}
    for verb, who in roles:
        if who:
            did.setdefault(who.partition("@")[0].lower(), []).append(verb)
    repeated = [(who, listed(verbs)) for who, verbs in did.items() if len(verbs) > 1]
    return "; ".join(
        f"{who} {'both ' * (' and ' in verbs and ',' not in verbs)}{verbs} this"
        for who, verbs in repeated
    )


def undone_texts(line: ChangeView) -> list[str]:
    """Return the changes of a run that a change undoes: what each did, of several with its id."""
    several = len(line.undoes) > 1
    return [f"{one.change.id}: {_done(one)}" if several else _done(one) for one in line.undoes]


def _done(line: ChangeView) -> str:
    parts = [
        # In a project there is nothing but a role.
        ("" if line.target and one.field == "role" else f"{one.label} ")
        + f"{one.before or no_value(one, line.target)} → {one.after or no_value(one, line.target)}"
        for one in line.differences
    ]
    what = line.verb + (f" {target_words(line.change.action, line.target)}" if line.target else "")
    return f"{what}{f', {listed(parts)}' if parts else ''}"


def reason_text(line: ChangeView) -> str:
    """Return why a change is made; of one that undoes changes of a run, also what these did."""
    undone = "; ".join(undone_texts(line))
    return f"{line.change.reason}: {undone}" if undone else line.change.reason


def unique(texts: Iterable[str]) -> tuple[str, ...]:
    """Return the texts in their order, each once."""
    return tuple(dict.fromkeys(texts))


# --- the sentences at the top of a report: what it comes to, in words -----------------------------


def actions_text(summary: Mapping[Action, int], *, would: bool) -> str:
    """Return what is (or would be) done to whom, people first.

    >>> actions_text({Action.USER_CREATE: 3, Action.USER_DISABLE: 1}, would=True)
    '3 users would be created and 1 disabled'
    """
    groups: dict[Noun, list[tuple[int, str]]] = {}
    for action, wording in ACTIONS.items():
        if number := summary.get(action, 0):
            groups.setdefault(wording.noun, []).append((number, wording.participle))
    return "; ".join(_group(noun, parts, would=would) for noun, parts in groups.items())


def _group(noun: Noun, parts: Sequence[tuple[int, str]], *, would: bool) -> str:
    (first, done), *others = parts
    verb = "would be" if would else was(first)
    return listed(
        [f"{counted(first, noun)} {verb} {done}", *(f"{number} {done}" for number, done in others)]
    )


def plan_headline(
    summary: Mapping[Action, int],
    unchanged: Mapping[str, int],
    withheld: int = 0,
    guards: Sequence[GuardVerdict] = (),
    left_out: int = 0,
) -> str:
    """Return what a plan comes to: that `guards` stop it, or else what would change.

    `withheld` removals are open because of the input; a partial plan lacks `left_out` changes.
    """
    so = f"{counted(withheld, REMOVAL)} {are(withheld)} withheld" if withheld else ""
    if any(one.tripped for one in guards):
        return stop_text(guards)
    if any(summary.values()):
        return f"{actions_text(summary, would=True)}.{f' {so}.' if so else ''}"
    numbers = {key: unchanged.get(key, 0) for key in READ}
    same = (
        [f"{what} {are(sum(numbers.values()))} unchanged"] if (what := read_text(numbers)) else []
    )
    if left_out:
        same.append(f"--only leaves out {counted(left_out, CHANGE)}")
    where = " in this part of the plan" if left_out else ""
    but = f", but {so}" if so else ""
    end = f"{';' if so and not left_out else ':'} {', and '.join(same)}" if same else ""
    return f"Nothing to change{where}{but}{end}."


READ: Mapping[str, Noun] = {
    "users": USER,
    "memberships": MEMBERSHIP,
    "group_members": GROUP_MEMBER,
    "group_access": GROUP_ACCESS,
}
"""What sources ask for, by the key of its number."""


def read_text(numbers: Mapping[str, int]) -> str:
    """Return how many users and relations there are, without those that there are none of.

    >>> read_text({"users": 3, "memberships": 1}), read_text({"users": 0, "group_members": 2})
    ('3 users and 1 membership', '2 group members')
    """
    return listed([counted(number, READ[key]) for key, number in numbers.items() if number])


def stop_text(guards: Sequence[GuardVerdict]) -> str:
    """Return that safety checks stop a plan."""
    stopping = sum(guard.tripped for guard in guards)
    return f"Stopped by {counted(stopping, GUARD)}. Nothing was changed."


def withheld_sentences(withheld: Sequence[WithheldView]) -> list[Sentence]:
    """Return what is withheld, and because of which rows; nothing where none is."""
    return [Sentence(level, f"Withheld: {text}") for level, text in withheld_texts(withheld)]


def withheld_texts(withheld: Sequence[WithheldView]) -> list[tuple[Level, str]]:
    """Return `withheld_sentences` without the word that a label may say, with their levels."""
    found = []
    for level, some in (
        (Level.LOOK, [one for one in withheld if one.is_open]),
        (Level.NOTE, [one for one in withheld if not one.is_open]),
    ):
        if some:
            kinds = Counter(one.change.action for one in some)
            parts = listed([counted(n, REMOVALS.get(one, REMOVAL)) for one, n in kinds.items()])
            found.append((level, f"{parts}; {_because(some)}."))
    return found


OPEN_BECAUSE = {
    "failed": "failed",
    "withheld": "withheld",
    "through-group": "access comes through a group",
}


def open_sentences(still_open: Sequence[OpenView]) -> list[Sentence]:
    """Return how many removals are open since earlier runs, and for how long; or nothing."""
    if not still_open:
        return []
    oldest = still_open[0]
    number, days = counted(len(still_open), REMOVAL), counted(oldest.days, Noun("day", "days"))
    since = f"since {utc(oldest.removal.since)} ({days})"
    what = f"{number} from earlier runs {are(len(still_open))} still open"
    return [Sentence(Level.LOOK, f"{what}, the oldest {since}.")]


def open_words(one: OpenView) -> str:
    """Return an open removal as a line: what, since when, and what prevented it."""
    removal = one.removal
    what = deed(Action(removal.action), one.who, one.target)
    since = f"since {utc(removal.since)}, {counted(one.days, Noun('day', 'days'))}"
    return f"{what}: {OPEN_BECAUSE[removal.why]}, {since}"


def _because(withheld: Iterable[WithheldView]) -> str:
    """Return what prevents removals: the first of the rows and entries, or the first reasons.

    If all have one reason, it comes with its rows and entries.
    """
    causes = [because for one in withheld for because in one.because]
    rows = tuple(places_in_short(place for because in causes for place in because.origin))
    more = max((because.more for because in causes), default=0)
    if not rows:
        first = {because.why.code: because.message for because in reversed(causes)}
        return some_of(tuple(first.values()))
    if len({(because.why.code, because.why.case) for because in causes}) == 1:
        return f"{causes[0].message}: {some_of(rows, more)}"
    return f"because of {some_of(rows, more)}"


def places_in_short(origins: Iterable[Origin]) -> Iterator[str]:
    """Yield each place once, without the file if it is that of the place before."""
    before = ""
    for text, origin in {str(origin): origin for origin in origins}.items():
        file = f"{origin.file}#{origin.sheet}!" if origin.sheet else f"{origin.file}:"
        yield text.removeprefix(file) if file == before else text
        before = file


def some_of(parts: Sequence[str], more: int = 0, most: int = 3) -> str:
    """Return the first parts, and how many others there are.

    >>> some_of(["a", "b", "c", "d"]), some_of(["a"], more=2)
    ('a, b, c and 1 more', 'a and 2 more')
    """
    more += max(0, len(parts) - most)
    return ", ".join(parts[:most]) + f" and {more} more" * bool(more)


def run_headline(done: Mapping[Action, int], tally: Tally, *, stopped: Fact | None) -> str:
    """Return what a run came to; `done` are the changes of each action that this run did."""
    start = "" if stopped is None else "The run stopped early. "
    if stopped == STILL_RUNNING:
        start = "The run is still running. "
    if not tally.planned:
        return f"{start}There was nothing to do: the plan holds no changes."
    every = "The 1 change is" if tally.planned == 1 else f"All {tally.planned} changes are"
    if tally.complete and not tally.already:
        return f"{start}{every} done: {actions_text(done, would=False)}."
    if tally.complete:
        so = f"{tally.already} {was(tally.already)} unchanged"
        return f"{start}{every} in place: {listed([f'{tally.done} {was(tally.done)} done', so])}."
    left = [
        text
        for number, text in (
            (tally.failed, tally.failed_words),
            (tally.skipped, f"{tally.skipped} {was(tally.skipped)} skipped"),
            (
                tally.not_attempted,
                f"{tally.not_attempted} {was(tally.not_attempted)} not started",
            ),
        )
        if number
    ]
    in_place = _part(tally.done + tally.already, tally.planned)
    return f"{start}{in_place} in place; {listed(left)}."


def verdict_text(
    kind: ViewKind,
    headline: str,
    planned: int,
    tally: Tally | None,
    guards: Sequence[GuardVerdict],
    *,
    stopped: Fact | None,
    errors: int,
    bad_rows: int,
) -> str:
    """Return a report in one short sentence, as a screen begins and ends with it."""
    if tally is not None and planned:
        return _run_verdict(tally, stopped=stopped)
    if kind is ViewKind.PLAN and planned and not any(guard.tripped for guard in guards):
        overridden = sum(guard.lifted for guard in guards)
        checks = f"{counted(overridden, GUARD)} overridden"
        checks = checks if overridden else "all safety checks passed"
        return f"Ready: {counted(planned, CHANGE)}, {checks}."
    if kind is ViewKind.VALIDATION and errors:
        return _not_valid(errors, bad_rows)
    return headline


def _run_verdict(tally: Tally, *, stopped: Fact | None) -> str:
    if tally.complete and stopped is None:
        every = "The change was" if tally.planned == 1 else f"All {tally.planned} changes were"
        already = f" ({tally.already} were there already)" if tally.already else ""
        return f"{every} made{already}."
    parts = [
        text
        for number, text in (
            (tally.already, f"{tally.already} {Status.ALREADY.word}"),
            (tally.failed, tally.failed_words),
            (tally.skipped, f"{tally.skipped} {Status.SKIPPED.word}"),
            (tally.not_attempted, f"{tally.not_attempted} {Status.NOT_ATTEMPTED.word}"),
        )
        if number
    ]
    made = f"{tally.done} of {counted(tally.planned, CHANGE)} made"
    start = "" if stopped is None else "Stopped early. "
    if stopped == STILL_RUNNING:
        start = "Still running. "
    return f"{start}{', '.join([made, *parts])}."


def _not_valid(errors: int, bad_rows: int) -> str:
    where = f" in {counted(bad_rows, ROW)}" if bad_rows else ""
    return f"The data is not valid: {counted(errors, SEVERITIES[Severity.ERROR])}{where}."


def _part(number: int, of: int) -> str:
    """Return a part of the changes with its verb.

    >>> _part(0, 1), _part(1, 3), _part(0, 3)
    ('0 of 1 change is', '1 of 3 changes is', '0 of 3 changes are')
    """
    return f"{number} of {counted(of, CHANGE)} {'is' if of == 1 else are(number)}"


def verification_headline(verified: Verified) -> str:
    """Return whether the server is as a plan wanted it."""
    if not verified.planned:
        return "There is nothing to verify: the plan holds no changes."
    if verified.complete:
        every = (
            "The 1 change is" if verified.planned == 1 else f"All {verified.planned} changes are"
        )
        return f"{every} as planned."
    so = _part(verified.matching, verified.planned)
    return f"{so} as planned; {verified.mismatching} {are(verified.mismatching)} not."


def validation_headline(
    numbers: Mapping[Severity, int], *, read: Mapping[str, int], bad_rows: int, sources: int
) -> str:
    """Return whether the data is valid; `read` is what could be read, by its key in `READ`."""
    what = read_text(read)
    if errors := numbers[Severity.ERROR]:
        rest = f" {what} can be read." if what else ""
        return f"{_not_valid(errors, bad_rows)}{rest}"

    return f"The data is valid: {what or 'nothing'} from {counted(sources, SOURCE)}."


def risk_sentences(
    risky: int, planned: int, risks: Iterable[RiskRow], removals: int
) -> list[Sentence]:
    """Return what needs review, and how many other changes revoke or lower access."""
    if not planned:
        return []
    sentences = [Sentence(Level.GOOD, "No change needs review.")]
    if risky:
        rows = list(risks)
        parts = listed([f"{row.number} {row.label}" for row in rows])
        several = ", some for several reasons" if sum(row.number for row in rows) > risky else ""
        verb = "needs" if risky == 1 else "need"
        of = f"{risky} of {counted(planned, CHANGE)} {verb} review"
        sentences = [Sentence(Level.LOOK, f"{of}{several}: {parts}.")]
    if removals:
        others = " other" if risky else ""
        verb = "revokes or lowers" if removals == 1 else "revoke or lower"
        what = f"{removals}{others} {CHANGE(removals)} {verb} access"
        sentences.append(Sentence(Level.NOTE, f"{what}."))
    return sentences


def project_numbers(access: ProjectAccess) -> str:
    """Return which changes a project has, and how many users have a role there before and after.

    >>> project_numbers(ProjectAccess("A", Moves(1, 0, 9), Moves(1, 0, 8), Moves(), Moves(), ()))
    'memberships: 1 granted, 8 of 9 revoked'
    """
    parts = ["created"] if access.created else []
    for what, made, unchanged, planned in (
        ("memberships", access.made, access.unchanged, access.planned),
        ("group access", access.groups_made, access.groups_unchanged, access.groups_planned),
    ):
        if planned.all:
            so = f" ({unchanged} of them unchanged)" if unchanged else ""
            parts.append(f"{what}: {_moves(made, planned)}{so}")
    if access.flow is not None:
        parts.append(f"users: {_flow(access.flow)}")
    return "; ".join(parts)


def _moves(made: Moves, planned: Moves) -> str:
    return ", ".join(
        f"{done} {word}" if done == of else f"{done} of {of} {word}"
        for done, of, word in (
            (made.granted, planned.granted, "granted"),
            (made.changed, planned.changed, "changed"),
            (made.revoked, planned.revoked, "revoked"),
        )
        if of
    )


def _flow(flow: Flow) -> str:
    """Return an equation from before to after, and for how many the end is uncertain."""
    parts = [
        f" {sign} {number} {words}"
        for sign, number, words in (
            ("+", flow.granted, "gained"),
            ("+", flow.gained, "gained through groups"),
            ("-", flow.revoked, "lost"),
            ("-", flow.lost, "lost through groups"),
            ("-", flow.removed, "removed with their account"),
        )
        if number
    ]
    notes = [ranged(flow.least, flow.most)] if flow.least != flow.most else []
    notes += [f"role uncertain for {counted(flow.unsure, USER)}"] if flow.unsure else []
    end = f" ({'; '.join(notes)})" if notes else ""
    return f"{flow.before} before{''.join(parts)} = {flow.after} after{end}"


_STOPS = 3
"""So many safety checks that stop a plan are named with their reasons at the top of a report."""

# What to do about changes that were not made before the next plan, where no reason says it.
_WHAT_NOW: Mapping[Status | VerifyStatus, str] = {
    Status.FAILED: "read Kanboard's log",
    Status.SKIPPED: "correct what failed before",
    Status.NOT_ATTEMPTED: "finish the run",
    VerifyStatus.MISMATCH: "find out what the run did, and who changed the server since",
}


def what_now(row: UndoneRow) -> str:
    """Return what to do about changes that were not made or do not match."""
    return row.why.hint or _WHAT_NOW[row.status]


def what_to_do(
    guards: Iterable[GuardVerdict], undone: Sequence[UndoneRow], commands: Sequence[str]
) -> list[str]:
    """Return what to do now: about what was stopped or not made, then the next commands."""
    stops = [guard for guard in guards if guard.tripped]
    together = [guard for guard in stops if guard.override]
    steps = []
    if len(together) > 1:
        options = " ".join(shlex.join(["--allow", str(guard.override)]) for guard in together)
        names = listed([guard.guard for guard in together])
        steps.append(
            f"{names}: check what they count; if it is correct, override them for one run with"
            f" {options}, or raise their limits in the mapping"
        )
        stops = [guard for guard in stops if not guard.override]
    steps += [f"{guard.guard}: {guard.hint}" for guard in stops if guard.hint]
    for rows in by_advice(undone):
        number = sum(len(row.lines) for row in rows)
        steps.append(f"{number} {rows[0].status.word}: {what_now(rows[0])}")
    return [*steps, *commands]


def last_steps(undone: Iterable[UndoneRow]) -> tuple[str, ...]:
    """Return what to do last where no command is known; nothing if a run is to be finished."""
    again = any(row.status is not Status.NOT_ATTEMPTED for row in undone)
    return ("Then plan again.",) if again else ()


def by_advice(undone: Iterable[UndoneRow]) -> list[list[UndoneRow]]:
    """Group what was not made by what to do about it."""
    same: dict[tuple[str, str], list[UndoneRow]] = {}
    for row in undone:
        # What a reason itself gives no advice about has that of the outcome.
        advised = row.why.code if row.why.hint else ""
        same.setdefault((row.status.word, advised), []).append(row)
    return list(same.values())


def stop_sentences(stopped: Fact | None) -> list[Sentence]:
    """Return why a run did not come to its end; nothing where it did."""
    if stopped is None or stopped == STILL_RUNNING:
        return []
    return [Sentence(Level.STOP, f"Why it stopped: {stopped}")]


def guard_sentences(
    guards: Sequence[GuardVerdict], planned: Mapping[Action, int] = MappingProxyType({})
) -> list[Sentence]:
    """Return which safety checks stop the plan or are overridden, or that all passed.

    Where they stop it, `planned` are the changes that the headline does not tell.
    """
    if not guards:
        return []
    stops = [guard for guard in guards if guard.tripped]
    overridden = listed([guard.guard for guard in guards if guard.lifted])
    told = [
        Sentence(Level.STOP, f"{one.guard}: {one.message.rstrip('.')}.") for one in stops[:_STOPS]
    ]
    if len(stops) > _STOPS:
        others = listed([guard.guard for guard in stops[_STOPS:]])
        told.append(Sentence(Level.STOP, f"Also stopped by {others}."))
    if stops and any(planned.values()):
        told.append(Sentence(Level.NOTE, f"{actions_text(planned, would=True)}."))
    if overridden:
        told.append(Sentence(Level.LOOK, f"Overridden for this run by --allow: {overridden}."))
    if told:
        return told
    all_of = {1: "The safety check", 2: "Both safety checks"}.get(
        len(guards), f"All {len(guards)} safety checks"
    )
    return [Sentence(Level.GOOD, f"{all_of} passed.")]


def finding_sentences(
    numbers: Mapping[Severity, int], *, planned: bool, undo: bool = False
) -> list[Sentence]:
    """Return how many findings there are; nothing where there are none.

    An error stops the data from being used; a plan that was made all the same has left it out. The
    findings of an `undo` are about what it cannot undo, or only in part.
    """
    parts = [counted(numbers[s], noun) for s, noun in SEVERITIES.items() if numbers[s]]
    if not parts:
        return []
    if undo:
        return [
            Sentence(
                Level.LOOK, f"{listed(parts)} about what this undo cannot undo, or only in part."
            )
        ]
    about = f"{listed(parts)} about the input"
    if numbers[Severity.ERROR]:
        if planned:
            return [Sentence(Level.LOOK, f"{about}; what has errors is left out.")]
        return [Sentence(Level.STOP, f"{about}.")]
    level = Level.LOOK if numbers[Severity.WARNING] else Level.NOTE
    return [Sentence(level, f"{about}.")]


# --- the words of a report, each in one line ------------------------------------------------------

_TERMS: tuple[tuple[str, str], ...] = (
    ("app-admin", "Administrator: may do everything on the server"),
    ("app-manager", "Manager: may create projects for several people"),
    ("project-manager", "Project Manager: may change the settings and members of one project"),
    ("project-member", "Project Member: may work on the tasks of one project"),
    ("project-viewer", "Project Viewer: may only read one project"),
    ("Privileged role", "app-admin, app-manager, project-manager or a custom role"),
    (
        "Needs review",
        "a change to check before it is applied, for example because it grants a privileged role,"
        " revokes administrator rights, re-enables a user, changes a username or deletes data",
    ),
    (
        "Withheld",
        "a removal that Kanport does not make because the input does not prove it or the mapping"
        " excludes it",
    ),
    ("Safety check", "a rule that stops a plan before anything is written"),
    ("Overridden", "a safety check that somebody allowed to be exceeded for one run (--allow)"),
    ("Through a group", "access that a user has because a group of theirs has it"),
    ("Unchanged", "the server had the wanted state when the change came"),
    ("Failed", "Kanboard rejected the change, or reading it back showed another state"),
    (
        "Skipped",
        "not tried: a change that it depends on failed, the server changed since the plan, or the"
        " last check before a removal stopped it",
    ),
    ("Not started", "the run ended before this change"),
    (
        "Digest",
        "a checksum (SHA-256); any change to what it covers changes it. The digest of a plan covers"
        " its changes and the server, but not who made it and when.",
    ),
)


def term_rows(view: View) -> list[tuple[str, str]]:
    """Return the terms that a kind of report uses, each explained in one line."""
    of_runs = {"Unchanged", "Failed", "Skipped", "Not started"}
    if view.kind is ViewKind.RUN:
        return list(_TERMS)
    return [(term, meaning) for term, meaning in _TERMS if term not in of_runs]


# --- what a report is about, as rows of a label and a text: the same in every format for people ---


def fact_rows(facts: Facts, *, digest_length: int | None = None) -> list[tuple[str, str]]:
    """Return what is known, as labels and texts; digests are cut to a length if one is given.

    What the view does not know is left out.
    """
    rows: list[tuple[str, str]] = []
    if facts.server is not None:
        version = f" (Kanboard {facts.server.version})" if facts.server.version else ""
        rows.append(("Server", facts.server.url + version))
    mapping = facts.mapping
    sha = f", sha256 {_short(mapping.sha256, digest_length)}" if mapping.sha256 else ""
    rows.append(("Mapping", mapping.path + sha))
    if mapping.ledger is not None:
        rows.append(("Ledger", mapping.ledger))
    sources, of = facts.sources, ""
    if (undone := facts.undoes) is not None:
        sources, of = undone.sources, " of the run"
        by = f", by {undone.by}" if undone.by else ""
        digest = f", digest {_short(undone.digest, digest_length)}" if undone.digest else ""
        planned = f", planned by {undone.made_by}" if undone.made_by else ""
        rows.append(("Undoes run", f"{undone.run}, {utc(undone.started_at)}{by}{planned}{digest}"))
    rows.extend((f"Source {one.name}{of}", _source(one, digest_length)) for one in sources)
    if facts.created_at or facts.digest:
        rows.append(("Planned", _made(facts, digest_length)))
    elif facts.kanport:
        rows.append(("Kanport", facts.kanport))
    if facts.allowed:
        rows.append(("Allowed", "for this run: " + ", ".join(allowed_words(facts.allowed))))
    if facts.run is not None:
        run = facts.run
        until = f" to {utc(run.finished_at)}" if run.finished_at else ", not finished"
        by = f", by {run.by}" if run.by else ""
        rows.append(("Run", f"{run.id}, {utc(run.started_at)}{until}{by}"))
        if run.journal_sha256:
            chained = "" if run.journal_chained else ", not chained (an earlier version wrote it)"
            digest = _short(run.journal_sha256, digest_length)
            rows.append(("Journal", f"sha256 {digest}{chained}"))
        rows.append(("Approved", _approved(run.approved, digest_length)))
    if facts.verified_at:
        rows.append(("Looked at", utc(facts.verified_at)))
    if note := same_person(facts):
        rows.append(("Note", note))
    return rows


def _source(source: PlanSource, length: int | None) -> str:
    parts = [
        source.path,
        source.type,
        counted(source.rows, ROW),
        size(source.size),
        f"changed {utc(source.modified_at)}" if source.modified_at else "",
        f"sha256 {_short(source.sha256, length)}",
        *(f"{file.path} sha256 {_short(file.sha256, length)}" for file in source.files or ()),
    ]
    return ", ".join(part for part in parts if part)


def _made(facts: Facts, length: int | None) -> str:
    parts = [
        utc(facts.created_at),
        f"by {facts.made_by}" if facts.made_by else "",
        f"with Kanport {facts.kanport}" if facts.kanport else "",
    ]
    made = " ".join(part for part in parts if part)
    return ", ".join(
        part
        for part in (made, f"digest {_short(facts.digest, length)}" if facts.digest else "")
        if part
    )


def _approved(approved: Approved | None, length: int | None) -> str:
    if approved is None:
        return "no"
    note = f": {approved.note}" if approved.note else ""
    return (
        f"by {approved.names} on {utc(approved.approved_at)}{note}"
        f" (valid until {utc(approved.expires_at)}, {approved.signature},"
        f" digest {_short(approved.digest, length)})"
    )


def _short(digest: str, length: int | None) -> str:
    return digest if length is None or len(digest) <= length else f"{digest[:length]}…"
