"""Chats that `clients.py` measures, of makers whose requests and answers have shapes of their own.

See `client_calls.py`.
"""

from __future__ import annotations

import json
from typing import Any

from client_calls import (
    ANSWER,
    INPUT,
    MESSAGES,
    OUTPUT,
    PIECES,
    QUESTION,
    SYSTEM,
    USER,
    Calls,
    Kept,
    asked,
    described,
)


def anthropic() -> Calls:
    from conformance import anthropic_cases as cases

    model = "claude-sonnet-4-6"
    usage = {
        "input_tokens": 80,
        "cache_read_input_tokens": 1024,
        "cache_creation_input_tokens": 0,
        "output_tokens": OUTPUT,
    }
    content = [{"type": "text", "text": ANSWER, "citations": None}]
    body = cases.message(content=content, stop_reason="end_turn", usage=usage)
    started = {"type": "message_start", "message": cases.message(content=[], stop_reason=None, usage=usage)}
    deltas = [{"type": "text_delta", "text": piece} for piece in PIECES]
    ending = {"type": "message_delta", "delta": {"stop_reason": "end_turn", "stop_sequence": None}}
    events = [started, *cases._block(0, {"type": "text", "text": ""}, *deltas)]
    events += [ending | {"usage": {"output_tokens": OUTPUT}}, {"type": "message_stop"}]
    whole = cases.client_on(cases.Wire(lambda _: cases.document(body))).messages.create
    streaming = cases.client_on(cases.Wire(lambda _: cases.stream(events))).messages.create
    request: dict[str, Any] = {"model": model, "system": SYSTEM, "messages": [USER], "max_tokens": 512}

    def answered(result: Any) -> dict[str, Any]:
        used, text = result.usage, result.content[0].text
        return described(result.id, result.model, result.stop_reason, used.input_tokens, used.output_tokens, text)

    def piece(event: Any, kept: Kept) -> None:
        if event.type == "content_block_delta":
            kept.texts.append(event.delta.text)
        elif event.type == "message_start":
            kept.last = event.message
        elif event.type == "message_delta":
            kept.finish, kept.usage = event.delta.stop_reason, event.usage

    def ended(kept: Kept) -> dict[str, Any]:
        last, text = kept.last, "".join(kept.texts)
        used = kept.usage.output_tokens
        return described(last.id, last.model, kept.finish, last.usage.input_tokens, used, text)

    return Calls(
        "anthropic",
        model,
        lambda: whole(**request),
        asked("anthropic", "api.anthropic.com", model, request),
        answered,
        lambda: streaming(stream=True, **request),
        piece,
        ended,
    )


def google_genai() -> Calls:
    from conformance import google_genai_cases as cases

    model = "gemini-2.5-flash"
    usage = {"promptTokenCount": INPUT, "candidatesTokenCount": OUTPUT, "totalTokenCount": INPUT + OUTPUT}
    body = cases.content({"text": ANSWER}, usageMetadata=usage)
    chunks = [cases.content({"text": piece}, finish=None, usageMetadata=usage) for piece in PIECES[:-1]]
    chunks.append(cases.content({"text": PIECES[-1]}, usageMetadata=usage))
    answering = cases.client_on(cases.Wire(lambda _: cases.document(body))).models
    streaming = cases.client_on(cases.Wire(lambda _: cases.chunks(chunks))).models
    config = {"temperature": 0.2, "max_output_tokens": 512, "top_p": 0.9, "system_instruction": SYSTEM}
    request: dict[str, Any] = {"model": model, "contents": QUESTION, "config": config}

    def answered(result: Any) -> dict[str, Any]:
        candidate, used = result.candidates[0], result.usage_metadata
        finish, text = candidate.finish_reason.value, candidate.content.parts[0].text
        tokens = used.prompt_token_count, used.candidates_token_count
        return described(result.response_id, result.model_version, finish, *tokens, text)

    def piece(chunk: Any, kept: Kept) -> None:
        candidate = chunk.candidates[0]
        kept.texts.append(candidate.content.parts[0].text)
        kept.finish = candidate.finish_reason or kept.finish
        kept.last = chunk

    def ended(kept: Kept) -> dict[str, Any]:
        last, used = kept.last, kept.last.usage_metadata
        tokens = used.prompt_token_count, used.candidates_token_count
        return described(last.response_id, last.model_version, kept.finish.value, *tokens, "".join(kept.texts))

    names = ("temperature", "max_output_tokens", "top_p")
    return Calls(
        "google_genai",
        model,
        lambda: answering.generate_content(**request),
        asked("gcp.gemini", "generativelanguage.googleapis.com", model, config, names),
        answered,
        lambda: streaming.generate_content_stream(**request),
        piece,
        ended,
    )


def cohere() -> Calls:
    from conformance import cohere_cases as cases

    model = "command-r-plus-08-2024"
    usage = {
        "billed_units": {"input_tokens": INPUT, "output_tokens": OUTPUT},
        "tokens": {"input_tokens": INPUT, "output_tokens": OUTPUT},
    }
    message = {"role": "assistant", "content": [{"type": "text", "text": ANSWER}]}
    body = {"id": "c-1", "finish_reason": "COMPLETE", "message": message, "usage": usage}
    events = [
        {"type": "message-start", "id": "c-1", "delta": {"message": {"role": "assistant"}}},
        {"type": "content-start", "index": 0, "delta": {"message": {"content": {"type": "text", "text": ""}}}},
        *({"type": "content-delta", "index": 0, "delta": {"message": {"content": {"text": p}}}} for p in PIECES),
        {"type": "content-end", "index": 0},
        {"type": "message-end", "delta": {"finish_reason": "COMPLETE", "usage": usage}},
    ]
    sent = [f"event: {event['type']}\ndata: {json.dumps(event)}\n\n".encode() for event in events]
    said = cases.pieces([*sent, b"data: [DONE]\n\n"], 0, "text/event-stream")
    whole = cases._opens(cases.document(body), False, 2)("answer", int)
    streaming = cases._opens(said, False, 2)("answer", int)
    request: dict[str, Any] = {"model": model, "messages": MESSAGES, "temperature": 0.2, "max_tokens": 512, "p": 0.9}

    def answered(result: Any) -> dict[str, Any]:
        used, text = result.usage.billed_units, result.message.content[0].text
        return described(result.id, model, result.finish_reason, used.input_tokens, used.output_tokens, text)

    def piece(event: Any, kept: Kept) -> None:
        if event.type == "content-delta":
            kept.texts.append(event.delta.message.content.text)
        elif event.type == "message-start":
            kept.last = event
        elif event.type == "message-end":
            kept.usage, kept.finish = event.delta.usage, event.delta.finish_reason

    def ended(kept: Kept) -> dict[str, Any]:
        used = kept.usage.billed_units
        text = "".join(kept.texts)
        return described(kept.last.id, model, kept.finish, used.input_tokens, used.output_tokens, text)

    return Calls(
        "cohere",
        model,
        lambda: whole.chat(**request),
        asked("cohere", "api.cohere.com", model, request, ("temperature", "max_tokens", "p")),
        answered,
        lambda: streaming.chat_stream(**request),
        piece,
        ended,
    )


def ollama() -> Calls:
    from conformance import ollama_cases as cases

    model = "qwen3:8b"
    counts = cases.COUNTS | {"prompt_eval_count": INPUT, "eval_count": OUTPUT}
    body = cases.AT | {"message": {"role": "assistant", "content": ANSWER}} | counts
    lines = [*(cases._chat_line("", piece) for piece in PIECES), cases._chat_line("", "", **counts)]
    said = cases.pieces([json.dumps(line).encode() + b"\n" for line in lines], 0, "application/x-ndjson")
    whole = cases._opens(cases.document(body), False)("answer", int)
    streaming = cases._opens(said, False)("answer", int)
    options = {"temperature": 0.2, "num_predict": 512, "top_p": 0.9}
    request: dict[str, Any] = {"model": model, "messages": MESSAGES, "options": options}

    def answered(result: Any) -> dict[str, Any]:
        text = result.message.content
        return described("", result.model, result.done_reason, result.prompt_eval_count, result.eval_count, text)

    def piece(chunk: Any, kept: Kept) -> None:
        kept.texts.append(chunk.message.content)
        kept.last = chunk

    def ended(kept: Kept) -> dict[str, Any]:
        last = kept.last
        tokens = last.prompt_eval_count, last.eval_count
        return described("", last.model, last.done_reason, *tokens, "".join(kept.texts))

    return Calls(
        "ollama",
        model,
        lambda: whole.chat(**request),
        asked("ollama", "ollama.test", model, options, ("temperature", "num_predict", "top_p")),
        answered,
        lambda: streaming.chat(stream=True, **request),
        piece,
        ended,
    )


def bedrock() -> Calls:
    from conformance import bedrock_cases as cases

    model = cases.CLAUDE
    usage = {"inputTokens": INPUT, "outputTokens": OUTPUT, "totalTokens": INPUT + OUTPUT}
    message = {"role": "assistant", "content": [{"text": ANSWER}]}
    body = {"output": {"message": message}, "stopReason": "end_turn", "usage": usage, "metrics": {"latencyMs": 100}}
    events = [
        cases.event("messageStart", {"role": "assistant"}),
        *(cases._delta(0, text=piece) for piece in PIECES),
        cases.event("contentBlockStop", {"contentBlockIndex": 0}),
        cases.event("messageStop", {"stopReason": "end_turn"}),
        cases.event("metadata", {"usage": usage, "metrics": {"latencyMs": 100}}),
    ]
    whole = cases.opens(cases.Answer(body))("answer", int).converse
    streaming = cases.opens(cases.Answer(events=events))("answer", int).converse_stream
    host = "bedrock-runtime.us-east-1.amazonaws.com"
    settings = {"temperature": 0.2, "maxTokens": 512, "topP": 0.9}
    request: dict[str, Any] = {
        "modelId": model,
        "system": [{"text": SYSTEM}],
        "messages": [{"role": "user", "content": [{"text": QUESTION}]}],
        "inferenceConfig": settings,
    }

    def answered(result: Any) -> dict[str, Any]:
        used, text = result["usage"], result["output"]["message"]["content"][0]["text"]
        identity = result["ResponseMetadata"]["RequestId"]
        return described(identity, model, result["stopReason"], used["inputTokens"], used["outputTokens"], text)

    def piece(event: Any, kept: Kept) -> None:
        if "contentBlockDelta" in event:
            kept.texts.append(event["contentBlockDelta"]["delta"]["text"])
        elif "messageStop" in event:
            kept.finish = event["messageStop"]["stopReason"]
        elif "metadata" in event:
            kept.usage = event["metadata"]["usage"]

    def ended(kept: Kept) -> dict[str, Any]:
        used = kept.usage
        return described("", model, kept.finish, used["inputTokens"], used["outputTokens"], "".join(kept.texts))

    return Calls(
        "bedrock",
        model,
        lambda: whole(**request),
        asked("aws.bedrock", host, model, settings, ("temperature", "maxTokens", "topP")),
        answered,
        lambda: streaming(**request)["stream"],
        piece,
        ended,
    )
