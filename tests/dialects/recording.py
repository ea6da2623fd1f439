"""The recordings of the five requests, and what each SDK does not say of them."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from dialects.recorded import RECORDINGS
from groundwire.chain import chains
from groundwire.model import RagChain, SpanRecord
from groundwire.traces import joined, open_source
from recordings import truth


@dataclass(frozen=True)
class Recording:
    """A recording, and what its SDK does not say."""

    name: str
    dialect: str
    provider: str | None = "openai"
    documents: bool = True
    """Whether retrievals carry their passages: without, they are cut out of the prompt."""
    ids: bool = True
    scores: bool | None = True
    """None: those of the reranker only."""
    reranks: Literal["rerank", "retrieval"] | None = "rerank"
    """The kind of span that tells the order which the application made; None: none does."""
    model: str | None = truth.RESPONSE_MODEL
    model_of_stream: str = truth.RESPONSE_MODEL
    cached: bool = True
    """Whether it tells what was cached."""
    uncached: int | None = 0
    """What it says where nothing was cached."""
    cached_of_stream: int | None = 0
    usage_of_stream: bool = True
    cost: Mapping[str, float] | None = None
    live: bool = True
    """Whether content is on the spans; else it came as log records."""
    chats: int = 2
    """Calls without retrieval: the query rewriting, and mostly the chat."""

    @property
    def spans(self) -> list[SpanRecord]:
        """The spans, with the log records that name them as events."""
        return list(joined(open_source(str(RECORDINGS / f"{self.name}.jsonl"))))

    @property
    def by_answer(self) -> dict[str, RagChain]:
        """The chains by what was answered."""
        found = chains(self.spans).chains
        assert len(found) == len(ANSWERED), "each answer once, and nothing that is none"
        return {chain.answer: chain for chain in found}

    def ranked(self, request: truth.Request) -> tuple[str, ...]:
        """The passages in the order in which they must stand."""
        if not self.documents:
            return request.prompt
        if self.reranks:
            return request.ranked
        kept = [name for name in request.retrieved if name in request.prompt]
        return (*kept, *(name for name in request.retrieved if name not in request.prompt))


ANSWERED = tuple(r for r in truth.REQUESTS if r.retrieved)
_PRICED = {"plain": 171 * 15e-8 + 14 * 6e-7, "refused": 159 * 15e-8 + 16 * 6e-7}
"""As OpenLIT prices the model for which the application gives it prices, none of them for what was cached."""
_LISTED = {"plain": 43 * 15e-8 + 128 * 7.5e-8 + 14 * 6e-7, "refused": 159 * 15e-8 + 16 * 6e-7}
"""At list price, what was cached for half of it."""
_CUT: dict[str, Any] = {"documents": False, "ids": False, "scores": False, "reranks": None}
_LANGCHAIN: dict[str, Any] = {"scores": None, "reranks": "retrieval"}
"""Its retriever around the others tells the order."""

ALL = (
    Recording("openinference", "openinference"),
    # A stream through LangChain has neither the served model nor the cached tokens.
    Recording("openinference_langchain", "openinference", **_LANGCHAIN,
              model_of_stream=truth.MODEL, cached_of_stream=None),
    # LlamaIndex does not ask for the usage of a stream, and ends its span of one before the client's begins.
    Recording("openinference_llama_index", "openinference", model_of_stream=truth.MODEL, usage_of_stream=False),
    Recording("langfuse", "langfuse", provider=None),
    Recording("langfuse_langchain", "langfuse", **_LANGCHAIN, model_of_stream=truth.MODEL),
    Recording("langsmith", "langsmith", scores=False),
    Recording("langsmith_langchain", "langsmith", **_LANGCHAIN),
    Recording("mlflow", "mlflow", scores=False),
    Recording("mlflow_langchain", "mlflow", **_LANGCHAIN, model=truth.MODEL, model_of_stream=truth.MODEL),
    Recording("mlflow_llama_index", "mlflow", usage_of_stream=False),
    # That switch takes the documents off.
    Recording("mlflow_semconv", "", provider=None, **_CUT, cached=False),
    Recording("openllmetry", "openllmetry", reranks=None),
    # Its Chroma instrumentor told one result a query: the passages are then those in the prompt.
    Recording("openllmetry_indexed", "openllmetry", **_CUT),
    Recording("openllmetry_langchain", "openllmetry", ids=False, scores=False, reranks=None,
              model_of_stream=truth.MODEL),
    # LlamaIndex does not ask for the usage of a stream.
    Recording("openllmetry_llama_index", "openllmetry", reranks="rerank", usage_of_stream=False),
    Recording("openlit", "openlit", **_CUT, cost=_PRICED),
    Recording("logfire", "logfire", **_CUT, uncached=None, cached_of_stream=None, cost=_LISTED),
    Recording("logfire_v1", "logfire", **_CUT, uncached=None, cached_of_stream=None, cost=_LISTED),
    Recording("trulens", "trulens", ids=False, scores=False, reranks="rerank", cached=False),
    # Its provider is not told; one call without retrieval is not in a record, and not recorded.
    Recording("trulens_langchain", "trulens", ids=False, scores=False, provider=None, chats=1, reranks=None),
    # Ids and scores of what was retrieved, by design, and never its text.
    Recording("otel_genai", "", **_CUT, uncached=None, cached_of_stream=None),
    Recording("otel_genai_events", "gen_ai_events", **_CUT, uncached=None, cached_of_stream=None, live=False),
    Recording("otel_openai_events", "gen_ai_events", **_CUT, cached=False, live=False),
    Recording("openinference_openllmetry", "openllmetry", reranks=None),
)  # fmt: skip
