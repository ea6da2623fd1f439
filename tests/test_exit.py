"""An application that ends while answers are still being scored ends as it would have without us."""

import json
import subprocess
import sys
from pathlib import Path

SCRIPT = """
import json, sys
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor, SpanExporter, SpanExportResult

provider = TracerProvider()  # before anything of ours: its shutdown is the last to run

from groundwire import ScoringSpanProcessor

class ToFile(SpanExporter):
    def export(self, spans):
        with open(sys.argv[1], "a") as file:
            for span in spans:
                file.write(json.dumps([span.name, span.attributes.get("groundwire.evaluation.status")]) + "\\n")
        return SpanExportResult.SUCCESS

provider.add_span_processor(ScoringSpanProcessor(SimpleSpanProcessor(ToFile())))
text = "The tower is 330 metres tall and was built in 1889 by Gustave Eiffel. " * 30
prompt = json.dumps([{"role": "user", "parts": [{"type": "text", "content": f"Context: {text}\\n\\nHow tall?"}]}])
answer = json.dumps([{"role": "assistant", "parts": [{"type": "text", "content": text.replace("330", "N", 1)}]}])
tracer = provider.get_tracer("app")
for n in range(400):
    span = tracer.start_span("retrieve", attributes={
        "gen_ai.operation.name": "retrieval", "gen_ai.retrieval.query.text": "How tall?",
        "gen_ai.retrieval.documents": json.dumps([{"content": text}])})
    from opentelemetry.trace import set_span_in_context
    context = set_span_in_context(span)
    span.end()
    tracer.start_span("chat m", context=context, attributes={
        "gen_ai.operation.name": "chat", "gen_ai.input.messages": prompt,
        "gen_ai.output.messages": answer.replace("N", str(n)),
    }).end()
print("done")
sys.exit(7)
"""


def test_the_process_ends_with_its_own_exit_code_and_every_span_is_out(tmp_path: Path) -> None:
    out = tmp_path / "spans"
    ended = subprocess.run([sys.executable, "-c", SCRIPT, str(out)], capture_output=True, text=True, timeout=120)
    assert (ended.returncode, ended.stdout) == (7, "done\n"), ended.stderr
    spans = [json.loads(line) for line in out.read_text().splitlines()]
    statuses = [status for name, status in spans if name == "chat m"]
    assert sum(name == "retrieve" for name, _ in spans) == len(statuses) == 400
    assert set(statuses) <= {"scored", "timeout", "overloaded", "shutdown"}
    assert "scored" in statuses
