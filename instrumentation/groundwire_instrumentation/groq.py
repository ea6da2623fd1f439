"""Groq: chat completions, plain, raw and streamed, with thoughts and documents; embeddings. Sync and async.

All of the client's calls pass through one public method, as OpenAI's do.
"""

from groundwire.model import Provider
from groundwire_instrumentation import _openai_like

PROVIDER = Provider(
    name="groq",
    module="groq",
    distribution="groq",
    operations=_openai_like.operations(("groq:Groq.request", "groq:AsyncGroq.request")),
)
