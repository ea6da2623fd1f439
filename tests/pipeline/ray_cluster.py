"""Scores a source on a Ray cluster of several nodes, one of which is killed half way. Run as a script.

python ray_cluster.py SOURCE OUT JUDGED ANSWERS
"""

import json
import sys
import threading
import time
from pathlib import Path

from ray.cluster_utils import Cluster

from groundwire.cli import run


def main(source: str, out: str, judged: Path, half: int) -> int:
    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 0, "include_dashboard": False})
    nodes = [cluster.add_node(num_cpus=1) for _ in range(2)]
    cluster.wait_for_nodes()
    killed: list[int] = []

    def kill() -> None:
        while not judged.exists() or len(judged.read_text().splitlines()) < half:
            time.sleep(0.02)
        cluster.remove_node(nodes[0], allow_graceful=False)
        killed.append(len(judged.read_text().splitlines()))

    thread = threading.Thread(target=kill, daemon=True)
    thread.start()
    arguments = ["score", source, "-o", out, "-e", "judges:slow", "--engine", "ray", "--ray-address", cluster.address]
    code = run(arguments)
    print(json.dumps({"code": code, "killed_at": killed, "nodes": 1 + len(nodes)}), file=sys.stderr)
    cluster.shutdown()
    return code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2], Path(sys.argv[3]), int(sys.argv[4])))
