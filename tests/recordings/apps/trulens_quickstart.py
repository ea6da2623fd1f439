"""TruLens as its quickstart has it: a function is given the question and the passages, and makes a prompt."""

import os

os.environ["TRULENS_OTEL_TRACING"] = "1"

import openai
from opentelemetry import trace
from trulens.apps.app import TruApp
from trulens.core import TruSession
from trulens.core.otel.instrument import instrument
from trulens.otel.semconv.trace import SpanAttributes

from recordings import truth

session = TruSession(otel_exporter="otlp", otlp_protocol="http/protobuf", database_url="sqlite:///:memory:")
client = openai.OpenAI()


class RAG:
    """Three functions, the outermost of them a record."""

    @instrument(
        span_type=SpanAttributes.SpanType.RETRIEVAL,
        attributes={
            SpanAttributes.RETRIEVAL.QUERY_TEXT: "query",
            SpanAttributes.RETRIEVAL.RETRIEVED_CONTEXTS: "return",
        },
    )
    def retrieve(self, query: str) -> list[str]:
        return truth.texts(next(r for r in truth.REQUESTS if r.question == query).prompt)

    @instrument(span_type=SpanAttributes.SpanType.GENERATION)
    def generate_completion(self, query: str, context_str: list[str]) -> str:
        messages = [{"role": "user", "content": truth.answer_prompt(query, context_str)}]
        return client.chat.completions.create(model=truth.MODEL, messages=messages).choices[0].message.content

    @instrument()
    def query(self, query: str) -> str:
        return self.generate_completion(query=query, context_str=self.retrieve(query=query))


rag = RAG()
recorder = TruApp(rag, app_name="RAG", app_version="base")
for request in truth.REQUESTS:
    if not request.retrieved:
        continue
    with recorder:
        said = rag.query(request.question)
    assert said == request.answer, (request.name, said)
    print(said)
session.force_flush()
trace.get_tracer_provider().force_flush()
