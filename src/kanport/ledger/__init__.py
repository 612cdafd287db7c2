"""The ledger: what Kanport remembers between runs, in one SQLite file that a mapping names.

Losing it loses convenience, never safety: it is only ever believed where the server agrees. No
secret is in it. Reading leaves the file as it is, and makes none where there is none. Each call
here opens and closes the file; `kanport.lock` keeps two runs apart.
"""

from kanport.ledger.reading import recall
from kanport.ledger.recording import adopt, record, record_good

__all__ = ["adopt", "recall", "record", "record_good"]
