"""Amazon Bedrock by boto3: `converse` and `invoke_model` of every family of models, knowledge bases, reranking.

Clients are made of data when they are asked for; what all of their calls pass through is one method of botocore's
client. Bedrock counts cached tokens beside `inputTokens`: they are added up here. The id that was asked for stays the
model: what is billed depends on the region that it begins with.
"""

import json
from collections.abc import Callable, Mapping
from typing import Any

from groundwire.hosts import server
from groundwire.model import Document, Operation, Provider, Request, Response
from groundwire_instrumentation import _bedrock_answers as bedrock_answers
from groundwire_instrumentation import _bedrock_bodies as bedrock_bodies
from groundwire_instrumentation import _bedrock_converse, _bedrock_knowledge

_TARGETS = ("botocore.client:BaseClient._make_api_call",)


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
    known = isinstance(model, str) and ("profile/" in model or "foundation-model/" in model)
    return model.rpartition("/")[2] if known else model


def _terms(asked: Mapping[str, Any]) -> dict[str, str]:
    """What makes a call dearer or cheaper than usual: `converse` and `invoke_model` spell it differently."""
    if _TERMS.isdisjoint(asked):
        return {}
    tier, speed = asked.get("serviceTier"), asked.get("performanceConfig")
    terms = {
        "service_tier": tier.get("type") if isinstance(tier, Mapping) else tier,
        "latency": speed.get("latency") if isinstance(speed, Mapping) else asked.get("performanceConfigLatency"),
    }
    return {name: value for name, value in terms.items() if value not in (None, "default", "standard")}


_TERMS = {"serviceTier", "performanceConfig", "performanceConfigLatency"}


# --- converse -------------------------------------------------------------------------------------------------------


def _converse(client: Any, arguments: Mapping[str, Any]) -> Request:
    return Request(**_common(client, arguments), **_bedrock_converse.conversation(arguments["api_params"]))


# --- invoke_model ---------------------------------------------------------------------------------------------------


def _invoke(client: Any, arguments: Mapping[str, Any]) -> Request:
    body = bedrock_bodies.document(arguments["api_params"].get("body"))
    asked = _bedrock_converse.conversation(body) if bedrock_bodies.is_conversation(body) else bedrock_bodies.asked(body)
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
    return (
        _bedrock_converse.answer(body)
        if isinstance(body.get("output"), Mapping)
        else bedrock_answers.answered(body, _headers(result))
    )


def _embedded(result: Mapping[str, Any]) -> Response:
    return Response(usage=bedrock_answers.usage(result.get("body") or {}, _headers(result)))


class _Chunks:
    """Chunks of a body that is streamed, each a document of its maker's; Nova's are events of `converse`."""

    def __init__(self) -> None:
        self._nova = _bedrock_converse.Events()
        self._other: bedrock_answers.Chunks | None = None

    def add(self, event: Mapping[str, Any]) -> None:
        chunk = bedrock_bodies.document((event.get("chunk") or {}).get("bytes"))
        if _NOVA & chunk.keys():
            self._nova.add(chunk)
        elif chunk:
            self._other = self._other or bedrock_answers.Chunks()
            self._other.add(chunk)

    def response(self) -> Response:
        return (self._other or self._nova).response()


# --- knowledge bases, and reranking without a body ------------------------------------------------------------------


def _retrieve(client: Any, arguments: Mapping[str, Any]) -> Request:
    return Request(**_common(client, arguments), **_bedrock_knowledge.searched(arguments["api_params"]))


def _ask(client: Any, arguments: Mapping[str, Any]) -> Request:
    asked = arguments["api_params"]
    return Request(
        **_common(client, arguments) | {"model": _named(_bedrock_knowledge.model(asked))},
        **_bedrock_knowledge.asked(asked),
    )


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
        Operation("chat", _TARGETS, _converse, _bedrock_converse.answer, applies=_calls("Converse")),
        Operation(
            "chat",
            _TARGETS,
            _converse,
            _bedrock_converse.answer,
            _bedrock_converse.Events,
            part="stream",
            applies=_calls("ConverseStream"),
        ),
        Operation("chat", _TARGETS, _invoke, _invoked, part="body", applies=_calls(_INVOKE, "chat")),
        Operation("chat", _TARGETS, _invoke, _invoked, _Chunks, part="body", applies=_calls(_STREAM)),
        Operation("embeddings", _TARGETS, _embed, _embedded, part="body", applies=_calls(_INVOKE, "embeddings")),
        Operation("rerank", _TARGETS, _rerank, _invoked, part="body", applies=_calls(_INVOKE, "rerank")),
        Operation("rerank", _TARGETS, _rank, _invoked, applies=_calls("Rerank")),
        Operation("retrieval", _TARGETS, _retrieve, _bedrock_knowledge.found, applies=_of_a_knowledge_base),
        Operation("chat", _TARGETS, _ask, _bedrock_knowledge.answered, applies=_calls("RetrieveAndGenerate")),
        Operation(
            "chat",
            _TARGETS,
            _ask,
            _bedrock_knowledge.answered,
            _bedrock_knowledge.Events,
            part="stream",
            applies=_calls("RetrieveAndGenerateStream"),
        ),
    ),
)
