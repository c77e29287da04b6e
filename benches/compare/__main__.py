"""mailquake beside other tools. Called by compare.sh."""
import argparse
import os
import resource
import tempfile

import calls
import cost
import growth
import limits
import page
import process
from tools import Tools

PARTS = {
    "cost": cost.measure,
    "calls": calls.measure,
    "throughput": limits.throughput,
    "sessions": limits.sessions,
    "schedule": limits.schedule,
    "large": limits.large,
    "start": limits.start,
    "memory": limits.memory,
    "growth": growth.measure,
}
RESULTS = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "RESULTS.md")
HEAD = """# Results of benches/compare.sh
Whole processes, alternating in each round; medians, with the smallest and the largest in brackets.
Processor time is user + system of one process. "Bare" is the client and the sink of `benches/bare`,
one thread with epoll each.
"""


def main():
    parser = argparse.ArgumentParser(prog="compare.sh")
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--seconds", type=float, default=10, help="how long a round is, about")
    parser.add_argument("--only", default=",".join(PARTS), help="parts, separated by commas")
    parser.add_argument("--longest", type=float, default=100,
                        help="the longest run of `growth`, in seconds; 3600 for an hour")
    parser.add_argument("--write", action="store_true", help="into RESULTS.md")
    parser.add_argument("--bare", required=True, help=argparse.SUPPRESS)
    parser.add_argument("--mailquake", required=True, help=argparse.SUPPRESS)
    options = parser.parse_args()
    wanted = options.only.split(",")
    strange = [name for name in wanted if name not in PARTS]
    if strange or min(options.rounds, options.longest) < 1 or options.seconds <= 0:
        parser.error(f"parts are {', '.join(PARTS)}; rounds and seconds are above zero, and the longest run has a second")
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    parts = {}
    with tempfile.TemporaryDirectory() as folder:
        tools = Tools(options, folder)
        process.PEAK[:] = [f"{options.bare}/peak", os.path.join(folder, "peak")]
        for name in wanted:
            parts[name] = "\n".join(PARTS[name](tools, options))
    print("\n".join([HEAD, page.machine(options), *parts.values()]))
    if options.write:
        page.write(RESULTS, HEAD + "\n" + page.machine(options), parts, PARTS)


main()
