"""The wordings of the safety checks.

The code of a verdict is the name of its guard. Its case begins with the result: `passed`,
`stopped`, `exceeded` (stopped although `--allow` permits some) or `overridden` (by `--allow`). A
guard without the case `overridden` is firm. The other codes are parts of these wordings.
"""

from collections.abc import Iterator, Mapping
from itertools import product

from kanport.catalogue.kinds import CatalogueEntry, Personal, Text

_FIRM = " (--allow does not override this check)"
_ALLOW = "--allow {option:sh} overrides this check for one run"

# By class of changes: their number in a plan.
_PLANNED = {
    "create": "{planned:#user|users} would be created",
    "grant": "{planned:#grant|grants} planned",
    "update": "{planned:#update|updates} planned",
    "raise": "{planned:#role or right|roles or rights} would be raised",
    "lower": "{planned:#role|roles} would be lowered",
    "disable": "{planned:#user|users} would be disabled",
    "remove": "{planned:#user|users} would be removed",
    "revoke": "{planned:#revocation|revocations} planned",
    "dropped": "{planned:#revocation|revocations} planned in projects and groups that no source"
    " names any more",
}
# What a limit is a share of.
_BASES = {
    "users": "{base:#active user|active users}",
    "access": "{base:#membership|memberships} in the projects read",
    "members": "{base:#member|members}",
    "rows": "{base:#row|rows}",
}
_MISSING = "who is missing from the sources (missing: {missing})"
_RENAMED = "who only has a new username"


def _firm(
    about: str,
    texts: Mapping[str, str],
    hint: str,
    personal: Mapping[str, Personal] | None = None,
    **hints: str,
) -> CatalogueEntry:
    """Return a guard that `--allow` does not override; `hints` are those of single cases."""
    return CatalogueEntry(
        "",
        about,
        {
            case: Text(text, hints.get(case.replace("-", "_"), hint) + _FIRM)
            if case.startswith("stopped")
            else Text(text)
            for case, text in texts.items()
        },
        personal or {},
    )


def _overridable(
    about: str, stopped: str | Mapping[str, str], hint: str, passed: str | None = None
) -> CatalogueEntry:
    """Return a guard that `--allow` overrides; `stopped` has a wording for each variant."""
    texts = {} if passed is None else {"passed": Text(passed)}
    if passed is not None:
        texts["passed-allowed"] = Text(f"{passed}; --allow raises this to {{allow}} for this run")
    for variant, text in ({"": stopped} if isinstance(stopped, str) else stopped).items():
        end = f"-{variant}" if variant else ""
        texts |= {
            f"stopped{end}": Text(text, hint),
            f"exceeded{end}": Text(f"{text}; --allow overrides this check up to {{allow}}", hint),
            f"overridden{end}": Text(f"{text}; overridden for this run, up to {{allow}}"),
        }
    return CatalogueEntry("", about, texts)


def _limits() -> Iterator[tuple[str, CatalogueEntry]]:
    for name in _PLANNED:
        kind = _overridable(
            f"The limit of the mapping for changes of the class {name}.",
            "Limit exceeded: {parts:;}",
            f"check the plan; if it is correct, {_ALLOW};"
            f" or set {name}: {{planned}} under limits in the mapping",
            "Within the limit: {parts:;}",
        )
        if name == "remove":
            undo = Text(
                "Limit exceeded: {parts:;}",
                "check which users the run created; to remove all of them, use --remove-created"
                " {planned}",
            )
            kind = kind._replace(texts={**kind.texts, "stopped-undo": undo})
        yield f"limit-{name}", kind
        yield (
            f"limit-{name}-in-project",
            _overridable(
                f"The limit for changes of the class {name} in one project.",
                "Limit exceeded in {project}: {parts:;}",
                f"check the plan; if it is correct, {_ALLOW}; or set"
                f" {name}: {{planned}} for {{called:yaml}} under limits.projects in the mapping",
                "Within the limit in each project, most in {project}: {parts:;}",
            ),
        )


def _shares() -> Iterator[tuple[str, Text]]:
    for base, default, floor, partial in product(_BASES, *([False, True],) * 3):
        text = f"{'default: ' if default else ''}{{share:g}}% of {_BASES[base]}"
        text += f", rounded {'up' if default else 'down'}"
        text += ", at least {floor}" if floor else ""
        text += ", counting only those that Kanport could read" if partial else ""
        flags = {"default": default, "floor": floor, "partial": partial}
        yield "-".join((base, *(flag for flag, on in flags.items() if on))), Text(text)


GUARDS: Mapping[str, CatalogueEntry] = {
    "last-admin": _firm(
        "At least one active administrator remains.",
        {
            "passed": "{staying:#active administrator remains|active administrators remain}, not"
            " counting new ones",
            "stopped": "No active administrator would remain: this plan disables, removes or"
            " demotes {usernames:q}",
            "stopped-partial": "No active administrator would remain among the users that Kanport"
            " could read: this plan disables, removes or demotes {usernames:q}",
        },
        "make another user an administrator in a separate plan first, or protect this account",
        {"usernames": Personal.LOGIN},
        stopped_partial="name a remaining administrator in the sources or in a project that they"
        " name, or protect this account",
    ),
    "min-admins": _firm(
        "At least as many active administrators remain as the mapping requires.",
        {
            f"{case}{end}": f"{{staying:#active administrator {verb}}}{among}, {{at_least}} needed"
            f" (min_admins){why}"
            for case, verb, why in (
                ("passed", "remains|active administrators remain", ""),
                (
                    "stopped",
                    "would remain|active administrators would remain",
                    ": this plan disables, removes or demotes {usernames:q}",
                ),
            )
            for end, among in (("", ""), ("-partial", " among the users that Kanport could read"))
        },
        "make other users administrators in a separate plan first, protect these accounts, or"
        " lower min_admins in the mapping",
        {"usernames": Personal.LOGIN},
    ),
    "allow-admins": _firm(
        "Only users that allow_admins lists become administrators.",
        {
            "passed": "{usernames:+} {count:becomes an administrator|become administrators}"
            " (listed in allow_admins)",
            "stopped": "{usernames:+} would become"
            " {count:an administrator but is|administrators but are} not listed in allow_admins",
        },
        "if this is intended, list {count:this user|these users} in the mapping:"
        " allow_admins: [{allowed:yaml}]",
        {"usernames": Personal.LOGIN, "allowed": Personal.LOGIN},
    ),
    "protected": _firm(
        "No protected account changes.",
        {
            "passed": "No protected account changes",
            "stopped": "{count:A protected account|Protected accounts} would change: {usernames:q}",
        },
        "remove {count:it|them} from the sources, or from protect in the mapping",
        {"usernames": Personal.LOGIN},
    ),
    "private-projects": _firm(
        "No private project of other users is deleted.",
        {
            "passed": "No private project of other users would be deleted",
            "stopped": "{projects:;}",
        },
        "disable these users instead (missing: disable), remove them from these projects by hand"
        " first, or protect them",
    ),
    "private-project": CatalogueEntry(
        "",
        "The effect of a plan on a private project.",
        {
            "deleted": Text(
                "Removing {usernames:q} would delete the private project {project:q} of {owners:q}"
            ),
            "revoked": Text(
                "{usernames:q} would lose access to the private project {project:q} of {owners:q}"
            ),
            "unread": Text(
                "Kanport could not read the members of the private"
                " {count:project|projects} {projects:q}"
            ),
        },
        {"usernames": Personal.LOGIN, "owners": Personal.LOGIN},
    ),
    "users-incomplete": _firm(
        "Kanport could read all users of the server, if the plan needs them.",
        {
            f"stopped-{need}{end}": f"Kanport could read only some users of the server{why}, so it"
            f" cannot tell {what}"
            for need, what in (
                ("missing", _MISSING),
                ("renamed", _RENAMED),
                ("renamed-by-id", _RENAMED),
                ("both", f"{_MISSING} and {_RENAMED}"),
            )
            for end, why in (("", ""), ("-why", " ({why})"))
        },
        "set {settings:list} in the mapping, or raise PHP's memory_limit on the server",
        {"why": Personal.VALUE},
        stopped_renamed_by_id="raise PHP's memory_limit on the server",
        stopped_renamed_by_id_why="raise PHP's memory_limit on the server",
    ),
    "source-empty": _overridable(
        "No source is empty whose rows would keep access.",
        "The source {source:q} provides no {what}: Kanport read {rows:#row|rows} and could use"
        " none; {changes:#change of this plan removes|changes of this plan remove} access",
        f"check the source, and correct the rows that have errors; if it is correct, {_ALLOW}, with"
        " at most so many changes that remove access",
    ),
    "source-shrunk": _overridable(
        "No source has lost more rows than the limit allows.",
        "The source {source:q} has {rows:#row|rows}, {before} in the last good run: {parts:;}",
        f"check whether the export is complete; if so many rows are really gone, {_ALLOW}",
        "The source {source:q} has {rows:#row|rows}, {before} in the last good run: {parts:;}",
    ),
    "columns-gone": _overridable(
        "No column that the mapping reads has lost all of its values.",
        "The source {source:q} has no values in {columns:all} any more; the last good run found"
        " some",
        "check whether the export still contains {count:this column|these columns}, and whether"
        f" the bind account can still read {{count:it|them}}; if it is correct, {_ALLOW}",
    ),
    "source-stale": _overridable(
        "No source has older data than in the last good run.",
        {
            "unknown": "Kanport read {source:q} from {server}, not from {first}, and nothing shows"
            " whether its data is as new",
            "rows": "Kanport read {source:q} from {server}: it has {rows:#row|rows}, {then} had"
            " {before} in the last good run",
            "newest": "Kanport read {source:q} from {server}: its newest change is from {newest},"
            " that of {then} in the last good run was from {before}",
            "marks": "Kanport read {source:q} from {server}: its data is older than that of"
            " {then} in the last good run",
        },
        "check whether {server} is up to date, and repair {first}; if the data is correct,"
        f" {_ALLOW}",
    ),
    "separation": _overridable(
        "No user gets roles that separation in the mapping keeps apart.",
        "The plan gives {count:#user|users} roles that must be separate: {violations:;}",
        "remove one of these roles in the sources, or add an exception with a reason and an end to"
        f" separation in the mapping; {_ALLOW}",
        "No user gets roles that must be separate ({count:#rule|rules})",
    ),
    "separation-broken": CatalogueEntry(
        "",
        "A user has roles that separation keeps apart.",
        {"": Text('{username:q} has {roles:list} (rule "{rule}")')},
        {"username": Personal.LOGIN},
    ),
    **dict(_limits()),
    "remove-unconfirmed": _overridable(
        "Kanport removes users only up to a number that the mapping sets.",
        "{planned:#user|users} would be removed, and the mapping sets no limits.remove",
        "disable these users instead (missing: disable), or set limits.remove in the mapping, or"
        f" {_ALLOW}",
    ),
    "limit-part": CatalogueEntry(
        "",
        "A number and its limit.",
        {
            f"{name}{end}": Text(f"{planned}, {{allowed}} allowed{of}")
            for name, planned in {
                **_PLANNED,
                "revoke-members": "up to {planned:#member|members} would lose access, including"
                " disabled and removed users",
                "shrink": "{planned:#row|rows} fewer",
            }.items()
            for end, of in (("", ""), ("-share", " ({share})"))
        }
        | {
            f"revoke-groups{end}": Text(
                "up to {planned:#membership|memberships} would be lost, up to {groups} of them"
                f" through groups, {{allowed}} allowed{of}"
            )
            for end, of in (("", ""), ("-share", " ({share})"))
        },
    ),
    "limit-share": CatalogueEntry(
        "", "How Kanport computes a limit from a share.", dict(_shares())
    ),
}
