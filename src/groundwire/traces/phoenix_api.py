"""Spans out of a running Phoenix, over its REST API, page by page. Tried against arize-phoenix 20.26."""

import os
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from groundwire.errors import SourceError
from groundwire.traces import shapes
from groundwire.traces.http_api import Address, Api, connected
from groundwire.traces.source import Item, Problems, Tally

if TYPE_CHECKING:
    import httpx

FORM = "phoenix+http://host:6006[?project=default][&lookback=7d][&start=TIME][&end=TIME][&limit=SPANS][&trace_id=ID]"
_KNOWN = frozenset({"project", "lookback", "start", "end", "limit", "trace_id"})
_PAGE = 1000
"""The most that it gives at once."""


def headers() -> dict[str, str]:
    """The key that Phoenix' own clients send, where it is set."""
    key = os.environ.get("PHOENIX_API_KEY")
    return {"authorization": f"Bearer {key}"} if key else {}


class PhoenixSource:
    """Spans of one project, the latest first; all of them, unless a time or a limit is given."""

    def __init__(self, spec: str, *, transport: "httpx.BaseTransport | None" = None) -> None:
        self.name = spec
        self.problems = Problems()
        self._address = Address.of(spec, "phoenix", _KNOWN, FORM)
        self._limit = self._address.number("limit", 10**9 - 1)
        self._times = self._asked_times()
        self._transport = transport

    @property
    def tally(self) -> Tally:
        """How much was read and rejected so far."""
        return self.problems.tally

    def __iter__(self) -> Iterator[Item]:
        """The spans.

        Raises:
            SourceError: nothing answers there, it is no Phoenix, or the project has no span.
        """
        with connected(self._address, self._transport, headers()) as api:
            yield from self.problems.counted(self._pages(api))
        if self.tally.total == 0:
            raise SourceError(f"{self._address.shown}: no span in project {self._project!r} that matches")

    @property
    def _project(self) -> str:
        return self._address.asked.get("project", "default")

    def _asked_times(self) -> dict[str, str]:
        if not {"lookback", "start", "end"} & self._address.asked.keys():
            return {}
        start, end = self._address.window("36500d" if "end" in self._address.asked else "24h")
        return {"start_time": start.isoformat(), "end_time": end.isoformat()}

    def _pages(self, api: Api) -> Iterator[Item]:
        left, cursor = self._limit, None
        path = f"/v1/projects/{quote(self._project, safe='')}/spans"
        while left > 0:
            asked: dict[str, Any] = {"limit": min(left, _PAGE), **self._times}
            if "trace_id" in self._address.asked:
                asked["trace_id"] = self._address.asked["trace_id"]
            if cursor:
                asked["cursor"] = cursor
            page = api.json(path, asked)
            if page is None:
                raise SourceError(f"{self._address.shown}: {self._missing(api)}")
            rows = page.get("data") if isinstance(page, Mapping) else None
            if not isinstance(rows, list):
                raise SourceError(f"{self._address.shown} answers, but not as Phoenix; use {FORM}")
            yield from shapes.decode(rows, self._complain)
            left -= len(rows)
            cursor = page.get("next_cursor")
            if not cursor or not rows:
                return

    def _missing(self, api: Api) -> str:
        answer = api.json("/v1/projects")
        rows = answer.get("data") if isinstance(answer, Mapping) else None
        if not isinstance(rows, list):
            return f"no Phoenix; use {FORM}"
        names = ", ".join(str(row.get("name")) for row in rows[:20] if isinstance(row, Mapping))
        return f"no project {self._project!r}; it has {names or 'none'}"

    def _complain(self, message: str) -> None:
        self.problems.add(self._address.shown, None, message)
