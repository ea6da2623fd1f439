"""LangChain's FAISS in the conformance suite: an index of this process, its texts in a store that plays."""

from collections.abc import Callable
from typing import Any

import faiss
import numpy as np
from langchain_community.docstore.in_memory import InMemoryDocstore
from langchain_community.vectorstores.faiss import FAISS
from langchain_community.vectorstores.utils import DistanceStrategy
from langchain_core.documents import Document

from conformance.cases import Case, Mode
from conformance.langchain_embedded import Embedded
from conformance.playing import play
from groundwire_instrumentation.langchain_faiss import PROVIDER

QUERY = "How high is it?"
TEXTS = {"e": "Everest is 8,849 m high.", "f": "Fuji is 3,776 m high."}
VECTORS = np.array([[1.0, 0.0], [0.0, 1.0]], np.float32)


class Texts(InMemoryDocstore):
    """Documents by their ids."""

    def __init__(self, mode: Mode, served: Callable[[], None]) -> None:
        super().__init__({key: Document(text, id=key, metadata={"page": 1}) for key, text in TEXTS.items()})
        self._wire = (mode, served)

    def search(self, search: str) -> Any:
        play(*self._wire, ValueError("no such document"))
        return super().search(search)


def opened(mode: Mode, served: Callable[[], None]) -> Any:
    """A store by distance."""
    index = faiss.IndexFlatL2(2)
    index.add(VECTORS)
    return FAISS(Embedded(), index, Texts(mode, served), dict(enumerate(TEXTS)))


def similar(mode: Mode, served: Callable[[], None]) -> Any:
    """A store by similarity."""
    index = faiss.IndexFlatIP(2)
    index.add(VECTORS)
    strategy = DistanceStrategy.MAX_INNER_PRODUCT
    return FAISS(Embedded(), index, Texts(mode, served), dict(enumerate(TEXTS)), distance_strategy=strategy)


def _found(higher: bool, *scores: float) -> dict[str, Any]:
    pairs = zip(TEXTS.items(), scores, strict=False)
    rows = [{"id": key, "score": score, "content": text, "metadata": {"page": 1}} for (key, text), score in pairs]
    return {"gen_ai.retrieval.documents": rows, "groundwire.retrieval.higher_is_better": higher}


NEAR = _found(False, 0.0, 2.0)
CALLS: list[tuple[str, Any, Callable[[Any], Any], int, dict[str, Any]]] = [
    ("similarity_search", opened, lambda s: s.similarity_search(QUERY), 4, NEAR),
    ("similarity_search_with_score", similar, lambda s: s.similarity_search_with_score(QUERY, k=2), 2,
     _found(True, 1.0, 0.0)),
    ("similarity_search_with_relevance_scores", opened, lambda s: s.similarity_search_with_relevance_scores(QUERY, k=1),
     1, _found(False, 0.0)),
    ("similarity_search_by_vector", opened, lambda s: s.similarity_search_by_vector([1.0, 0.0], 2), 2, NEAR),
    ("max_marginal_relevance_search", opened, lambda s: s.max_marginal_relevance_search(QUERY, k=2), 2, NEAR),
    ("async similarity_search", opened, lambda s: s.asimilarity_search(QUERY, k=2), 2, NEAR),
    ("async max_marginal_relevance_search", opened, lambda s: s.amax_marginal_relevance_search(QUERY, k=2), 2, NEAR),
]  # fmt: skip
CASES = [
    Case(
        name=name,
        provider=PROVIDER,
        client=client,
        call=call,
        span="retrieval FAISS",
        asked={"gen_ai.operation.name": "retrieval", "gen_ai.provider.name": "faiss", "gen_ai.retrieval.top_k": most},
        answered=answered,
        # An interrupt in the thread of an executor ends the loop.
        modes={"answer", "error"} | (set() if name.startswith("async") else {"interrupt"}),
        asynchronous=name.startswith("async"),
        kind=list,
    )
    for name, client, call, most, answered in CALLS
]
