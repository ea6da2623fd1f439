"""OpenInference: its instrumentors of LlamaIndex and of the openai client beneath it, both at once."""

from openinference.instrumentation import TracerProvider
from openinference.instrumentation.llama_index import LlamaIndexInstrumentor
from openinference.instrumentation.openai import OpenAIInstrumentor
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.trace.export import BatchSpanProcessor

from recordings import llama_index_shop, shop

serve = llama_index_shop.application()
provider = TracerProvider()
provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
OpenAIInstrumentor().instrument(tracer_provider=provider)
LlamaIndexInstrumentor().instrument(tracer_provider=provider)
shop.run(provider.get_tracer("shop").chain(name="answer")(serve))
provider.shutdown()
