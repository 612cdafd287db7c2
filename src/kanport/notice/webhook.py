"""Post a notice as JSON; each attempt ends in the seconds of `timeout`, whatever comes."""

import json
import ssl
import time
from collections.abc import Callable

import httpcore

from kanport import __version__
from kanport.ending import Ending
from kanport.exchange import FAILURES, Connections, parsed_url, proxy_for
from kanport.network import Deadline
from kanport.notice import NotSent, ReadyHook
from kanport.notice.words import payload

# Seconds to wait before the second and last attempt.
_PAUSE = 2.0


def post(hook: ReadyHook, ending: Ending, *, sleep: Callable[[float], None] = time.sleep) -> None:
    """Post the notice; where the receiver is not there or busy, once more after a moment.

    Raises NotSent, which never holds the URL: whoever knows it can mostly post to it.
    """
    problem = _attempt(hook, ending)
    if problem is not None and problem.again:
        sleep(_PAUSE)
        problem = _attempt(hook, ending)
    if problem is not None:
        raise NotSent(problem.why)


class _Problem:
    def __init__(self, why: str, *, again: bool) -> None:
        self.why, self.again = why, again


def _attempt(hook: ReadyHook, ending: Ending) -> _Problem | None:
    headers = {"Content-Type": "application/json", "User-Agent": f"kanport/{__version__}"}
    if hook.token is not None:
        headers["Authorization"] = f"Bearer {hook.token.get_secret_value()}"
    url = hook.url.get_secret_value()
    try:
        to = parsed_url(url)
    except ValueError:
        return _Problem("its URL is broken", again=False)
    try:
        context = ssl.create_default_context(cafile=hook.ca_file)
        times = dict.fromkeys(("connect", "read", "write", "pool"), hook.timeout)
        body = json.dumps(payload(ending), ensure_ascii=False, separators=(",", ":"))
        with (
            Connections(context, proxy_for(url)) as connections,
            # What the receiver has to say is not read: its status is all that counts.
            connections.exchange(
                to,
                body.encode(errors="backslashreplace"),
                headers,
                times=times,
                deadline=Deadline(hook.timeout),
            ) as answer,
        ):
            pass
    except httpcore.TimeoutException:
        return _Problem(f"no answer in {hook.timeout:g} seconds", again=False)
    except FAILURES as problem:
        return _Problem(_why(problem), again=True)
    except (OSError, ValueError) as problem:
        return _Problem(f"it cannot be used: {type(problem).__name__}", again=False)
    if 200 <= answer.status < 300:
        return None
    return _Problem(f"it answered HTTP {answer.status}", again=answer.status >= 500)


def _why(problem: Exception) -> str:
    cause: BaseException | None = problem
    while cause is not None:
        if isinstance(cause, ssl.SSLCertVerificationError):
            return f"its certificate was refused: {cause.verify_message}"
        if isinstance(cause, OSError) and cause.strerror:
            return f"it cannot be reached: {cause.strerror}"
        cause = cause.__cause__ or cause.__context__
    return f"it cannot be reached: {type(problem).__name__}"
