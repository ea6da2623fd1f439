"""The application on LangChain: a vector store as retriever, a compressor around it that reranks, a chat model."""

import os
from collections.abc import Callable, Sequence
from typing import Any

import openai
from langchain_classic.retrievers import ContextualCompressionRetriever
from langchain_core.documents import BaseDocumentCompressor, Document
from langchain_core.prompts import ChatPromptTemplate
from langchain_core.runnables import RunnableConfig, chain
from langchain_core.vectorstores import InMemoryVectorStore
from langchain_openai import ChatOpenAI, OpenAIEmbeddings

from recordings import truth


class Reranker(BaseDocumentCompressor):
    """Asks the reranking endpoint, as the integration packages of LangChain do."""

    top_n: int

    def compress_documents(
        self, documents: Sequence[Document], query: str, callbacks: object = None
    ) -> Sequence[Document]:
        body = {"query": query, "documents": [d.page_content for d in documents], "top_n": self.top_n}
        found = openai.OpenAI(base_url=os.environ["RERANK_URL"]).post("/rerank", body=body, cast_to=dict)
        ranked = [(documents[r["index"]], r["relevance_score"]) for r in found["results"]]
        return [d.model_copy(update={"metadata": {**d.metadata, "relevance_score": score}}) for d, score in ranked]


def application(**config: Any) -> Callable[[truth.Request], str]:
    """The application, ready to be asked.

    Args:
        config: of every call, for instance `callbacks`.
    """
    embeddings = OpenAIEmbeddings(model=truth.EMBEDDING_MODEL, check_embedding_ctx_length=False)
    store = InMemoryVectorStore(embeddings)
    store.add_documents(
        [Document(id=name, page_content=text, metadata={"source": f"{name}.md"}) for name, text in truth.CORPUS.items()]
    )
    model = ChatOpenAI(model=truth.MODEL, stream_usage=True)
    prompt = ChatPromptTemplate.from_messages(
        [("system", truth.SYSTEM), ("user", "Context:\n{context}\n\nQuestion: {question}")]
    )
    reader = prompt | model

    @chain
    def answer(question: str, config: RunnableConfig) -> str:
        request = next(r for r in truth.REQUESTS if r.question == question)
        query = question
        if request.query is not None:
            query = model.invoke(truth.rewrite_prompt(question), config).content
        if not request.retrieved:
            return model.invoke(question, config).content
        retriever = store.as_retriever(search_kwargs={"k": len(request.retrieved)})
        if request.reranked:
            retriever = ContextualCompressionRetriever(
                base_retriever=retriever, base_compressor=Reranker(top_n=len(request.reranked))
            )
        found = retriever.invoke(query, config)[: len(request.prompt)]
        given = {"context": "\n\n".join(d.page_content for d in found), "question": question}
        if request.streamed:
            return "".join(chunk.content for chunk in reader.stream(given, config))
        return reader.invoke(given, config).content

    return lambda request: answer.invoke(request.question, config=RunnableConfig(**config))
