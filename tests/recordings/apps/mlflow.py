"""MLflow: `openai.autolog()`, and `@mlflow.trace` with span types, exported over OTLP."""

import os

os.environ["OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"] = os.environ["OTEL_EXPORTER_OTLP_ENDPOINT"] + "/v1/traces"

import mlflow
import openai
from mlflow.entities import Document, SpanType

from recordings import truth

mlflow.openai.autolog()
client = openai.OpenAI()


@mlflow.trace(span_type=SpanType.RETRIEVER)
def retrieve(query: str) -> list[Document]:
    request = next(r for r in truth.REQUESTS if r.search == query)
    client.embeddings.create(model=truth.EMBEDDING_MODEL, input=query)
    return [
        Document(id=name, page_content=truth.CORPUS[name], metadata={"doc_uri": f"{name}.md"})
        for name in request.retrieved
    ]


@mlflow.trace(span_type=SpanType.RERANKER)
def rerank(query: str, documents: list[Document]) -> list[Document]:
    request = next(r for r in truth.REQUESTS if r.question == query)
    return [next(d for d in documents if d.id == name) for name in request.reranked]


@mlflow.trace(span_type=SpanType.CHAIN)
def answer(question: str) -> str:
    request = next(r for r in truth.REQUESTS if r.question == question)
    query = question
    if request.query is not None:
        rewritten = client.chat.completions.create(
            model=truth.MODEL, messages=[{"role": "user", "content": truth.rewrite_prompt(question)}]
        )
        query = rewritten.choices[0].message.content
    if not request.retrieved:
        messages = [{"role": "user", "content": question}]
    else:
        found = retrieve(query)
        if request.reranked:
            found = rerank(question, found)
        passages = [d.page_content for d in found[: len(request.prompt)]]
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
mlflow.flush_trace_async_logging()
mlflow.tracing.disable()
