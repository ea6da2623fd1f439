"""OpenLLMetry and OpenInference at once: two instrumentors of openai make two spans of every call."""

import chromadb
import openai
from chromadb.utils.embedding_functions import OpenAIEmbeddingFunction
from openinference.instrumentation.openai import OpenAIInstrumentor as OpenInferenceInstrumentor
from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.instrumentation.chromadb import ChromaInstrumentor
from opentelemetry.instrumentation.openai import OpenAIInstrumentor
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor

from recordings import shop, truth

provider = TracerProvider()
provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
trace.set_tracer_provider(provider)
tracer = provider.get_tracer("shop")

collection = chromadb.EphemeralClient().create_collection(
    truth.COLLECTION,
    embedding_function=OpenAIEmbeddingFunction(model_name=truth.EMBEDDING_MODEL),
    metadata={"hnsw:space": "cosine"},
)
collection.add(
    ids=list(truth.CORPUS),
    documents=list(truth.CORPUS.values()),
    metadatas=[{"source": f"{name}.md"} for name in truth.CORPUS],
)
OpenInferenceInstrumentor().instrument()
OpenAIInstrumentor().instrument()
ChromaInstrumentor().instrument()
client = openai.OpenAI()


def search(text: str, count: int) -> list[str]:
    return collection.query(query_texts=[text], n_results=count)["ids"][0]


def chat(messages: shop.Messages, stream: bool) -> str:
    if not stream:
        return client.chat.completions.create(model=truth.MODEL, messages=messages).choices[0].message.content
    chunks = client.chat.completions.create(
        model=truth.MODEL, messages=messages, stream=True, stream_options={"include_usage": True}
    )
    return "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)


@tracer.start_as_current_span("answer")
def serve(request: truth.Request) -> str:
    return shop.answer(request, search, chat)


shop.run(serve)
provider.shutdown()
