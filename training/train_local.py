"""Train the local model.

    python training/train_local.py ../shared/data BASE --out build/local

BASE is a directory with `model.safetensors` and `vocab.txt` of all-MiniLM-L6-v2 (Apache-2.0). Needs torch and
safetensors; runs on a CPU (hours, two cores) or a GPU (minutes). `--resume` goes on from the last checkpoint in
`--out`. Every fifth source is never trained on (`held_out.is_dev`); figures for these are printed after every phase.
"""

import argparse
import json
import math
import pickle
import random
import time
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from held_out import is_dev
from local_examples import (
    FAITHFULNESS,
    RELEVANCE,
    WRITTEN,
    Example,
    answer_sentences,
    changed_question,
    conflicts,
    context_changed,
    evidence_removed,
    examples_of,
    faithfulness_rows,
    pools,
    question_example,
    raw_lines,
    removed_examples,
    worse,
)  # fmt: skip
from local_net import LocalNet, sentence_odds
from torch.nn import functional

from groundwire.agreement import auc
from groundwire.labelled import Labelled, labelled
from groundwire_evaluators.sentences import sentences
from groundwire_evaluators.wordpiece import WordPiece

PHASES: Sequence[Mapping[str, float]] = (
    {"ares-passages": 0.5, "*": 1.0},
    {
        "faithfulness-ragtruth": 2.0, "faithfulness-ragtruth+": 1.0, "data2text-quintd": 1.0, "data2text-d2t-eval": 2.0,
        "summaries-summedits": 2.0, "summaries-summedits+": 1.0, "relevance-qnli": 1.0, "relevance-squad2": 1.0,
        "relevance-clapnq": 2.0, "claims-factcg": 1.0, "claims-fm2": 1.0, "claims-infotabs": 0.5, "claims-scifact": 1.0,
        "*": 0.15,
    },
    {
        "faithfulness-ragtruth": 3.0, "data2text-quintd": 0.5, "data2text-d2t-eval": 1.0, "summaries-summedits": 1.0,
        "claims-factcg": 0.5, "relevance-qnli": 0.3, "relevance-squad2": 0.5, "relevance-clapnq": 1.0, "*": 0.05,
    },
)  # fmt: skip
"""How often each set is passed in a phase; `*`: every other set. A name with `+`: rows made from that set by rule."""
WEIGHT: Mapping[str, float] = {"faithfulness-ragtruth": 1.0, "data2text-quintd": 0.7, "*": 0.7}


def build(data: Path, pieces: WordPiece, seed: int) -> tuple[dict[str, list[Example]], list[Example]]:
    """Training examples by set, and the examples of the sources that are kept for measuring."""
    rng = random.Random(seed)
    train: dict[str, list[Example]] = defaultdict(list)
    dev: list[Example] = []
    texts: list[Labelled] = []
    for name, limit in FAITHFULNESS.items():
        raw = raw_lines(data / f"{name}.jsonl.gz")
        for number, row in enumerate(faithfulness_rows(data, name, limit)):
            made = list(examples_of(row, number, name, pieces, otherwise=conflicts(raw[row.line])))
            if is_dev(row.source):
                dev += made
            else:
                train[name] += made
                texts.append(row)
    pool = pools(texts)
    for name in WRITTEN:
        for number, row in enumerate(faithfulness_rows(data, name)):
            if is_dev(row.source):
                continue
            for change in (worse(row, pool, rng), context_changed(row, pool, rng) if rng.random() < 0.6 else None):
                if change is not None:
                    train[name + "+"] += examples_of(change, number, name + "+", pieces, otherwise=None)
            if (removed := evidence_removed(row, rng)) is not None:
                train[name + "+"] += removed_examples(*removed, number, name + "+", pieces)
    _questions(data, pieces, pool, rng, train, dev)
    _ares(data, pieces, pool, rng, train)
    return dict(train), dev


def _questions(
    data: Path, pieces: WordPiece, pool: Any, rng: random.Random, train: dict[str, list[Example]], dev: list[Example]
) -> None:
    for name in RELEVANCE:
        for number, row in enumerate(labelled(data / f"{name}.jsonl.gz").rows):
            good = row.good.get("context_relevance")
            question = row.question or ""
            if good is None:
                continue
            example = question_example(question, row.passages, good, pieces, name, row.source, number)
            if example is None:
                continue
            if is_dev(row.source):
                dev.append(example)
                continue
            train[name].append(example)
            if good and rng.random() < 0.5:
                other = changed_question(question, " ".join(row.passages), pool, rng)
                if other:
                    near = question_example(other, row.passages, False, pieces, name + "+", row.source, number)
                    train[name + "+"] += [near] if near else []


def _ares(data: Path, pieces: WordPiece, pool: Any, rng: random.Random, train: dict[str, list[Example]]) -> None:
    """Sentences that answer a question against their neighbours, short answers, sentences with one fact changed."""
    name = "relevance-ares-synthetic"
    rows = [r for r in labelled(data / f"{name}.jsonl.gz").rows if r.passages]
    rng.shuffle(rows)
    spoilt = spoken = 0
    for number, row in enumerate(rows):
        passage, question = row.passages[0], row.question or ""
        if is_dev(row.source) or not question or row.task == "fever":
            continue
        sound = row.good.get("faithfulness") and row.good.get("answer_relevance")
        if sound and row.answer and question.endswith("?"):
            holding, rest = answer_sentences(passage, row.answer)
            if len(holding) == 1 and len(rest) >= 2:
                for text, good in ((holding[0], True), (rng.choice(rest), False)):
                    example = question_example(question, [text], good, pieces, "ares-sentences", row.source, number)
                    train["ares-sentences"] += [example] if example else []
        if row.good.get("context_relevance") is not None and rng.random() < 0.12:
            example = question_example(
                question, [passage], row.good["context_relevance"], pieces, name, row.source, number
            )
            train[name] += [example] if example else []
        if sound and 0 < len(row.answer) < 200 and spoken < 1500:
            spoken += 1
            train["ares-answers"] += examples_of(
                Labelled(question, (passage,), row.answer, {"faithfulness": True}, (), row.source), number,
                "ares-answers", pieces, otherwise=None,
            )  # fmt: skip
            change = worse(
                Labelled(question, (passage,), row.answer, {"faithfulness": True}, (), row.source), pool, rng, 1.0
            )
            if change:
                train["ares-answers"] += examples_of(change, number, "ares-answers", pieces, otherwise=None)
        parts = [s for s in sentences(passage[:3000]) if 40 < s[1] - s[0] < 220]
        if len(parts) >= 4 and spoilt < 5000 and row.task != "record":
            spoilt += 1
            chosen = sorted(rng.sample(parts, 2))
            plain = " ".join(passage[a:b] for a, b in chosen)
            copy = Labelled(None, (passage,), plain, {"faithfulness": True}, (), row.source)
            change = worse(copy, pool, rng, 0.6)
            train["ares-passages"] += examples_of(change or copy, number, "ares-passages", pieces, otherwise=None)


# --- batches --------------------------------------------------------------------------------------------------------


def tensors(batch: Sequence[Example], device: torch.device) -> dict[str, torch.Tensor]:
    length = -(-max(len(e.window.ids) for e in batch) // 8) * 8
    most = max(len(e.sentences) for e in batch)
    inputs = np.zeros((5, len(batch), length), np.int64)
    tokens = np.full((len(batch), length), -1.0, np.float32)
    members = np.zeros((len(batch), most, length), bool)
    labels = np.full((3, len(batch), most), -1.0, np.float32)
    for i, e in enumerate(batch):
        w, n = e.window, len(e.window.ids)
        for k, values in enumerate((w.ids, w.segments, w.matches, w.neighbours)):
            inputs[k, i, :n] = values
        inputs[4, i, :n] = 1
        tokens[i, w.first : w.first + len(e.tokens)] = e.tokens
        members[i, :, 0] = True
        for j, (_, a, b) in enumerate(w.sentences):
            members[i, j] = False
            members[i, j, w.first + a : w.first + b] = True
            labels[0, i, j], labels[1, i, j] = e.sentences[j], e.contradicted[j]
        labels[2, i, 0] = e.relevant
    made = {
        "inputs": inputs, "tokens": tokens, "members": members, "labels": labels,
        "any_bad": np.array([e.any_bad for e in batch], np.float32),
        "weight": np.array([WEIGHT.get(e.name, WEIGHT["*"]) for e in batch], np.float32),
    }  # fmt: skip
    return {k: torch.from_numpy(v).to(device, non_blocking=True) for k, v in made.items()}


def batches(examples: Sequence[Example], tokens: int, rng: random.Random) -> list[list[Example]]:
    """Batches of about that many padded tokens, alike in length inside, mixed in order."""
    order = list(examples)
    rng.shuffle(order)
    made: list[list[Example]] = []
    for at in range(0, len(order), 1024):
        pool = sorted(order[at : at + 1024], key=lambda e: len(e.window.ids))
        batch: list[Example] = []
        for e in pool:
            if batch and (len(batch) + 1) * max(len(e.window.ids), 32) > tokens:
                made.append(batch)
                batch = []
            batch.append(e)
        if batch:
            made.append(batch)
    rng.shuffle(made)
    return made


def loss_of(net: LocalNet, b: Mapping[str, torch.Tensor]) -> torch.Tensor:
    with torch.autocast(b["tokens"].device.type, dtype=torch.bfloat16):
        columns = net(*b["inputs"])
    columns = columns.float()
    weight = b["weight"]
    known = b["tokens"] >= 0
    each = functional.binary_cross_entropy_with_logits(
        columns[..., 0], b["tokens"].clamp(min=0), reduction="none", pos_weight=torch.tensor(2.0)
    )
    by_window = (each * known).sum(1) / known.sum(1).clamp(min=1)
    total = (by_window * weight).sum()
    for question, (share, positive) in enumerate(((1.0, 1.5), (0.3, 1.0), (1.0, 1.0))):
        odds = sentence_odds(columns, b["members"], question)
        label = b["labels"][question]
        there = (label >= 0).float()
        each = functional.binary_cross_entropy_with_logits(
            odds, label.clamp(min=0), reduction="none", pos_weight=torch.tensor(positive)
        )
        total = total + share * ((each * there).sum(1) / there.sum(1).clamp(min=1) * weight).sum()
        if question == 0 and bool(b["any_bad"].any()):
            real = b["members"].any(-1) & (label < 0)
            stand = (functional.logsigmoid(-odds) * real).sum(1)
            bag = -torch.log1p(-torch.exp(stand).clamp(max=1 - 1e-6))
            total = total + (bag * b["any_bad"] * weight).sum()
    return total / weight.sum()


@torch.inference_mode()
def predict(net: LocalNet, examples: Sequence[Example], device: torch.device) -> list[tuple[np.ndarray, np.ndarray]]:
    """For each example the log-odds of its pieces and of its sentences, the latter of shape (3, sentences)."""
    net.eval()
    out: list[Any] = [None] * len(examples)
    order = sorted(range(len(examples)), key=lambda i: len(examples[i].window.ids))
    for at in range(0, len(order), 32):
        chosen = order[at : at + 32]
        b = tensors([examples[i] for i in chosen], device)
        with torch.autocast(device.type, dtype=torch.bfloat16):
            columns = net(*b["inputs"])
        columns = columns.float()
        odds = torch.stack([sentence_odds(columns, b["members"], q) for q in range(3)], 1).cpu().numpy()
        own = columns[..., 0].cpu().numpy()
        for k, i in enumerate(chosen):
            e = examples[i]
            out[i] = own[k, e.window.first : e.window.first + len(e.tokens)], odds[k, :, : len(e.sentences)]
    net.train()
    return out


def report(dev: Sequence[Example], found: Sequence[tuple[np.ndarray, np.ndarray]]) -> dict[str, Any]:
    """AUC by row (worst sentence) and by sentence for each set of the measuring part, and span F1 at the best bar."""
    rows: dict[tuple[str, int], list[tuple[float, int]]] = defaultdict(list)
    inside: dict[str, list[tuple[float, int]]] = defaultdict(list)
    pieces: dict[str, list[tuple[np.ndarray, np.ndarray, np.ndarray]]] = defaultdict(list)
    for e, (own, odds) in zip(dev, found, strict=True):
        if e.relevant >= 0:
            rows[e.name, e.row].append((float(-odds[2, 0]), 1 - e.relevant))
            continue
        for j, label in enumerate(e.sentences):
            bad = label if label >= 0 else e.any_bad
            rows[e.name, e.row].append((float(odds[0, j]), bad))
            if label >= 0:
                inside[e.name].append((float(odds[0, j]), label))
        if -1 not in e.tokens:
            size = np.array(e.window.ends) - np.array(e.window.starts)
            pieces[e.name].append((own, np.array(e.tokens), size))
    table: dict[str, Any] = {}
    by_set: dict[str, list[tuple[float, int]]] = defaultdict(list)
    for (name, _), values in rows.items():
        by_set[name].append((max(v for v, _ in values), max(b for _, b in values)))
    for name, values in sorted(by_set.items()):
        v, bad = np.array([x for x, _ in values]), np.array([x for _, x in values], bool)
        figures: dict[str, Any] = {"n": len(v), "auc": auc(-v, ~bad)}
        if inside[name]:
            s, sb = np.array([x for x, _ in inside[name]]), np.array([x for _, x in inside[name]], bool)
            figures["sentence_auc"] = auc(-s, ~sb)
        if pieces[name]:
            p, y, size = (np.concatenate(c) for c in zip(*pieces[name], strict=True))
            if y.any():
                scores = [
                    2 * (size * (p > t) * y).sum() / ((size * (p > t)).sum() + (size * y).sum())
                    for t in np.linspace(-3, 3, 25)
                ]
                figures["span_f1"] = float(max(scores))
        table[name] = {k: round(x, 4) if isinstance(x, float) else x for k, x in figures.items()}
    return table


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("base", type=Path)
    parser.add_argument("--out", type=Path, default=Path("build/local"))
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--rate", type=float, default=2e-4)
    parser.add_argument("--tokens", type=int, default=4096, help="padded tokens of a batch")
    parser.add_argument("--threads", type=int, default=0)
    parser.add_argument("--minutes", type=float, default=math.inf, help="shorten the schedule to what fits")
    parser.add_argument("--resume", action="store_true")
    parser.add_argument("--init", type=Path, help="go on from these weights, not from BASE")
    parser.add_argument("--phases", type=int, nargs="+", default=[0, 1], help="which of PHASES, in order")
    parser.add_argument("--share", type=float, default=1.0, help="share of each phase, for trials and learning curves")
    args = parser.parse_args()
    train_all(args)


def schedule(
    train: Mapping[str, list[Example]], rng: random.Random, tokens: int, share: float, chosen_phases: Sequence[int]
) -> Iterator[list[list[Example]]]:
    for phase in (PHASES[k] for k in chosen_phases):
        chosen: list[Example] = []
        for name, examples in train.items():
            times = share * phase.get(name, phase["*"])
            for _ in range(int(times)):
                chosen += examples
            chosen += rng.sample(examples, int(len(examples) * (times - int(times))))
        yield batches(chosen, tokens, rng)


def train_all(args: argparse.Namespace) -> None:
    if args.threads:
        torch.set_num_threads(args.threads)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    torch.manual_seed(args.seed)
    args.out.mkdir(parents=True, exist_ok=True)
    vocabulary = (args.base / "vocab.txt").read_text("utf-8").split("\n")
    pieces = WordPiece([t for t in vocabulary if t])
    cache = args.out / "examples.pickle"
    began = time.time()
    if cache.exists():
        train, dev = pickle.loads(cache.read_bytes())  # our own file, written below
    else:
        train, dev = build(args.data, pieces, args.seed)
        cache.write_bytes(pickle.dumps((train, dev), protocol=5))
    sizes = {k: f"{len(v)} / {sum(len(e.window.ids) for e in v) / 1e6:.2f} M" for k, v in train.items()}
    print(
        f"examples in {time.time() - began:.0f} s",
        json.dumps(sizes, indent=1),
        Counter(e.name for e in dev),
        flush=True,
    )
    net = LocalNet(len(pieces.tokens)).to(device)
    net.load_bert(args.base / "model.safetensors")
    if args.init:
        net.load_state_dict(torch.load(args.init, map_location=device))
    net.words.weight.requires_grad_(False)
    trained = [p for p in net.parameters() if p.requires_grad]
    optimizer = torch.optim.AdamW(
        [
            {"params": [p for p in trained if p.ndim > 1], "weight_decay": 0.01},
            {"params": [p for p in trained if p.ndim == 1], "weight_decay": 0.0},
        ],
        lr=args.rate, betas=(0.9, 0.98), fused=True,
    )  # fmt: skip
    phases = list(schedule(train, random.Random(args.seed), args.tokens, args.share, args.phases))
    total = sum(map(len, phases))
    plan = [(k, batch) for k, phase in enumerate(phases) for batch in phase]
    ends = {sum(map(len, phases[: k + 1])) for k in range(len(phases))}
    average = [p.detach().clone() for p in trained]
    step = 0
    checkpoint = args.out / f"checkpoint-{args.seed}.pt"
    if args.resume and checkpoint.exists():
        stored = torch.load(checkpoint, map_location=device)
        net.load_state_dict(stored["net"])
        optimizer.load_state_dict(stored["optimizer"])
        average, step = stored["average"], stored["step"]
    print(f"{total} steps, from {step}", flush=True)
    began, seen, first = time.time(), 0, step
    losses: list[float] = []
    small = random.Random(1).sample(dev, min(2500, len(dev)))
    while step < total:
        _, batch = plan[step]
        for group in optimizer.param_groups:
            group["lr"] = args.rate * min(1.0, (step + 1) / (0.05 * total)) * max(0.02, 1 - step / total)
        loss = loss_of(net, tensors(batch, device))
        loss.backward()
        torch.nn.utils.clip_grad_norm_(trained, 1.0)
        optimizer.step()
        optimizer.zero_grad()
        step += 1
        with torch.no_grad():
            if step % 5 == 0:
                torch._foreach_lerp_(average, trained, 0.02)
        losses.append(loss.item())
        seen += sum(len(e.window.ids) for e in batch)
        if step % 50 == 0:
            spent = time.time() - began
            left = (total - step) * spent / (step - first)
            print(
                f"step {step} loss {np.mean(losses[-50:]):.4f} {seen / spent:.0f} tok/s, {left / 60:.0f} min left",
                flush=True,
            )
        if step % 400 == 0 or step in ends:
            torch.save(
                {"net": net.state_dict(), "optimizer": optimizer.state_dict(), "average": average, "step": step},
                checkpoint,
            )
            full = step in ends
            part = dev if full else small
            table = report(part, predict(net, part, device))
            print(f"dev at {step}", json.dumps(table), flush=True)
            with (args.out / f"curve-{args.seed}.jsonl").open("a") as file:
                file.write(
                    json.dumps(
                        {
                            "step": step,
                            "tokens": seen,
                            "minutes": (time.time() - began) / 60,
                            "full": full,
                            "dev": table,
                        }
                    )
                    + "\n"
                )
    for p, a in zip(trained, average, strict=True):
        p.data.copy_(a)
    table = report(dev, predict(net, dev, device))
    print("dev, averaged weights", json.dumps(table), flush=True)
    torch.save(net.state_dict(), args.out / f"model-{args.seed}.pt")
    with (args.out / f"curve-{args.seed}.jsonl").open("a") as file:
        file.write(json.dumps({"step": step, "averaged": True, "full": True, "dev": table}) + "\n")


if __name__ == "__main__":
    main()
