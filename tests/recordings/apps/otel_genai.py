"""OpenTelemetry's `genai-langchain` and `genai-openai` instrumentations of today, with content on the spans."""

import os

os.environ["OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT"] = "SPAN_ONLY"

from langchain_core.documents import Document
from langchain_core.vectorstores import InMemoryVectorStore
from langchain_openai import ChatOpenAI, OpenAIEmbeddings
from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.instrumentation.genai.langchain import LangChainInstrumentor
from opentelemetry.instrumentation.genai.openai import OpenAIInstrumentor
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor

from recordings import shop, truth

provider = TracerProvider()
provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
trace.set_tracer_provider(provider)
tracer = provider.get_tracer("shop")

store = InMemoryVectorStore(OpenAIEmbeddings(model=truth.EMBEDDING_MODEL, check_embedding_ctx_length=False))
store.add_documents([Document(id=i, page_content=t, metadata={"source": f"{i}.md"}) for i, t in truth.CORPUS.items()])
LangChainInstrumentor().instrument()
OpenAIInstrumentor().instrument()
model = ChatOpenAI(model=truth.MODEL, stream_usage=True)


def search(text: str, count: int) -> list[str]:
    return [document.id for document in store.as_retriever(search_kwargs={"k": count}).invoke(text)]


def chat(messages: shop.Messages, stream: bool) -> str:
    if stream:
        return "".join(chunk.text for chunk in model.stream(messages))
    return model.invoke(messages).text


@tracer.start_as_current_span("answer")
def serve(request: truth.Request) -> str:
    return shop.answer(request, search, chat)


shop.run(serve)
provider.shutdown()
