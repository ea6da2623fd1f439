"""OpenTelemetry's `genai-openai` instrumentation of today, told to put all content into one log record a call."""

import os

os.environ["OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT"] = "EVENT_ONLY"

import openai
from opentelemetry import _logs, trace
from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.instrumentation.genai.openai import OpenAIInstrumentor
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import BatchLogRecordProcessor
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor

from recordings import shop, truth

provider = TracerProvider()
provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
trace.set_tracer_provider(provider)
logs = LoggerProvider()
logs.add_log_record_processor(BatchLogRecordProcessor(OTLPLogExporter()))
_logs.set_logger_provider(logs)
OpenAIInstrumentor().instrument()
client = openai.OpenAI()
tracer = provider.get_tracer("shop")


def search(text: str, count: int) -> list[str]:
    """A store that nothing traces."""
    client.embeddings.create(model=truth.EMBEDDING_MODEL, input=text)
    return list(next(r for r in truth.REQUESTS if r.search == text).retrieved)


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
logs.shutdown()
