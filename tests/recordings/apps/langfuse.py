"""Langfuse: its openai drop-in, and `@observe` on the retriever, the reranker and the request."""

import os

os.environ |= {
    "LANGFUSE_PUBLIC_KEY": "pk-lf-recording",
    "LANGFUSE_SECRET_KEY": "sk-lf-recording",
    "LANGFUSE_BASE_URL": os.environ["OTEL_EXPORTER_OTLP_ENDPOINT"],
}

from langfuse import get_client, observe
from langfuse.openai import OpenAI

from recordings import truth

client = OpenAI()


@observe(as_type="retriever")
def retrieve(query: str) -> list[dict[str, object]]:
    request = next(r for r in truth.REQUESTS if r.search == query)
    client.embeddings.create(model=truth.EMBEDDING_MODEL, input=query)
    return [
        {"id": name, "content": truth.CORPUS[name], "score": round(0.9 - 0.1 * n, 2)}
        for n, name in enumerate(request.retrieved)
    ]


@observe()
def rerank(query: str, documents: list[dict[str, object]]) -> list[dict[str, object]]:
    request = next(r for r in truth.REQUESTS if r.question == query)
    by_id = {d["id"]: d for d in documents}
    return [{**by_id[name], "score": round(0.8 - 0.1 * n, 2)} for n, name in enumerate(request.reranked)]


@observe(as_type="chain")
def answer(question: str) -> str:
    request = next(r for r in truth.REQUESTS if r.question == question)
    query = question
    if request.query is not None:
        rewritten = client.chat.completions.create(
            name="rewrite",
            model=truth.MODEL,
            messages=[{"role": "user", "content": truth.rewrite_prompt(question)}],
        )
        query = rewritten.choices[0].message.content
    if not request.retrieved:
        messages = [{"role": "user", "content": question}]
    else:
        found = retrieve(query)
        if request.reranked:
            found = rerank(question, found)
        passages = [str(d["content"]) for d in found[: len(request.prompt)]]
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
get_client().shutdown()
