"""Steps of a chain or a graph that play what a case asks for."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

from conformance.cases import Mode
from conformance.playing import play

WORDS = ["Everest ", "is ", "8,849 m ", "high."]
ANSWER = "".join(WORDS)
PARTIAL = "".join(WORDS[:2])


class Lost(Exception):
    """The connection of a model is lost."""


class Step:
    """Answers a question, whole or word by word, sync or async."""

    def __init__(self, mode: Mode, served: Callable[[], None]) -> None:
        self._mode = mode
        self._served = served

    def answer(self, _: Any) -> str:
        play(self._mode, self._served, Lost("no model"))
        return ANSWER

    async def answer_later(self, question: Any) -> str:
        if self._mode == "hang":
            self._served()
            await asyncio.Event().wait()
        await asyncio.sleep(0)
        return self.answer(question)

    def words(self, question: Any) -> Iterator[str]:
        for _ in question:
            self.answer(_)
        for number, word in enumerate(WORDS):
            if number == 2 and self._mode == "break":
                raise Lost("in the middle")
            self._served()
            yield word

    async def words_later(self, question: Any) -> AsyncIterator[str]:
        async for _ in question:
            await self.answer_later(_)
        for number, word in enumerate(WORDS):
            if number == 2 and self._mode == "stall":
                await asyncio.Event().wait()
            if number == 2 and self._mode == "break":
                raise Lost("in the middle")
            self._served()
            yield word
