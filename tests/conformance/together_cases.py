"""Together over a faked wire: its words for why a model stops, its cached tokens, its rerank."""

import together
from together._streaming import AsyncStream, Stream

from conformance.httpx_wire import document
from conformance.openai_like import QUESTION, Sdk, case, cases
from groundwire_instrumentation.together import PROVIDER

USAGE = {"prompt_tokens": 120, "completion_tokens": 34, "total_tokens": 154, "cached_tokens": 100}
SDK = Sdk(
    provider=PROVIDER,
    sync=together.Together,
    asynchronous=together.AsyncTogether,
    stream=Stream,
    async_stream=AsyncStream,
    host="api-inference.together.ai",
    model="openai/gpt-oss-20b",
    embedding_model="intfloat/multilingual-e5-large-instruct",
    embeddings_host="api.together.ai",
    finish="eos",
    usage=USAGE,
    counted={
        "gen_ai.usage.input_tokens": 120,
        "gen_ai.usage.output_tokens": 34,
        "gen_ai.usage.cache_read.input_tokens": 100,
    },
    last={"usage": USAGE},
    estimate=(60, 7),
)
TEXT = {"id": "t-1", "object": "text.completion", "created": 1, "model": "m", "prompt": []}
ASKED_TEXT = {
    "gen_ai.operation.name": "chat",
    "gen_ai.provider.name": "together",
    "gen_ai.request.model": "m",
    "server.address": "api.together.ai",
    "gen_ai.input.messages": [{"role": "user", "parts": [{"type": "text", "content": QUESTION}]}],
}
ANSWERED_TEXT = {
    "gen_ai.response.model": "m",
    "gen_ai.response.id": "t-1",
    "gen_ai.response.finish_reasons": ("stop",),
    "gen_ai.output.messages": [{"role": "assistant", "parts": [{"type": "text", "content": "High."}]}],
    **SDK.counted,
}
FUJI, EVEREST = "Fuji is 3,776 m high.", "Everest is 8,849 m high."
MODEL = "mixedbread-ai/Mxbai-Rerank-Large-V2"
RERANKED = {
    "id": "r-1",
    "object": "rerank",
    "model": MODEL,
    "results": [
        {"index": 1, "relevance_score": 0.875, "document": {"text": EVEREST}},
        {"index": 0, "relevance_score": 0.25, "document": {"text": FUJI}},
    ],
    "usage": {"prompt_tokens": 26, "completion_tokens": 0, "total_tokens": 26},
}
ASKED = {
    "gen_ai.operation.name": "rerank",
    "gen_ai.provider.name": "together",
    "gen_ai.request.model": MODEL,
    "gen_ai.retrieval.top_k": 2,
    "gen_ai.retrieval.query.text": QUESTION,
    "server.address": "api.together.ai",
}
ANSWERED = {
    "gen_ai.response.model": MODEL,
    "gen_ai.response.id": "r-1",
    "gen_ai.usage.input_tokens": 26,
    "gen_ai.usage.output_tokens": 0,
    "groundwire.retrieval.higher_is_better": True,
}
RECORDS = [{"id": 7, "title": "Japan", "body": FUJI}, {"id": 8, "title": "Nepal", "body": EVEREST}]
FOUND = [
    {"id": "7", "content": FUJI, "metadata": {"title": "Japan"}},
    {"id": "8", "content": EVEREST, "metadata": {"title": "Nepal"}},
]
CASES = [
    *cases(SDK),
    case(
        SDK,
        "text",
        lambda c: c.completions.create(model="m", prompt=QUESTION),
        document(TEXT | {"choices": [{"text": "High.", "finish_reason": "eos"}], "usage": USAGE}),
        False,
        ASKED_TEXT,
        ANSWERED_TEXT,
    ),
    case(
        SDK,
        "rerank",
        lambda c: c.rerank.create(model=MODEL, query=QUESTION, documents=iter([FUJI, EVEREST]), top_n=2),
        document(RERANKED),
        False,
        ASKED | {"groundwire.rerank.input_documents": [{"content": FUJI}, {"content": EVEREST}]},
        ANSWERED
        | {"gen_ai.retrieval.documents": [{"score": 0.875, "content": EVEREST}, {"score": 0.25, "content": FUJI}]},
    ),
    case(
        SDK,
        "rerank of records",
        lambda c: c.rerank.create(model=MODEL, query=QUESTION, documents=RECORDS, top_n=2, rank_fields=["body"]),
        document(RERANKED),
        True,
        ASKED | {"groundwire.rerank.input_documents": FOUND},
        ANSWERED | {"gen_ai.retrieval.documents": [FOUND[1] | {"score": 0.875}, FOUND[0] | {"score": 0.25}]},
    ),
]
