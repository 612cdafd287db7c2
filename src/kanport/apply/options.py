"""How a plan is to be carried out, where somebody says so."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Options:
    """How to carry out a plan.

    `batch_size` is the number of calls in a request; None lets it follow the server. `connections`
    is the most that are used, `rate` the most calls a second. `max_errors` ends the run when more
    items than that have failed. `retries` is how often a call that certainly did not happen is sent
    again on its own, `pause` the seconds before the first of these, doubled each time.
    """

    batch_size: int | None = None
    connections: int = 8
    rate: float | None = None
    max_errors: int | None = None
    retries: int = 4
    pause: float = 0.5
