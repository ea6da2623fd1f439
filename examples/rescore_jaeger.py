"""Read the traces of a running Jaeger, whoever's SDK wrote them, and print the answers that nothing supports.

    python examples/rescore_jaeger.py "jaeger+http://127.0.0.1:16686?service=kitchen&lookback=6h"

`groundwire score SOURCE -o otlp+http://127.0.0.1:4318` does the same and writes the scores back.
"""

import sys

import groundwire
from groundwire.traces import open_source
from groundwire_evaluators.faithfulness import Faithfulness

assembly = groundwire.chains(open_source(sys.argv[1]))
print(f"{len(assembly.chains)} RAG answers; {len(assembly.rejected)} other chat calls")

for evaluation in groundwire.score(assembly.chains, [Faithfulness()]):
    score = evaluation.result
    if isinstance(score, groundwire.Score) and score.passed is False:
        print(f"\n{score.value:.2f}  {evaluation.chain.question}  (trace {evaluation.chain.trace_id})")
        for sentence in score.evidence:
            if sentence.verdict in ("unsupported", "contradicted"):
                print(f"      {sentence.verdict}: {' '.join(sentence.text.split())}")
