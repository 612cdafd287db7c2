"""The fields of a user: one entry each, over which everything that handles users iterates.

To add a field, add its entry. The mapping then takes it, and Kanport reads, plans, writes, undoes,
verifies, masks, exports and explains it.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import fields
from enum import StrEnum
from operator import attrgetter
from typing import Any

from kanport.catalogue.kinds import Personal
from kanport.facts import Fact
from kanport.model import AppRole, DesiredUser, Given, User
from kanport.records import dataclass
from kanport.rules import (
    app_role_problem,
    email_problem,
    name_problem,
    username_problem,
)


class Holds(StrEnum):
    """What the values of a field are."""

    TEXT = "text"
    ROLE = "role"
    FLAG = "flag"


class ChangedBy(StrEnum):
    """What changes a field of a user who exists.

    UPDATE is `user.update`, which sets several fields in one call. SWITCH is `user.enable` and
    `user.disable`. Nothing changes a field with NOTHING: it only says how a new user is made.
    """

    RENAME = "rename"
    UPDATE = "update"
    SWITCH = "switch"
    NOTHING = "nothing"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class UserField:
    """One field of a user.

    Args:
        name: how mappings, plans, journals and exports call it.
        about: what the JSON Schema of the mapping says about it.
        label: how texts call it; the name, unless given.
        column: how Kanboard's rows and procedures call it; the name, unless given.
        holds: what its values are.
        changed_by: what changes it.
        check: returns what is wrong with a text; None for a flag, which has its own words.
        clearable: whether the clear token of a source empties it.
        personal: what it is for a masked report, which replaces it; None if it stays.
        new: what createUser gets if the sources give nothing; None leaves it out of the call.
        headers: headers by which `init` recognizes its column, in small letters and digits only.
    """

    name: str
    about: str
    label: str = ""
    column: str = ""
    holds: Holds = Holds.TEXT
    changed_by: ChangedBy = ChangedBy.UPDATE
    check: Callable[[str], Fact | None] | None = None
    clearable: bool = False
    personal: Personal | None = None
    new: str | None = None
    headers: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for part in ("label", "column"):
            object.__setattr__(self, part, getattr(self, part) or self.name)

    @property
    def is_name(self) -> bool:
        """Whether a value names the person, so that it is no number, date or formula."""
        return self.personal in (Personal.LOGIN, Personal.NAME)

    def of(self, user: User) -> str | bool:
        """Return the value that a user of the server has."""
        value = getattr(user, self.name) if self.name in _ATTRIBUTES else user.more.get(self.name)
        return value if isinstance(value, bool) else str(value or "")

    def of_each(self, users: Iterable[User]) -> list[str | bool]:
        """Return the values that users of the server have."""
        if self.name not in _ATTRIBUTES:
            return list(map(self.of, users))
        values = map(attrgetter(self.name), users)
        return [one if isinstance(one, str | bool) else str(one or "") for one in values]

    def wanted(self, user: DesiredUser) -> Given[Any] | None:
        """Return the value that the sources give; None if they give none, or none of it is kept."""
        if self.changed_by is ChangedBy.NOTHING:
            return None
        if self.name in _ATTRIBUTES:
            given: Given[Any] | None = getattr(user, self.name)
            return given
        return user.more.get(self.name)


USERNAME = UserField(
    name="username",
    about="Username for the login. It identifies the rows of a user.",
    changed_by=ChangedBy.RENAME,
    check=username_problem,
    personal=Personal.LOGIN,
    headers=(
        *("username", "login", "loginname", "userid", "user", "account", "samaccountname", "uid"),
        *("benutzername", "benutzer", "anmeldename", "kennung", "kurzel", "identifiant", "usuario"),
        *(
            "nomutilisateur",
            "nombredeusuario",
            "utente",
            "nomeutente",
            "gebruikersnaam",
            "gebruiker",
        ),
        *("utilizador", "uzytkownik", "nazwauzytkownika"),
    ),
)
NAME = UserField(
    name="name",
    about="Full name of the user.",
    check=name_problem,
    clearable=True,
    personal=Personal.NAME,
    new="",
    headers=(
        *("fullname", "displayname", "name", "vollername", "anzeigename", "nomcomplet"),
        *("nombrecompleto", "nomecompleto", "nominativo", "volledigenaam", "naam", "imieinazwisko"),
    ),
)
EMAIL = UserField(
    name="email",
    about="The email address.",
    check=email_problem,
    clearable=True,
    personal=Personal.EMAIL,
    new="",
    headers=(
        *("email", "emailaddress", "mail", "mailaddress", "emailadresse", "mailadresse"),
        *("courriel", "adressemail", "correo", "correoelectronico", "emailadres", "mailadres"),
        *("postaelettronica", "indirizzoemail", "adresemail", "endereco", "enderecodeemail"),
    ),
)
ROLE = UserField(
    name="role",
    about="app-admin, app-manager or app-user (default for new users: app-user).",
    holds=Holds.ROLE,
    check=app_role_problem,
    new=str(AppRole.USER),
    headers=(
        *(
            "projectrole",
            "projektrolle",
            "roleprojet",
            "rolproyecto",
            "ruoloprogetto",
            "projectrol",
        ),
        *(
            "access",
            "accesslevel",
            "permission",
            "zugriff",
            "zugriffsrecht",
            "berechtigung",
            "acces",
        ),
        *("droit", "acceso", "permiso", "accesso", "permesso", "toegang", "acesso", "dostep"),
        *("role", "rolle", "rol", "ruolo", "rola", "funcao"),
    ),
)
ACTIVE = UserField(
    name="active",
    about="Whether the account is enabled: true or false; also yes, ja, oui, 1 …",
    label="active",
    column="is_active",
    holds=Holds.FLAG,
    changed_by=ChangedBy.SWITCH,
    headers=(
        *("active", "enabled", "employed", "aktiv", "actif", "activo", "attivo", "actief", "ativo"),
        *("aktywny", "status", "state", "statut", "estado", "stato", "zustand"),
    ),
)
LDAP = UserField(
    name="ldap",
    about="Whether Kanboard creates a new user from its own LDAP: true or false. Existing users do "
    "not change.",
    label="LDAP login",
    column="is_ldap_user",
    holds=Holds.FLAG,
    changed_by=ChangedBy.NOTHING,
)

USER_FIELDS = (USERNAME, NAME, EMAIL, ROLE, ACTIVE, LDAP)
"""All fields, in the order in which mappings, reports and exports show them."""
BESIDE_USERNAME = USER_FIELDS[1:]
CHANGEABLE = tuple(one for one in USER_FIELDS if one.changed_by is not ChangedBy.NOTHING)
UPDATABLE = tuple(one for one in USER_FIELDS if one.changed_by is ChangedBy.UPDATE)

_ATTRIBUTES = frozenset(one.name for one in fields(User))
_BY_NAME = {one.name: one for one in USER_FIELDS}


def field_named(name: str) -> UserField:
    """Return the field of a name; raises KeyError if there is none."""
    return _BY_NAME[name]


def labels(names: Iterable[str]) -> tuple[str, ...]:
    """Return how texts call these fields; a name that is no field of a user stays as it is."""
    return tuple(_BY_NAME[name].label if name in _BY_NAME else name for name in names)


def values_of(user: User) -> dict[str, str | bool]:
    """Return the fields that a change of a user can contain, by name."""
    return {one.name: one.of(user) for one in CHANGEABLE}


def attributes(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the arguments that make a `User` or a `DesiredUser` of values by name of the field."""
    if values.keys() <= _ATTRIBUTES:
        return dict(values)
    own = {name: value for name, value in values.items() if name in _ATTRIBUTES}
    more = {name: value for name, value in values.items() if name not in _ATTRIBUTES}
    # A user without a value is the same whether or not the server has a column for it.
    return {**own, "more": {name: value for name, value in more.items() if value not in (None, "")}}
