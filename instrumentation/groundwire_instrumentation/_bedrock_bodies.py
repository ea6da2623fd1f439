"""What models read inside `invoke_model` of Bedrock: each maker has a shape of its own.

Claude, Llama, Titan, Mistral, Cohere, those that speak the protocol of OpenAI, embeddings and rerankers; Nova reads
what `converse` writes.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from groundwire.media import uri_part
from groundwire.model import Document, Message, Response
from groundwire_instrumentation import _cohere_chat
from groundwire_instrumentation._anthropic_blocks import part_of

_PARAMETERS: Mapping[str, str] = {
    "temperature": "gen_ai.request.temperature",
    "top_p": "gen_ai.request.top_p",
    "topP": "gen_ai.request.top_p",
    "p": "gen_ai.request.top_p",
    "top_k": "gen_ai.request.top_k",
    "k": "gen_ai.request.top_k",
    "max_tokens": "gen_ai.request.max_tokens",
    "max_completion_tokens": "gen_ai.request.max_tokens",
    "max_gen_len": "gen_ai.request.max_tokens",
    "max_tokens_to_sample": "gen_ai.request.max_tokens",
    "maxTokenCount": "gen_ai.request.max_tokens",
    "dimensions": "gen_ai.embeddings.dimension.count",
}
_PICTURES = ("titan-image", "nova-canvas", "nova-reel", "stability.", "luma.")
"""Models that make pictures or videos: no call of a language model."""
_STOPS = ("stop_sequences", "stopSequences", "stop")


def kind(model: Any) -> str:
    """Which kind of call an `invoke_model` of this model is, by the model's id."""
    name = str(model)
    if any(word in name for word in _PICTURES):
        return "pictures"
    return "embeddings" if "embed" in name else "rerank" if "rerank" in name else "chat"


def document(body: Any) -> Mapping[str, Any]:
    """A body as it was given; empty where it is no JSON object, or a file, which is the library's to read."""
    try:
        found = json.loads(body) if isinstance(body, str | bytes | bytearray) else None
    except ValueError:
        found = None
    return found if isinstance(found, dict) else {}


def is_conversation(body: Mapping[str, Any]) -> bool:
    """Whether messages are written as for `converse`: blocks without a type."""
    contents = [m.get("content") for m in body.get("messages") or () if isinstance(m, Mapping)]
    blocks = [c[0] for c in contents if isinstance(c, list) and c]
    return bool(blocks) and all(isinstance(b, Mapping) and "type" not in b for b in blocks)


def parameters(body: Mapping[str, Any]) -> dict[str, Any]:
    """Settings as attributes; Titan has them in a mapping of their own."""
    given = {**body, **(body.get("textGenerationConfig") or {})}
    attributes: dict[str, Any] = {}
    attributes |= {_PARAMETERS[k]: v for k, v in given.items() if k in _PARAMETERS and isinstance(v, int | float)}
    if stop := next((given[name] for name in _STOPS if given.get(name)), None):
        attributes["gen_ai.request.stop_sequences"] = (stop,) if isinstance(stop, str) else tuple(stop)
    return attributes


def asked(body: Mapping[str, Any]) -> dict[str, Any]:
    """Messages, instructions, tools and parameters of a request for a text."""
    messages = [one for message in body.get("messages") or () for one in _messages(message)]
    if not messages:
        prompt = next((body[name] for name in ("prompt", "inputText", "message") if name in body), None)
        history = [_said(turn.get("role"), turn.get("message")) for turn in body.get("chat_history") or ()]
        messages = history if prompt is None else [*history, _said("user", prompt)]
    if shown := [_cohere_chat.shown(document) for document in body.get("documents") or ()]:
        messages = [{"role": "tool", "parts": shown}, *messages]
    system = body.get("system") or body.get("preamble")
    return {
        "messages": messages,
        "instructions": parts_of(system) if system else None,
        "tools": [_tool(tool) for tool in body.get("tools") or ()],
        "attributes": parameters(body),
    }


def _said(role: Any, text: Any) -> Message:
    named = {"CHATBOT": "assistant", "USER": "user", "SYSTEM": "system"}.get(str(role), role)
    return {"role": named, "parts": [{"type": "text", "content": text}]}


def _tool(tool: Mapping[str, Any]) -> Mapping[str, Any]:
    function = tool.get("function") or tool
    schema = function.get("input_schema") or function.get("parameters")
    if schema is None:
        return tool
    return {
        "type": "function",
        "name": function.get("name"),
        "description": function.get("description"),
        "parameters": schema,
    }


def _messages(message: Mapping[str, Any]) -> list[Message]:
    """One message of Claude or of the protocol of OpenAI; what tools answered is a message of its own."""
    role = message.get("role")
    if role == "tool":
        answer = {"type": "tool_call_response", "id": message.get("tool_call_id"), "response": message.get("content")}
        return [{"role": role, "parts": [answer]}]
    return told_apart(role, [*parts_of(message.get("content")), *calls_of(message)])


def told_apart(role: Any, parts: list[dict[str, Any]]) -> list[Message]:
    """The message of these parts; what tools answered is a message of its own, before it."""
    for part in parts:
        if part["type"] == "tool_call_response":
            break
    else:
        return [{"role": role, "parts": parts}]
    answers = [part for part in parts if part["type"] == "tool_call_response"]
    rest = [part for part in parts if part["type"] != "tool_call_response"]
    told: Message = {"role": "tool", "parts": answers}
    return [told, {"role": role, "parts": rest}] if rest else [told]


def calls_of(message: Mapping[str, Any]) -> list[dict[str, Any]]:
    functions = [(call.get("id"), call.get("function") or {}) for call in message.get("tool_calls") or ()]
    return [
        {"type": "tool_call", "id": i, "name": f.get("name"), "arguments": f.get("arguments")} for i, f in functions
    ]


def parts_of(content: Any) -> list[dict[str, Any]]:
    if isinstance(content, str):
        return [{"type": "text", "content": content}]
    return [_part(block) for block in content or () if isinstance(block, Mapping)]


def _part(block: Mapping[str, Any]) -> dict[str, Any]:
    """One block of Claude, or one part of the protocol of OpenAI."""
    if block.get("type") == "image_url":
        return uri_part("image", (block.get("image_url") or {}).get("url"))
    return part_of(block)


def ranking(body: Mapping[str, Any]) -> dict[str, Any]:
    """What a reranker is asked."""
    documents = [Document(d if isinstance(d, str) else d.get("text") or json.dumps(d)) for d in body["documents"]]
    return {"query": body.get("query"), "documents": documents, "top_k": body.get("top_n")}


def ranked(documents: Sequence[Document]) -> Callable[[Mapping[str, Any]], Response]:
    """Reads what a reranker answered: places in the documents that it was given."""

    def read(result: Mapping[str, Any]) -> Response:
        rows = (result.get("body") or {}).get("results") or ()
        found = [Document(documents[row["index"]].text, score=row.get("relevance_score")) for row in rows]
        return Response(documents=found, higher_is_better=True)

    return read
