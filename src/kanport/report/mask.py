"""Pseudonyms for people in a plan, its run and its findings: the same in every format.

A plan and its run are masked before a view is made of them, so no format can forget it. The
catalogue says which parameters of a text identify or describe somebody; these get a pseudonym, and
nothing else changes. Projects, groups, roles, columns, files, sheets and the server keep their
names, also where somebody is called so: what a text is decides, not what it equals. The pseudonyms
of a plan follow from the whole of it and not from its digest, which the report shows: nobody can
try out names.
"""

import hashlib
import hmac
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any, NamedTuple

from kanport.catalogue import ALL, Personal
from kanport.facts import Fact
from kanport.fields import USER_FIELDS
from kanport.findings import Finding
from kanport.model import PasswordCell
from kanport.names import compare_key
from kanport.origin import Origin
from kanport.outcome import Approved, Run, VerifyResult
from kanport.plan.change import Action, Change, ProjectChange, RelationChange, UserChange, UserSide
from kanport.plan.model import (
    GuardVerdict,
    Plan,
    PlanAccess,
    PlanBasis,
    PlanMapping,
    PlanMove,
    PlanPartial,
    PlanPerson,
    PlanReview,
    PlanRows,
    PlanSource,
    PlanUndone,
    PlanWithheld,
)
from kanport.plan.plan_file import canonical, without_wordings
from kanport.relations import About

DOMAIN = "masked.invalid"  # a name that nobody can ever have (RFC 2606)
# What the values of a field are, by its name and by what texts call it.
_FIELDS = {called: one.personal for one in USER_FIELDS for called in (one.name, one.label)}
# Parameters that a finding shows as its value, although they describe nobody.
_THINGS = {"project", "projects", "group", "groups", "role", "roles", "identifier", "text"}
# Where systems keep the folders that are called like their users.
_HOMES = {"home", "users"}


class Somebody(NamedTuple):
    """Somebody's login, with the names and the addresses that are said to be theirs."""

    login: str
    names: tuple[str, ...] = ()
    addresses: tuple[str, ...] = ()


class Pseudonyms:
    """Gives the same pseudonym for the same text, and others for others.

    People are numbered in an order that follows from the key alone, so that neither the alphabet
    nor the plan shows who is who. What is met later is numbered as it comes up.
    """

    def __init__(self, key: bytes, people: Iterable[Somebody]) -> None:
        def rank(login: str) -> bytes:
            return hmac.digest(key, login.encode("utf-8", "surrogatepass"), hashlib.sha256)

        self._logins: dict[str, str] = {}
        self._names: dict[str, str] = {}
        self._addresses: dict[str, str] = {}
        self._others: dict[tuple[str, str], str] = {}
        gathered: dict[str, list[Somebody]] = {}
        for somebody in people:
            gathered.setdefault(compare_key(somebody.login), []).append(somebody)
        for number, login in enumerate(sorted(gathered, key=rank), start=1):
            masked = self._logins[login] = f"masked-{number:04}"
            for somebody in gathered[login]:
                for address in somebody.addresses:
                    self._addresses.setdefault(address, f"{masked}@{DOMAIN}")
                for name in somebody.names:
                    self._names.setdefault(name, f"Masked {number:04}")
        self._next = len(gathered)

    def login(self, text: str) -> str:
        """Return the pseudonym of a login."""
        return text and (self._logins.get(compare_key(text)) or self._new(text, "masked-{:04}"))

    def name(self, text: str) -> str:
        """Return the pseudonym of a person's name."""
        return text and (self._names.get(text) or self._new(text, "Masked {:04}"))

    def address(self, text: str) -> str:
        """Return the pseudonym of an email address."""
        return text and (self._addresses.get(text) or self._new(text, "masked-{:04}@" + DOMAIN))

    def entry(self, text: str) -> str:
        """Return the pseudonym of an entry of a directory."""
        return text and self._new(text, "masked-entry-{:04}")

    def value(self, text: str) -> str:
        """Return the pseudonym of a text that can be anything; whose it is does not show."""
        return text and self._new(text, "masked-value-{:04}")

    def path(self, path: str) -> str:
        """Return a path without the folders that are called like somebody.

        These are the folders below /home and Users, and others that bear a login or a name; what
        stands for them does not show whose they are. The file keeps its name.
        """
        if re.match(r"[a-z]+://", path):
            return path  # the address of a server
        *folders, file = re.split(r"([/\\])", path)
        whole = path.startswith(("/", "\\", "..")) or path[1:2] == ":"
        for at in range(0, len(folders), 2):
            at_home = whole and at > 0 and folders[at - 2].lower() in _HOMES
            if folders[at] and (at_home or self._is_somebodys(folders[at])):
                folders[at] = self._new(compare_key(folders[at]), "masked-folder-{:04}")
        return "".join((*folders, file))

    def _is_somebodys(self, text: str) -> bool:
        return compare_key(text) in self._logins or text in self._names or text in self._addresses

    def _new(self, text: str, shape: str) -> str:
        told = self._others.get((shape, text))
        if told is None:
            self._next += 1
            told = self._others[shape, text] = shape.format(self._next)
        return told


class Mask:
    """The pseudonyms of one plan; every report of it has the same ones."""

    def __init__(self, plan: Plan) -> None:
        # Somebody's pseudonym stays when a later version words the same plan in another way.
        key = hashlib.sha256(b"kanport mask\0" + canonical(without_wordings(plan))).digest()
        self._pseudonyms = Pseudonyms(key, _people_in(plan))
        self._masker = _Masker(self._pseudonyms)
        self._unread = _unread_in(plan)
        self.plan = self._plan(plan)

    def fact(self, fact: Fact) -> Fact:
        """Return a fact with pseudonyms."""
        return self._masker.fact(fact)

    def run(self, run: Run) -> Run:
        """Return a run of the plan with pseudonyms."""
        masker = self._masker
        return replace(
            run,
            outcomes=tuple(
                replace(outcome, why=masker.fact(outcome.why)) if outcome.why else outcome
                for outcome in run.outcomes
            ),
            stopped=masker.fact(run.stopped) if run.stopped else None,
            by=self._pseudonyms.login(run.by),
            approved=self._approved(run.approved) if run.approved is not None else None,
        )

    def verdicts(self, verdicts: Iterable[VerifyResult]) -> tuple[VerifyResult, ...]:
        """Return verdicts on the plan with pseudonyms."""
        return tuple(
            replace(verdict, actual=self._masker.fact(verdict.actual))
            if verdict.actual
            else verdict
            for verdict in verdicts
        )

    def _approved(self, approved: Approved) -> Approved:
        return replace(
            approved,
            by=self._pseudonyms.login(approved.by),
            others=tuple(map(self._pseudonyms.login, approved.others)),
            note=self._pseudonyms.value(approved.note),
            recorded_by=self._pseudonyms.login(approved.recorded_by),
            document="",
        )

    def _plan(self, plan: Plan) -> Plan:
        masker, login = self._masker, self._pseudonyms.login
        people = [
            person.model_copy(
                update={
                    "username": login(person.username),
                    "name": self._pseudonyms.name(person.name) if person.name else None,
                }
            )
            for person in plan.people
        ]
        return plan.model_copy(
            update={
                "made_by": login(plan.made_by) if plan.made_by else plan.made_by,
                "mapping": masker.mapping(plan.mapping),
                "sources": tuple(map(masker.source, plan.sources)),
                "guards": tuple(map(masker.guard, plan.guards)),
                "changes": tuple(map(masker.change, plan.changes)),
                "findings": tuple(map(masker.finding, plan.findings)),
                "withheld": plan.withheld and tuple(map(masker.withheld, plan.withheld)),
                "open": plan.open
                and tuple(
                    one.model_copy(update={"username": one.username and login(one.username)})
                    for one in plan.open
                ),
                "access": None if plan.access is None else tuple(map(self._access, plan.access)),
                "people": tuple(sorted(people, key=_username)),
                "undoes": plan.undoes and self._undone(plan.undoes),
                "partial": plan.partial and self._partial(plan.partial),
                "review": plan.review and masker.review(plan.review),
                "identities": (),
                "absences": (),
                "entries": None,
            }
        )

    def _partial(self, partial: PlanPartial) -> PlanPartial:
        texts = ((one, one.removeprefix("user:")) for one in partial.only)
        only = tuple(
            one if one == who else f"user:{self._pseudonyms.login(who)}" for one, who in texts
        )
        return partial.model_copy(update={"only": only})

    def _undone(self, undone: PlanUndone) -> PlanUndone:
        login = self._pseudonyms.login
        return undone.model_copy(
            update={
                "by": login(undone.by),
                "made_by": login(undone.made_by),
                "sources": tuple(map(self._masker.source, undone.sources)),
                "changes": tuple(map(self._masker.change, undone.changes)),
            }
        )

    def _access(self, access: PlanAccess) -> PlanAccess:
        def masked(roles: Mapping[str, str]) -> dict[str, str]:
            return dict(sorted((self._who(who), role) for who, role in roles.items()))

        return access.model_copy(
            update={
                "kept": masked(access.kept),
                "removed": masked(access.removed),
                "held": masked(access.held),
                "moved": tuple(sorted(map(self._move, access.moved), key=_username)),
                "basis": access.basis and tuple(map(self._basis, access.basis)),
            }
        )

    def _basis(self, basis: PlanBasis) -> PlanBasis:
        return basis.model_copy(update={"username": self._who(basis.username)})

    def _move(self, move: PlanMove) -> PlanMove:
        return move.model_copy(update={"username": self._who(move.username)})

    def _who(self, username: str) -> str:
        return username if username in self._unread else self._pseudonyms.login(username)


def masked_findings(
    sources: Iterable[PlanSource], findings: Iterable[Finding]
) -> tuple[tuple[PlanSource, ...], tuple[Finding, ...]]:
    """Return sources and what was found in them with pseudonyms, where there is no plan."""
    sources, findings = tuple(sources), tuple(findings)
    facts = [(repr(finding.fact), finding.origin, finding.value) for finding in findings]
    told = repr((sources, facts)).encode("utf-8", "surrogatepass")
    key = hashlib.sha256(b"kanport mask\0" + told).digest()
    masker = _Masker(Pseudonyms(key, ()))
    return tuple(map(masker.source, sources)), tuple(map(masker.finding, findings))


class _Masker:
    def __init__(self, pseudonyms: Pseudonyms) -> None:
        self._pseudonyms = pseudonyms

    def fact(self, fact: Fact) -> Fact:
        """Return a fact with pseudonyms for its personal parameters."""
        return fact.masked(self.pseudonym)

    def pseudonym(self, personal: Personal, text: str, field: str = "") -> str:
        """Return what stands for a personal text; `field` is that of a value of a user."""
        match personal:
            case Personal.LOGIN:
                return self._pseudonyms.login(text)
            case Personal.NAME:
                return self._pseudonyms.name(text)
            case Personal.EMAIL:
                return self._pseudonyms.address(text)
            case Personal.ENTRY:
                return self._pseudonyms.entry(text)
            case Personal.PATH:
                return self._pseudonyms.path(text)
            case Personal.FIELD:
                kind = _FIELDS.get(field, Personal.VALUE)
                return text if kind is None else self.pseudonym(kind, text)
            case Personal.VALUE:
                return self._pseudonyms.value(text)

    def change(self, change: Change) -> Change:
        why = self.fact(change.why) if change.why is not None else None
        return replace(
            self._ends(change),
            wording=ALL["as-written"].about if why is None else None,
            why=why,
            origin=tuple(map(self.origin, change.origin)),
        )

    def withheld(self, withheld: PlanWithheld) -> PlanWithheld:
        """Return a withheld removal with pseudonyms."""
        because = (one.masked(self.pseudonym, self.origin) for one in withheld.because)
        return replace(withheld, change=self._ends(withheld.change), because=tuple(because))

    def _ends(self, change: Change) -> Change:
        login = self._pseudonyms.login
        match change:
            case UserChange(username=username, before=before, after=after):
                before, after = self._user(before), self._user(after)
                return replace(change, username=login(username), before=before, after=after)
            case ProjectChange(username=username, after=after):
                after = replace(after, owner=after.owner and login(after.owner))
                return replace(change, username=username and login(username), after=after)
            case RelationChange(username=username) if username is not None:
                return replace(change, username=login(username))
        return change

    def _user(self, side: UserSide | None) -> UserSide | None:
        if side is None:
            return None
        fields = {name: self._field(name, value) for name, value in side.fields.items()}
        password = side.password
        if isinstance(password, PasswordCell):
            password = PasswordCell(self.origin(password.origin))
        return UserSide(fields, password)

    def _field(self, name: str, value: str | bool) -> str | bool:
        return value if isinstance(value, bool) else self.pseudonym(Personal.FIELD, value, name)

    def finding(self, finding: Finding) -> Finding:
        """Return a finding with pseudonyms; its value is what the parameter that holds it is."""
        masked = finding.masked(self.pseudonym)
        values: dict[str, str] = {}
        column: str | None = None
        for (name, personal, text), (_, _, instead) in zip(
            finding.fact.texts(), masked.fact.texts(), strict=True
        ):
            if personal is not None or (name in _THINGS and text not in values):
                values[text] = instead
            if name == "column" and personal is not None:
                column = instead

        def place(origin: Origin) -> Origin:
            origin = self.origin(origin)
            # The header of such a column may be what the first row holds.
            named = column is not None and origin.column is not None
            return replace(origin, column=column) if named else origin

        value = finding.value
        return replace(
            masked,
            origin=None if finding.origin is None else place(finding.origin),
            value=value and (values.get(value) or self._pseudonyms.value(value)),
            related=tuple(map(place, finding.related)),
        )

    def guard(self, guard: GuardVerdict) -> GuardVerdict:
        """Return a verdict with pseudonyms; one of an earlier version tells only its subject."""
        if guard.why is not None:
            return guard.masked(self.pseudonym)
        about = ALL[guard.guard].about if guard.guard in ALL else guard.guard
        return guard.model_copy(update={"message": about, "hint": None})

    def origin(self, origin: Origin) -> Origin:
        dn = origin.dn and self._pseudonyms.entry(origin.dn)
        file = origin.file and self._pseudonyms.path(origin.file)
        if (dn, file) == (origin.dn, origin.file):
            return origin
        return replace(origin, dn=dn, file=file)

    def source(self, source: PlanSource) -> PlanSource:
        read = tuple(map(self._rows, source.read))
        path = self._pseudonyms.path(source.path)
        files = source.files and tuple(
            one.model_copy(update={"path": self._pseudonyms.path(one.path)}) for one in source.files
        )
        return source.model_copy(update={"path": path, "read": read, "files": files})

    def _rows(self, rows: PlanRows) -> PlanRows:
        update: dict[str, Any] = {"file": rows.file and self._pseudonyms.path(rows.file)}
        if rows.entries is not None:
            told: dict[str, int] = {}
            for dn, times in rows.entries.items():
                masked = self._pseudonyms.entry(dn)
                told[masked] = told.get(masked, 0) + times
            update["entries"] = dict(sorted(told.items()))
        return rows.model_copy(update=update)

    def mapping(self, mapping: PlanMapping) -> PlanMapping:
        """Return the mapping with paths in which no folder is called like somebody."""
        path = self._pseudonyms.path
        ledger = None if mapping.ledger is None else path(mapping.ledger)
        return mapping.model_copy(update={"path": path(mapping.path), "ledger": ledger})

    def review(self, review: PlanReview) -> PlanReview:
        """Return the review with a path in which no folder is called like somebody."""
        return review.model_copy(update={"folder": self._pseudonyms.path(review.folder)})


def _username(somebody: PlanPerson | PlanMove) -> str:
    return somebody.username


def _unread_in(plan: Plan) -> frozenset[str]:
    """Return what the access of a plan calls users whose names were not read: `#` and their id.

    Whoever is really called so is among the people of the plan, or somebody whom it changes.
    """
    named = {person.username for person in plan.people}
    named.update(filter(None, (change.username for change in plan.changes)))
    everybody = {login for access in plan.access or () for login in _logins_in(access)}
    return frozenset(
        login for login in everybody - named if login.startswith("#") and login[1:].isdecimal()
    )


def _logins_in(access: PlanAccess) -> Iterator[str]:
    yield from (*access.kept, *access.removed, *access.held)
    yield from (move.username for move in access.moved)


def _people_in(plan: Plan) -> Iterator[Somebody]:
    unread = _unread_in(plan)
    for person in plan.people:
        yield Somebody(person.username, (person.name,) if person.name else ())
    undone = plan.undoes
    for change in (*plan.changes, *(undone.changes if undone is not None else ())):
        if change.username:
            texts: dict[Personal | None, list[str]] = defaultdict(list)
            if change.about is About.USER:
                for field in USER_FIELDS:
                    values = (change.old.text(field.name), change.new.text(field.name))
                    texts[field.personal] += filter(None, values)
            yield from map(Somebody, texts[Personal.LOGIN])
            names, addresses = texts[Personal.NAME], texts[Personal.EMAIL]
            yield Somebody(change.username, tuple(names), tuple(addresses))
        if change.action is Action.PROJECT_CREATE and change.after.owner:
            yield Somebody(change.after.owner)
    for access in plan.access or ():
        yield from (Somebody(login) for login in _logins_in(access) if login not in unread)
    for withheld in plan.withheld or ():
        if withheld.change.username:
            yield Somebody(withheld.change.username)
    yield from (Somebody(one.username) for one in plan.open or () if one.username)
    for identity in plan.identities:
        yield Somebody(identity.username)
    for absence in plan.absences:
        yield Somebody(absence.username)
    for entry in plan.entries or ():
        if entry.username is not None:
            yield Somebody(entry.username)
    for actor in (plan.made_by, *((undone.made_by, undone.by) if undone is not None else ())):
        if actor:
            yield Somebody(actor)
            yield Somebody(actor.partition("@")[0])
