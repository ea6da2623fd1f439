"""An application with a TracerProvider of its own keeps it; one processor puts scores onto its answer spans.

OPENAI_API_KEY=... python examples/own_pipeline.py
"""

import os

from openai import OpenAI
from opentelemetry import trace
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, ConsoleSpanExporter

import groundwire

exporter = ConsoleSpanExporter()  # yours: OTLPSpanExporter(), ...
provider = TracerProvider(resource=Resource.create({"service.name": "kitchen"}))
provider.add_span_processor(groundwire.ScoringSpanProcessor(BatchSpanProcessor(exporter)))
trace.set_tracer_provider(provider)
groundwire.instrument()  # finds the provider and uses it

tracer = trace.get_tracer("kitchen")
question = "how long to bake bratwurst in the oven"

with tracer.start_as_current_span("GET /answer"):
    with groundwire.retrieval(query=question, top_k=1, name="recipes") as found:
        found.documents = ["Bake bratwurst at 400 degrees Fahrenheit for 20 to 25 minutes, turning them half-way."]
    reply = OpenAI().chat.completions.create(
        model=os.environ.get("CHAT_MODEL", "gpt-4o-mini"),
        messages=[
            {"role": "system", "content": f"Answer from this recipe.\n\nContext:\n{found.documents[0]}"},
            {"role": "user", "content": question},
        ],
    )
    print(reply.choices[0].message.content)

provider.shutdown()  # scores what is still held, then exports it
