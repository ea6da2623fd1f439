"""What models read and write inside `invoke_model` of Bedrock: each maker has a shape of its own.

Claude, Llama, Titan, Mistral, Cohere, those that speak the protocol of OpenAI, embeddings and rerankers; Nova writes
what `converse` does. Where a body says nothing of tokens, the headers of the answer do, or the metrics of a stream.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from groundwire.media import blob_part, uri_part
from groundwire.model import Document, Message, Response, Usage
from groundwire.wire import fields
from groundwire_instrumentation import _openai_chunks
from groundwire_instrumentation._openai_usage import usage_of

FINISH: Mapping[str, str] = {
    "end_turn": "stop",
    "stop_sequence": "stop",
    "FINISH": "stop",
    "FINISHED": "stop",
    "COMPLETE": "stop",
    "STOP_CRITERIA_MET": "stop",
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
    "MAX_TOKENS": "length",
    "LENGTH": "length",
    "tool_use": "tool_call",
    "tool_calls": "tool_call",
    "guardrail_intervened": "content_filter",
    "content_filtered": "content_filter",
    "CONTENT_FILTERED": "content_filter",
    "refusal": "content_filter",
    "malformed_model_output": "error",
    "malformed_tool_use": "error",
}
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
    "maxTokenCount": "gen_ai.request.max_tokens",
    "dimensions": "gen_ai.embeddings.dimension.count",
}
_STOPS = ("stop_sequences", "stopSequences", "stop")
_METRICS = "amazon-bedrock-invocationMetrics"
_HEADERS = ("input-token-count", "output-token-count", "cache-read-input-token-count", "cache-write-input-token-count")


def kind(model: Any) -> str:
    """Which kind of call an `invoke_model` of this model is, by the model's id."""
    name = str(model)
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


# --- what was asked -------------------------------------------------------------------------------------------------


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
    system = body.get("system") or body.get("preamble")
    return {
        "messages": messages,
        "instructions": _parts(system) if system else None,
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
    parts = [*_parts(message.get("content")), *_calls(message)]
    answers = [part for part in parts if part["type"] == "tool_call_response"]
    rest = [part for part in parts if part["type"] != "tool_call_response"]
    found: list[Message] = [{"role": "tool", "parts": answers}] if answers else []
    return [*found, {"role": role, "parts": rest}] if rest or not answers else found


def _calls(message: Mapping[str, Any]) -> list[dict[str, Any]]:
    functions = [(call.get("id"), call.get("function") or {}) for call in message.get("tool_calls") or ()]
    return [
        {"type": "tool_call", "id": i, "name": f.get("name"), "arguments": f.get("arguments")} for i, f in functions
    ]


def _parts(content: Any) -> list[dict[str, Any]]:
    if isinstance(content, str):
        return [{"type": "text", "content": content}]
    return [_part(block) for block in content or () if isinstance(block, Mapping)]


def _part(block: Mapping[str, Any]) -> dict[str, Any]:
    """One block of Claude, or one part of the protocol of OpenAI, by its `type`."""
    name = str(block.get("type"))
    if name in ("text", "thinking"):
        return {"type": "text" if name == "text" else "reasoning", "content": block.get(name) or ""}
    if name == "tool_use":
        call = {"id": block.get("id"), "name": block.get("name"), "arguments": block.get("input")}
        return {"type": "tool_call", **call}
    if name == "tool_result":
        answer = "\n".join(p.get("content", "") for p in _parts(block.get("content")))
        return {"type": "tool_call_response", "id": block.get("tool_use_id"), "response": answer}
    if name == "image_url":
        return uri_part("image", (block.get("image_url") or {}).get("url"))
    source = block.get("source") or {}
    if source.get("type") == "text":  # a document to be cited: what the answer rests on
        return {"type": "text", "content": source.get("data") or ""}
    if source.get("type") == "base64":
        return blob_part(name, str(source.get("media_type")), source.get("data") or "")
    return {"type": name}


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


# --- what was answered ----------------------------------------------------------------------------------------------


def answered(body: Mapping[str, Any], headers: Mapping[str, Any]) -> Response:
    """The answer of any family but Nova, its tokens out of the headers where the body has none."""
    choices = [c for name in ("choices", "results", "outputs", "generations") for c in body.get(name) or ()] or [body]
    messages: list[Message] = []
    reasons: list[str] = []
    for choice in choices:
        message = choice.get("message") if isinstance(choice.get("message"), Mapping) else choice
        reasoning = message.get("reasoning_content") or message.get("reasoning")
        content = next((message[name] for name in _TEXTS if message.get(name) is not None), None)
        parts = [{"type": "reasoning", "content": reasoning}] if isinstance(reasoning, str) else []
        messages.append(
            {"role": message.get("role") or "assistant", "parts": [*parts, *_parts(content), *_calls(message)]}
        )
        reason = next((choice[name] for name in _REASONS if choice.get(name)), None)
        if reason is not None:
            reasons.append(FINISH.get(reason, reason))
    said = any(message["parts"] for message in messages)
    return Response(
        id=body.get("id"), messages=messages if said else None, finish_reasons=reasons, usage=usage(body, headers)
    )


_TEXTS = ("content", "generation", "outputText", "text", "completion")
_REASONS = ("stop_reason", "finish_reason", "completionReason")


def usage(body: Mapping[str, Any], headers: Mapping[str, Any]) -> Usage | None:
    """Tokens in whatever way a body counts them, else as the headers do."""
    if isinstance(given := body.get("usage"), Mapping):
        if "prompt_tokens" in given:
            return usage_of(given)
        read, written = given.get("cache_read_input_tokens"), given.get("cache_creation_input_tokens")
        hour = (given.get("cache_creation") or {}).get("ephemeral_1h_input_tokens")
        plain = given.get("input_tokens")
        total = None if plain is None else plain + (read or 0) + (written or 0)
        thought = (given.get("output_tokens_details") or {}).get("thinking_tokens")
        return Usage(total, given.get("output_tokens"), read, written, thought, hour)
    if "prompt_token_count" in body:
        return Usage(body["prompt_token_count"], body.get("generation_token_count"))
    if "inputTextTokenCount" in body:
        made = [r["tokenCount"] for r in body.get("results") or () if r.get("tokenCount") is not None]
        return Usage(body["inputTextTokenCount"], sum(made) if made else body.get("totalOutputTextTokenCount"))
    counts = [headers.get(f"x-amzn-bedrock-{name}") for name in _HEADERS]
    if counts[0] is None and counts[1] is None:
        return None
    given_, made_, read, written = (None if count is None else int(count) for count in counts)
    return Usage(None if given_ is None else given_ + (read or 0) + (written or 0), made_, read, written)


_GENERATED = ("output_tokens", "output_tokens_details")


class Chunks:
    """Chunks of a streamed body, any family but Nova."""

    def __init__(self) -> None:
        self._text: list[str] = []
        self._blocks: dict[int, dict[str, Any]] = {}
        self._body: dict[str, Any] = {}
        self._usage: dict[str, Any] = {}
        self._metrics: Mapping[str, Any] = {}
        self._chat: _openai_chunks.Chunks | None = None

    def add(self, chunk: Mapping[str, Any]) -> None:
        self._metrics = chunk.get(_METRICS) or self._metrics
        for part in (chunk, chunk.get("message"), chunk.get("delta")):
            if isinstance(part, Mapping):
                # The start of Claude's says 1 or so of what is not generated yet: the end alone counts that.
                early = _GENERATED if chunk.get("type") == "message_start" else ()
                self._usage |= {k: v for k, v in (part.get("usage") or {}).items() if k not in early}
                kept = (
                    "id",
                    "role",
                    "stop_reason",
                    "prompt_token_count",
                    "inputTextTokenCount",
                    "generation_token_count",
                )
                self._body |= {
                    k: part[k] for k in (*kept, "completionReason", "finish_reason") if part.get(k) is not None
                }
        if (made := chunk.get("totalOutputTextTokenCount")) is not None:
            self._body["totalOutputTextTokenCount"] = made
        if any("delta" in choice for choice in chunk.get("choices") or ()):
            self._chat = self._chat or _openai_chunks.Chunks()
            self._chat.add(fields(chunk))
        elif "content_block" in chunk:
            self._blocks[chunk.get("index", 0)] = {**chunk["content_block"], "pieces": []}
        elif chunk.get("type") == "content_block_delta":
            self._add_to_block(chunk.get("index", 0), chunk.get("delta") or {})
        else:
            self._add_text(chunk)

    def _add_to_block(self, index: int, delta: Mapping[str, Any]) -> None:
        name = next((name for name in ("text", "thinking", "partial_json") if name in delta), None)
        if name is not None:
            kind = "tool_use" if name == "partial_json" else name
            self._blocks.setdefault(index, {"type": kind, "pieces": []})["pieces"].append(delta[name])

    def _add_text(self, chunk: Mapping[str, Any]) -> None:
        for choice in (*(chunk.get("choices") or ()), *(chunk.get("outputs") or ()), chunk):
            said = choice.get("message") or choice
            self._text += [said[name] for name in _TEXTS if isinstance(said.get(name), str)]
            if reason := next((choice[name] for name in _REASONS if choice.get(name)), None):
                self._body["stop_reason"] = reason

    def response(self) -> Response:
        blocks = [self._block(block) for _, block in sorted(self._blocks.items())]
        body = {**self._body, "content": blocks or "".join(self._text) or None}
        if self._usage:
            body["usage"] = self._usage
        counts = ("inputTokenCount", "outputTokenCount", "cacheReadInputTokenCount", "cacheWriteInputTokenCount")
        named = zip(_HEADERS, counts, strict=True)
        found = answered(body, {f"x-amzn-bedrock-{name}": self._metrics.get(count) for name, count in named})
        if self._chat is None:
            return found
        said = self._chat.response()
        return replace(found, messages=said.messages, finish_reasons=said.finish_reasons)

    @staticmethod
    def _block(block: Mapping[str, Any]) -> dict[str, Any]:
        text = "".join(block["pieces"])
        whole = {key: value for key, value in block.items() if key != "pieces"}
        return whole | ({"input": text} if whole.get("type") == "tool_use" else {whole.get("type", "text"): text})
