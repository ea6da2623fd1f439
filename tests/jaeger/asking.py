"""Asks an example of three libraries in every way that its framework offers: a program of its own.

    asking.py EXAMPLE (--instrument | --as-it-is)

Each way asks a question of its own, so that its trace can be told from the others'.
"""

import asyncio
import runpy
import sys
from collections.abc import AsyncIterator, Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from itertools import zip_longest
from pathlib import Path
from typing import Any, TypeAlias

EXAMPLES = Path(__file__).parents[2] / "examples"
HEIGHTS = {
    "plain": ("Everest", 8849),
    "streamed": ("Fuji", 3776),
    "async": ("Elbrus", 5642),
    "async streamed": ("Ararat", 5137),
    "pool": ("Denali", 6190),
    "two at once, one": ("Kenya", 5199),
    "two at once, other": ("Toubkal", 4167),
    "elsewhere": ("Olympus", 2918),
    "gathered, one": ("Blanc", 4806),
    "gathered, other": ("Matterhorn", 4478),
    "interleaved, one": ("Zugspitze", 2962),
    "interleaved, other": ("Aconcagua", 6961),
}
NOTES = [note for name, m in HEIGHTS.values() for note in (f"{name} is {m} metres high.", f"{name} is a mountain.")]

Ways: TypeAlias = Mapping[str, Callable[[str], Any]]
"""What asks one question: `plain`, `streamed` (gives pieces), `async`, `async streamed`, and through a `pool`."""


def question(way: str) -> str:
    return f"How many metres high is {HEIGHTS[way][0]}?"


def both(way: str) -> list[str]:
    return [question(f"{way}, one"), question(f"{way}, other")]


def langchain(app: Mapping[str, Any]) -> Ways:
    from langchain_core.runnables import RunnableLambda

    search = app["search"](NOTES)
    chain = app["answering"](search)

    def fan_out(asked: str) -> Any:
        with ThreadPoolExecutor() as pool:
            return [d for found in pool.map(search.invoke, [asked, asked.upper()]) for d in found]

    return {
        "plain": chain.invoke,
        "streamed": chain.stream,
        "async": chain.ainvoke,
        "async streamed": chain.astream,
        "pool": app["answering"](RunnableLambda(fan_out)).invoke,
    }


def llama_index(app: Mapping[str, Any]) -> Ways:
    import anthropic
    from llama_index.core.llms import CompletionResponse
    from llama_index.core.query_engine import RetrieverQueryEngine
    from llama_index.core.retrievers import BaseRetriever

    class Claude(app["Claude"]):  # type: ignore[misc]
        async def acomplete(self, prompt: str, formatted: bool = False, **_: Any) -> Any:
            reply = await anthropic.AsyncAnthropic().messages.create(**app["asked"](prompt))
            return CompletionResponse(text=reply.content[0].text)

        async def astream_complete(self, prompt: str, formatted: bool = False, **_: Any) -> Any:
            async def pieces() -> AsyncIterator[CompletionResponse]:
                text = ""
                async with anthropic.AsyncAnthropic().messages.stream(**app["asked"](prompt)) as stream:
                    async for piece in stream.text_stream:
                        text += piece
                        yield CompletionResponse(text=text, delta=piece)

            return pieces()

    index = app["index"](NOTES)
    engine = index.as_query_engine(llm=Claude(), similarity_top_k=2)
    streaming = index.as_query_engine(llm=Claude(), similarity_top_k=2, streaming=True)

    class FanOut(BaseRetriever):
        def _retrieve(self, query_bundle: Any) -> Any:
            with ThreadPoolExecutor() as pool:
                asked = query_bundle.query_str
                return [n for found in pool.map(engine.retriever.retrieve, [asked, asked.upper()]) for n in found][:2]

    async def streamed(asked: str) -> AsyncIterator[str]:
        async for piece in (await streaming.aquery(asked)).async_response_gen():
            yield piece

    return {
        "plain": engine.query,
        "streamed": lambda asked: streaming.query(asked).response_gen,
        "async": engine.aquery,
        "async streamed": streamed,
        "pool": RetrieverQueryEngine.from_args(FanOut(), llm=Claude()).query,
    }


def haystack(app: Mapping[str, Any]) -> Ways:
    from haystack import Document, component

    notes = app["Notes"](NOTES)
    plain = app["answering"](notes)
    streamed = app["answering"](app["Notes"](NOTES), streaming_callback=lambda piece: None)

    @component
    class FanOut:
        @component.output_types(documents=list[Document])
        def run(self, query: str) -> dict[str, Any]:
            with ThreadPoolExecutor() as pool:
                found = [d for f in pool.map(notes.run, [query, query.upper()]) for d in f["documents"]]
            return {"documents": list({d.content: d for d in found}.values())}

    fanned = app["answering"](FanOut())

    async def pieces(asked: str) -> AsyncIterator[Any]:
        async for piece in later.run_async_generator(app["given"](asked)):
            yield piece

    async def hear(piece: Any) -> None:
        pass

    later = app["answering"](app["Notes"](NOTES), streaming_callback=hear)
    return {
        "plain": lambda asked: plain.run(app["given"](asked)),
        "streamed": lambda asked: streamed.run(app["given"](asked)),
        "async": lambda asked: plain.run_async(app["given"](asked)),
        "async streamed": pieces,
        "pool": lambda asked: fanned.run(app["given"](asked)),
    }


async def elsewhere(pieces: AsyncIterator[Any]) -> None:
    """Read a stream's first piece in one task and the others in another, as a server's handler does."""
    await asyncio.create_task(anext(pieces))

    async def rest() -> None:
        async for _ in pieces:
            pass

    await asyncio.create_task(rest())


async def drained(pieces: AsyncIterator[Any]) -> None:
    async for _ in pieces:
        pass


def main(example: str, mode: str) -> None:
    if mode == "--instrument":
        import groundwire

        groundwire.instrument()
    app = runpy.run_path(str(EXAMPLES / f"{example}.py"))
    by_example = {
        "haystack_ollama": haystack,
        "langchain_qdrant_openai": langchain,
        "llama_index_chroma_anthropic": llama_index,
    }
    ways = by_example[example](app)
    for way in ("plain", "pool"):
        ways[way](question(way))
    list(ways["streamed"](question("streamed")))
    list(zip_longest(*map(ways["streamed"], both("interleaved"))))
    with ThreadPoolExecutor() as pool:
        list(pool.map(ways["plain"], both("two at once")))
    asyncio.run(asynchronously(ways))


async def asynchronously(ways: Ways) -> None:
    await ways["async"](question("async"))
    await drained(ways["async streamed"](question("async streamed")))
    await elsewhere(ways["async streamed"](question("elsewhere")))
    await asyncio.gather(*map(ways["async"], both("gathered")))


if __name__ == "__main__":
    main(*sys.argv[1:])
