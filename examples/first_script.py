"""A plain script, traced and scored by one line: `OPENAI_API_KEY=... python examples/first_script.py`."""

import os

from openai import OpenAI

import groundwire

groundwire.instrument()  # the whole integration

NOTES = [
    "Bake bratwurst at 400 degrees Fahrenheit for 20 to 25 minutes, turning them half-way.",
    "Bratwurst is done when its centre has 160 degrees Fahrenheit.",
    "An oil stain on concrete comes off with baking soda, warm water and a stiff brush.",
]


@groundwire.retriever
def find(question: str, top_k: int = 2) -> list[str]:
    asked = set(question.split())
    return sorted(NOTES, key=lambda note: -len(asked & set(note.lower().split())))[:top_k]


question = "how long to bake bratwurst in the oven"
context = "\n".join(f"- {note}" for note in find(question))
reply = OpenAI().chat.completions.create(
    model=os.environ.get("CHAT_MODEL", "gpt-4o-mini"),
    messages=[{"role": "user", "content": f"Context:\n{context}\n\nQuestion: {question}"}],
)
print(reply.choices[0].message.content)
