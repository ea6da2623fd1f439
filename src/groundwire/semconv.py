"""Every attribute name that groundwire writes, and the functions that write them.

Names follow the OpenTelemetry GenAI conventions (semantic-conventions-genai v0.1.0, status Development), with
two deliberate choices: `gen_ai.usage.cache_creation.input_tokens` instead of the newer `cache_write` (it is what
Jaeger, Phoenix and the shipped SDKs read today), and `gen_ai.usage.cost` in USD (no convention exists; it is the
name that shipped dashboards query). Names under `groundwire.` are ours.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from groundwire.budget import bounded_messages, bounded_rows, encodable, to_json
from groundwire.model import Document, OperationKind, Request, Response, Usage
from groundwire.readable import readable

SEMCONV_VERSION = "0.1.0"

OPERATION = "gen_ai.operation.name"
PROVIDER = "gen_ai.provider.name"
REQUEST_MODEL = "gen_ai.request.model"
REQUEST_STREAM = "gen_ai.request.stream"
RESPONSE_MODEL = "gen_ai.response.model"
RESPONSE_ID = "gen_ai.response.id"
FINISH_REASONS = "gen_ai.response.finish_reasons"
TIME_TO_FIRST_CHUNK = "gen_ai.response.time_to_first_chunk"
INPUT_MESSAGES = "gen_ai.input.messages"
OUTPUT_MESSAGES = "gen_ai.output.messages"
SYSTEM_INSTRUCTIONS = "gen_ai.system_instructions"
TOOL_DEFINITIONS = "gen_ai.tool.definitions"

INPUT_TOKENS = "gen_ai.usage.input_tokens"
OUTPUT_TOKENS = "gen_ai.usage.output_tokens"
CACHE_READ_TOKENS = "gen_ai.usage.cache_read.input_tokens"
CACHE_CREATION_TOKENS = "gen_ai.usage.cache_creation.input_tokens"
REASONING_TOKENS = "gen_ai.usage.reasoning.output_tokens"
USAGE_SOURCE = "groundwire.usage.source"
USAGE_APART = "groundwire.usage."
COST = "gen_ai.usage.cost"
COST_SOURCE = "groundwire.cost.source"

RETRIEVAL_QUERY = "gen_ai.retrieval.query.text"
RETRIEVAL_DOCUMENTS = "gen_ai.retrieval.documents"
RETRIEVAL_TOP_K = "gen_ai.retrieval.top_k"
HIGHER_IS_BETTER = "groundwire.retrieval.higher_is_better"
DATA_SOURCE = "gen_ai.data_source.id"
RERANK_INPUT = "groundwire.rerank.input_documents"

SERVER_ADDRESS = "server.address"
SERVER_PORT = "server.port"
ERROR_TYPE = "error.type"
STREAM_INCOMPLETE = "groundwire.stream.incomplete"
PART_OF = "groundwire.part_of"
"""On a model call: the kind of search inside which it was made. It gives no answer."""

AGENT_NAME = "gen_ai.agent.name"
TOOL_NAME = "gen_ai.tool.name"
TOOL_DESCRIPTION = "gen_ai.tool.description"
TOOL_TYPE = "gen_ai.tool.type"
TOOL_CALL_ID = "gen_ai.tool.call.id"
TOOL_ARGUMENTS = "gen_ai.tool.call.arguments"
TOOL_RESULT = "gen_ai.tool.call.result"
GUARDRAIL_TRIGGERED = "groundwire.guardrail.triggered"
REQUEST_COST = "groundwire.request.cost"
REQUEST_TOKENS = "groundwire.request.tokens"
SPAN_KIND = "openinference.span.kind"
INPUT_VALUE = "input.value"
OUTPUT_VALUE = "output.value"
REFERENCE = "groundwire.reference"

EXPERIMENT = "groundwire.experiment.name"
EXPERIMENT_REPEAT = "groundwire.experiment.repeat"
EXPERIMENT_EVALUATORS = "groundwire.experiment.evaluators"
DATASET = "groundwire.dataset.name"
DATASET_HASH = "groundwire.dataset.hash"
CASE_ID = "groundwire.case.id"
CASE_TAGS = "groundwire.case.tags"
CASE_SLICE = "groundwire.case.slice."
APP_VERSION = "app.version"

EVALUATION = "gen_ai.evaluation"
EVALUATION_NAME = "gen_ai.evaluation.name"
EVALUATION_VALUE = "gen_ai.evaluation.score.value"
EVALUATION_LABEL = "gen_ai.evaluation.score.label"
EVALUATION_EXPLANATION = "gen_ai.evaluation.explanation"
EVALUATION_STATUS = "groundwire.evaluation.status"
EVALUATION_VERSION = "groundwire.evaluation.version"
EVALUATION_EVIDENCE = "groundwire.evaluation.evidence"
EVALUATION_DETAILS = "groundwire.evaluation.details"
EVALUATION_DURATION = "groundwire.evaluation.duration_ms"
EVALUATION_PASSED = "groundwire.evaluation.passed"
EVALUATION_THRESHOLD = "groundwire.evaluation.threshold"
EVALUATION_MODEL = "groundwire.evaluation.model"
EVALUATION_INPUT_TOKENS = "groundwire.evaluation.input_tokens"
EVALUATION_OUTPUT_TOKENS = "groundwire.evaluation.output_tokens"
EVALUATION_COST = "groundwire.evaluation.cost"

OPERATION_NAMES: Mapping[OperationKind, str] = {
    "chat": "chat",
    "embeddings": "embeddings",
    "retrieval": "retrieval",
    "rerank": "rerank",
    "workflow": "invoke_workflow",
    "agent": "invoke_agent",
    "tool": "execute_tool",
}
WORKFLOW = OPERATION_NAMES["workflow"]
WHOLE = (WORKFLOW, OPERATION_NAMES["agent"])
"""The operations that stand for what was asked and answered as a whole."""
HOLDING: Mapping[OperationKind, Mapping[str, str]] = {
    "workflow": {SPAN_KIND: "CHAIN"},
    "agent": {SPAN_KIND: "AGENT"},
    "tool": {SPAN_KIND: "TOOL"},
}
"""The kinds of calls that hold others, and what marks their spans for those who read no conventions."""
EVALUATE = "evaluate"


def request_attributes(kind: OperationKind, provider: str, request: Request) -> dict[str, Any]:
    """What is known when the call starts, without content: enough for a sampler to decide on."""
    attributes: dict[str, Any] = {
        OPERATION: OPERATION_NAMES[kind],
        PROVIDER: request.provider or provider,
    }
    if request.model is not None:
        attributes[REQUEST_MODEL] = request.model
    if request.server_address is not None:
        attributes[SERVER_ADDRESS] = request.server_address
        if request.server_port is not None:
            attributes[SERVER_PORT] = request.server_port
    if request.data_source is not None:
        attributes[DATA_SOURCE] = request.data_source
    if request.top_k is not None:
        attributes[RETRIEVAL_TOP_K] = request.top_k
    if request.stream:
        attributes[REQUEST_STREAM] = True
    if kind in HOLDING:
        attributes |= HOLDING[kind]
        if request.name is not None:
            attributes[TOOL_NAME if kind == "tool" else AGENT_NAME] = request.name
    if request.attributes:
        attributes.update(request.attributes)
    return attributes


def request_content(request: Request, limit: int) -> dict[str, str]:
    """The content of the request as attributes, each at most about `limit` characters."""
    content: dict[str, str] = {}
    if request.messages is not None:
        content[INPUT_MESSAGES] = bounded_messages(request.messages, limit)
    if request.instructions:
        content[SYSTEM_INSTRUCTIONS] = bounded_rows(request.instructions, limit)
    if request.tools:
        content[TOOL_DEFINITIONS] = _bounded(to_json(request.tools), limit)
    if request.query is not None:
        query = request.query if isinstance(request.query, str) else "\n".join(request.query)
        content[RETRIEVAL_QUERY] = _bounded(encodable(query), limit)
    if request.documents is not None:
        content[RERANK_INPUT] = documents_json(request.documents, limit)
    if request.input is not None:
        content[INPUT_VALUE] = readable([request.input], limit)
    if request.arguments is not None:
        content[TOOL_ARGUMENTS] = readable([request.arguments], limit)
    return content


def response_attributes(response: Response) -> dict[str, Any]:
    """What came back, without content."""
    attributes: dict[str, Any] = {}
    if response.model is not None:
        attributes[RESPONSE_MODEL] = response.model
    if response.id is not None:
        attributes[RESPONSE_ID] = response.id
    if response.finish_reasons:
        attributes[FINISH_REASONS] = tuple(response.finish_reasons)
    if response.higher_is_better is not None:
        attributes[HIGHER_IS_BETTER] = response.higher_is_better
    if response.attributes:
        attributes.update(response.attributes)
    return attributes


def usage_attributes(usage: Usage) -> dict[str, Any]:
    """Token counts; those that are unknown are left out."""
    attributes: dict[str, Any] = {}
    if usage.input_tokens is not None:
        attributes[INPUT_TOKENS] = usage.input_tokens
    if usage.output_tokens is not None:
        attributes[OUTPUT_TOKENS] = usage.output_tokens
    if usage.cache_read_tokens is not None:
        attributes[CACHE_READ_TOKENS] = usage.cache_read_tokens
    if usage.cache_creation_tokens is not None:
        attributes[CACHE_CREATION_TOKENS] = usage.cache_creation_tokens
    if usage.reasoning_tokens is not None:
        attributes[REASONING_TOKENS] = usage.reasoning_tokens
    if usage.estimated:
        attributes[USAGE_SOURCE] = "estimated"
    for name, count in usage.apart.items():
        attributes[USAGE_APART + name] = count
    return attributes


def response_content(response: Response, limit: int) -> dict[str, str]:
    """The content of the response as attributes, each at most about `limit` characters."""
    content: dict[str, str] = {}
    if response.messages:
        content[OUTPUT_MESSAGES] = bounded_messages(response.messages, limit)
    if response.documents is not None:
        content[RETRIEVAL_DOCUMENTS] = documents_json(flat(response.documents), limit)
    if response.output is not None:
        content[OUTPUT_VALUE] = readable([response.output], limit)
    if response.result is not None:
        content[TOOL_RESULT] = readable([response.result], limit)
    return content


def flat(documents: Sequence[Document] | Sequence[Sequence[Document]]) -> list[Document]:
    """Documents of all queries of one call, in order."""
    out: list[Document] = []
    for entry in documents:
        if isinstance(entry, Document):
            out.append(entry)
        else:
            out.extend(entry)
    return out


def documents_json(documents: Sequence[Document], limit: int) -> str:
    """Documents as `[{"id", "score", "content", "metadata"}]`; unknown fields are left out."""
    rows: list[dict[str, Any]] = []
    for document in documents:
        row: dict[str, Any] = {}
        if document.id is not None:
            row["id"] = document.id
        if document.score is not None:
            row["score"] = document.score
        if document.text is not None:
            row["content"] = document.text
        if document.metadata:
            row["metadata"] = document.metadata
        rows.append(row)
    return bounded_rows(rows, limit)


def _bounded(text: str, limit: int) -> str:
    return text if len(text) <= limit else text[:limit]


def texts(messages: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    """Every text in the messages, in order: prose, tool arguments and tool results."""
    for message in messages:
        for part in message.get("parts", ()):
            for key in ("content", "arguments", "response"):
                value = part.get(key)
                if isinstance(value, str):
                    yield value
                elif isinstance(value, Mapping | list | tuple):
                    yield from _strings(value)


def _strings(value: Any) -> Iterator[str]:
    """The strings in what a tool was given or returned, where that is no text itself."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for member in value.values():
            yield from _strings(member)
    elif isinstance(value, list | tuple):
        for member in value:
            yield from _strings(member)


def prompt_text(messages: Iterable[Mapping[str, Any]]) -> str:
    """All texts of the messages, one after the other."""
    return "\n".join(texts(messages))
