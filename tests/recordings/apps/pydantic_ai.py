"""Pydantic AI, traced by Logfire: an agent that finds its passages with a tool, so that they are in a tool's answer."""

import logfire
from opentelemetry import trace
from pydantic_ai import Agent
from pydantic_ai.models.openai import OpenAIChatModel

from recordings import truth

logfire.configure(send_to_logfire=False, console=False, service_name="shop")  # the environment names the collector
logfire.instrument_pydantic_ai()
shop = Agent(OpenAIChatModel(truth.MODEL), instructions=truth.SYSTEM)


@shop.tool_plain
def search(query: str) -> list[str]:
    """Search the handbook."""
    return truth.texts(next(r for r in truth.REQUESTS if r.search == query).retrieved)


for request in truth.REQUESTS:
    if request.query is None:
        said = shop.run_sync(request.question).output
        assert said == request.answer, (request.name, said)
        print(said)
trace.get_tracer_provider().shutdown()
