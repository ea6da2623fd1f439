"""Amazon Bedrock by boto3: `converse` and `invoke_model` of every family of models, knowledge bases, reranking.

Clients are made of data when they are asked for; what all of their calls pass through is one method of botocore's
client. Bedrock counts cached tokens beside `inputTokens`: they are added up here. The id that was asked for stays the
model: what is billed depends on the region that it begins with.
"""

import json
from collections.abc import Callable, Mapping
from typing import Any

from groundwire.hosts import server
from groundwire.media import blob_part, uri_part
from groundwire.model import Document, Message, Operation, Provider, Request, Response, Usage
from groundwire_instrumentation import _bedrock_bodies as bedrock_bodies

_TARGETS = ("botocore.client:BaseClient._make_api_call",)
_PARAMETERS: Mapping[str, str] = {
    "temperature": "gen_ai.request.temperature",
    "topP": "gen_ai.request.top_p",
    "maxTokens": "gen_ai.request.max_tokens",
}


def _calls(operation: str, kind: str | None = None) -> Callable[[Mapping[str, Any]], bool]:
    def applies(arguments: Mapping[str, Any]) -> bool:
        if arguments["operation_name"] != operation:
            return False
        return kind is None or bedrock_bodies.kind(arguments["api_params"].get("modelId")) == kind

    return applies


def _of_a_knowledge_base(arguments: Mapping[str, Any]) -> bool:
    return arguments["operation_name"] == "Retrieve" and "knowledgeBaseId" in arguments["api_params"]


def _common(client: Any, arguments: Mapping[str, Any]) -> dict[str, Any]:
    asked = arguments["api_params"]
    _, address, port = server(client.meta.endpoint_url)
    return {
        "model": _named(asked.get("modelId")),
        "provider": "aws.bedrock",
        "server_address": address,
        "server_port": port,
        "stream": arguments["operation_name"].endswith("Stream"),
        "terms": _terms(asked),
    }


def _named(model: Any) -> Any:
    """A model's id, out of its ARN where that tells it."""
    known = isinstance(model, str) and "profile/" in model.replace("foundation-model/", "profile/")
    return model.rpartition("/")[2] if known else model


def _terms(asked: Mapping[str, Any]) -> dict[str, str]:
    """What makes a call dearer or cheaper than usual: `converse` and `invoke_model` spell it differently."""
    tier, speed = asked.get("serviceTier"), asked.get("performanceConfig")
    terms = {
        "service_tier": tier.get("type") if isinstance(tier, Mapping) else tier,
        "latency": speed.get("latency") if isinstance(speed, Mapping) else asked.get("performanceConfigLatency"),
    }
    return {name: value for name, value in terms.items() if value not in (None, "default", "standard")}


# --- converse -------------------------------------------------------------------------------------------------------


def _converse(client: Any, arguments: Mapping[str, Any]) -> Request:
    return Request(**_common(client, arguments), **conversation(arguments["api_params"]))


def conversation(asked: Mapping[str, Any]) -> dict[str, Any]:
    """Messages, instructions, tools and parameters of a request in the shape of `converse`."""
    settings = asked.get("inferenceConfig") or {}
    attributes = {_PARAMETERS[k]: v for k, v in settings.items() if k in _PARAMETERS}
    if stop := settings.get("stopSequences"):
        attributes["gen_ai.request.stop_sequences"] = tuple(stop)
    return {
        "messages": [one for message in asked.get("messages") or () for one in _messages(message)],
        "instructions": [_part(block) for block in asked.get("system") or ()],
        "tools": [_tool(tool) for tool in (asked.get("toolConfig") or {}).get("tools") or ()],
        "attributes": attributes,
    }


def _tool(tool: Mapping[str, Any]) -> Mapping[str, Any]:
    spec = tool.get("toolSpec")
    if spec is None:
        return tool
    parameters = (spec.get("inputSchema") or {}).get("json")
    return {
        "type": "function",
        "name": spec.get("name"),
        "description": spec.get("description"),
        "parameters": parameters,
    }


def _messages(message: Mapping[str, Any]) -> list[Message]:
    """One message; what tools answered is a message of its own, as the conventions have it."""
    parts = [_part(block) for block in message.get("content") or ()]
    answers = [part for part in parts if part["type"] == "tool_call_response"]
    rest = [part for part in parts if part["type"] != "tool_call_response"]
    found: list[Message] = [{"role": "tool", "parts": answers}] if answers else []
    return [*found, {"role": message.get("role"), "parts": rest}] if rest or not answers else found


def _part(block: Mapping[str, Any]) -> dict[str, Any]:
    """One content block: a mapping of its one kind to its content."""
    kind: str = next(iter(block), "text")
    value: Any = block.get(kind, "")
    if kind == "text":
        return {"type": "text", "content": value}
    if kind == "toolUse":
        call = {"id": value.get("toolUseId"), "name": value.get("name"), "arguments": value.get("input")}
        return {"type": "tool_call", **call}
    if kind == "toolResult":
        given = list(value.get("content") or ())
        answer = given[0]["json"] if len(given) == 1 and "json" in given[0] else _text(given)
        return {"type": "tool_call_response", "id": value.get("toolUseId"), "response": answer}
    if kind == "reasoningContent":
        return {"type": "reasoning", "content": (value.get("reasoningText") or {}).get("text") or ""}
    if kind in ("citationsContent", "searchResult"):
        return {"type": "text", "content": _text(value.get("content") or ())}
    if kind == "guardContent":
        return {"type": "text", "content": (value.get("text") or {}).get("text") or ""}
    if kind in ("image", "document", "video", "audio"):
        source = value.get("source") or {}
        if "text" in source or "content" in source:  # a document to be cited: what the answer rests on
            return {"type": "text", "content": source.get("text") or _text(source.get("content") or ())}
        if "bytes" in source:
            return blob_part(kind, f"{kind}/{value.get('format', 'unknown')}", source["bytes"])
        return uri_part(kind, (source.get("s3Location") or {}).get("uri"))
    return {"type": kind}


def _text(blocks: Any) -> str:
    return "\n".join(part["content"] for part in map(_part, blocks) if part["type"] == "text")


def usage(given: Any) -> Usage | None:
    """Usage of `converse`, and of models that write their bodies like it; cached tokens come beside the input."""
    if not given:
        return None
    read = given.get("cacheReadInputTokens", given.get("cacheReadInputTokenCount"))
    written = given.get("cacheWriteInputTokens", given.get("cacheWriteInputTokenCount"))
    plain = given.get("inputTokens")
    total = None if plain is None else plain + (read or 0) + (written or 0)
    hour = [entry["inputTokens"] for entry in given.get("cacheDetails") or () if entry.get("ttl") == "1h"]
    return Usage(total, given.get("outputTokens"), read, written, cache_creation_1h_tokens=sum(hour) if hour else None)


def answer(result: Mapping[str, Any]) -> Response:
    """The answer of `converse`, or of a model whose body is like it."""
    reason = result.get("stopReason")
    message = (result.get("output") or {}).get("message") or {}
    parts = [_part(block) for block in message.get("content") or ()]
    return Response(
        messages=[{"role": message.get("role") or "assistant", "parts": parts}],
        finish_reasons=(bedrock_bodies.FINISH.get(reason, reason),) if reason else (),
        usage=usage(result.get("usage")),
    )


class Events:
    """Events of a streamed answer; content blocks may come in turns."""

    def __init__(self) -> None:
        self._blocks: dict[int, list[Any]] = {}
        self._whole: dict[str, Any] = {}
        self._role = "assistant"

    def add(self, event: Mapping[str, Any]) -> None:
        if (start := event.get("messageStart")) is not None:
            self._role = start.get("role") or self._role
        elif (start := event.get("contentBlockStart")) is not None:
            tool = (start.get("start") or {}).get("toolUse")
            if tool is not None:
                self._blocks[start.get("contentBlockIndex", 0)] = ["toolUse", tool, []]
        elif (given := event.get("contentBlockDelta")) is not None:
            delta = given.get("delta") or {}
            kind = next((kind for kind in ("text", "toolUse", "reasoningContent") if kind in delta), None)
            if kind is not None:
                piece = delta[kind] if kind == "text" else delta[kind].get("input" if kind == "toolUse" else "text")
                block = self._blocks.setdefault(given.get("contentBlockIndex", 0), [kind, {}, []])
                block[2].append(piece if isinstance(piece, str) else "")
        elif (stop := event.get("messageStop")) is not None:
            self._whole["stopReason"] = stop.get("stopReason")
        elif (metadata := event.get("metadata")) is not None:
            self._whole["usage"] = metadata.get("usage")

    def response(self) -> Response:
        content: list[Any] = []
        for _, (kind, tool, pieces) in sorted(self._blocks.items()):
            text = "".join(pieces)
            if kind == "toolUse":
                content.append({"toolUse": {**tool, "input": text}})
            else:
                content.append(
                    {"text": text} if kind == "text" else {"reasoningContent": {"reasoningText": {"text": text}}}
                )
        return answer({"output": {"message": {"role": self._role, "content": content}}, **self._whole})


# --- invoke_model ---------------------------------------------------------------------------------------------------


def _invoke(client: Any, arguments: Mapping[str, Any]) -> Request:
    body = bedrock_bodies.document(arguments["api_params"].get("body"))
    asked = conversation(body) if bedrock_bodies.is_conversation(body) else bedrock_bodies.asked(body)
    return Request(**_common(client, arguments), **asked)


def _embed(client: Any, arguments: Mapping[str, Any]) -> Request:
    body = bedrock_bodies.document(arguments["api_params"].get("body"))
    return Request(**_common(client, arguments), attributes=bedrock_bodies.parameters(body))


def _rerank(client: Any, arguments: Mapping[str, Any]) -> Request:
    asked = bedrock_bodies.ranking(bedrock_bodies.document(arguments["api_params"].get("body")))
    return Request(**_common(client, arguments), **asked, read=bedrock_bodies.ranked(asked["documents"]))


def _headers(result: Mapping[str, Any]) -> Mapping[str, Any]:
    return (result.get("ResponseMetadata") or {}).get("HTTPHeaders") or {}


def _invoked(result: Mapping[str, Any]) -> Response:
    body = result.get("body") or {}
    return answer(body) if isinstance(body.get("output"), Mapping) else bedrock_bodies.answered(body, _headers(result))


def _embedded(result: Mapping[str, Any]) -> Response:
    return Response(usage=bedrock_bodies.usage(result.get("body") or {}, _headers(result)))


class _Chunks:
    """Chunks of a body that is streamed, each a document of its maker's; Nova's are events of `converse`."""

    def __init__(self) -> None:
        self._nova = Events()
        self._other: bedrock_bodies.Chunks | None = None

    def add(self, event: Mapping[str, Any]) -> None:
        chunk = bedrock_bodies.document((event.get("chunk") or {}).get("bytes"))
        if _NOVA & chunk.keys():
            self._nova.add(chunk)
        elif chunk:
            self._other = self._other or bedrock_bodies.Chunks()
            self._other.add(chunk)

    def response(self) -> Response:
        return (self._other or self._nova).response()


# --- knowledge bases, and reranking without a body ------------------------------------------------------------------


def _retrieve(client: Any, arguments: Mapping[str, Any]) -> Request:
    asked = arguments["api_params"]
    settings = (asked.get("retrievalConfiguration") or {}).get("vectorSearchConfiguration") or {}
    query, top_k = (asked.get("retrievalQuery") or {}).get("text"), settings.get("numberOfResults")
    return Request(query=query, top_k=top_k, data_source=asked["knowledgeBaseId"], **_common(client, arguments))


def _retrieved(result: Mapping[str, Any]) -> Response:
    found = [
        Document((row.get("content") or {}).get("text"), _place(row), row.get("score"), row.get("metadata"))
        for row in result.get("retrievalResults") or ()
    ]
    return Response(documents=found, higher_is_better=True)


def _place(row: Mapping[str, Any]) -> str | None:
    """The document's id, or where it is: each kind of location has a mapping of its own, with one text in it."""
    kinds = [kind for kind in (row.get("location") or {}).values() if isinstance(kind, Mapping)]
    return row.get("documentId") or next((text for kind in kinds for text in kind.values()), None)


def _rank(client: Any, arguments: Mapping[str, Any]) -> Request:
    asked = arguments["api_params"]
    settings = (asked.get("rerankingConfiguration") or {}).get("bedrockRerankingConfiguration") or {}
    given = [source.get("inlineDocumentSource") or {} for source in asked.get("sources") or ()]
    documents = [
        Document((one.get("textDocument") or {}).get("text") or json.dumps(one.get("jsonDocument"))) for one in given
    ]

    def read(result: Mapping[str, Any]) -> Response:
        rows = result.get("results") or ()
        ranked = [Document(documents[row["index"]].text, score=row.get("relevanceScore")) for row in rows]
        return Response(documents=ranked, higher_is_better=True)

    common = _common(client, arguments)
    common["model"] = _named((settings.get("modelConfiguration") or {}).get("modelArn"))
    queries = [(query.get("textQuery") or {}).get("text") or "" for query in asked.get("queries") or ()]
    return Request(query=queries, documents=documents, top_k=settings.get("numberOfResults"), read=read, **common)


_NOVA = {"messageStart", "contentBlockStart", "contentBlockDelta", "contentBlockStop", "messageStop", "metadata"}
_INVOKE, _STREAM = "InvokeModel", "InvokeModelWithResponseStream"


PROVIDER = Provider(
    name="bedrock",
    module="botocore",
    distribution="boto3",
    operations=(
        Operation("chat", _TARGETS, _converse, answer, applies=_calls("Converse")),
        Operation("chat", _TARGETS, _converse, answer, Events, part="stream", applies=_calls("ConverseStream")),
        Operation("chat", _TARGETS, _invoke, _invoked, part="body", applies=_calls(_INVOKE, "chat")),
        Operation("chat", _TARGETS, _invoke, _invoked, _Chunks, part="body", applies=_calls(_STREAM)),
        Operation("embeddings", _TARGETS, _embed, _embedded, part="body", applies=_calls(_INVOKE, "embeddings")),
        Operation("rerank", _TARGETS, _rerank, _invoked, part="body", applies=_calls(_INVOKE, "rerank")),
        Operation("rerank", _TARGETS, _rank, _invoked, applies=_calls("Rerank")),
        Operation("retrieval", _TARGETS, _retrieve, _retrieved, applies=_of_a_knowledge_base),
    ),
)
