"""A Kanboard-compatible server on loopback, for trying things out and for tests.

It answers as Kanboard 1.2.53 does: tests/contract replays what a real one answered, request by
request. Exchanges are numbered from 0 as in its recordings/kanboard-1.2.53-sqlite.json; those of
MariaDB and PostgreSQL are the same requests. The access recording is
recordings/kanboard-1.2.53-sqlite-access.json.
"""

from kanport.sandbox.options import LdapUser, SandboxOptions
from kanport.sandbox.procedures import PROCEDURES, WRITING_PROCEDURES
from kanport.sandbox.rpc import Reply, web_page
from kanport.sandbox.server import InjectedFault, RequestLog, Sandbox
from kanport.sandbox.store import GroupState, ProjectState, Store, StoreSnapshot, UserState

__all__ = [
    "PROCEDURES",
    "WRITING_PROCEDURES",
    "GroupState",
    "InjectedFault",
    "LdapUser",
    "ProjectState",
    "Reply",
    "RequestLog",
    "Sandbox",
    "SandboxOptions",
    "Store",
    "StoreSnapshot",
    "UserState",
    "web_page",
]
