"""Read the traces of a running Jaeger, whoever's SDK wrote them, and print the answers that nothing supports.

    python examples/rescore_jaeger.py "jaeger+http://127.0.0.1:16686?service=kitchen&lookback=6h"

`groundwire score SOURCE -o otlp+http://127.0.0.1:4318` does the same and writes the scores back.
"""

import sys

import groundwire

scored = groundwire.score(sys.argv[1], ["faithfulness"])
print(f"{scored.summary.answers} RAG answers; {scored.summary.rejected.total()} other chat calls")

for answer in scored:
    check = answer.checks["faithfulness"]
    if check.failed:
        print(f"\n{check.value:.2f}  {answer.question}  (trace {answer.chain.trace_id})")
        for sentence in check.unsupported:
            print(f"      {sentence['verdict']}: {' '.join(sentence['text'].split())}")
