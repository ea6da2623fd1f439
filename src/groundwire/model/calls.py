"""A call, as a provider's extractors describe it.

Token counts follow the GenAI semantic conventions: `input_tokens` includes cached tokens, `output_tokens` includes
reasoning tokens.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import field
from typing import Any, TypeAlias

from groundwire.model.empty import NOTHING
from groundwire.unchanging import unchanging

Message: TypeAlias = Mapping[str, Any]
"""One message in the JSON shape of the GenAI conventions: `{"role": str, "parts": [{"type": ..., ...}]}`."""


@unchanging
class Usage:
    """Tokens as billed. Each count is `None` where the provider did not say."""

    input_tokens: int | None = None
    """All prompt tokens, cached ones included."""
    output_tokens: int | None = None
    """All generated tokens, reasoning included."""
    cache_read_tokens: int | None = None
    cache_creation_tokens: int | None = None
    reasoning_tokens: int | None = None
    cache_creation_1h_tokens: int | None = None
    """Those of `cache_creation_tokens` that are kept for an hour: they have a price of their own."""
    estimated: bool = False
    """True where we counted ourselves: the stream ended before the provider reported usage."""
    apart: Mapping[str, int] = field(default=NOTHING, hash=False)
    """What has prices of its own, as genai-prices names it: those of the tokens above that were no text
    (`input_audio_tokens`, `output_image_tokens` ...), and what is billed beside tokens (`web_searches`)."""
    terms: Mapping[str, str] = field(default=NOTHING, hash=False)
    """Terms other than the usual ones, which change prices, likewise: `{"service_tier": "flex"}`."""


@unchanging
class Document:
    """One retrieved or reranked passage."""

    text: str | None = None
    id: str | None = None
    score: float | None = None
    """As the store returned it: a distance or a similarity."""
    metadata: Mapping[str, Any] | None = None


@unchanging
class Request:
    """What the application asked for."""

    model: str | None = None
    name: str | None = None
    """Of a workflow, an agent, a tool or a retriever."""
    messages: Sequence[Message] | None = None
    """Prompt of a chat call, JSON-ready."""
    instructions: Sequence[Mapping[str, Any]] | None = None
    """System instructions given apart from the messages: a list of parts."""
    tools: Sequence[Mapping[str, Any]] | None = None
    query: str | Sequence[str] | None = None
    """Query text of a retrieval or rerank; several when one call carries several."""
    documents: Sequence[Document] | None = None
    """Documents handed to a reranker, in their order before reranking."""
    input: Any = None
    """What a workflow or an agent was given: a text, or anything that can be written as JSON."""
    arguments: Any = None
    """What a tool was given, likewise."""
    top_k: int | None = None
    data_source: str | None = None
    """Collection or index name."""
    provider: str | None = None
    """Overrides the provider's name: the same client serves OpenAI, Azure and compatible hosts."""
    server_address: str | None = None
    server_port: int | None = None
    stream: bool = False
    terms: Mapping[str, str] = NOTHING
    """Terms that were asked for, as in `Usage`: they hold where answers tell none."""
    attributes: Mapping[str, Any] = NOTHING
    """Further span attributes, already under their conventional names (temperature, max tokens, ...)."""
    read: "Callable[[Any], Response] | None" = field(default=None, repr=False, compare=False)
    """Result -> Response in place of the operation's own, where a result says nothing without what was asked: a
    reranker that returns places in the list it was given, an index that returns numbers."""


@unchanging
class Response:
    """What came back, or as much of it as was received."""

    model: str | None = None
    id: str | None = None
    messages: Sequence[Message] | None = None
    """Generated messages, JSON-ready, one for each choice."""
    finish_reasons: Sequence[str] = ()
    usage: Usage | None = None
    documents: Sequence[Document] | Sequence[Sequence[Document]] | None = None
    """Passages, best first; a list of lists where the request carried several queries."""
    output: Any = None
    """What a workflow or an agent gave: a text, or anything that can be written as JSON."""
    result: Any = None
    """What a tool gave, likewise."""
    higher_is_better: bool | None = None
    """Whether a greater score is a better one (similarity) or a worse one (distance); None where scores do not say."""
    error: str | None = None
    """What kind of failure the result tells of (`error.type`), where the library raises nothing."""
    attributes: Mapping[str, Any] = NOTHING
