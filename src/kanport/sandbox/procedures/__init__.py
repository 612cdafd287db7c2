"""The procedures of Kanboard's API that concern users and access, by name.

Exchanges are numbered as `kanport.sandbox` says.
"""

import inspect
from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from typing import Any

from kanport.records import dataclass
from kanport.sandbox import php
from kanport.sandbox.dialects import RpcError
from kanport.sandbox.procedures.base import (
    APP_ADMIN,
    APP_MANAGER,
    APP_USER,
    AppProcedures,
    Procedures,
)
from kanport.sandbox.procedures.projects import (
    MeProcedures,
    PermissionProcedures,
    ProjectProcedures,
)
from kanport.sandbox.procedures.users import GroupMemberProcedures, GroupProcedures, UserProcedures

_ROLES_FROM = {
    APP_ADMIN: frozenset({APP_ADMIN}),
    APP_MANAGER: frozenset({APP_ADMIN, APP_MANAGER}),
    APP_USER: frozenset({APP_ADMIN, APP_MANAGER, APP_USER}),
}
_READS = ("get", "is")


@dataclass(frozen=True)
class Procedure:
    """One procedure.

    Args:
        name: its name in requests.
        owner: the class that has it as a method.
        parameters: the names of its parameters and their defaults, in order;
            `inspect.Parameter.empty` marks those without.
        roles: the application roles of users who may call it.
        personal: whether it needs a user, so that the application token may not call it.
    """

    name: str
    owner: type[Procedures]
    parameters: Mapping[str, Any]
    roles: frozenset[str]
    personal: bool

    @property
    def writes(self) -> bool:
        """Whether it can change anything."""
        return not self.name.startswith(_READS)

    @cached_property
    def required(self) -> Sequence[str]:
        """The parameters without a default."""
        return [
            name for name, default in self.parameters.items() if default is inspect.Parameter.empty
        ]

    def arguments(self, given: Any) -> list[Any]:
        """Return the arguments for a call.

        Args:
            given: `params` of the request, by position or by name. An unknown name is ignored
                as long as the count fits (exchanges 37 to 40).

        Raises:
            RpcError: too few, too many, or a required one is missing.
        """
        if len(given) < len(self.required):
            raise _wrong("Wrong number of arguments")
        if len(given) > len(self.parameters):
            raise _wrong("Too many arguments")
        by_position = php.items(given)
        if by_position is not None:
            return by_position
        for name in self.required:
            if name not in given:
                raise _wrong(f"Missing argument: {name}")
        return [given[name] if name in given else self.parameters[name] for name in self.parameters]


def _wrong(data: str) -> RpcError:
    return RpcError(-32602, "Invalid params", data)


def _procedures(owner: type[Procedures]) -> Iterable[Procedure]:
    for name, method in inspect.getmembers(owner, inspect.isfunction):
        if name.startswith("_"):
            continue
        parameters = list(inspect.signature(method).parameters.values())[1:]
        role = owner.role_exceptions.get(name, owner.application_role)
        yield Procedure(
            name,
            owner,
            {parameter.name: parameter.default for parameter in parameters},
            _ROLES_FROM[role],
            personal=owner is MeProcedures,
        )


PROCEDURES: Mapping[str, Procedure] = {
    procedure.name: procedure
    for owner in (
        AppProcedures,
        MeProcedures,
        UserProcedures,
        GroupProcedures,
        GroupMemberProcedures,
        ProjectProcedures,
        PermissionProcedures,
    )
    for procedure in _procedures(owner)
}

_BY_LOWER_NAME = {name.lower(): procedure for name, procedure in PROCEDURES.items()}


def find(name: str) -> Procedure | None:
    """Return the procedure of this name; PHP does not mind the case of a method.

    >>> getattr(find("GETVERSION"), "name", None)
    'getVersion'
    """
    return PROCEDURES.get(name) or _BY_LOWER_NAME.get(name.lower())


WRITING_PROCEDURES = frozenset(name for name, procedure in PROCEDURES.items() if procedure.writes)
"""The names of all procedures that can change anything."""
