"""Azure's wire under real clients: their pipelines, over requests and aiohttp with the connection played."""

import asyncio
import io
import json
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import requests
from azure.core.credentials import AzureKeyCredential
from azure.core.pipeline.transport import AioHttpTransport, RequestsTransport
from requests.adapters import BaseAdapter
from requests.structures import CaseInsensitiveDict
from urllib3 import HTTPResponse

from conformance.cases import Mode

CUT = 3
"""Events of a stream that come before it breaks."""


class Answer:
    """What the service says: a document, or server-sent events."""

    def __init__(self, body: Any = None, events: list[dict[str, Any]] | None = None) -> None:
        self.type = "application/json" if events is None else "text/event-stream"
        sent = [f"data: {json.dumps(event)}\n\n".encode() for event in events or ()]
        self._pieces = [json.dumps(body).encode()] if events is None else [*sent, b"data: [DONE]\n\n"]
        self._cut = None if events is None else CUT

    def status(self, mode: Mode) -> int:
        return 400 if mode == "error" else 200

    def pieces(self, mode: Mode) -> list[bytes]:
        if mode == "error":
            return [json.dumps({"error": {"code": "BadRequest", "message": "no such model"}}).encode()]
        return self._pieces[: self._cut] if mode in ("break", "stall") else self._pieces


class _Raw(HTTPResponse):
    """A body in the pieces that it came in, which may break off after them."""

    def __init__(self, pieces: list[bytes], mode: Mode, **rest: Any) -> None:
        super().__init__(body=io.BytesIO(b"".join(pieces)), preload_content=False, **rest)
        self._played, self._mode = pieces, mode

    def stream(self, *_: Any, **__: Any) -> Iterator[bytes]:
        yield from self._played
        if self._mode == "break":
            raise requests.exceptions.ConnectionError("connection lost")


class _Adapter(BaseAdapter):
    def __init__(self, mode: Mode, served: Callable[[], None], answer: Answer) -> None:
        super().__init__()
        self._mode, self._served, self._answer = mode, served, answer

    def send(self, request: Any, **_: Any) -> requests.Response:  # type: ignore[override]
        self._served()
        if self._mode == "interrupt":
            raise KeyboardInterrupt
        response = requests.Response()
        response.status_code, response.request, response.url = self._answer.status(self._mode), request, request.url
        response.headers = CaseInsensitiveDict({"content-type": self._answer.type})
        response.raw = _Raw(self._answer.pieces(self._mode), self._mode, status=response.status_code)
        return response

    def close(self) -> None:
        pass


class _AioSession:
    """As much of an aiohttp session as the transport uses."""

    def __init__(self, mode: Mode, served: Callable[[], None], answer: Answer) -> None:
        self._mode, self._served, self._answer = mode, served, answer

    async def __aenter__(self) -> Any:
        return self

    async def request(self, *_: Any, **__: Any) -> Any:
        self._served()
        if self._mode == "interrupt":
            raise KeyboardInterrupt
        if self._mode == "hang":
            await asyncio.Event().wait()
        waiting = iter(self._answer.pieces(self._mode))

        async def read(_: int = -1) -> bytes:
            piece = next(waiting, b"")
            if not piece and self._mode == "break":
                raise ConnectionResetError("connection lost")
            if not piece and self._mode == "stall":
                await asyncio.Event().wait()
            return piece

        async def read_all() -> bytes:
            return b"".join(waiting)

        return SimpleNamespace(
            status=self._answer.status(self._mode),
            reason="",
            headers=CaseInsensitiveDict({"content-type": self._answer.type}),
            content_type=self._answer.type,
            content=SimpleNamespace(read=read),
            read=read_all,
            close=lambda: None,
        )


def opens(
    make: Callable[..., Any], answer: Answer, asynchronous: bool, **settings: Any
) -> Callable[[Mode, Callable[[], None]], Any]:
    def client(mode: Mode, served: Callable[[], None]) -> Any:
        if asynchronous:
            session: Any = _AioSession(mode, served, answer)
            transport: Any = AioHttpTransport(session=session, session_owner=False)
        else:
            session = requests.Session()
            session.mount("https://", _Adapter(mode, served, answer))
            transport = RequestsTransport(session=session, session_owner=False)
        credential = AzureKeyCredential("never-on-a-span")
        return make(credential=credential, transport=transport, retry_total=0, **settings)

    return client
