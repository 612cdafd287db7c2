"""Searches that are complete or fail: pages to the last, ranges to their end, nothing by halves.

First comes which server it is, by what its root entry says of itself (RFC 4512, 5.1), then the
searches, then how new the data of the server are: an older copy must not pass for the truth.
"""

import logging
from collections.abc import Generator, Iterable, Iterator, Mapping
from enum import Enum, auto
from typing import NoReturn

from kanport.errors import SourceInvalid, Unreachable
from kanport.events import log_event
from kanport.findings import found
from kanport.sources.ldap.attributes import number, texts
from kanport.sources.ldap.ber import (
    NOT_HERE,
    SUCCESS,
    Attributes,
    Done,
    Entry,
    answer_text,
    meaning,
)
from kanport.sources.ldap.connection import (
    BrokenConnection,
    Connection,
    Question,
    Referral,
    TooMuch,
)
from kanport.sources.ldap.names import dn_key, is_below


class SourceIncomplete(Unreachable):
    """A directory gave only a part of what was asked for, so nothing may be derived from it."""


# --- which server it is ---------------------------------------------------------------------------


Root = Mapping[str, list[bytes]]

KIND_ATTRIBUTES = (
    "objectClass",
    "vendorName",
    "vendorVersion",
    "namingContexts",
    "supportedControl",
    "supportedCapabilities",
    "dnsHostName",
    "ipaDomainLevel",
    "ipaTopologyPluginVersion",
    "subschemaSubentry",
    "highestCommittedUSN",
    "dsServiceName",
)
# [MS-ADTS] 3.1.1.3.4.3: the capabilities of AD DS and of AD LDS.
_ACTIVE_DIRECTORY = "1.2.840.113556.1.4.800"
_AD_LDS = "1.2.840.113556.1.4.1851"


class ServerKind(Enum):
    """The servers whose ways Kanport knows."""

    ACTIVE_DIRECTORY = auto()
    SAMBA = auto()
    AD_LDS = auto()
    FREEIPA = auto()
    DS389 = auto()
    OPENLDAP = auto()
    OTHER = auto()


PROVES_ABSENCE = frozenset({ServerKind.OPENLDAP, ServerKind.DS389, ServerKind.FREEIPA})
"""Servers that answer `(!(attribute=*))` with those entries only whose attribute may be searched.

Seen on OpenLDAP 2.5 and 389 Directory Server 2.3, as RFC 4511, 4.5.1.7, wants it. Active Directory
and Samba answer with the entries whose attribute is hidden as well.
"""


def kind_of(root: Root) -> ServerKind:
    """Return which server it is; the keys of `root` are in lower case.

    >>> kind_of({"objectclass": [b"top", b"OpenLDAProotDSE"]}).name
    'OPENLDAP'
    """
    vendor = " ".join(texts(root.get("vendorname", [])))
    capabilities = texts(root.get("supportedcapabilities", []))
    if "samba" in vendor.lower():
        return ServerKind.SAMBA
    if _AD_LDS in capabilities:
        return ServerKind.AD_LDS
    if _ACTIVE_DIRECTORY in capabilities:
        return ServerKind.ACTIVE_DIRECTORY
    if "ipadomainlevel" in root or "ipatopologypluginversion" in root:
        return ServerKind.FREEIPA
    if "389" in vendor:
        return ServerKind.DS389
    if "OpenLDAProotDSE" in texts(root.get("objectclass", [])):
        return ServerKind.OPENLDAP
    return ServerKind.OTHER


# --- searches -------------------------------------------------------------------------------------


logger = logging.getLogger(__name__)

_RANGE = ";range="
_SHOWN = 300
_MOST_EMPTY_PAGES = 100


class Directory:
    """Complete searches over one connection.

    `referrals` are what was skipped because another server may have it, `searches` counts the
    questions that were asked, pages counted one by one.
    """

    def __init__(self, connection: Connection, page_size: int) -> None:
        self._connection = connection
        self._page_size = page_size
        self.referrals: set[str] = set()
        self.searches = 0
        self._root: Attributes | None = None

    @property
    def url(self) -> str:
        """The server that answers."""
        return self._connection.url

    @property
    def root(self) -> Attributes:
        """What the server says of itself (the root DSE); empty where it says nothing."""
        if self._root is None:
            try:
                entry = self.read("", KIND_ATTRIBUTES, "(objectClass=*)")
            except (KeyError, SourceIncomplete):
                entry = None
            self._root = entry.attributes if entry is not None else {}
        return self._root

    @property
    def contexts(self) -> tuple[str, ...]:
        """The roots of what the server holds, the longest first; empty where it does not tell."""
        names = texts(self.root.get("namingcontexts", []))
        return tuple(sorted(names, key=lambda name: (-len(name), name)))

    @property
    def product(self) -> str:
        """The name of the server's product for people; replicas of one directory have the same."""
        if _ACTIVE_DIRECTORY in texts(self.root.get("supportedcapabilities", [])):
            return "Active Directory"
        if b"OpenLDAProotDSE" in self.root.get("objectclass", []):
            return "OpenLDAP"
        return " ".join(texts(self.root.get("vendorname", []))) or "LDAP"

    def without_counting(self) -> "Directory":
        """Return the same for further questions, whose searches and referrals are not counted."""
        other = Directory(self._connection, self._page_size)
        other._root = self._root
        return other

    def search(self, question: Question) -> Iterator[Entry]:
        """Yield every entry that a search finds, as they come.

        Entries with ranged attributes come last, when the ranges have been read to their end.
        Raises SourceIncomplete where anything is cut, refused or lost; what was given until then
        must not be used.
        """
        ranged: list[Entry] = []
        cookie, page, count, empty = b"", 1, 0, 0
        while True:
            where = _Where(question, page, count)
            end, came = yield from self._page(where, self._page_size, cookie, ranged)
            count += came
            where = _Where(question, page, count)
            if end.code != SUCCESS:
                where.fail(answer_text(end.code, end.message), meaning(end.code).hint)
            if not self._page_size:
                break
            if end.cookie is None:
                if not count:
                    self._refuse_absent(where)
                where.fail(
                    "it did not say whether there is more",
                    "it does not seem to know pages; page_size: 0 asks for all at once",
                )
            if not end.cookie:
                break
            cookie, page = end.cookie, page + 1
            empty = 0 if came else empty + 1
            if empty > _MOST_EMPTY_PAGES:
                where.fail(f"{empty} pages came one after the other with nothing in them")
        for entry in ranged:
            yield self._whole(entry)

    def read(self, dn: str, attributes: Iterable[str], filter_: str) -> Entry | None:
        """Return one entry by its DN; None where it is there and does not fit the filter.

        Raises KeyError where there is no such entry here, or none that the bind account may see,
        and SourceIncomplete where the server does not say.
        """
        entry, end = self.look(dn, attributes, filter_)
        if end.code in NOT_HERE:
            raise KeyError(dn)
        return entry

    def look(self, dn: str, attributes: Iterable[str], filter_: str) -> tuple[Entry | None, Done]:
        """Return one entry by its DN, if the server shows it, and how the server ended its answer.

        The code at the end is that of success or one of NOT_HERE. Raises SourceIncomplete where it
        is any other: then the server says nothing about the entry.
        """
        question = Question(dn, "base", filter_, tuple(attributes))
        found, end = self._read(question)
        if end.code not in (SUCCESS, *NOT_HERE):
            _Where(question).fail(answer_text(end.code, end.message), meaning(end.code).hint)
        return (self._whole(found[0]) if found else None), end

    def any_below(self, base: str) -> bool:
        """Return whether the server shows the bind account an entry directly below another one."""
        question = Question(base, "one", "(objectClass=*)", ())
        # One page of one entry; the rest of them is never asked for.
        return bool(list(self._page(_Where(question), 1, b"", [])))

    def _read(self, question: Question) -> tuple[list[Entry], Done]:
        found: list[Entry] = []
        page = self._page(_Where(question), 0, b"", found)
        while True:
            try:
                found.append(next(page))
            except StopIteration as stop:
                end: Done = stop.value[0]
                return found, end

    def _page(
        self, where: "_Where", size: int, cookie: bytes, ranged: list[Entry]
    ) -> Generator[Entry, None, tuple[Done, int]]:
        self.searches += 1
        came = 0
        try:
            for answer in self._connection.ask(where.question, page_size=size, cookie=cookie):
                if isinstance(answer, Entry):
                    came += 1
                    if any(_RANGE in name for name in answer.attributes):
                        ranged.append(answer)
                    else:
                        yield answer
                elif isinstance(answer, Referral):
                    self.referrals.add(_place_of(answer.urls))
                else:
                    _log(where, answer, came)
                    return answer, came
        except BrokenConnection as wrong:
            where = _Where(where.question, where.page, where.count + came)
            hint = _more_of(wrong.setting) if isinstance(wrong, TooMuch) else None
            where.fail(str(wrong), hint, cause=wrong)
        raise AssertionError("the answer to a search has an end")

    def _refuse_absent(self, where: "_Where") -> None:
        """Fail where the base is not there, as 389 Directory Server says only without pages."""
        _, end = self.look(where.question.base, (), "(objectClass=*)")
        if end.code != SUCCESS:
            where.fail(answer_text(end.code, end.message), meaning(end.code).hint)

    def _whole(self, entry: Entry) -> Entry:
        """Read what is left of ranged attributes, from the value where the server stopped."""
        whole: Attributes = {
            name: values for name, values in entry.attributes.items() if _RANGE not in name
        }
        for key in [name for name in entry.attributes if _RANGE in name]:
            name, _, span = key.partition(_RANGE)
            # The plain attribute comes along empty.
            values = whole.setdefault(name, [])
            values.extend(entry.attributes[key])
            first, last = _span(span)
            if first != 0:
                _Where(Question(entry.dn, "base", "", (name,))).fail("a range begins in the middle")
            while last is not None:
                more, last = self._range(entry.dn, name, last + 1)
                values.extend(more)
        return Entry(entry.dn, whole)

    def _range(self, dn: str, name: str, first: int) -> tuple[list[bytes], int | None]:
        question = Question(dn, "base", "(objectClass=*)", (f"{name}{_RANGE}{first}-*",))
        where = _Where(question, count=first)
        found, end = self._read(question)
        if end.code != SUCCESS:
            where.fail(answer_text(end.code, end.message), meaning(end.code).hint)
        for entry in found:
            for key, values in entry.attributes.items():
                if key.startswith(name + _RANGE):
                    begin, last = _span(key.partition(_RANGE)[2])
                    if begin == first and (last is None or (last >= first and values)):
                        return values, last
        return where.fail("the range that was asked for did not come")


def distinct(entries: Iterable[Entry]) -> Iterator[tuple[str, Entry]]:
    """Return the entries of one search, each once, with the key of its DN.

    Raises SourceInvalid where the server gives two entries whose DNs every server should take for
    one: nothing shows which of them a group means.
    """
    seen: dict[str, str] = {}
    for entry in entries:
        key = dn_key(entry.dn)
        other = seen.setdefault(key, entry.dn)
        if other != entry.dn:
            finding = found("entry-ambiguous", names=(other, entry.dn))
            raise SourceInvalid(finding.message, findings=[finding], hint=finding.hint)
        yield key, entry


class _Where:
    """How far a search had come, for what is said when it fails."""

    def __init__(self, question: Question, page: int = 1, count: int = 0) -> None:
        self.question = question
        self.page = page
        self.count = count

    def fail(
        self, why: str, hint: str | None = None, cause: BaseException | None = None
    ) -> NoReturn:
        """Raise SourceIncomplete: what was asked, how far it came, and why it ended."""
        base, scope, filter_, attributes = self.question
        if _RANGE in "".join(attributes):
            asked = f"all values of {attributes[0].partition(_RANGE)[0]} of {base}"
            far = f"after {self.count} values, "
        elif scope == "base":
            asked, far = f"the entry {base}", ""
        else:
            asked = f"all of {filter_} below {base or 'the root'}"
            far = f"on page {self.page}, after {self.count} entries, "
        raise SourceIncomplete(
            f"the directory did not give {asked}: {far}{why}", hint=hint
        ) from cause


def _more_of(setting: str) -> str:
    where = "" if setting.startswith("--") else " of the source"
    return f"if that is right, raise {setting}{where}; SECURITY.md lists the limits"


def _log(where: _Where, end: Done, came: int) -> None:
    base, scope, filter_, attributes = where.question
    # A filter that looks up many entries at once is long. Values of entries are never logged.
    log_event(
        logger,
        "directory.search",
        level=logging.DEBUG,
        base=base,
        scope=scope,
        filter=filter_[:_SHOWN],
        attributes=",".join(attributes),
        page=where.page,
        entries=came,
        result=end.code,
    )


def _place_of(urls: Iterable[str]) -> str:
    """Return what is the same of a referral, whatever the scope and filter of the search."""
    return " ".join(sorted(url.partition("?")[0] for url in urls))


def _span(text: str) -> tuple[int, int | None]:
    """Read the span of a range: `0-1499`, or `1500-*` for the last.

    >>> _span("1500-*")
    (1500, None)
    """
    first, _, last = text.partition("-")
    try:
        return int(first), None if last == "*" else int(last)
    except ValueError:
        return -1, None


# --- how new the data is -------------------------------------------------------------------------


STAMP = "modifyTimestamp"
_PADDED = 20
_LOCAL_TIMES = frozenset({ServerKind.ACTIVE_DIRECTORY, ServerKind.SAMBA, ServerKind.AD_LDS})


def marks(directory: Directory, bases: Iterable[str]) -> dict[str, str]:
    """Return the server's counters of changes (`usn CONTROLLER`, `csn CONTEXT SERVER`) as texts.

    Newer data never have a text that sorts before an older one. Empty where the server has none, or
    does not show them. Raises nothing.
    """
    root = directory.root
    found: dict[str, str] = {}
    usn, controller = number(root.get("highestcommittedusn")), texts(root.get("dsservicename", []))
    if usn is not None and controller:
        found[f"usn {controller[0]}"] = str(usn).zfill(_PADDED)
    if kind_of(root) is not ServerKind.OPENLDAP:
        return found
    keys = [dn_key(base) for base in bases]
    apart = directory.without_counting()
    for context in directory.contexts:
        if not any(is_below(key, dn_key(context)) for key in keys):
            continue
        try:
            entry, _ = apart.look(context, ("contextCSN",), "(objectClass=*)")
        except SourceIncomplete:
            continue
        for csn in texts(entry.attributes.get("contextcsn", [])) if entry is not None else ():
            # time#count#server#modification; the server is what the number belongs to.
            parts = csn.split("#")
            if len(parts) == 4:
                found[f"csn {context} {parts[2]}"] = csn
    return found


def tells_age(directory: Directory) -> bool:
    """Return whether the times of changes are the same on all servers of this directory."""
    return kind_of(directory.root) not in _LOCAL_TIMES
