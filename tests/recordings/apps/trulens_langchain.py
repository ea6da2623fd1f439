"""TruLens around a chain of LangChain: retriever, prompt and model, whose objects it records as their `str`."""

import os

os.environ["TRULENS_OTEL_TRACING"] = "1"

from langchain_core.documents import Document
from langchain_core.output_parsers import StrOutputParser
from langchain_core.prompts import ChatPromptTemplate
from langchain_core.runnables import RunnableLambda, RunnablePassthrough
from langchain_core.vectorstores import InMemoryVectorStore
from langchain_openai import ChatOpenAI, OpenAIEmbeddings
from opentelemetry import trace
from trulens.apps.langchain import TruChain
from trulens.core import TruSession

from recordings import truth

session = TruSession(otel_exporter="otlp", otlp_protocol="http/protobuf", database_url="sqlite:///:memory:")
store = InMemoryVectorStore(OpenAIEmbeddings(model=truth.EMBEDDING_MODEL, check_embedding_ctx_length=False))
store.add_documents([Document(id=i, page_content=t, metadata={"source": f"{i}.md"}) for i, t in truth.CORPUS.items()])
model = ChatOpenAI(model=truth.MODEL, stream_usage=True)
prompt = ChatPromptTemplate.from_messages(
    [("system", truth.SYSTEM), ("human", "Context:\n{context}\n\nQuestion: {question}")]
)

rewriting = RunnableLambda(truth.rewrite_prompt) | model | StrOutputParser()


def rag(request: truth.Request) -> str:
    retriever = store.as_retriever(search_kwargs={"k": len(request.retrieved)})

    def context(documents: list[Document]) -> str:
        by_id = {d.id: d.page_content for d in documents}
        return "\n\n".join(by_id[i] for i in request.prompt)

    query = RunnablePassthrough() if request.query is None else rewriting
    chain = (
        {"context": query | retriever | RunnableLambda(context), "question": RunnablePassthrough()}
        | prompt
        | model
        | StrOutputParser()
    )
    with TruChain(chain, app_name="shop", app_version="1"):
        if request.streamed:
            return "".join(chain.stream(request.question))
        return chain.invoke(request.question)


for request in truth.REQUESTS:
    if not request.retrieved:
        continue
    said = rag(request)
    assert said == request.answer, (request.name, said)
    print(said)
session.force_flush()
trace.get_tracer_provider().force_flush()
