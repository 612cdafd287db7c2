"""Password hashes that look like Kanboard's and cost as much as one asks for.

The hashes have the shape of bcrypt but are salted SHA-256: tests create thousands of users. What
they share with bcrypt is what a client can notice: bytes after the 72nd do not count, and a NUL
byte is an error.
"""

import base64
import hashlib
import hmac
import secrets
import threading
from collections.abc import Callable

from kanport.sandbox import php

_PREFIX = "$2y$10$"
_SALT_LENGTH = 22
_SIGNIFICANT_BYTES = 72


class Hasher:
    """Hashes and checks passwords, at most `workers` of them at a time.

    Args:
        cost: seconds that each hash takes; bcrypt of cost 10 takes about 0.07.
        workers: simulated cores. More connections help until each of them is busy (part D of the
            facts: 14 users a second on one connection, 28 on two cores however many connections).
        sleep: waits for that many seconds.
    """

    def __init__(self, *, cost: float, workers: int, sleep: Callable[[float], None]):
        self._cost = cost
        self._cores = threading.BoundedSemaphore(workers)
        self._sleep = sleep

    def hash(self, password: str) -> str:
        """Give a salted hash of the password; the password itself is kept nowhere."""
        if "\0" in password:
            raise php.TypeMismatchError(
                "ValueError: Bcrypt password must not contain null character",
                line="app/Model/UserModel.php:263",
                frames=("password_hash()", "Kanboard\\Model\\UserModel->prepare()"),
            )
        self._spend()
        return quick_hash(password)

    def verify(self, password: str, hashed: str | None) -> bool:
        """Tell whether the hash is one of this password; users without a hash have none."""
        if not hashed:
            return False
        self._spend()
        salt = hashed[len(_PREFIX) : len(_PREFIX) + _SALT_LENGTH]
        return hmac.compare_digest(hashed, _shaped(password, salt))

    def _spend(self) -> None:
        if self._cost > 0:
            with self._cores:
                self._sleep(self._cost)


def quick_hash(password: str) -> str:
    """Give a salted hash without the cost, for seeding."""
    return _shaped(password, secrets.token_hex(_SALT_LENGTH // 2))


def _shaped(password: str, salt: str) -> str:
    significant = password.encode()[:_SIGNIFICANT_BYTES]
    digest = hashlib.sha256(salt.encode() + significant).digest()
    return f"{_PREFIX}{salt}{base64.b64encode(digest, altchars=b'./').decode()[:31]}"
