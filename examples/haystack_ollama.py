"""Haystack, a retriever of one's own and Ollama: a pipeline of three components, and one line for groundwire.

pip install "groundwire[haystack,ollama]" ollama-haystack
ollama pull llama3.2 && python examples/haystack_ollama.py
"""

import os
import re
import sys
from collections.abc import Sequence
from typing import Any

from haystack import Document, Pipeline, component
from haystack.components.builders import ChatPromptBuilder
from haystack.dataclasses import ChatMessage
from haystack_integrations.components.generators.ollama import OllamaChatGenerator

import groundwire

CHAT_MODEL = os.environ.get("CHAT_MODEL", "llama3.2")
OLLAMA = os.environ.get("OLLAMA_HOST", "http://localhost:11434")
QUESTION = "how long to bake bratwurst in the oven"
NOTES = [
    "Bake bratwurst at 400 degrees Fahrenheit for 20 to 25 minutes, turning them half-way.",
    "Bratwurst is done when its centre has 160 degrees Fahrenheit.",
    "An oil stain on concrete comes off with baking soda, warm water and a stiff brush.",
]
PROMPT = """Answer the question from these notes alone.

Notes:
{% for note in documents %}- {{ note.content }}
{% endfor %}
Question: {{ query }}"""


@component
class Notes:
    """Finds the notes that share most words with the question."""

    def __init__(self, notes: Sequence[str] = NOTES, top_k: int = 2) -> None:
        self.notes = notes
        self.top_k = top_k

    @component.output_types(documents=list[Document])
    def run(self, query: str) -> dict[str, Any]:
        asked = set(re.findall(r"\w{4,}", query.lower()))
        scores = {note: len(asked & set(re.findall(r"\w{4,}", note.lower()))) for note in self.notes}
        best = sorted(scores, key=lambda note: -scores[note])[: self.top_k]
        return {"documents": [Document(content=note, score=float(scores[note])) for note in best]}


def answering(notes: Any, pipeline: Any = None, **settings: Any) -> Pipeline:
    """Gives `{"model": {"replies": [...]}}`."""
    pipeline = pipeline or Pipeline()
    pipeline.add_component("notes", notes)
    pipeline.add_component("prompt", ChatPromptBuilder([ChatMessage.from_user(PROMPT)], required_variables="*"))
    pipeline.add_component("model", OllamaChatGenerator(CHAT_MODEL, OLLAMA, **settings))
    pipeline.connect("notes.documents", "prompt.documents")
    pipeline.connect("prompt.prompt", "model.messages")
    return pipeline


def given(question: str) -> dict[str, Any]:
    return {"notes": {"query": question}, "prompt": {"query": question}}


if __name__ == "__main__":
    groundwire.instrument()
    pipeline = answering(Notes(), streaming_callback=lambda piece: print(piece.content, end="", flush=True))
    pipeline.run(given(sys.argv[1] if len(sys.argv) > 1 else QUESTION))
    print()
