"""Google's Gen AI SDK in the conformance suite: content, streams, chats and embeddings, of Gemini and of Vertex."""

import ssl
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from google import genai
from google.genai import types
from google.oauth2.credentials import Credentials

from conformance.cases import ANY, Case, Mode
from conformance.openai_wire import Wire, document, http, playing, stream
from groundwire_instrumentation.google_genai import PROVIDER

MODEL = "gemini-2.5-flash"
SYSTEM = "Answer from the sources."
QUESTION = "How high is Everest?"
ANSWER = "Everest is 8,849 m high."
THOUGHT = "The survey of 2020 says 8,849 m."
TOOL = {
    "name": "look_up",
    "description": "Looks a mountain up.",
    "parameters_json_schema": {"type": "object", "properties": {"name": {"type": "string"}}},
}
CONFIG = {
    "temperature": 0.5,
    "max_output_tokens": 1000,
    "stop_sequences": ["END"],
    "system_instruction": SYSTEM,
    "tools": [{"function_declarations": [TOOL]}],
}
CALL: dict[str, Any] = {"model": MODEL, "contents": QUESTION, "config": CONFIG}
PROMPT = {"promptTokenCount": 400, "cachedContentTokenCount": 300}
USAGE = PROMPT | {"candidatesTokenCount": 22, "thoughtsTokenCount": 12, "totalTokenCount": 434}
FUNCTION = {"functionCall": {"id": "f1", "name": "look_up", "args": {"name": "Everest"}}}


def content(*parts: Mapping[str, Any], finish: str | None = "STOP", **rest: Any) -> dict[str, Any]:
    """One answer, or one chunk of it."""
    candidate = {"index": 0, "content": {"role": "model", "parts": list(parts)}}
    return {
        "candidates": [candidate | ({"finishReason": finish} if finish else {})],
        "modelVersion": MODEL,
        "responseId": "r1",
        "usageMetadata": USAGE,
    } | rest


WHOLE = content({"text": THOUGHT, "thought": True}, {"text": ANSWER}, FUNCTION)
# Until something is generated only the prompt is counted.
CHUNKS = [
    content({"text": "The survey of 2020 ", "thought": True}, finish=None, usageMetadata=PROMPT),
    content({"text": "says 8,849 m.", "thought": True}, finish=None, usageMetadata=PROMPT),
    content({"text": "Everest "}, finish=None, usageMetadata=PROMPT),
    content({"text": "is "}, finish=None, usageMetadata=PROMPT),
    content({"text": "8,849 m high."}, finish=None),
    content(FUNCTION),
]
CUT = 4
EMBEDDINGS = {"embeddings": [{"values": [0.25, -0.5, 1.0]}], "usageMetadata": {"promptTokenCount": 8}}
REFUSED = {"error": {"code": 400, "message": "no such model", "status": "INVALID_ARGUMENT"}}


def _text(content: str) -> dict[str, Any]:
    return {"type": "text", "content": content}


ASKED = {
    "gen_ai.operation.name": "chat",
    "gen_ai.provider.name": "gcp.gemini",
    "gen_ai.request.model": MODEL,
    "gen_ai.request.temperature": 0.5,
    "gen_ai.request.max_tokens": 1000,
    "gen_ai.request.stop_sequences": ("END",),
    "server.address": "generativelanguage.googleapis.com",
    "gen_ai.system_instructions": [_text(SYSTEM)],
    "gen_ai.tool.definitions": [
        {
            "type": "function",
            "name": "look_up",
            "description": "Looks a mountain up.",
            "parameters": TOOL["parameters_json_schema"],
        }
    ],
    "gen_ai.input.messages": [{"role": "user", "parts": [_text(QUESTION)]}],
}
VERTEX = {"gen_ai.provider.name": "gcp.vertex_ai", "server.address": "us-central1-aiplatform.googleapis.com"}
PROMPT_USAGE = {"gen_ai.usage.input_tokens": 400, "gen_ai.usage.cache_read.input_tokens": 300}
ANSWERED = PROMPT_USAGE | {
    "gen_ai.usage.output_tokens": 34,
    "gen_ai.usage.reasoning.output_tokens": 12,
    "gen_ai.response.model": MODEL,
    "gen_ai.response.id": "r1",
    "gen_ai.response.finish_reasons": ("tool_call",),
    "gen_ai.output.messages": [
        {
            "role": "assistant",
            "parts": [
                {"type": "reasoning", "content": THOUGHT},
                _text(ANSWER),
                {"type": "tool_call", "id": "f1", "name": "look_up", "arguments": {"name": "Everest"}},
            ],
        }
    ],
}
STREAMED = {"gen_ai.response.time_to_first_chunk": ANY}
PARTIAL = (
    PROMPT_USAGE
    | STREAMED
    | {
        "gen_ai.usage.output_tokens": 12,
        "gen_ai.response.model": MODEL,
        "gen_ai.response.id": "r1",
        "gen_ai.output.messages": [
            {"role": "assistant", "parts": [{"type": "reasoning", "content": THOUGHT}, _text("Everest is ")]}
        ],
    }
)
EMBED = {"model": "models/gemini-embedding-001", "contents": [QUESTION], "config": {"output_dimensionality": 3}}
ASKED_EMBED = {
    "gen_ai.operation.name": "embeddings",
    "gen_ai.provider.name": "gcp.gemini",
    "gen_ai.request.model": "gemini-embedding-001",
    "gen_ai.embeddings.dimension.count": 3,
    "server.address": "generativelanguage.googleapis.com",
}


_SSL = ssl.create_default_context()
"""One for all clients: each would make its own, for its web sockets, in 17 ms."""


def client_on(wire: Wire, *, vertex: bool = False, **settings: Any) -> Any:
    """The real client over that wire; its `aio` is the asynchronous one."""
    options = types.HttpOptions(
        httpx_client=http.Client(transport=wire),
        httpx_async_client=http.AsyncClient(transport=wire),
        async_client_args={"ssl": _SSL},
        **settings,
    )
    if vertex:
        token = Credentials(token="t")  # type: ignore[no-untyped-call]
        return genai.Client(vertexai=True, project="p", location="us-central1", credentials=token, http_options=options)
    return genai.Client(api_key="AIza-never-on-a-span", http_options=options)


def chunks(answers: Sequence[Mapping[str, Any]], then: Mode = "answer", stop_after: int | None = None) -> http.Response:
    """A stream of chunks, whole or cut off."""
    return stream(answers, then, len(answers) if stop_after is None else stop_after)


def _opens(answer: Callable[[Mode], http.Response], vertex: bool) -> Callable[[Mode, Callable[[], None]], Any]:
    def client(mode: Mode, served: Callable[[], None]) -> Any:
        wire = playing(mode, served, answer, REFUSED)
        return client_on(wire, vertex=vertex)

    return client


def _case(
    name: str,
    call: Callable[[Any], Any],
    *,
    a: bool,
    answer: Any = WHOLE,
    vertex: bool = False,
    asked: Mapping[str, Any] = ASKED,
    answered: Mapping[str, Any] = ANSWERED,
    kind: type | None = types.GenerateContentResponse,
    since: str = "",
) -> Case:
    modes: set[Mode] = {"answer", "error", "interrupt", *(("hang",) if a else ())}
    return Case(
        name=f"{name}, async" if a else name,
        provider=PROVIDER,
        client=_opens(lambda _: document(answer), vertex),
        call=call,
        span=f"{asked['gen_ai.operation.name']} {asked['gen_ai.request.model']}",
        asked=asked,
        answered=answered,
        modes=modes,
        asynchronous=a,
        kind=kind,
        since=since,
    )


def _stream_case(name: str, call: Callable[[Any], Any], *, a: bool, vertex: bool = False, since: str = "") -> Case:
    modes: set[Mode] = {"answer", "error", "interrupt", "break", *(("hang", "stall") if a else ())}
    return Case(
        name=f"{name}, async" if a else name,
        provider=PROVIDER,
        client=_opens(lambda mode: chunks(CHUNKS, mode, CUT if mode in ("break", "stall") else None), vertex),
        call=call,
        span=f"chat {MODEL}",
        asked=ASKED | {"gen_ai.request.stream": True} | (VERTEX if vertex else {}),
        answered=ANSWERED | STREAMED,
        modes=modes,
        asynchronous=a,
        streams=True,
        bare=True,
        lazy=True,
        partial_chunks=CUT,
        partial=PARTIAL,
        since=since,
    )


async def _chat(client: Any) -> Any:
    return await client.aio.chats.create(model=MODEL, config=CONFIG).send_message(QUESTION)


CASES = [
    _case("content", lambda c: c.models.generate_content(**CALL), a=False),
    _case("content", lambda c: c.aio.models.generate_content(**CALL), a=True),
    _case("content of Vertex", lambda c: c.models.generate_content(**CALL), a=False, vertex=True, asked=ASKED | VERTEX),
    _case("chat", _chat, a=True),
    _stream_case("stream", lambda c: c.models.generate_content_stream(**CALL), a=False),
    _stream_case(
        "stream of a chat", lambda c: c.chats.create(model=MODEL, config=CONFIG).send_message_stream(QUESTION), a=False
    ),
    _stream_case(
        "stream of Vertex",
        lambda c: c.aio.models.generate_content_stream(**CALL),
        a=True,
        vertex=True,
        since="2.10",  # until then it asked before it was read
    ),
    *(
        _case(
            "embeddings",
            lambda c, a=a: (c.aio if a else c).models.embed_content(**EMBED),
            a=a,
            answer=EMBEDDINGS,
            asked=ASKED_EMBED,
            answered={"gen_ai.usage.input_tokens": 8},
            kind=types.EmbedContentResponse,
            since="3.1",  # their tokens
        )
        for a in (False, True)
    ),
]
