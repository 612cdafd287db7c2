"""What the examinations of the tests share: directories of the tests of LDAP."""

from tests.ldap.conftest import authority, good_tls, small

__all__ = ["authority", "good_tls", "small"]
