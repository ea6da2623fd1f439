"""Logfire: `instrument_openai`, sent to a collector of one's own, with a retriever in a span as its users write one."""

import logfire
import openai
from opentelemetry import trace

from recordings import shop, truth

VERSION = 2

logfire.configure(send_to_logfire=False, console=False, service_name="shop")  # the environment names the collector
client = openai.OpenAI()
logfire.instrument_openai(client, version=VERSION)


def search(text: str, count: int) -> list[str]:
    """A store that nothing traces, but for this span."""
    with logfire.span("search {query}", query=text) as span:
        client.embeddings.create(model=truth.EMBEDDING_MODEL, input=text)
        found = list(next(r for r in truth.REQUESTS if r.search == text).retrieved)
        span.set_attribute("found", found)
    return found


def chat(messages: shop.Messages, stream: bool) -> str:
    if not stream:
        return client.chat.completions.create(model=truth.MODEL, messages=messages).choices[0].message.content
    chunks = client.chat.completions.create(
        model=truth.MODEL, messages=messages, stream=True, stream_options={"include_usage": True}
    )
    return "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)


@logfire.instrument("answer")
def serve(request: truth.Request) -> str:
    return shop.answer(request, search, chat)


shop.run(serve)
trace.get_tracer_provider().shutdown()
