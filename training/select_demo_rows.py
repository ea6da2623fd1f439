"""Choose the recorded answers that `groundwire demo` replays.

    python training/select_demo_rows.py ../shared/data/faithfulness-ragtruth.jsonl.gz

Rows are drawn at random with a fixed seed: for each of the six models three with and three without hallucinated
words marked by people, no two of one question. No evaluator is asked: whether we judge an answer rightly plays no
part. The faithfulness evaluator is fitted on all rows, these among them; the demo says so.
"""

import argparse
import gzip
import json
import random
import re
from collections import defaultdict
from pathlib import Path
from typing import Any

SEED = 2026
PER_CELL = 3
OUT = Path(__file__).parents[1] / "src" / "groundwire" / "demo" / "answers.jsonl.gz"
_MARKER = re.compile(r"(?:^|\n)[ \t]*passage \d+:")


def select(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Rows of the demo, in random order.

    Args:
        rows: RAGTruth rows; only those of the question-answering task are drawn from.
    """
    cells: dict[tuple[str, bool], list[dict[str, Any]]] = defaultdict(list)
    for row in sorted(rows, key=lambda r: r["id"]):
        if row["task"] == "qa":
            cells[row["generator"], bool(row["spans"])].append(row)
    chance = random.Random(SEED)
    used: set[int] = set()
    chosen: list[dict[str, Any]] = []
    # The smallest cells first: their few questions must not have been taken by a large one.
    for _, cell in sorted(cells.items(), key=lambda item: (len(item[1]), item[0])):
        free = [row for row in cell if row["source_id"] not in used]
        for row in chance.sample(free, len(free)):
            if sum(1 for r in chosen if r in cell) == PER_CELL:
                break
            if row["source_id"] not in used:
                used.add(row["source_id"])
                chosen.append(row)
    chance.shuffle(chosen)
    return [_recorded(row) for row in chosen]


def _recorded(row: dict[str, Any]) -> dict[str, Any]:
    return {
        "id": row["id"],
        "source_id": row["source_id"],
        "question": row["question"],
        "passages": [text for part in _MARKER.split(row["context"]) if (text := part.strip())],
        "answer": row["answer"],
        "generator": row["generator"],
        "spans": [{"start": s["start"], "end": s["end"], "type": s["label_type"]} for s in row["spans"]],
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("ragtruth", type=Path, help="faithfulness-ragtruth.jsonl.gz")
    with gzip.open(parser.parse_args().ragtruth, "rt", encoding="utf-8") as lines:
        chosen = select([json.loads(line) for line in lines])
    text = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in chosen)
    OUT.write_bytes(gzip.compress(text.encode(), mtime=0))
    marked = sum(1 for row in chosen if row["spans"])
    print(f"{OUT.name}: {len(chosen)} answers, {marked} with marked hallucination, {len(text):,} characters")


if __name__ == "__main__":
    main()
