"""LangChain's `FAISS`: its searches, with a retriever around them or without, sync and async.

The index underneath knows numbers alone; this knows what texts they stand for, so its span tells the index's as well.
Every search comes by one of two methods, which are given the embedding of the question and not its words.
"""

from collections.abc import Mapping
from functools import partial
from typing import Any

from groundwire.model import Operation, Provider, Request
from groundwire.texts import name_of
from groundwire_instrumentation._langchain_values import hits
from groundwire_instrumentation.faiss import SIMILARITIES

_FAISS = "langchain_community.vectorstores.faiss:FAISS"


def _request(store: Any, arguments: Mapping[str, Any]) -> Request:
    metric = getattr(store.index, "metric_type", None)
    return Request(
        name=type(store).__name__,
        top_k=arguments.get("k", 4),
        data_source=name_of(store.index),
        provider="faiss",
        read=partial(hits, higher_is_better=None if metric is None else metric in SIMILARITIES),
    )


PROVIDER = Provider(
    name="langchain_faiss",
    module="langchain_community.vectorstores.faiss",
    distribution="langchain-community",
    operations=(
        Operation(
            "retrieval",
            (
                f"{_FAISS}.similarity_search_with_score_by_vector",
                f"{_FAISS}.max_marginal_relevance_search_with_score_by_vector",
            ),
            _request,
            hits,
        ),
    ),
    covers=("faiss",),
)
