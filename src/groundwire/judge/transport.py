"""One request to a model's endpoint: JSON there and back, within a deadline, unseen by any tracing."""

import contextlib
import json
import socket
import ssl
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from time import monotonic
from typing import TYPE_CHECKING, Any

from groundwire.errors import JudgeError
from groundwire.untraced import untraced

if TYPE_CHECKING:
    import httpx

_LARGEST = 8 * 1024 * 1024
"""Bytes of an answer that are read: verdicts on a thousand sentences are a tenth of that."""


@dataclass(frozen=True, slots=True)
class Response:
    """An answer of HTTP."""

    status: int
    headers: Mapping[str, str]
    """Names in lower case."""
    body: Any
    """JSON; None where the answer was none."""
    kind: str = ""
    """The content type."""


class Unreachable(JudgeError):
    """The endpoint could not be reached, or broke off: asking again may help."""


class TimedOut(JudgeError):
    """The endpoint did not answer in time. It may have worked, and charge for it, all the same."""


def post(
    url: str,
    headers: Mapping[str, str],
    body: Mapping[str, Any],
    *,
    until: float,
    connect_s: float,
    read_s: float,
) -> Response:
    """Send one request. Redirects are not followed: they would take the key elsewhere.

    Args:
        url: where to.
        headers: beside the content type.
        body: sent as JSON.
        until: when to give up, on the clock of `monotonic`, however busily the endpoint drips.
        connect_s: longest wait for a connection.
        read_s: longest silence.

    Raises:
        Unreachable: no connection, or one that broke.
        TimedOut: too slow.
        JudgeError: the answer is too large.
    """
    import httpx

    left = until - monotonic()
    if left <= 0:
        raise TimedOut("no time was left to ask the judge")
    timeout = httpx.Timeout(min(read_s, left), connect=min(connect_s, left))
    data = json.dumps(body, ensure_ascii=True).encode()
    # Compressed answers can be bombs; verdicts are small.
    sent = {**headers, "content-type": "application/json", "accept": "application/json", "accept-encoding": "identity"}
    guard = _Guard(left)
    try:
        with (
            untraced(),
            httpx.Client(timeout=timeout, verify=_certificates() if url.startswith("https:") else False) as client,
            guard,
            client.stream("POST", url, content=data, headers=sent, extensions={"trace": guard.watch}) as answer,
        ):
            return Response(
                answer.status_code,
                {name.lower(): value for name, value in answer.headers.items()},
                _json(_read(answer), answer.charset_encoding),
                answer.headers.get("content-type", ""),
            )
    except httpx.TimeoutException:
        raise TimedOut(f"the judge did not answer within {min(read_s, left):.1f} s") from None
    except (httpx.HTTPError, httpx.InvalidURL, OSError) as error:
        if guard.fired:
            raise TimedOut(f"the judge's answer was not complete within {left:.1f} s") from None
        # Of other errors' texts some quote headers, and so the key.
        why = f" ({str(error)[:120]})" if isinstance(error, httpx.ConnectError) else ""
        raise Unreachable(f"the judge cannot be reached: {type(error).__name__}{why}") from None


def _read(answer: "httpx.Response") -> bytes:
    parts: list[bytes] = []
    size = 0
    for part in answer.iter_bytes():
        size += len(part)
        if size > _LARGEST:
            raise JudgeError(f"the judge's answer is larger than {_LARGEST // 1024 // 1024} MB")
        parts.append(part)
    return b"".join(parts)


def _json(data: bytes, charset: str | None) -> Any:
    """What the bytes say: UTF-8, as JSON must be, or else as declared. None where they are no JSON."""
    for encoding in ("utf-8-sig", charset or "utf-8"):
        with contextlib.suppress(UnicodeDecodeError, LookupError):
            text = data.decode(encoding)
            break
    else:
        return None
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


@lru_cache(maxsize=1)
def _certificates() -> ssl.SSLContext:
    """Loading them takes 20 ms: once is enough."""
    import httpx

    return httpx.create_ssl_context()


@dataclass(slots=True)
class _Guard:
    """Cuts the connection when time is up: the client's timeouts are for silences, and a slow drip has none."""

    left_s: float
    fired: bool = False
    _sockets: list[Any] = field(default_factory=list)
    _timer: threading.Timer | None = None

    def watch(self, event: str, info: Mapping[str, Any]) -> None:
        if event in ("connection.connect_tcp.complete", "connection.start_tls.complete"):
            told: Callable[[str], Any] | None = getattr(info.get("return_value"), "get_extra_info", None)
            if told is not None:
                self._sockets.append(told("socket"))

    def _cut(self) -> None:
        self.fired = True
        for connection in reversed(self._sockets):
            with contextlib.suppress(OSError, AttributeError):
                connection.shutdown(socket.SHUT_RDWR)

    def __enter__(self) -> None:
        self._timer = threading.Timer(self.left_s, self._cut)
        self._timer.daemon = True
        self._timer.start()

    def __exit__(self, *_: object) -> None:
        if self._timer is not None:
            self._timer.cancel()
