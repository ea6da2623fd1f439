"""TruLens: an application in its decorators, `RETRIEVAL`, `RERANKER` and `GENERATION`, sent to a collector by OTLP."""

import os

os.environ["TRULENS_OTEL_TRACING"] = "1"
os.environ["TRULENS_OTEL_CAPTURE_CONTENT"] = "true"

import openai
from opentelemetry import trace
from trulens.apps.app import TruApp
from trulens.core import TruSession
from trulens.core.otel.instrument import instrument
from trulens.otel.semconv.trace import SpanAttributes

from recordings import truth

Kind = SpanAttributes.SpanType
session = TruSession(otel_exporter="otlp", otlp_protocol="http/protobuf", database_url="sqlite:///:memory:")
client = openai.OpenAI()


class Shop:
    """What is asked, goes through these functions."""

    @instrument(
        span_type=Kind.RETRIEVAL,
        attributes={
            SpanAttributes.RETRIEVAL.QUERY_TEXT: "query",
            SpanAttributes.RETRIEVAL.RETRIEVED_CONTEXTS: "return",
        },
    )
    def retrieve(self, query: str) -> list[str]:
        client.embeddings.create(model=truth.EMBEDDING_MODEL, input=query)
        return truth.texts(next(r for r in truth.REQUESTS if r.search == query).retrieved)

    @instrument(
        span_type=Kind.RERANKER,
        attributes={
            SpanAttributes.RERANKER.QUERY_TEXT: "query",
            SpanAttributes.RERANKER.INPUT_CONTEXT_TEXTS: "texts",
            SpanAttributes.RERANKER.OUTPUT_CONTEXT_TEXTS: "return",
        },
    )
    def rerank(self, query: str, texts: list[str]) -> list[str]:
        return truth.texts(next(r for r in truth.REQUESTS if r.question == query).reranked)

    @instrument(
        span_type=Kind.GENERATION,
        attributes=lambda ret, exception, *args, **kwargs: {
            "messages": kwargs["messages"],
            "completion": ret[0],
            SpanAttributes.COST.MODEL: ret[1],
            SpanAttributes.COST.NUM_PROMPT_TOKENS: ret[2],
            SpanAttributes.COST.NUM_COMPLETION_TOKENS: ret[3],
            "operation_name": "chat",
            "provider_name": "openai",
        },
    )
    def complete(self, messages: list[dict[str, str]]) -> tuple[str, str, int, int]:
        said = client.chat.completions.create(model=truth.MODEL, messages=messages)
        return (
            said.choices[0].message.content,
            said.model,
            said.usage.prompt_tokens,
            said.usage.completion_tokens,
        )

    @instrument(span_type=Kind.RECORD_ROOT)
    def answer(self, question: str) -> str:
        request = next(r for r in truth.REQUESTS if r.question == question)
        if request.query is not None:
            self.complete([{"role": "user", "content": truth.rewrite_prompt(question)}])
        if not request.retrieved:
            return self.complete([{"role": "user", "content": question}])[0]
        texts = self.retrieve(request.search)
        if request.reranked:
            texts = self.rerank(question, texts)
        passages = texts[: len(request.prompt)]
        return self.complete(
            [
                {"role": "system", "content": truth.SYSTEM},
                {"role": "user", "content": truth.answer_prompt(question, passages)},
            ]
        )[0]


shop = Shop()
recorder = TruApp(shop, app_name="shop", app_version="1", main_method=shop.answer)
for request in truth.REQUESTS:
    with recorder:
        said = shop.answer(request.question)
    assert said == request.answer, (request.name, said)
    print(said)
session.force_flush()
trace.get_tracer_provider().force_flush()
