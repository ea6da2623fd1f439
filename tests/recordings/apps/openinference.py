"""OpenInference: its openai instrumentor, and a retriever and a reranker traced by hand, as its documentation shows."""

import json

import openai
from openinference.instrumentation import TracerProvider
from openinference.instrumentation.openai import OpenAIInstrumentor
from openinference.semconv.trace import (
    DocumentAttributes,
    OpenInferenceSpanKindValues,
    RerankerAttributes,
    SpanAttributes,
)
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.trace.export import BatchSpanProcessor

from recordings import truth

provider = TracerProvider()
provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
OpenAIInstrumentor().instrument(tracer_provider=provider)
tracer = provider.get_tracer("shop")
client = openai.OpenAI()


def documents(prefix: str, ids: tuple[str, ...], best: float) -> dict[str, str | float]:
    """Documents in the flattened attributes of the OpenInference conventions."""
    flat: dict[str, str | float] = {}
    for n, name in enumerate(ids):
        flat[f"{prefix}.{n}.{DocumentAttributes.DOCUMENT_ID}"] = name
        flat[f"{prefix}.{n}.{DocumentAttributes.DOCUMENT_CONTENT}"] = truth.CORPUS[name]
        flat[f"{prefix}.{n}.{DocumentAttributes.DOCUMENT_SCORE}"] = round(best - 0.1 * n, 2)
        flat[f"{prefix}.{n}.{DocumentAttributes.DOCUMENT_METADATA}"] = json.dumps({"source": f"{name}.md"})
    return flat


def retrieve(request: truth.Request) -> tuple[str, ...]:
    with tracer.start_as_current_span(
        "retrieve", openinference_span_kind=OpenInferenceSpanKindValues.RETRIEVER
    ) as span:
        client.embeddings.create(model=truth.EMBEDDING_MODEL, input=request.search)
        span.set_input(request.search)
        span.set_attributes(documents(SpanAttributes.RETRIEVAL_DOCUMENTS, request.retrieved, 0.9))
    return request.retrieved


def rerank(request: truth.Request, ids: tuple[str, ...]) -> tuple[str, ...]:
    with tracer.start_as_current_span("rerank", openinference_span_kind=OpenInferenceSpanKindValues.RERANKER) as span:
        span.set_attributes(
            {
                RerankerAttributes.RERANKER_QUERY: request.question,
                RerankerAttributes.RERANKER_MODEL_NAME: truth.RERANK_MODEL,
                RerankerAttributes.RERANKER_TOP_K: len(request.reranked),
                **documents(RerankerAttributes.RERANKER_INPUT_DOCUMENTS, ids, 0.9),
                **documents(RerankerAttributes.RERANKER_OUTPUT_DOCUMENTS, request.reranked, 0.8),
            }
        )
    return request.reranked


@tracer.chain(name="answer")
def answer(question: str) -> str:
    request = next(r for r in truth.REQUESTS if r.question == question)
    if request.query is not None:
        client.chat.completions.create(
            model=truth.MODEL, messages=[{"role": "user", "content": truth.rewrite_prompt(question)}]
        )
    if not request.retrieved:
        messages = [{"role": "user", "content": question}]
    else:
        found = retrieve(request)
        if request.reranked:
            found = rerank(request, found)
        passages = truth.texts(found[: len(request.prompt)])
        messages = [
            {"role": "system", "content": truth.SYSTEM},
            {"role": "user", "content": truth.answer_prompt(question, passages)},
        ]
    if not request.streamed:
        return client.chat.completions.create(model=truth.MODEL, messages=messages).choices[0].message.content
    stream = client.chat.completions.create(
        model=truth.MODEL, messages=messages, stream=True, stream_options={"include_usage": True}
    )
    return "".join(chunk.choices[0].delta.content or "" for chunk in stream if chunk.choices)


for one in truth.REQUESTS:
    print(answer(one.question))
provider.shutdown()
