"""Posting a notice as JSON. Besides the server's transport, the one place that knows httpx."""

import ssl
import time
from collections.abc import Callable

import httpx

from kanport import __version__
from kanport.ending import Ending
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
    headers = {"User-Agent": f"kanport/{__version__}"}
    if hook.token is not None:
        headers["Authorization"] = f"Bearer {hook.token.get_secret_value()}"
    try:
        context = ssl.create_default_context(cafile=hook.ca_file)
        with httpx.Client(verify=context, timeout=hook.timeout, follow_redirects=False) as client:
            url = hook.url.get_secret_value()
            # What the receiver has to say is not read: it could take for ever.
            with client.stream("POST", url, json=payload(ending), headers=headers) as answer:
                pass
    except httpx.TimeoutException:
        return _Problem(f"no answer in {hook.timeout:g} seconds", again=False)
    except httpx.InvalidURL:
        return _Problem("its URL is broken", again=False)
    except httpx.TransportError as problem:
        return _Problem(_why(problem), again=True)
    except (OSError, ValueError) as problem:
        return _Problem(f"it cannot be used: {type(problem).__name__}", again=False)
    if answer.is_success:
        return None
    return _Problem(f"it answered HTTP {answer.status_code}", again=answer.status_code >= 500)


def _why(problem: Exception) -> str:
    cause: BaseException | None = problem
    while cause is not None:
        if isinstance(cause, ssl.SSLCertVerificationError):
            return f"its certificate was refused: {cause.verify_message}"
        if isinstance(cause, OSError) and cause.strerror:
            return f"it cannot be reached: {cause.strerror}"
        cause = cause.__cause__ or cause.__context__
    return f"it cannot be reached: {type(problem).__name__}"
