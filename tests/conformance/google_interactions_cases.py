"""Google's interactions in the conformance suite: a model's steps, whole and as events."""

from collections.abc import Callable
from typing import Any

from conformance.cases import ANY, Case, Mode
from conformance.google_genai_cases import client_on
from conformance.openai_wire import document, http, playing, stream
from groundwire_instrumentation.google_interactions import PROVIDER

MODEL, QUESTION, ANSWER = "gemini-2.5-flash", "How high is Everest?", "Everest is 8,849 m high."
TOOL = {"type": "function", "name": "look_up", "description": "Looks a mountain up.", "parameters": {"type": "object"}}
CALL: dict[str, Any] = {
    "model": MODEL,
    "input": [
        {"type": "user_input", "content": [{"type": "text", "text": "Hi."}]},
        {"type": "function_result", "call_id": "c0", "name": "look_up", "result": "8,848 m"},
        {"type": "user_input", "content": [{"type": "text", "text": QUESTION}]},
    ],
    "system_instruction": "Be short.",
    "tools": [TOOL],
    "generation_config": {"temperature": 0.5, "max_output_tokens": 1000},
}
USAGE = {
    "total_input_tokens": 400,
    "total_cached_tokens": 300,
    "total_output_tokens": 22,
    "total_thought_tokens": 12,
    "total_tokens": 434,
    "input_tokens_by_modality": [{"modality": "text", "tokens": 340}, {"modality": "audio", "tokens": 60}],
}
STEPS = [
    {"type": "thought", "summary": [{"type": "text", "text": "Hm."}]},
    {"type": "model_output", "content": [{"type": "text", "text": ANSWER}]},
    {"type": "function_call", "id": "c1", "name": "look_up", "arguments": {"of": "K2"}},
]
WHOLE = {"id": "int_1", "object": "interaction", "model": MODEL, "status": "requires_action", "usage": USAGE}


def _events() -> list[dict[str, Any]]:
    def at(index: int, kind: str, **rest: Any) -> dict[str, Any]:
        return {"event_type": f"step.{kind}", "index": index, **rest}

    started = {"id": "int_1", "model": MODEL, "status": "in_progress"}
    return [
        {"event_type": "interaction.created", "interaction": started},
        at(0, "start", step={"type": "thought"}),
        at(0, "delta", delta={"type": "thought_summary", "content": {"type": "text", "text": "Hm."}}),
        at(0, "stop"),
        at(1, "start", step={"type": "model_output"}),
        *(at(1, "delta", delta={"type": "text", "text": word}) for word in ("Everest ", "is ", "8,849 m ", "high.")),
        at(1, "stop"),
        at(2, "start", step={"type": "function_call", "id": "c1", "name": "look_up", "arguments": {}}),
        at(2, "delta", delta={"type": "arguments_delta", "arguments": '{"of": '}),
        at(2, "delta", delta={"type": "arguments_delta", "arguments": '"K2"}'}),
        at(2, "stop"),
        {"event_type": "interaction.completed", "interaction": WHOLE},
    ]


CUT = 7


def _text(content: str) -> dict[str, Any]:
    return {"type": "text", "content": content}


ASKED = {
    "gen_ai.operation.name": "chat",
    "gen_ai.provider.name": "gcp.gemini",
    "gen_ai.request.model": MODEL,
    "gen_ai.request.temperature": 0.5,
    "gen_ai.request.max_tokens": 1000,
    "server.address": "generativelanguage.googleapis.com",
    "gen_ai.system_instructions": [_text("Be short.")],
    "gen_ai.tool.definitions": [TOOL],
    "gen_ai.input.messages": [
        {"role": "user", "parts": [_text("Hi.")]},
        {
            "role": "tool",
            "parts": [{"type": "tool_call_response", "id": "c0", "name": "look_up", "response": "8,848 m"}],
        },
        {"role": "user", "parts": [_text(QUESTION)]},
    ],
}
SAID = [
    {"type": "reasoning", "content": "Hm."},
    _text(ANSWER),
    {"type": "tool_call", "id": "c1", "name": "look_up", "arguments": {"of": "K2"}},
]
NAMED = {"gen_ai.response.model": MODEL, "gen_ai.response.id": "int_1"}
ANSWERED = NAMED | {
    "gen_ai.response.finish_reasons": ("tool_call",),
    "gen_ai.output.messages": [{"role": "assistant", "parts": SAID}],
    "gen_ai.usage.input_tokens": 400,
    "gen_ai.usage.output_tokens": 34,
    "gen_ai.usage.cache_read.input_tokens": 300,
    "gen_ai.usage.reasoning.output_tokens": 12,
    "groundwire.usage.input_audio_tokens": 60,
}
FIRST = {"gen_ai.response.time_to_first_chunk": ANY}


def _opens(answer: Callable[[Mode], http.Response], a: bool) -> Callable[[Mode, Callable[[], None]], Any]:
    def client(mode: Mode, served: Callable[[], None]) -> Any:
        wire = playing(mode, served, answer, {"error": {"code": 400, "message": "no such model", "status": "INVALID"}})
        made = client_on(wire)
        return (made.aio if a else made).interactions

    return client


def _case(name: str, answer: Callable[[Mode], http.Response], *, a: bool, streamed: bool) -> Case:
    modes: set[Mode] = {"answer", "error", "interrupt", *(("hang",) if a else ())}
    rest: dict[str, Any] = {}
    if streamed:
        partial = [{"type": "reasoning", "content": "Hm."}, _text("Everest is ")]
        modes |= {"break"}
        rest = {
            "streams": True,
            "bare": True,
            "partial_chunks": CUT,
            "partial": NAMED
            | FIRST
            | {
                "gen_ai.output.messages": [{"role": "assistant", "parts": partial}],
                "gen_ai.usage.input_tokens": 65,
                "gen_ai.usage.output_tokens": 4,
            },
        }
    return Case(
        name=name,
        provider=PROVIDER,
        client=_opens(answer, a),
        call=lambda interactions: interactions.create(stream=streamed, **CALL),
        span=f"chat {MODEL}",
        asked=ASKED | ({"gen_ai.request.stream": True} if streamed else {}),
        answered=ANSWERED | (FIRST if streamed else {}),
        modes=modes,
        asynchronous=a,
        **rest,
    )


CASES = [
    _case("interaction, async", lambda _: document(WHOLE | {"steps": STEPS}), a=True, streamed=False),
    _case(
        "interaction stream",
        lambda mode: stream(_events(), mode, CUT if mode == "break" else 99),
        a=False,
        streamed=True,
    ),
]
