"""Write the trained model as eight-bit ONNX into the package.

    python training/export_local.py build/local/model-0.pt BASE

Needs torch, onnx and onnxruntime. Rare pieces of the vocabulary (other scripts, unused slots) are dropped. Compares the
exported file with the trained network on random windows, and writes `weights/local.onnx`,
`weights/local_vocabulary.txt` and their SHA-256 into `weights/local.json`.
"""

import argparse
import json
import tempfile
from hashlib import sha256
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import torch
from local_net import LocalNet
from onnxruntime.quantization import QuantType, quantize_dynamic

from groundwire_evaluators.evidence import MATCHES, NEIGHBOURS

WEIGHTS = Path(__file__).parent.parent / "evaluators/groundwire_evaluators/weights"
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
    session = onnxruntime.InferenceSession(body, providers=["CPUExecutionProvider"])
    gaps: list[float] = []
    for length in (9, 40, 120, 192, 256):
        window = [torch.randint(1, n, (1, length)) for n in (len(chosen), 2, MATCHES, NEIGHBOURS)]
        with torch.inference_mode():
            expected = net(*window, torch.ones_like(window[0])).numpy()
        found = session.run(None, {n: w.numpy() for n, w in zip(names, window, strict=True)})[0]
        gaps.append(float(np.abs(found - expected).mean()))
    (WEIGHTS / "local.onnx").write_bytes(body)
    text = "\n".join(vocabulary[i] for i in chosen)
    (WEIGHTS / "local_vocabulary.txt").write_text(text, "utf-8")
    facts = {
        "sha256": {"local.onnx": sha256(body).hexdigest(), "local_vocabulary.txt": sha256(text.encode()).hexdigest()},
        "bytes": len(body), "vocabulary": len(chosen), "mean_gap_to_float": [round(g, 4) for g in gaps],
    }  # fmt: skip
    (WEIGHTS / "local.json").write_text(json.dumps(facts, indent=1) + "\n", "utf-8")
    print(json.dumps(facts, indent=1))


if __name__ == "__main__":
    main()
