"""Voyage AI over faked transports: an adapter under `requests`, a session in place of that of `aiohttp`."""

import asyncio
import itertools
import json
from collections.abc import Callable, Mapping
from typing import Any

import PIL.Image
import requests
import voyageai

from conformance.cases import Case, Mode
from groundwire_instrumentation.voyageai import PROVIDER

Played = tuple[Mode, Callable[[], None]]
QUESTION = "How high is Everest?"
FUJI, EVEREST, LAKE = "Fuji is 3,776 m high.", "Everest is 8,849 m high.", "A lake."
EMBEDDED = {"object": "embedding", "index": 0, "embedding": [0.25, -0.5]}
BODIES: Mapping[str, Any] = {
    "embeddings": {"object": "list", "data": [EMBEDDED], "model": "voyage-4", "usage": {"total_tokens": 7}},
    "contextualizedembeddings": {
        "object": "list",
        "data": [{"object": "list", "index": 0, "data": [EMBEDDED, EMBEDDED | {"index": 1}]}],
        "model": "voyage-context-3",
        "usage": {"total_tokens": 15},
    },
    "multimodalembeddings": {
        "object": "list",
        "data": [EMBEDDED],
        "model": "voyage-multimodal-3.5",
        "usage": {"text_tokens": 5, "image_pixels": 64, "video_pixels": 0, "total_tokens": 6},
    },
    "rerank": {
        "object": "list",
        "data": [{"index": 1, "relevance_score": 0.875}, {"index": 0, "relevance_score": 0.25}],
        "model": "rerank-2.5",
        "usage": {"total_tokens": 26},
    },
}
_played: dict[str, Played] = {}
"""What the host of a base URL plays: the SDK keeps one session for all its clients."""
_numbers = itertools.count()


def _answer(url: str, mode: Mode) -> tuple[int, bytes]:
    """Status and body; the name of the last folder is the method."""
    body = {"detail": "Model no-such is not supported."} if mode == "error" else BODIES[url.rpartition("/")[2]]
    return 400 if mode == "error" else 200, json.dumps(body).encode()


class Adapter(requests.adapters.BaseAdapter):
    """Answers what goes to one of our hosts."""

    def send(self, request: requests.PreparedRequest, *_: Any, **__: Any) -> requests.Response:
        url = str(request.url)
        mode, served = _played[url.split("/")[3]]
        served()
        if mode == "interrupt":
            raise KeyboardInterrupt
        response = requests.Response()
        response.status_code, response._content = _answer(url, mode)
        response.url, response.request = url, request
        return response

    def close(self) -> None:
        pass


voyageai.requestssession = requests.Session()
voyageai.requestssession.mount("https://", Adapter())


class Answered:
    """The response of an asynchronous request, as far as the SDK looks at it."""

    def __init__(self, status: int, body: bytes) -> None:
        self.status, self._body = status, body
        self.headers: Mapping[str, str] = {}

    async def read(self) -> bytes:
        return self._body

    def release(self) -> None:
        pass


class Session:
    """Answers without a connection; `aiohttp` advises against a subclass of its own session."""

    async def request(self, *, url: str, **_: Any) -> Answered:
        mode, served = _played[url.split("/")[3]]
        served()
        if mode == "interrupt":
            raise KeyboardInterrupt
        if mode == "hang":
            await asyncio.Event().wait()
        return Answered(*_answer(url, mode))


def _opens(a: bool) -> Callable[[Mode, Callable[[], None]], Any]:
    def client(mode: Mode, served: Callable[[], None]) -> Any:
        number = str(next(_numbers))
        _played[number] = (mode, served)
        make = voyageai.AsyncClient if a else voyageai.Client
        return make(api_key="pa-never-on-a-span-0123", base_url=f"https://api.voyageai.com/{number}/v1", max_retries=1)

    return client


def _in_session(call: Callable[[Any], Any]) -> Callable[[Any], Any]:
    async def made(client: Any) -> Any:
        token = voyageai.aiosession.set(Session())  # type: ignore[arg-type]
        try:
            return await call(client)
        finally:
            voyageai.aiosession.reset(token)

    return made


ASKED = {"gen_ai.provider.name": "voyageai", "server.address": "api.voyageai.com"}
EMBEDDINGS = ASKED | {"gen_ai.operation.name": "embeddings"}
CALLS: list[tuple[str, Callable[[Any], Any], dict[str, Any], dict[str, Any]]] = [
    (
        "embed",
        lambda c: c.embed([QUESTION], model="voyage-4", input_type="query", output_dimension=256, output_dtype="float"),
        EMBEDDINGS
        | {
            "gen_ai.request.model": "voyage-4",
            "gen_ai.request.encoding_formats": ("float",),
            "gen_ai.embeddings.dimension.count": 256,
            "voyageai.request.input_type": "query",
        },
        {"gen_ai.usage.input_tokens": 7},
    ),
    (
        "contextualized",
        lambda c: c.contextualized_embed(inputs=[[FUJI, LAKE]], model="voyage-context-3"),
        EMBEDDINGS | {"gen_ai.request.model": "voyage-context-3"},
        {"gen_ai.usage.input_tokens": 15},
    ),
    (
        "multimodal",
        lambda c: c.multimodal_embed([["A peak", PIL.Image.new("RGB", (8, 8))]], "voyage-multimodal-3.5"),
        EMBEDDINGS | {"gen_ai.request.model": "voyage-multimodal-3.5"},
        {"gen_ai.usage.input_tokens": 6, "voyageai.usage.image_pixels": 64},
    ),
    (
        "rerank",
        lambda c: c.rerank(QUESTION, [FUJI, EVEREST, LAKE], "rerank-2.5", top_k=2),
        ASKED
        | {
            "gen_ai.operation.name": "rerank",
            "gen_ai.request.model": "rerank-2.5",
            "gen_ai.retrieval.top_k": 2,
            "gen_ai.retrieval.query.text": QUESTION,
            "groundwire.rerank.input_documents": [{"content": FUJI}, {"content": EVEREST}, {"content": LAKE}],
        },
        {
            "gen_ai.retrieval.documents": [{"score": 0.875, "content": EVEREST}, {"score": 0.25, "content": FUJI}],
            "groundwire.retrieval.higher_is_better": True,
            "gen_ai.usage.input_tokens": 26,
        },
    ),
]
CASES = [
    Case(
        name=f"{name}, async" if a else name,
        provider=PROVIDER,
        client=_opens(a),
        call=_in_session(call) if a else call,
        span=f"{asked['gen_ai.operation.name']} {asked['gen_ai.request.model']}",
        asked=asked,
        answered=answered,
        modes={"answer", "error", "interrupt"} | ({"hang"} if a else set()),
        asynchronous=a,
    )
    for name, call, asked, answered in CALLS
    for a in (False, True)
]
