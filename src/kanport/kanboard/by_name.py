"""The users of a server that cannot list them: read by name and by id, in batches.

`getAllUsers` gives everybody in one answer, which outgrows PHP's memory_limit on a large server
(facts of Kanboard: with 128 MB somewhere between 20,000 and 50,000 users); there is no paging.
"""

from collections.abc import Collection, Iterable

from kanport.kanboard import procedures as api
from kanport.kanboard.client import Client
from kanport.kanboard.rows import all_or_none, understood, users_of
from kanport.kanboard.rpc import Call
from kanport.model import User
from kanport.names import other_spellings

# The administrator that every Kanboard starts with: somebody to try a spelling on, and mostly one
# administrator more whom a plan leaves alone.
FIRST_USER = 1
# How many rows are held at a time: they come with hashes and tokens, which are dropped here.
_AT_A_TIME = 1000


def read_by_name(
    client: Client, usernames: Collection[str], user_ids: Collection[int], known: Iterable[User]
) -> tuple[dict[int, User], bool]:
    """Return the users with these names and ids, and those known already, by id.

    A name that the server does not have in this spelling is asked for in the usual other ones as
    well, as SQLite and PostgreSQL tell case and accents apart. The second value is whether the
    server was seen to find a name in another case. Raises Unreachable where a row cannot be had or
    understood: nobody is taken for absent because of that.
    """
    users = {user.id: user for user in known}
    names = sorted(set(usernames))
    _add(users, client, [api.get_user_by_name(name) for name in names])
    ids = sorted({FIRST_USER, *user_ids} - users.keys())
    _add(users, client, [api.get_user(user_id) for user_id in ids])
    there = {user.username for user in users.values()}
    others = {spelling for name in names if name not in there for spelling in other_spellings(name)}
    _add(users, client, [api.get_user_by_name(name) for name in sorted(others.difference(names))])
    return users, _folds_case(client, users)


def _add(users: dict[int, User], client: Client, calls: list[Call]) -> None:
    for start in range(0, len(calls), _AT_A_TIME):
        some = calls[start : start + _AT_A_TIME]
        # Nobody is null; Kanboard's other questions for one thing say false.
        rows = [row for row in client.read(some) if row is not None and row is not False]
        found = understood(client, some[0], all_or_none(users_of(client, rows)))
        users.update((user.id, user) for user in found)


def _folds_case(client: Client, users: dict[int, User]) -> bool:
    names = {user.username for user in users.values()}
    for user_id in sorted(users):
        name = users[user_id].username
        other = name.swapcase()
        if name.isascii() and other not in names and other != name:
            found: dict[int, User] = {}
            _add(found, client, [api.get_user_by_name(other)])
            return user_id in found
    return False
