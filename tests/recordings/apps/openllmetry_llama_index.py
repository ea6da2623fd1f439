"""OpenLLMetry: its instrumentors of LlamaIndex and of the openai client beneath it, both at once."""

from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.instrumentation.llamaindex import LlamaIndexInstrumentor
from opentelemetry.instrumentation.openai import OpenAIInstrumentor
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor

from recordings import llama_index_shop, shop

serve = llama_index_shop.application()
provider = TracerProvider()
provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
trace.set_tracer_provider(provider)
OpenAIInstrumentor().instrument()
LlamaIndexInstrumentor().instrument()
shop.run(provider.get_tracer("shop").start_as_current_span("answer")(serve))
provider.shutdown()
