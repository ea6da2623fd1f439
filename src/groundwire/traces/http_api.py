"""Asking the HTTP API of a trace store: addresses with parameters, one client, errors told in a line."""

import time
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import parse_qs, urlsplit, urlunsplit

from groundwire.errors import SourceError
from groundwire.hosts import is_loopback
from groundwire.time_spans import whole_seconds
from groundwire.traces.foreign import time_ns

if TYPE_CHECKING:
    import httpx

_TIMEOUT_S: Final = 60.0
_RETRIES: Final = 3
_RETRIABLE = frozenset({429, 502, 503, 504})


@dataclass(frozen=True, slots=True)
class Address:
    """Where a store is, and what is asked of it."""

    spec: str
    """As the user wrote it."""
    base: str
    """Scheme, host, port and path prefix, without a slash at the end."""
    asked: Mapping[str, str]
    form: str
    """How addresses of this store look."""

    @classmethod
    def of(cls, spec: str, store: str, known: frozenset[str], form: str) -> "Address":
        """Read `STORE+http(s)://host:port/prefix?name=value`.

        Raises:
            SourceError: something in it makes no sense.
        """
        try:
            parts = urlsplit(spec.removeprefix(f"{store}+"))
            port = parts.port
        except ValueError as error:
            raise SourceError(f"{spec}: no address ({error}); use {form}") from error
        if parts.scheme not in ("http", "https") or not parts.hostname or port == 0:
            raise SourceError(f"{spec}: no address; use {form}")
        asked = {key: values[-1] for key, values in parse_qs(parts.query).items()}
        if unknown := sorted(set(asked) - known):
            raise SourceError(f"{spec}: unknown parameter {unknown[0]!r}; use {form}")
        return cls(spec, urlunsplit((parts.scheme, parts.netloc, parts.path.rstrip("/"), "", "")), asked, form)

    @property
    def shown(self) -> str:
        """The base without a user's name and password."""
        parts = urlsplit(self.base)
        return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))

    def number(self, key: str, default: int) -> int:
        """A positive number.

        Raises:
            SourceError: it is none.
        """
        value = self.asked.get(key, str(default))
        if not value.isdecimal() or not 0 < int(value) < 10**9:
            raise SourceError(f"{self.spec}: {key} {value!r} is no positive number")
        return int(value)

    def window(self, lookback: str) -> tuple[datetime, datetime]:
        """From `start` to `end` (ISO 8601 or seconds), else back from now by `lookback` (30m, 24h, 7d).

        Raises:
            SourceError: one of them makes no sense.
        """
        end = self._moment("end") or datetime.now(UTC) + timedelta(minutes=5)  # clocks differ
        text = self.asked.get("lookback", lookback)
        back = whole_seconds(text)
        if back is None:
            raise SourceError(f"{self.spec}: lookback {text!r} is no time span; use for instance 30m, 6h, 2d")
        return self._moment("start") or end - timedelta(seconds=back), end

    def _moment(self, key: str) -> datetime | None:
        value = self.asked.get(key)
        try:
            nanoseconds = time_ns(value)
        except ValueError as error:
            raise SourceError(f"{self.spec}: {key}: {error}; use for instance 2026-11-25T16:00:00Z") from error
        return None if nanoseconds is None else datetime.fromtimestamp(nanoseconds / 1e9, UTC)


class Api:
    """A connection to the API at an address."""

    def __init__(self, address: Address, client: "httpx.Client") -> None:
        self._address = address
        self._client = client

    def get(
        self, path: str, asked: Mapping[str, Any] | None = None, headers: Mapping[str, str] | None = None
    ) -> "httpx.Response":
        """One answer, 404 included; what is overloaded is asked again.

        Raises:
            SourceError: there is no answer, or it is an error.
        """
        answer = self._once(path, asked, headers)
        for attempt in range(_RETRIES):
            if answer.status_code not in _RETRIABLE:
                break
            time.sleep(0.25 * 2**attempt)
            answer = self._once(path, asked, headers)
        if answer.is_success or answer.status_code == 404:
            return answer
        said = " ".join(answer.text.split())[:200]
        raise SourceError(f"{self._address.shown}{path} refuses: HTTP {answer.status_code} {said}".rstrip())

    def _once(self, path: str, asked: Mapping[str, Any] | None, headers: Mapping[str, str] | None) -> "httpx.Response":
        import httpx

        where = self._address.shown
        try:
            return self._client.get(self._address.base + path, params=asked, headers=headers)
        except httpx.TimeoutException as error:
            raise SourceError(f"{where} did not answer within {_TIMEOUT_S:.0f} s; ask for less") from error
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise SourceError(f"nothing answers at {where} ({error}); use {self._address.form}") from error

    def json(self, path: str, asked: Mapping[str, Any] | None = None) -> Any:
        """A JSON answer; None where there is no such thing.

        Raises:
            SourceError: there is no answer, it is an error, or it is no JSON.
        """
        answer = self.get(path, asked, {"accept": "application/json"})
        if answer.status_code == 404:
            return None
        try:
            return answer.json()
        except (ValueError, RecursionError) as error:
            raise SourceError(
                f"{self._address.shown}{path} answers, but not in JSON; use {self._address.form}"
            ) from error


@contextmanager
def connected(
    address: Address, transport: "httpx.BaseTransport | None", headers: Mapping[str, str]
) -> Generator[Api, None, None]:
    """The API at an address, as long as it is needed."""
    import httpx

    loopback = is_loopback(urlsplit(address.base).hostname)  # a proxy cannot reach it
    with httpx.Client(
        timeout=_TIMEOUT_S, follow_redirects=True, trust_env=not loopback, transport=transport, headers=dict(headers)
    ) as client:
        yield Api(address, client)
