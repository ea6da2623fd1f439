"""Coroutines that are dropped while they wait: their loop is closed, and whoever collects them runs elsewhere."""

import asyncio
import gc
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest
from langchain_core.runnables import RunnableGenerator, RunnableLambda
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import get_current_span

import groundwire
from conformance.openai_wire import Body, Wire, answering, http

MESSAGES: Any = [{"role": "user", "content": "How high is Everest?"}]


def stalled(_: Any) -> Any:
    return http.Response(200, headers={"content-type": "text/event-stream"}, stream=Body([], "stall"))


def hanging() -> Any:
    client = answering(stalled, asynchronous=True)
    wire: Wire = client._client._transport
    wire.hangs = True
    return client


async def a_call() -> None:
    await hanging().chat.completions.create(model="gpt-4o-mini", messages=MESSAGES)


async def a_stream() -> None:
    client = answering(stalled, asynchronous=True)
    async for _ in await client.chat.completions.create(model="gpt-4o-mini", messages=MESSAGES, stream=True):
        pass


async def a_manager() -> None:
    async with hanging().chat.completions.stream(model="gpt-4o-mini", messages=MESSAGES):
        pass


async def wait(_: Any) -> Any:
    await asyncio.Event().wait()


async def pieces(_: AsyncIterator[Any]) -> AsyncIterator[str]:
    await asyncio.Event().wait()
    yield ""


async def a_chain() -> None:
    await (RunnableLambda(wait) | RunnableLambda(wait)).ainvoke("q")


async def a_streamed_chain() -> None:
    async for _ in RunnableGenerator(pieces).astream("q"):
        pass


@groundwire.retriever
async def a_retriever() -> list[str]:
    await asyncio.Event().wait()
    return []


@pytest.mark.parametrize("waiting", [a_call, a_stream, a_manager, a_chain, a_streamed_chain, a_retriever])
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning", "ignore:coroutine:RuntimeWarning")
def test_a_dropped_coroutine_ends_its_call_and_logs_nothing_of_ours(
    waiting: Callable[[], Awaitable[None]], caplog: pytest.LogCaptureFixture
) -> None:
    exporter, provider = InMemorySpanExporter(), TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    groundwire.instrument(tracer_provider=provider, evaluators=[], providers=["openai", "langchain"])
    try:
        with caplog.at_level(logging.WARNING, "opentelemetry"):
            drop(waiting)
    finally:
        groundwire.shutdown()
    assert [record.message for record in caplog.records if record.name.startswith("opentelemetry")] == []
    assert not get_current_span().get_span_context().is_valid
    assert len(exporter.get_finished_spans()) == 1


def drop(waiting: Callable[[], Awaitable[None]]) -> None:
    async def main() -> None:
        await waiting()

    loop = asyncio.new_event_loop()
    loop.set_exception_handler(lambda loop, context: None)  # that the task was pending
    task = loop.create_task(main())
    loop.run_until_complete(asyncio.sleep(0.02))
    loop.close()
    del task
    gc.collect()
