"""Trace stores that are searched: asked for the traces that match, as many as a limit lets through, or for one."""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from groundwire.errors import SourceError
from groundwire.traces.http_api import Address, Api, connected
from groundwire.traces.source import Item, Problems, Tally

if TYPE_CHECKING:
    import httpx

_LIMIT = 100
_LOOKBACK = "24h"


class SearchedStore(ABC):
    """What such sources have in common. What a store answers to a search, each reads in `_spans`.

    Args:
        spec: what the user called it.
        store: what an address of it begins with.
        known: parameters that it takes; `limit`, `lookback` and `trace_id` among them.
        form: how addresses of it look.
        transport: of the HTTP client, in tests.

    Raises:
        SourceError: the address makes no sense.
    """

    def __init__(
        self, spec: str, store: str, known: frozenset[str], form: str, transport: "httpx.BaseTransport | None"
    ) -> None:
        self.name = spec
        self.problems = Problems()
        self._address = Address.of(spec, store, known, form)
        self._asked = self._address.asked
        self._limit = self._address.number("limit", _LIMIT)
        self._window = self._address.window(_LOOKBACK)
        self._transport = transport
        self._found = 0
        """Traces that the search found."""

    @property
    def tally(self) -> Tally:
        """How much was read and rejected so far."""
        return self.problems.tally

    def __iter__(self) -> Iterator[Item]:
        """The spans.

        Raises:
            SourceError: nothing answers there, it is another kind of store, or it has no such trace.
        """
        with connected(self._address, self._transport, self._headers()) as api:
            yield from self._spans(api)
        if "trace_id" not in self._asked and self._found >= self._limit and "limit" not in self._asked:
            self._complain(f"the limit of {self._limit} traces was reached: &limit={self._limit * 10} reads more")

    def _headers(self) -> Mapping[str, str]:
        """What every request carries."""
        return {}

    @abstractmethod
    def _spans(self, api: Api) -> Iterator[Item]:
        """The spans of what the search finds, counted; `_found` is set before the first."""

    def _no_trace_matches(self) -> SourceError:
        return SourceError(f"{self._address.shown}: no trace matches; look further back with &lookback=7d")

    def _complain(self, message: str) -> None:
        self.problems.add(self._address.shown, None, message)
