"""Who runs Kanport, as the operating system says."""

import os
import pwd
import socket


def who_runs() -> str:
    """Give the user and the machine, such as `ann@build7`.

    The user is the one whom this process runs as: the environment, which anybody can set, is not
    asked. A user without a name is given by number.
    """
    number = os.geteuid()
    try:
        name = pwd.getpwuid(number).pw_name
    except KeyError:
        name = f"uid {number}"
    return f"{name}@{socket.gethostname()}"
