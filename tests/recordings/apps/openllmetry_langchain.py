"""OpenLLMetry: its instrumentors of langchain and openai together, around a chain of retriever, prompt and model."""

from langchain_core.documents import Document
from langchain_core.output_parsers import StrOutputParser
from langchain_core.prompts import ChatPromptTemplate
from langchain_core.runnables import RunnableLambda, RunnablePassthrough
from langchain_core.vectorstores import InMemoryVectorStore
from langchain_openai import ChatOpenAI, OpenAIEmbeddings
from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.instrumentation.langchain import LangchainInstrumentor
from opentelemetry.instrumentation.openai import OpenAIInstrumentor
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor

from recordings import truth

provider = TracerProvider()
provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
trace.set_tracer_provider(provider)

store = InMemoryVectorStore(OpenAIEmbeddings(model=truth.EMBEDDING_MODEL, check_embedding_ctx_length=False))
store.add_documents([Document(id=i, page_content=t, metadata={"source": f"{i}.md"}) for i, t in truth.CORPUS.items()])
LangchainInstrumentor().instrument()
OpenAIInstrumentor().instrument()

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
    if request.streamed:
        return "".join(chain.stream(request.question))
    return chain.invoke(request.question)


for request in truth.REQUESTS:
    said = rag(request) if request.retrieved else model.invoke(request.question).text
    assert said == request.answer, (request.name, said)
    print(said)
provider.shutdown()
