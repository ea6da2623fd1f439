"""Write the trained model as eight-bit ONNX into the package.

    python training/export_local.py build/local/model-0.pt BASE

Needs torch, onnx and onnxruntime. Rare pieces of the vocabulary (other scripts, unused slots) are dropped. Writes
`weights/local.onnx`, `weights/local_vocabulary.txt`, their SHA-256 into `weights/local.json`, and what the trained
network makes of some windows, before it was made small, into `tests/data/local-parity.json`.
"""

import argparse
import json
import tempfile
from hashlib import sha256
from pathlib import Path

import onnx
import torch
from local_net import LocalNet, sentence_odds
from onnxruntime.quantization import QuantType, quantize_dynamic

from groundwire.labelled import labelled
from groundwire_evaluators.evidence import MATCHES, NEIGHBOURS, EvidenceReader
from groundwire_evaluators.passages import index_passages
from groundwire_evaluators.sentences import sentences
from groundwire_evaluators.wordpiece import WordPiece

WEIGHTS = Path(__file__).parent.parent / "evaluators/groundwire_evaluators/weights"
TESTS = Path(__file__).parent.parent / "tests/data"
POSITIONS = 320
"""The longest window is 256 pieces."""
_KEPT = ("[PAD]", "[UNK]", "[CLS]", "[SEP]")


class _WithoutMask(torch.nn.Module):
    """One window at a time, never padded."""

    def __init__(self, net: LocalNet) -> None:
        super().__init__()
        self.net = net

    def forward(
        self, ids: torch.Tensor, segments: torch.Tensor, matches: torch.Tensor, neighbours: torch.Tensor
    ) -> torch.Tensor:
        return self.net(ids, segments, matches, neighbours, torch.ones_like(ids))


def kept(vocabulary: list[str]) -> list[int]:
    """Ids of the pieces in Latin letters, digits and signs."""

    def latin(token: str) -> bool:
        return not token.startswith("[unused") and all(ord(c) < 0x250 or 0x2000 <= ord(c) < 0x2200 for c in token)

    return [i for i, token in enumerate(vocabulary) if token in _KEPT or latin(token)]


def parity(net: LocalNet, pieces: WordPiece) -> None:
    """The trained network's log-odds of the sentences of some windows, for the test of what is shipped."""
    net.eval()  # the export leaves it in training
    rows = labelled(TESTS / "ragtruth-sample.jsonl.gz").rows[::5]
    known: list[list[float]] = []
    for row in rows:
        reader = EvidenceReader(index_passages([p for p in row.passages if p.strip()]), pieces)
        for window in reader.windows(row.answer, sentences(row.answer), row.question)[:2]:
            inputs = [torch.tensor([v]) for v in (window.ids, window.segments, window.matches, window.neighbours)]
            members = torch.zeros(1, len(window.sentences), len(window.ids), dtype=torch.bool)
            for j, (_, start, end) in enumerate(window.sentences):
                members[0, j, window.first + start : window.first + end] = True
            with torch.inference_mode():
                columns = net(*inputs, torch.ones_like(inputs[0]))
            known.append([round(float(x), 4) for x in sentence_odds(columns, members, 0)[0]])
    (TESTS / "local-parity.json").write_text(
        json.dumps({"every": 5, "windows": 2, "unsupported": known}) + "\n", "utf-8"
    )
    print(f"{len(known)} windows for the test of parity")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=Path, nargs="+", help="state dict(s); several are averaged")
    parser.add_argument("base", type=Path)
    args = parser.parse_args()
    vocabulary = [t for t in (args.base / "vocab.txt").read_text("utf-8").split("\n") if t]
    states = [torch.load(m, map_location="cpu") for m in args.model]
    state = {k: torch.stack([s[k].float() for s in states]).mean(0) for k in states[0]}
    chosen = kept(vocabulary)
    state["words.weight"] = state["words.weight"][chosen]
    state["positions.weight"] = state["positions.weight"][:POSITIONS]
    net = LocalNet(len(chosen), POSITIONS)
    net.load_state_dict(state)
    net.eval()
    example = tuple(torch.randint(1, n, (1, 40)) for n in (len(chosen), 2, MATCHES, NEIGHBOURS))
    names = ["ids", "segments", "matches", "neighbours"]
    with tempfile.TemporaryDirectory() as folder:
        plain, small = Path(folder) / "plain.onnx", Path(folder) / "small.onnx"
        torch.onnx.export(
            _WithoutMask(net), example, plain, input_names=names, output_names=["columns"],
            dynamic_axes={n: {1: "length"} for n in [*names, "columns"]}, opset_version=17, dynamo=False,
        )  # fmt: skip
        quantize_dynamic(
            plain, small, weight_type=QuantType.QInt8, per_channel=True, reduce_range=True,
            extra_options={"MatMulConstBOnly": True},
        )  # fmt: skip
        model = onnx.load(small)
        model.doc_string = "Groundwire local model; see training/MODEL_CARD.md"
        body = model.SerializeToString()
    (WEIGHTS / "local.onnx").write_bytes(body)
    text = "\n".join(vocabulary[i] for i in chosen)
    (WEIGHTS / "local_vocabulary.txt").write_text(text, "utf-8")
    facts = {
        "sha256": {"local.onnx": sha256(body).hexdigest(), "local_vocabulary.txt": sha256(text.encode()).hexdigest()},
        "bytes": len(body), "vocabulary": len(chosen),
    }  # fmt: skip
    parity(net, WordPiece([vocabulary[i] for i in chosen]))
    (WEIGHTS / "local.json").write_text(json.dumps(facts, indent=1) + "\n", "utf-8")
    print(json.dumps(facts, indent=1))


if __name__ == "__main__":
    main()
