"""System calls for each message, counted by strace."""
import os

from page import table
from process import Server, run
from tools import KEPT

WRITES = {"write", "writev", "sendto", "sendmsg"}
READS = {"read", "readv", "recvfrom", "recvmsg"}
FEW, MANY = 500, 10_500


def counted(tools, mode, count):
    path = os.path.join(tools.folder, "calls")
    with Server(tools.bare_sink) as server:
        command = tools.mailquake(KEPT.format(mode))(server.port, count)
        # The tracer slows the tool down so that it may call itself unfit (6).
        run(["strace", "-f", "-c", "-o", path, *command], may_fail=(6,))
    calls = {}
    with open(path, encoding="utf-8") as file:
        for line in file:
            words = line.split()
            if len(words) >= 5 and words[0].replace(".", "").isdigit() and words[-1] != "total":
                calls[words[-1]] = int(words[3])
    return calls


def measure(tools, _options):
    rows = []
    for mode, goal in (("never", "4 + 4"), ("auto", "2 + 2"), ("full", "1 + 1")):
        few, many = counted(tools, mode, FEW), counted(tools, mode, MANY)
        each = {name: (many[name] - few.get(name, 0)) / (MANY - FEW) for name in many}
        writes = sum(each.get(name, 0) for name in WRITES)
        reads = sum(each.get(name, 0) for name in READS)
        others = {name: share for name, share in each.items()
                  if name not in WRITES | READS and share >= 0.01}
        said = ", ".join(f"`{name}` {share:.2f}" for name, share in sorted(others.items()))
        rows.append([f"`{mode}`", goal, f"{writes:.2f} + {reads:.2f}", said])
    return [f"What a run of {MANY:,} messages has more than one of {FEW:,}.\n",
            table("System calls for each message, 50 connections",
                  ["pipelining", "goal: writes + reads", "writes + reads", "others"], rows)]
