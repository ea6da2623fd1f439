"""Groq over a faked wire: its thoughts, its documents, and its token counts in a corner of the last chunk."""

import groq

from conformance.openai_like import Sdk, cases
from groundwire_instrumentation.groq import PROVIDER

USAGE = {
    "prompt_tokens": 120,
    "completion_tokens": 34,
    "total_tokens": 154,
    "prompt_tokens_details": {"cached_tokens": 100},
    "completion_tokens_details": {"reasoning_tokens": 20},
    "total_time": 0.07,
}
DOCUMENTS = [
    {"id": "d1", "source": {"type": "text", "text": "Everest is 8,849 m high."}},
    {"source": {"type": "json", "data": {"peak": "Fuji", "metres": 3776}}},
]
CASES = cases(
    Sdk(
        provider=PROVIDER,
        sync=groq.Groq,
        asynchronous=groq.AsyncGroq,
        stream=groq.Stream,
        async_stream=groq.AsyncStream,
        host="api.groq.com",
        model="openai/gpt-oss-120b",
        embedding_model="nomic-embed-text-v1_5",
        finish="stop",
        usage=USAGE,
        counted={
            "gen_ai.usage.input_tokens": 120,
            "gen_ai.usage.output_tokens": 34,
            "gen_ai.usage.cache_read.input_tokens": 100,
            "gen_ai.usage.reasoning.output_tokens": 20,
        },
        last={"x_groq": {"id": "req-1", "usage": USAGE}},
        estimate=(74, 7),
        arguments={"documents": DOCUMENTS},
        shown=(
            {
                "role": "tool",
                "parts": [
                    {"type": "document", "content": "Everest is 8,849 m high.", "id": "d1"},
                    {"type": "document", "content": "peak: Fuji\nmetres: 3776"},
                ],
            },
        ),
    )
)
