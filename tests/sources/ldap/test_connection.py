"""What Kanport knows of the private parts of ldap3: no new version may change them unseen."""

import socket

import ldap3
from ldap3.strategy.base import BaseStrategy


def test_ldap3_opens_a_connection_by_setting_what_kanport_sets_for_a_socket_of_its_own() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = ldap3.Server("127.0.0.1", listener.getsockname()[1], get_info=ldap3.NONE)
        connection = ldap3.Connection(server, client_strategy=ldap3.SYNC)
        strategy: BaseStrategy = connection.strategy
        before, before_strategy = dict(vars(connection)), dict(vars(strategy))
        connection.open(read_server_info=False)
        try:
            opened = {name for name, value in vars(connection).items() if value is not before[name]}
            of_strategy = {
                name for name, value in vars(strategy).items() if value is not before_strategy[name]
            }
            assert (opened, of_strategy) == ({"socket", "closed", "listening"}, {"_outstanding"})
            assert (connection.closed, connection.listening) == (False, True)
            assert strategy._outstanding == {}
        finally:
            connection.unbind()
