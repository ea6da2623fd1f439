"""Ollama over a faked wire: newline-delimited JSON, as a server of today writes it."""

import json
import types
from collections.abc import Callable, Mapping
from typing import Any

import httpx
import ollama

from conformance.cases import ANY, Case, Mode
from conformance.httpx_wire import Answer, Wire, document, pieces
from groundwire_instrumentation.ollama import PROVIDER

MODEL = "qwen3:8b"
QUESTION = "How high is Everest?"
PIXEL = b"\x89PNG\r\n"
AT = {"model": MODEL, "created_at": "2026-11-20T10:00:00Z"}
COUNTS = {
    "done": True,
    "done_reason": "stop",
    "total_duration": 5_000,
    "load_duration": 1_000,
    "prompt_eval_count": 31,
    "prompt_eval_duration": 1_000,
    "eval_count": 12,
    "eval_duration": 3_000,
}
WEATHER = {
    "type": "function",
    "function": {
        "name": "altitude",
        "description": "Height of a mountain",
        "parameters": {"type": "object", "properties": {"name": {"type": "string"}}, "required": ["name"]},
    },
}
CALL = {"function": {"name": "altitude", "arguments": {"name": "Everest"}}}
CALL_PART = {"type": "tool_call", "id": None, "name": "altitude", "arguments": {"name": "Everest"}}

CHAT: Mapping[str, Any] = {
    "model": MODEL,
    "messages": [
        {"role": "system", "content": "Be short."},
        {"role": "user", "content": QUESTION, "images": [PIXEL]},
        {"role": "assistant", "content": "", "tool_calls": [CALL]},
        {"role": "tool", "content": "8849", "tool_name": "altitude"},
    ],
    "tools": [WEATHER],
    "options": {"temperature": 0.5, "num_predict": 64, "seed": 7, "top_k": 40, "stop": ["END"]},
}
ASKED_CHAT = {
    "gen_ai.operation.name": "chat",
    "gen_ai.provider.name": "ollama",
    "gen_ai.request.model": MODEL,
    "gen_ai.request.temperature": 0.5,
    "gen_ai.request.max_tokens": 64,
    "gen_ai.request.seed": 7,
    "gen_ai.request.top_k": 40,
    "gen_ai.request.stop_sequences": ("END",),
    "server.address": "ollama.test",
    "server.port": 11434,
    "gen_ai.input.messages": [
        {"role": "system", "parts": [{"type": "text", "content": "Be short."}]},
        {
            "role": "user",
            "parts": [
                {"type": "text", "content": QUESTION},
                {"type": "blob", "mime_type": "image/unknown", "modality": "image", "size": 6, "sha256": ANY},
            ],
        },
        {"role": "assistant", "parts": [CALL_PART]},
        {
            "role": "tool",
            "parts": [{"type": "tool_call_response", "id": None, "name": "altitude", "response": "8849"}],
        },
    ],
    "gen_ai.tool.definitions": [{"type": "function", **WEATHER["function"]}],  # type: ignore[dict-item]
}
GAP = {"prompt": QUESTION, "suffix": " It is high."}
GENERATE: Mapping[str, Any] = {"model": MODEL, "system": "Be short.", "format": "json", **GAP}
ASKED_GENERATE = {
    "gen_ai.operation.name": "chat",
    "gen_ai.provider.name": "ollama",
    "gen_ai.request.model": MODEL,
    "gen_ai.output.type": "json",
    "server.address": "ollama.test",
    "server.port": 11434,
    "gen_ai.system_instructions": [{"type": "text", "content": "Be short."}],
    "gen_ai.input.messages": [{"role": "user", "parts": [{"type": "text", "content": text} for text in GAP.values()]}],
}
STREAM = {"gen_ai.request.stream": True}
USAGE = {"gen_ai.usage.input_tokens": 31, "gen_ai.usage.output_tokens": 12}


def _said(*parts: Mapping[str, Any], **rest: Any) -> dict[str, Any]:
    return {
        "gen_ai.response.model": MODEL,
        "gen_ai.output.messages": [{"role": "assistant", "parts": list(parts)}],
    } | rest


ANSWERED = _said(
    {"type": "reasoning", "content": "The user asks for a height."},
    {"type": "text", "content": "Everest is 8,849 m high."},
    **USAGE,
    **{"gen_ai.response.finish_reasons": ("stop",)},
)
CALLED = _said(CALL_PART, **USAGE, **{"gen_ai.response.finish_reasons": ("tool_call",)})
FIRST_CHUNK = {"gen_ai.response.time_to_first_chunk": ANY}
PIECES = [("The user asks ", ""), ("for a height.", ""), ("", "Everest is "), ("", "8,849 m high.")]
PARTIAL = _said(
    {"type": "reasoning", "content": "The user asks for a height."},
    {"type": "text", "content": "Everest is "},
    **FIRST_CHUNK,
    **{"gen_ai.usage.output_tokens": 9},
)
CUT = 3


def _chat_line(thinking: str, content: str, **rest: Any) -> dict[str, Any]:
    message = {"role": "assistant", "content": content} | ({"thinking": thinking} if thinking else {})
    return AT | {"message": message, "done": False} | rest


def _generate_line(thinking: str, content: str, **rest: Any) -> dict[str, Any]:
    return AT | {"response": content, "done": False} | ({"thinking": thinking} if thinking else {}) | rest


def _lines(line: Callable[..., dict[str, Any]]) -> Answer:
    rows = [*(line(*piece) for piece in PIECES), line("", "", **COUNTS)]
    return pieces([json.dumps(row).encode() + b"\n" for row in rows], CUT, "application/x-ndjson")


def _opens(answer: Answer, asynchronous: bool) -> Callable[[Mode, Callable[[], None]], Any]:
    def client(mode: Mode, served: Callable[[], None]) -> Any:
        wire = Wire(mode, served, answer, document({"error": f'model "{MODEL}" not found'}, 404))
        make = ollama.AsyncClient if asynchronous else ollama.Client
        # A client's own default comes out of the environment: the key is for the search alone.
        return make("http://ollama.test:11434", transport=wire, headers={"authorization": "Bearer secret-0123456789"})

    return client


def _case(
    name: str,
    call: Callable[[Any], Any],
    answer: Answer,
    asked: Mapping[str, Any],
    answered: Mapping[str, Any],
    *,
    asynchronous: bool,
    stream: Mapping[str, Any] | None = None,
) -> Case:
    modes: set[Mode] = {"answer", "error", "interrupt"}
    rest: dict[str, Any] = {}
    if stream is not None:
        modes |= {"break", "stall"} if asynchronous else {"break"}
        kind: type = types.AsyncGeneratorType if asynchronous else types.GeneratorType
        rest = {"streams": True, "bare": True, "kind": kind, "partial_chunks": CUT, "partial": stream}
        asked, answered = {**asked, **STREAM}, {**answered, **FIRST_CHUNK}
    elif asynchronous:
        modes |= {"hang"}
    kind_name = asked["gen_ai.operation.name"]
    return Case(
        name=f"{name}, async" if asynchronous else name,
        provider=PROVIDER,
        client=_opens(answer, asynchronous),
        call=call,
        span=f"{kind_name} {asked.get('gen_ai.request.model', 'web')}",
        asked=asked,
        answered=answered,
        modes=modes,
        asynchronous=asynchronous,
        **rest,
    )


EMBEDDING = AT | {"embeddings": [[0.5, 0.25]], "total_duration": 9, "load_duration": 3, "prompt_eval_count": 8}
ASKED_EMBED = {
    "gen_ai.operation.name": "embeddings",
    "gen_ai.provider.name": "ollama",
    "gen_ai.request.model": MODEL,
    "server.address": "ollama.test",
    "server.port": 11434,
}
FOUND = {
    "results": [
        {"title": "Everest", "url": "https://peaks.test/everest", "content": "Everest is 8,849 m high."},
        {"title": "K2", "url": "https://peaks.test/k2", "content": "K2 is 8,611 m high."},
    ]
}
ASKED_SEARCH = {
    "gen_ai.operation.name": "retrieval",
    "gen_ai.provider.name": "ollama",
    "gen_ai.data_source.id": "web",
    "gen_ai.retrieval.top_k": 2,
    "server.address": "ollama.com",
    "gen_ai.retrieval.query.text": QUESTION,
}
ANSWERED_SEARCH = {
    "gen_ai.retrieval.documents": [
        {"id": r["url"], "content": r["content"], "metadata": {"title": r["title"]}} for r in FOUND["results"]
    ]
}


def _called(_: Mode) -> httpx.Response:
    return document(AT | {"message": {"role": "assistant", "content": "", "tool_calls": [CALL]}} | COUNTS)("answer")


def _cases(a: bool) -> list[Case]:
    whole = document(_chat_line("The user asks for a height.", "Everest is 8,849 m high.", **COUNTS))
    written = document(_generate_line("The user asks for a height.", "Everest is 8,849 m high.", **COUNTS))
    prompted = PARTIAL | {"gen_ai.usage.input_tokens": 92}
    simple = PARTIAL | {"gen_ai.usage.input_tokens": 12}
    cases = [
        _case("chat", lambda c: c.chat(**CHAT), whole, ASKED_CHAT, ANSWERED, asynchronous=a),
        _case(
            "chat stream",
            lambda c: c.chat(stream=True, **CHAT),
            _lines(_chat_line),
            ASKED_CHAT,
            ANSWERED,
            asynchronous=a,
            stream=prompted,
        ),
    ]
    if a:  # all calls pass through one method of either client
        return cases
    return [
        *cases,
        _case("generate", lambda c: c.generate(**GENERATE), written, ASKED_GENERATE, ANSWERED, asynchronous=a),
        _case(
            "embed",
            lambda c: c.embed(model=MODEL, input=[QUESTION], dimensions=2),
            document(EMBEDDING),
            ASKED_EMBED | {"gen_ai.embeddings.dimension.count": 2},
            {"gen_ai.response.model": MODEL, "gen_ai.usage.input_tokens": 8},
            asynchronous=a,
        ),
        _case("chat that calls a tool", lambda c: c.chat(**CHAT), _called, ASKED_CHAT, CALLED, asynchronous=a),
        _case(
            "generate stream",
            lambda c: c.generate(stream=True, **GENERATE),
            _lines(_generate_line),
            ASKED_GENERATE,
            ANSWERED,
            asynchronous=a,
            stream=simple,
        ),
        _case(
            "embeddings, the older call",
            lambda c: c.embeddings(model=MODEL, prompt=QUESTION),
            document({"embedding": [0.5, 0.25]}),
            ASKED_EMBED,
            {},
            asynchronous=a,
        ),
        _case(
            "web search",
            lambda c: c.web_search(QUESTION, max_results=2),
            document(FOUND),
            ASKED_SEARCH,
            ANSWERED_SEARCH,
            asynchronous=a,
        ),
    ]


CASES = [case for a in (False, True) for case in _cases(a)]
