"""faiss and bm25s in a job that asks thousands of queries in one call: the span lists the hits of the first ones."""

from typing import Any

import bm25s
import faiss
import numpy as np

from conformance.cases import decoded
from conformance.harness import traced
from groundwire_instrumentation import bm25s as bm25s_provider
from groundwire_instrumentation import faiss as faiss_provider

TEXTS = [f"word{n} everest" for n in range(50)]


def _ids(tracing: Any) -> list[str]:
    return [document["id"] for document in decoded(tracing.span.attributes)["gen_ai.retrieval.documents"]]


def test_bm25s_lists_whole_queries_up_to_a_thousand_hits() -> None:
    index = bm25s.BM25()
    index.index([text.split() for text in TEXTS], show_progress=False)
    queries = [[f"word{n % 50}"] for n in range(2000)]
    with traced(bm25s_provider.PROVIDER) as tracing:
        numbers, _ = index.retrieve(queries, k=40, show_progress=False)
        assert numbers.shape == (2000, 40)
        assert _ids(tracing) == [str(number) for number in numbers[:25].flatten()]


def test_faiss_lists_whole_queries_up_to_a_thousand_hits_and_one_whole_query_of_more() -> None:
    index = faiss.IndexFlatL2(1)
    index.add(np.arange(1500, dtype=np.float32)[:, None])
    queries = np.arange(300, dtype=np.float32)[:, None]
    for k, rows in ((7, 142), (1200, 1)):
        with traced(faiss_provider.PROVIDER) as tracing:
            _, numbers = index.search(queries, k)
            assert _ids(tracing) == [str(number) for number in numbers[:rows].flatten()]
