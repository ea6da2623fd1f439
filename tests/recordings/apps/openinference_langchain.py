"""OpenInference: its instrumentor of LangChain.

A vector store as retriever; where passages are reranked, a `ContextualCompressionRetriever` around it.
"""

import os
from collections.abc import Sequence

import openai
from langchain_classic.retrievers import ContextualCompressionRetriever
from langchain_core.documents import BaseDocumentCompressor, Document
from langchain_core.prompts import ChatPromptTemplate
from langchain_core.runnables import chain
from langchain_core.vectorstores import InMemoryVectorStore
from langchain_openai import ChatOpenAI, OpenAIEmbeddings
from openinference.instrumentation import TracerProvider
from openinference.instrumentation.langchain import LangChainInstrumentor
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.trace.export import BatchSpanProcessor

from recordings import shop, truth

embeddings = OpenAIEmbeddings(model=truth.EMBEDDING_MODEL, check_embedding_ctx_length=False)
store = InMemoryVectorStore(embeddings)
store.add_documents(
    [Document(id=name, page_content=text, metadata={"source": f"{name}.md"}) for name, text in truth.CORPUS.items()]
)

provider = TracerProvider()
provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
LangChainInstrumentor().instrument(tracer_provider=provider)

model = ChatOpenAI(model=truth.MODEL, stream_usage=True)
rewriter = ChatPromptTemplate.from_messages([("user", "{text}")]) | model
prompt = ChatPromptTemplate.from_messages(
    [("system", truth.SYSTEM), ("user", "Context:\n{context}\n\nQuestion: {question}")]
)
reader = prompt | model


class Reranker(BaseDocumentCompressor):
    """Asks the reranking endpoint, as the integration packages of LangChain do."""

    top_n: int

    def compress_documents(
        self, documents: Sequence[Document], query: str, callbacks: object = None
    ) -> Sequence[Document]:
        body = {"query": query, "documents": [d.page_content for d in documents], "top_n": self.top_n}
        client = openai.OpenAI(base_url=os.environ["RERANK_URL"])
        found = client.post("/rerank", body=body, cast_to=dict)
        return [
            documents[r["index"]].model_copy(
                update={"metadata": {**documents[r["index"]].metadata, "relevance_score": r["relevance_score"]}}
            )
            for r in found["results"]
        ]


@chain
def answer(question: str) -> str:
    request = next(r for r in truth.REQUESTS if r.question == question)
    query = question
    if request.query is not None:
        query = rewriter.invoke({"text": truth.rewrite_prompt(question)}).content
    if not request.retrieved:
        return model.invoke(question).content
    retriever = store.as_retriever(search_kwargs={"k": len(request.retrieved)})
    if request.reranked:
        retriever = ContextualCompressionRetriever(
            base_retriever=retriever, base_compressor=Reranker(top_n=len(request.reranked))
        )
    found = retriever.invoke(query)[: len(request.prompt)]
    given = {"context": "\n\n".join(d.page_content for d in found), "question": question}
    if request.streamed:
        return "".join(chunk.content for chunk in reader.stream(given))
    return reader.invoke(given).content


shop.run(lambda request: answer.invoke(request.question))
provider.shutdown()
