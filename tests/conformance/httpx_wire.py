"""A wire under any client made on httpx: what a server says, byte for byte, and how it may fail."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from typing import Any

import httpx

from conformance.cases import Mode

Answer = Callable[[Mode], httpx.Response]


class Body(httpx.SyncByteStream, httpx.AsyncByteStream):
    """A body that comes in pieces, and may fail or stall after them."""

    def __init__(self, pieces: Sequence[bytes], then: Mode = "answer") -> None:
        self._pieces = pieces
        self._then = then

    def __iter__(self) -> Iterator[bytes]:
        yield from self._pieces
        if self._then == "break":
            raise httpx.ReadError("connection lost")

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for piece in self._pieces:
            yield piece
        if self._then == "break":
            raise httpx.ReadError("connection lost")
        if self._then == "stall":
            await asyncio.Event().wait()


class Wire(httpx.BaseTransport, httpx.AsyncBaseTransport):
    """Answers every request with what `answer` makes of the mode."""

    def __init__(self, mode: Mode, served: Callable[[], None], answer: Answer, refusal: Answer) -> None:
        self._mode = mode
        self._served = served
        self._answer = answer
        self._refusal = refusal

    def handle_request(self, _: httpx.Request) -> httpx.Response:
        self._served()
        if self._mode == "interrupt":
            raise KeyboardInterrupt
        return (self._refusal if self._mode == "error" else self._answer)(self._mode)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        if self._mode == "hang":
            self._served()
            await asyncio.Event().wait()
        return self.handle_request(request)


def document(value: Any, status: int = 200) -> Answer:
    """A JSON answer."""
    return lambda _: httpx.Response(status, json=value)


def pieces(parts: Sequence[bytes], cut: int, content_type: str) -> Answer:
    """A streamed answer; where the wire breaks or stalls, it does so after `cut` pieces."""

    def answer(mode: Mode) -> httpx.Response:
        sent = parts[:cut] if mode in ("break", "stall") else parts
        return httpx.Response(200, headers={"content-type": content_type}, stream=Body(sent, mode))

    return answer
