"""LangChain over faiss: a search is one retrieval with its texts, with a retriever around it or without."""

from collections.abc import Callable
from typing import Any

import pytest
from langchain_community.vectorstores.faiss import FAISS

from conformance.langchain_embedded import Embedded
from groundwire_instrumentation import faiss, langchain, langchain_faiss, openai
from providers.test_frameworks import QUESTION, ask, run

TEXTS = ["Everest is 8,849 m high.", "Fuji is 3,776 m high."]


def searched(store: FAISS) -> list[Any]:
    return store.similarity_search(QUESTION, k=2)


def retrieved(store: FAISS) -> list[Any]:
    return store.as_retriever(search_kwargs={"k": 2}).invoke(QUESTION)


@pytest.mark.parametrize(
    ("search", "spans"),
    [(searched, ["retrieval FAISS"]), (retrieved, ["retrieval FAISS", "retrieval VectorStoreRetriever"])],
    ids=["the store", "its retriever"],
)
def test_an_answer_has_each_passage_once(search: Callable[[FAISS], list[Any]], spans: list[str]) -> None:
    store = FAISS.from_texts(TEXTS, Embedded())

    def answer() -> str:
        context = "\n\n".join(document.page_content for document in search(store))
        return ask(f"Context:\n\n{context}\n\nQuestion: {QUESTION}")

    providers = (faiss.PROVIDER, langchain_faiss.PROVIDER, langchain.PROVIDER, openai.PROVIDER)
    tracing, (chain,) = run(answer, providers, root=True)
    assert [span.name for span in tracing.spans if span.name.startswith("retrieval")] == spans
    assert [(p.text, p.retrieved_rank, p.in_prompt) for p in chain.passages] == [
        (TEXTS[0], 1, True),
        (TEXTS[1], 2, True),
    ]
