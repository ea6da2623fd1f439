"""The OpenAI wire, faked under the real client: what a server says, byte for byte, and how it may fail.

Other SDKs of the same make are run over it too.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from typing import Any

from conformance.cases import Mode
from conformance.http_client import http_of

http = http_of("openai", "anthropic", "mistralai", "google-genai")
KEY = "sk-proj-never-on-a-span-0123456789abcdef"
QUESTION = "How high is Everest?"
ANSWER = "Everest is 8,849 m high."


class Body(http.SyncByteStream, http.AsyncByteStream):
    """A body that comes in pieces, and may fail or stall after them."""

    def __init__(self, pieces: Sequence[bytes], then: Mode = "answer") -> None:
        self._pieces = pieces
        self._then = then
        self.closed = False

    def __iter__(self) -> Iterator[bytes]:
        yield from self._pieces
        if self._then == "break":
            raise http.ReadError("connection lost")

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for piece in self._pieces:
            yield piece
        if self._then == "break":
            raise http.ReadError("connection lost")
        if self._then == "stall":
            await asyncio.Event().wait()

    def close(self) -> None:
        self.closed = True

    async def aclose(self) -> None:
        self.closed = True


class Wire(http.BaseTransport, http.AsyncBaseTransport):
    """Answers every request with what `respond` makes of it."""

    def __init__(self, respond: Callable[[http.Request], http.Response], served: Callable[[], None] = lambda: None):
        self._respond = respond
        self._served = served
        self.hangs = False
        self.requests: list[http.Request] = []

    def handle_request(self, request: http.Request) -> http.Response:
        self.requests.append(request)
        self._served()
        return self._respond(request)

    async def handle_async_request(self, request: http.Request) -> http.Response:
        self.requests.append(request)
        self._served()
        if self.hangs:
            await asyncio.Event().wait()
        return self._respond(request)


def playing(
    mode: Mode, served: Callable[[], None], answer: Callable[[Mode], http.Response], refusal: Mapping[str, Any]
) -> Wire:
    """A wire whose server answers with `answer(mode)`, unless the mode says otherwise."""

    def respond(_: http.Request) -> http.Response:
        if mode == "error":
            return document(refusal, 400)
        if mode == "interrupt":
            raise KeyboardInterrupt
        return answer(mode)

    wire = Wire(respond, served)
    wire.hangs = mode == "hang"
    return wire


def document(value: Any, status: int = 200) -> http.Response:
    """A JSON answer."""
    return http.Response(status, json=value)


def event(value: Mapping[str, Any]) -> bytes:
    """One server-sent event; the responses API names its events."""
    name = f"event: {value['type']}\n" if "type" in value else ""
    return f"{name}data: {json.dumps(value)}\n\n".encode()


def stream(events: Sequence[Mapping[str, Any]], then: Mode = "answer", stop_after: int | None = None) -> http.Response:
    """A stream of events, whole or cut off."""
    pieces = [event(e) for e in events]
    if stop_after is not None:
        pieces = pieces[:stop_after]
    elif "type" not in events[0]:
        pieces.append(b"data: [DONE]\n\n")
    return http.Response(200, headers={"content-type": "text/event-stream"}, stream=Body(pieces, then))


def client_on(wire: Wire, *, asynchronous: bool = False, **settings: Any) -> Any:
    """The real client over that wire."""
    import openai  # not installed where another SDK is run alone

    settings = {"api_key": KEY, "base_url": "https://api.openai.com/v1", "max_retries": 0} | settings
    if asynchronous:
        return openai.AsyncOpenAI(http_client=http.AsyncClient(transport=wire), **settings)
    return openai.OpenAI(http_client=http.Client(transport=wire), **settings)


def answering(respond: Callable[[http.Request], http.Response], *, asynchronous: bool = False, **settings: Any) -> Any:
    """A client whose server answers every request like that."""
    return client_on(Wire(respond), asynchronous=asynchronous, **settings)


# --- payloads, in the shape that the API reference gives them -------------------------------------------------------

USAGE = {
    "prompt_tokens": 120,
    "completion_tokens": 34,
    "total_tokens": 154,
    "prompt_tokens_details": {"cached_tokens": 100, "audio_tokens": 0},
    "completion_tokens_details": {"reasoning_tokens": 20, "audio_tokens": 0},
}
COMPLETION = {
    "id": "chatcmpl-1",
    "object": "chat.completion",
    "created": 1_750_000_000,
    "model": "gpt-4o-mini-2024-07-18",
    "service_tier": "default",
    "system_fingerprint": "fp_1",
    "choices": [
        {
            "index": 0,
            "finish_reason": "stop",
            "logprobs": None,
            "message": {"role": "assistant", "content": ANSWER, "refusal": None, "annotations": []},
        }
    ],
    "usage": USAGE,
}


def chunk(delta: Mapping[str, Any] | None = None, *, index: int = 0, finish: str | None = None, **rest: Any) -> dict:
    """One chunk of a streamed completion."""
    choices = [] if delta is None else [{"index": index, "delta": delta, "finish_reason": finish, "logprobs": None}]
    return {
        "id": "chatcmpl-1",
        "object": "chat.completion.chunk",
        "created": 1_750_000_000,
        "model": "gpt-4o-mini-2024-07-18",
        "service_tier": "default",
        "system_fingerprint": "fp_1",
        "choices": choices,
        "usage": None,
    } | rest


WORDS = ["Everest ", "is ", "8,849 m ", "high."]
CHUNKS = [
    chunk({"role": "assistant", "content": "", "refusal": None}),
    *(chunk({"content": word}) for word in WORDS),
    chunk({}, finish="stop"),
]
CHUNKS_WITH_USAGE = [*CHUNKS, chunk(usage=USAGE)]

RESPONSE_USAGE = {
    "input_tokens": 120,
    "input_tokens_details": {"cached_tokens": 100},
    "output_tokens": 34,
    "output_tokens_details": {"reasoning_tokens": 20},
    "total_tokens": 154,
}


def response(**rest: Any) -> dict[str, Any]:
    """A whole answer of the responses API."""
    return {
        "id": "resp_1",
        "object": "response",
        "created_at": 1_750_000_000,
        "status": "completed",
        "error": None,
        "incomplete_details": None,
        "instructions": None,
        "model": "gpt-4o-mini-2024-07-18",
        "parallel_tool_calls": True,
        "tool_choice": "auto",
        "tools": [],
        "service_tier": "default",
        "output": [
            {
                "type": "message",
                "id": "msg_1",
                "status": "completed",
                "role": "assistant",
                "content": [{"type": "output_text", "text": ANSWER, "annotations": []}],
            }
        ],
        "usage": RESPONSE_USAGE,
    } | rest


def _numbered(events: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    return [e | {"sequence_number": n} for n, e in enumerate(events)]


_ITEM = {"type": "message", "id": "msg_1", "status": "in_progress", "role": "assistant", "content": []}
_AT = {"item_id": "msg_1", "output_index": 0, "content_index": 0}
EVENTS = _numbered(
    [
        {"type": "response.created", "response": response(status="in_progress", output=[], usage=None)},
        {"type": "response.output_item.added", "output_index": 0, "item": _ITEM},
        {
            "type": "response.content_part.added",
            **_AT,
            "part": {"type": "output_text", "text": "", "annotations": []},
        },
        *({"type": "response.output_text.delta", **_AT, "delta": word, "logprobs": []} for word in WORDS),
        {"type": "response.output_text.done", **_AT, "text": ANSWER, "logprobs": []},
        {
            "type": "response.content_part.done",
            **_AT,
            "part": {"type": "output_text", "text": ANSWER, "annotations": []},
        },
        {"type": "response.output_item.done", "output_index": 0, "item": response()["output"][0]},
        {"type": "response.completed", "response": response()},
    ]
)

EMBEDDINGS = {
    "object": "list",
    "model": "text-embedding-3-small",
    "data": [{"object": "embedding", "index": 0, "embedding": [0.25, -0.5, 1.0]}],
    "usage": {"prompt_tokens": 8, "total_tokens": 8},
}
REFUSED = {"error": {"message": "no such model", "type": "invalid_request_error", "param": None, "code": None}}
