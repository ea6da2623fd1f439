"""LangSmith: `wrap_openai` and `@traceable`, exported over OpenTelemetry only."""

import os

os.environ |= {
    "LANGSMITH_TRACING": "true",
    "LANGSMITH_TRACING_MODE": "otel",
    "LANGSMITH_API_KEY": "recording",
    "LANGSMITH_ENDPOINT": os.environ["OTEL_EXPORTER_OTLP_ENDPOINT"],
}

import openai
from langsmith import Client, traceable
from langsmith.wrappers import wrap_openai
from opentelemetry import trace

from recordings import truth

client = wrap_openai(openai.OpenAI())
langsmith_client = Client()


@traceable(run_type="retriever", client=langsmith_client)
def retrieve(query: str) -> list[dict[str, object]]:
    request = next(r for r in truth.REQUESTS if r.search == query)
    return [
        {"page_content": truth.CORPUS[name], "type": "Document", "metadata": {"source": f"{name}.md", "id": name}}
        for name in request.retrieved
    ]


@traceable(run_type="chain", client=langsmith_client)
def rerank(query: str, documents: list[dict[str, object]]) -> list[dict[str, object]]:
    request = next(r for r in truth.REQUESTS if r.question == query)
    return [next(d for d in documents if d["page_content"] == truth.CORPUS[name]) for name in request.reranked]


@traceable(client=langsmith_client)
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
        passages = [str(d["page_content"]) for d in found[: len(request.prompt)]]
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
langsmith_client.flush()
provider = trace.get_tracer_provider()
if hasattr(provider, "force_flush"):
    provider.force_flush()
langsmith_client.cleanup()
