"""Amazon Bedrock: `converse` and every family of `invoke_model`, plain and streamed."""

import base64
import json
from collections.abc import Callable, Mapping
from typing import Any

from botocore.eventstream import EventStream

from conformance.bedrock_wire import Answer, event, opens
from conformance.cases import ANY, Case, Mode
from groundwire_instrumentation.bedrock import PROVIDER

CLAUDE = "us.anthropic.claude-sonnet-4-5-20250929-v1:0"
LLAMA = "meta.llama3-1-70b-instruct-v1:0"
TITAN = "amazon.titan-text-express-v1"
NOVA = "amazon.nova-lite-v1:0"
QUESTION = "How high is Everest?"
ANSWER = "Everest is 8,849 m high."
CUT = 3


def _at(model: str, kind: str = "chat", **rest: Any) -> dict[str, Any]:
    return {
        "gen_ai.operation.name": kind,
        "gen_ai.provider.name": "aws.bedrock",
        "gen_ai.request.model": model,
        "server.address": "bedrock-runtime.us-east-1.amazonaws.com",
    } | rest


def _text(text: str) -> dict[str, Any]:
    return {"type": "text", "content": text}


def _said(*parts: Mapping[str, Any], reason: str | None = "stop", **usage: int) -> dict[str, Any]:
    said: dict[str, Any] = {"gen_ai.output.messages": [{"role": "assistant", "parts": list(parts)}]}
    if reason is not None:
        said["gen_ai.response.finish_reasons"] = (reason,)
    names = {"input": "input_tokens", "output": "output_tokens", "read": "cache_read.input_tokens"}
    names["written"] = "cache_creation.input_tokens"
    return said | {f"gen_ai.usage.{names[name]}": count for name, count in usage.items()}


ASKED_PLAIN = {"gen_ai.input.messages": [{"role": "user", "parts": [_text(QUESTION)]}]}
STREAM = {"gen_ai.request.stream": True}
FIRST_CHUNK = {"gen_ai.response.time_to_first_chunk": ANY}

# --- converse -------------------------------------------------------------------------------------------------------

SCHEMA = {"type": "object", "properties": {"name": {"type": "string"}}}
CONVERSE: Mapping[str, Any] = {
    "modelId": CLAUDE,
    "system": [{"text": "Be short."}, {"cachePoint": {"type": "default"}}],
    "messages": [
        {
            "role": "user",
            "content": [
                {"text": QUESTION},
                {"image": {"format": "png", "source": {"bytes": b"\x89PNG\r\n"}}},
                {"document": {"format": "txt", "name": "peaks", "source": {"text": ANSWER}}},
            ],
        },
        {
            "role": "assistant",
            "content": [{"toolUse": {"toolUseId": "t1", "name": "altitude", "input": {"name": "x"}}}],
        },
        {"role": "user", "content": [{"toolResult": {"toolUseId": "t1", "content": [{"json": {"metres": 8849}}]}}]},
    ],
    "inferenceConfig": {"maxTokens": 64, "temperature": 0.5, "topP": 0.9, "stopSequences": ["END"]},
    "toolConfig": {
        "tools": [{"toolSpec": {"name": "altitude", "description": "Height", "inputSchema": {"json": SCHEMA}}}]
    },
}
ASKED_CONVERSE = _at(
    CLAUDE,
    **{
        "gen_ai.request.max_tokens": 64,
        "gen_ai.request.temperature": 0.5,
        "gen_ai.request.top_p": 0.9,
        "gen_ai.request.stop_sequences": ("END",),
        "gen_ai.system_instructions": [_text("Be short."), {"type": "cachePoint"}],
        "gen_ai.tool.definitions": [
            {"type": "function", "name": "altitude", "description": "Height", "parameters": SCHEMA}
        ],
        "gen_ai.input.messages": [
            {
                "role": "user",
                "parts": [
                    _text(QUESTION),
                    {"type": "blob", "mime_type": "image/png", "modality": "image", "size": 6, "sha256": ANY},
                    {"type": "document", "content": ANSWER, "title": "peaks"},
                ],
            },
            {
                "role": "assistant",
                "parts": [{"type": "tool_call", "id": "t1", "name": "altitude", "arguments": {"name": "x"}}],
            },
            {
                "role": "tool",
                "parts": [{"type": "tool_call_response", "id": "t1", "response": {"metres": 8849}}],
            },
        ],
    },
)
USAGE = {
    "inputTokens": 20,
    "outputTokens": 30,
    "totalTokens": 1150,
    "cacheReadInputTokens": 1000,
    "cacheWriteInputTokens": 100,
}
CONVERSED = {
    "output": {
        "message": {
            "role": "assistant",
            "content": [
                {"reasoningContent": {"reasoningText": {"text": "A height.", "signature": "c2ln"}}},
                {"text": ANSWER},
                {"toolUse": {"toolUseId": "t2", "name": "altitude", "input": {"name": "K2"}}},
            ],
        }
    },
    "stopReason": "tool_use",
    "usage": USAGE,
    "metrics": {"latencyMs": 100},
}
REASONING = {"type": "reasoning", "content": "A height."}
COUNTS = {"input": 1120, "output": 30, "read": 1000, "written": 100}


def _called(arguments: Any) -> dict[str, Any]:
    return {"type": "tool_call", "id": "t2", "name": "altitude", "arguments": arguments}


def _delta(index: int, **delta: Any) -> bytes:
    return event("contentBlockDelta", {"contentBlockIndex": index, "delta": delta})


TOOL = {"toolUse": {"toolUseId": "t2", "name": "altitude"}}
CONVERSE_EVENTS = [
    event("messageStart", {"role": "assistant"}),
    _delta(0, reasoningContent={"text": "A height."}),
    _delta(1, text="Everest is "),
    _delta(1, text="8,849 m high."),
    event("contentBlockStop", {"contentBlockIndex": 1}),
    event("contentBlockStart", {"contentBlockIndex": 2, "start": TOOL}),
    _delta(2, toolUse={"input": '{"name": '}),
    _delta(2, toolUse={"input": '"K2"}'}),
    event("messageStop", {"stopReason": "tool_use"}),
    event("metadata", {"usage": USAGE, "metrics": {"latencyMs": 100}}),
]

# --- bodies ---------------------------------------------------------------------------------------------------------

CLAUDE_BODY = {
    "anthropic_version": "bedrock-2023-05-31",
    "max_tokens": 64,
    "system": "Be short.",
    "messages": [{"role": "user", "content": [{"type": "text", "text": QUESTION}]}],
}
ASKED_CLAUDE = _at(
    CLAUDE,
    **ASKED_PLAIN,
    **{"gen_ai.request.max_tokens": 64, "gen_ai.system_instructions": [_text("Be short.")]},
)
CLAUDE_USAGE = {"input_tokens": 20, "cache_read_input_tokens": 1000, "cache_creation_input_tokens": 100}
CLAUDE_SAID = {
    "id": "msg_1",
    "type": "message",
    "role": "assistant",
    "model": "claude-sonnet-4-5-20250929",
    "content": [{"type": "text", "text": ANSWER}],
    "stop_reason": "end_turn",
    "usage": {**CLAUDE_USAGE, "output_tokens": 30},
}
ANSWERED_CLAUDE = _said(_text(ANSWER), **COUNTS) | {"gen_ai.response.id": "msg_1"}
METRICS = {"inputTokenCount": 12, "outputTokenCount": 9, "invocationLatency": 100, "firstByteLatency": 50}


def chunks_of(*chunks: Mapping[str, Any]) -> list[bytes]:
    return [event("chunk", {"bytes": base64.b64encode(json.dumps(chunk).encode()).decode()}) for chunk in chunks]


CLAUDE_CHUNKS = chunks_of(
    {
        "type": "message_start",
        "message": {
            **CLAUDE_SAID,
            "content": [],
            "stop_reason": None,
            "usage": {**CLAUDE_USAGE, "output_tokens": 1},  # before anything is generated
        },
    },
    {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
    {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "Everest is "}},
    {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "8,849 m high."}},
    {"type": "content_block_stop", "index": 0},
    {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": 30}},
    {"type": "message_stop", "amazon-bedrock-invocationMetrics": METRICS},
)
LLAMA_BODY = {"prompt": QUESTION, "max_gen_len": 64, "temperature": 0.5, "top_p": 0.9}
ASKED_LLAMA = _at(
    LLAMA,
    **ASKED_PLAIN,
    **{"gen_ai.request.max_tokens": 64, "gen_ai.request.temperature": 0.5, "gen_ai.request.top_p": 0.9},
)
LLAMA_CHUNKS = chunks_of(
    {"generation": "", "prompt_token_count": 12, "generation_token_count": 1, "stop_reason": None},
    {"generation": "Everest is ", "prompt_token_count": None, "generation_token_count": 4, "stop_reason": None},
    {"generation": "8,849 m ", "prompt_token_count": None, "generation_token_count": 7, "stop_reason": None},
    {"generation": "high.", "prompt_token_count": None, "generation_token_count": 9, "stop_reason": "stop"},
)
TITAN_BODY = {"inputText": QUESTION, "textGenerationConfig": {"maxTokenCount": 64, "stopSequences": ["END"]}}
ASKED_TITAN = _at(TITAN, **ASKED_PLAIN, **{"gen_ai.request.max_tokens": 64, "gen_ai.request.stop_sequences": ("END",)})
NOVA_BODY = {"messages": [{"role": "user", "content": [{"text": QUESTION}]}], "inferenceConfig": {"max_new_tokens": 64}}
ASKED_NOVA = _at(NOVA, **ASKED_PLAIN, **{"gen_ai.request.max_tokens": 64})
NOVA_SAID = {
    "output": {"message": {"role": "assistant", "content": [{"text": ANSWER}]}},
    "stopReason": "end_turn",
    "usage": {"inputTokens": 12, "outputTokens": 9, "totalTokens": 21, "cacheReadInputTokenCount": 0},
}
NOVA_CHUNKS = chunks_of(
    {"messageStart": {"role": "assistant"}},
    {"contentBlockDelta": {"delta": {"text": "Everest is "}, "contentBlockIndex": 0}},
    {"contentBlockDelta": {"delta": {"text": "8,849 m high."}, "contentBlockIndex": 0}},
    {"messageStop": {"stopReason": "end_turn"}},
    {"metadata": {"usage": NOVA_SAID["usage"]}, "amazon-bedrock-invocationMetrics": METRICS},
)
PLAIN_COUNTS = {"input": 12, "output": 9}
HEADERS = {"x-amzn-bedrock-input-token-count": "12", "x-amzn-bedrock-output-token-count": "9"}


def _case(
    name: str,
    call: Callable[[Any], Any],
    answer: Answer,
    asked: Mapping[str, Any],
    answered: Mapping[str, Any],
    partial: Mapping[str, Any] | None = None,
    unread_input_tokens: int | None = None,
    service: str = "bedrock-runtime",
) -> Case:
    modes: set[Mode] = {"answer", "error", "interrupt"}
    rest: dict[str, Any] = {}
    if partial is not None:
        modes |= {"break"}
        rest = {"streams": True, "bare": True, "kind": EventStream, "partial_chunks": CUT}
        rest["partial"] = {**partial, **FIRST_CHUNK}
        asked, answered = {**asked, **STREAM}, {**answered, **FIRST_CHUNK}
    return Case(
        name=name,
        provider=PROVIDER,
        client=opens(answer, service),
        call=call,
        span=f"{asked['gen_ai.operation.name']} {asked['gen_ai.request.model']}",
        asked=asked,
        answered=answered,
        modes=modes,
        unread_input_tokens=unread_input_tokens,
        **rest,
    )


def _reads(model: str, body: Any, read: Callable[[Any], Any] = lambda body: body.read()) -> Callable[[Any], Any]:
    return lambda client: read(client.invoke_model(modelId=model, body=json.dumps(body))["body"])


def _streams(model: str, body: Any) -> Callable[[Any], Any]:
    return lambda client: client.invoke_model_with_response_stream(modelId=model, body=json.dumps(body))["body"]


def _read_within(body: Any) -> Any:
    with body as raw:
        return raw.read()


DOCUMENTS = ["K2 is 8,611 m high.", ANSWER]

# --- answers out of a knowledge base --------------------------------------------------------------------------------

AGENTS = "bedrock-agent-runtime"
ASKS = {
    "input": {"text": QUESTION},
    "retrieveAndGenerateConfiguration": {
        "type": "KNOWLEDGE_BASE",
        "knowledgeBaseConfiguration": {
            "knowledgeBaseId": "KB12345678",
            "modelArn": f"arn:aws:bedrock:us-east-1:1234:inference-profile/{CLAUDE}",
            "retrievalConfiguration": {"vectorSearchConfiguration": {"numberOfResults": 2}},
            "generationConfiguration": {
                "inferenceConfig": {
                    "textInferenceConfig": {"temperature": 0.5, "maxTokens": 64, "stopSequences": ["END"]}
                }
            },
        },
    },
}
ASKED_BASE = _at(
    CLAUDE,
    **ASKED_PLAIN,
    **{
        "server.address": f"{AGENTS}.us-east-1.amazonaws.com",
        "gen_ai.data_source.id": "KB12345678",
        "gen_ai.retrieval.top_k": 2,
        "gen_ai.request.max_tokens": 64,
        "gen_ai.request.temperature": 0.5,
        "gen_ai.request.stop_sequences": ("END",),
    },
)
REFERENCE = {
    "content": {"type": "TEXT", "text": ANSWER},
    "location": {"type": "S3", "s3Location": {"uri": "s3://peaks/everest.txt"}},
    "metadata": {"page": 3},
}
CITED = {"generatedResponsePart": {"textResponsePart": {"text": ANSWER}}, "retrievedReferences": [REFERENCE]}
ANSWERED_BASE = _said(_text(ANSWER), reason=None) | {
    "gen_ai.retrieval.documents": [{"id": "s3://peaks/everest.txt", "content": ANSWER, "metadata": {"page": 3}}],
}

CASES = [
    _case(
        "converse",
        lambda c: c.converse(**CONVERSE),
        Answer(CONVERSED),
        ASKED_CONVERSE,
        _said(REASONING, _text(ANSWER), _called({"name": "K2"}), reason="tool_call", **COUNTS),
    ),
    _case(
        "converse stream",
        lambda c: c.converse_stream(**CONVERSE)["stream"],
        Answer(events=CONVERSE_EVENTS, cut=CUT),
        ASKED_CONVERSE,
        _said(REASONING, _text(ANSWER), _called('{"name": "K2"}'), reason="tool_call", **COUNTS),
        _said(REASONING, _text("Everest is "), reason=None, input=84, output=5),
    ),
    _case("claude", _reads(CLAUDE, CLAUDE_BODY), Answer(CLAUDE_SAID), ASKED_CLAUDE, ANSWERED_CLAUDE),
    _case(
        "claude in chunks",
        _reads(CLAUDE, CLAUDE_BODY, lambda body: b"".join(body.iter_chunks(7))),
        Answer(CLAUDE_SAID),
        ASKED_CLAUDE,
        ANSWERED_CLAUDE,
    ),
    _case(
        "claude in a with",
        _reads(CLAUDE, CLAUDE_BODY, _read_within),
        Answer(CLAUDE_SAID),
        ASKED_CLAUDE,
        ANSWERED_CLAUDE,
    ),
    _case(
        "claude stream",
        _streams(CLAUDE, CLAUDE_BODY),
        Answer(events=CLAUDE_CHUNKS, cut=CUT),
        ASKED_CLAUDE,
        ANSWERED_CLAUDE,
        _said(_text("Everest is "), reason=None, input=1120, output=2, read=1000, written=100)
        | {"gen_ai.response.id": "msg_1"},
        unread_input_tokens=8,
    ),
    _case(
        "llama",
        _reads(LLAMA, LLAMA_BODY, lambda body: list(body.iter_lines())),
        Answer({"generation": ANSWER, "prompt_token_count": 12, "generation_token_count": 9, "stop_reason": "stop"}),
        ASKED_LLAMA,
        _said(_text(ANSWER), **PLAIN_COUNTS),
    ),
    _case(
        "llama stream",
        lambda c: list(_streams(LLAMA, LLAMA_BODY)(c)),  # each chunk counts: there is nothing to estimate
        Answer(events=LLAMA_CHUNKS),
        {**ASKED_LLAMA, **STREAM},
        {**_said(_text(ANSWER), **PLAIN_COUNTS), **FIRST_CHUNK},
    ),
    _case(
        "titan",
        _reads(TITAN, TITAN_BODY),
        Answer(
            {
                "inputTextTokenCount": 12,
                "results": [{"tokenCount": 9, "outputText": ANSWER, "completionReason": "FINISH"}],
            }
        ),
        ASKED_TITAN,
        _said(_text(ANSWER), **PLAIN_COUNTS),
    ),
    _case("nova", _reads(NOVA, NOVA_BODY), Answer(NOVA_SAID), ASKED_NOVA, _said(_text(ANSWER), **PLAIN_COUNTS, read=0)),
    _case(
        "nova stream",
        _streams(NOVA, NOVA_BODY),
        Answer(events=NOVA_CHUNKS, cut=CUT),
        ASKED_NOVA,
        _said(_text(ANSWER), **PLAIN_COUNTS, read=0),
        _said(_text(ANSWER), reason=None, input=5, output=8),
    ),
    _case(
        "mistral, tokens in the headers",
        _reads("mistral.mistral-7b-instruct-v0:2", {"prompt": QUESTION, "max_tokens": 64}),
        Answer({"outputs": [{"text": ANSWER, "stop_reason": "length"}]}, headers=HEADERS),
        _at("mistral.mistral-7b-instruct-v0:2", **ASKED_PLAIN, **{"gen_ai.request.max_tokens": 64}),
        _said(_text(ANSWER), reason="length", **PLAIN_COUNTS),
    ),
    _case(
        "embeddings",
        _reads("amazon.titan-embed-text-v2:0", {"inputText": QUESTION, "dimensions": 256}),
        Answer({"embedding": [0.5, 0.25], "inputTextTokenCount": 5}),
        _at("amazon.titan-embed-text-v2:0", "embeddings", **{"gen_ai.embeddings.dimension.count": 256}),
        {"gen_ai.usage.input_tokens": 5},
    ),
    _case(
        "retrieve and generate",
        lambda c: c.retrieve_and_generate(**ASKS),
        Answer(
            {"sessionId": "s-1", "output": {"text": ANSWER}, "citations": [CITED, CITED], "guardrailAction": "NONE"}
        ),
        ASKED_BASE,
        ANSWERED_BASE | {"gen_ai.conversation.id": "s-1"},
        service=AGENTS,
    ),
    _case(
        "retrieve and generate stream",
        lambda c: list(c.retrieve_and_generate_stream(**ASKS)["stream"]),  # how many tokens it took nobody is told
        Answer(
            events=[
                event("output", {"text": "Everest is "}),
                event("output", {"text": "8,849 m high."}),
                event("citation", {"citation": CITED}),
                event("citation", CITED),
                event("guardrail", {"action": "NONE"}),
            ]
        ),
        {**ASKED_BASE, **STREAM},
        {**ANSWERED_BASE, **FIRST_CHUNK},
        service=AGENTS,
    ),
    _case(
        "rerank",
        _reads("cohere.rerank-v3-5:0", {"query": QUESTION, "documents": DOCUMENTS, "top_n": 2, "api_version": 2}),
        Answer({"results": [{"index": 1, "relevance_score": 0.9}, {"index": 0, "relevance_score": 0.2}]}),
        _at(
            "cohere.rerank-v3-5:0",
            "rerank",
            **{
                "gen_ai.retrieval.top_k": 2,
                "gen_ai.retrieval.query.text": QUESTION,
                "groundwire.rerank.input_documents": [{"content": text} for text in DOCUMENTS],
            },
        ),
        {
            "groundwire.retrieval.higher_is_better": True,
            "gen_ai.retrieval.documents": [
                {"score": 0.9, "content": DOCUMENTS[1]},
                {"score": 0.2, "content": DOCUMENTS[0]},
            ],
        },
    ),
]

# Shapes of bodies and ways of reading them that the whole suite need not run on.
_ALONE = ("claude in chunks", "claude in a with", "titan", "nova", "llama stream", "mistral, tokens in the headers")
MORE = [case for case in CASES if case.name in _ALONE]
CASES = [case for case in CASES if case.name not in _ALONE]
