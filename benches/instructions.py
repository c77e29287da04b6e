#!/usr/bin/env python3
"""Instructions of a worker for each message, part by part, beside those recorded last.

    benches/instructions.py [--write]

Needs valgrind and a release build of mailquake (or MAILQUAKE=PATH). Counts hardly depend on how busy
a machine is, so a part that became dearer shows at once. They are shown, and judge nothing: other
compilers and libraries give other counts, and by rate the wake-ups vary. `--write` records them in INSTRUCTIONS.md."""
import argparse
import glob
import json
import os
import re
import shutil
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "compare"))
sys.dont_write_bytecode = True
from process import Server, run  # noqa: E402
from tools import KEPT, Tools  # noqa: E402

RECORD = os.path.join(HERE, "INSTRUCTIONS.md")
# A function belongs to the first part whose beginning its name has, without `<` and `&`.
PARTS = {
    "dialog, replies, envelope": ["mailquake::smtp"],
    "counts and histograms": ["mailquake::record", "hdrhistogram"],
    "composing": ["mailquake::message", "minijinja", "mail_builder"],
    "planner and draws": ["mailquake::timeline", "mailquake::draw"],
    "sessions, pool, pacer": ["mailquake::engine"],
    "tokio and mio": ["tokio", "mio"],
    "copies": ["__mem"],
    "the rest": [""],
}
MODES = ["never", "auto", "full"]
FEW, MANY = 1_000, 6_000
# Opening is costly, so few connections are open in the open model, and long before it ends.
OPEN = {"few": ("1s", 500), "many": ("5s", 2_500)}


def self_costs(path):
    """Function -> its own instructions."""
    names, costs, current, is_call = {}, {}, None, False
    with open(path, encoding="utf-8", errors="replace") as file:
        for line in file:
            name = re.match(r"(c?fn)=\((\d+)\)(?: (.*))?$", line)
            if name:
                if name[3]:
                    names[name[2]] = name[3]
                if name[1] == "fn":
                    current = names[name[2]]
            elif line.startswith("calls="):
                is_call = True
            elif current and re.match(r"[+*\-\d]\S* \d", line):
                # The line behind a call has what was spent within it.
                if not is_call:
                    costs[current] = costs.get(current, 0) + int(line.split()[1])
                is_call = False
    return costs


def part_of(function):
    plain = function.lstrip("<&").removeprefix("dyn ")
    return next(part for part, names in PARTS.items() if plain.startswith(tuple(names)))


def counted(tools, client, phase, messages):
    """Part -> instructions of the worker's thread."""
    out = os.path.join(tools.folder, "callgrind")
    for old in glob.glob(out + "*"):
        os.remove(old)
    with Server(tools.sink) as server:
        command = tools.run(server.port, client, phase) + ["--workers", "1"]
        # So slow a tool may call itself unfit (6).
        took = run(["valgrind", "--tool=callgrind", "--separate-threads=yes",
                    f"--callgrind-out-file={out}", *command], may_fail=(6,))
    accepted = json.loads(took.out)["all"]["messages"]["accepted"]
    if accepted != messages:
        sys.exit(f"instructions.py: {accepted} of {messages} messages were accepted")
    threads = [self_costs(path) for path in glob.glob(out + "-*")]
    worker = max(threads, key=lambda costs: sum(
        count for name, count in costs.items() if "engine::session" in name))
    parts = dict.fromkeys(PARTS, 0)
    for function, count in worker.items():
        parts[part_of(function)] += count
    return parts


def each(few, many, count):
    return {part: round((many[part] - few[part]) / count) for part in PARTS}


def measured(tools):
    """Column -> part -> instructions for each message."""
    columns = {}
    for mode in MODES:
        phase = "connections = 20\ncount = {}".format
        few, many = (counted(tools, KEPT.format(mode), phase(count), count) for count in (FEW, MANY))
        columns[f"`{mode}`"] = each(few, many, MANY - FEW)
    phase = 'rate = "500/s"\narrival = "even"\nduration = "{}"'.format
    (short, less), (long, more) = OPEN["few"], OPEN["many"]
    few, many = (counted(tools, KEPT.format("auto"), phase(length), count)
                 for length, count in ((short, less), (long, more)))
    columns["open, 500/s, `auto`"] = each(few, many, more - less)
    return columns


def recorded():
    """The same as it stands in the record; nothing where there is none."""
    if not os.path.exists(RECORD):
        return {}
    with open(RECORD, encoding="utf-8") as file:
        rows = [[cell.strip() for cell in line.strip("|\n ").split("|")]
                for line in file if line.startswith("|") and not line.startswith("|-")]
    heads = rows[0][1:]
    return {head: {row[0]: int(row[n + 1].replace(",", "")) for row in rows[1:]}
            for n, head in enumerate(heads)}


def table(columns, shown):
    total = {head: sum(parts.values()) for head, parts in columns.items()}
    lines = ["| part | " + " | ".join(columns) + " |", "|---" * (len(columns) + 1) + "|"]
    for part in [*PARTS, "all"]:
        cells = [shown(head, part, total[head] if part == "all" else parts[part])
                 for head, parts in columns.items()]
        lines.append(f"| {part} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


HEAD = """# Instructions for each message
Written by `benches/instructions.py --write`: what a worker's thread executes for one message of 1 KiB
to `mailquake sink`, counted by callgrind in a release build. `.ci/run` shows the present counts
beside these.

"""


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--write", action="store_true", help="record them in INSTRUCTIONS.md")
    options = parser.parse_args()
    built = os.environ.get("CARGO_TARGET_DIR", f"{HERE}/../target")
    options.mailquake = os.environ.get("MAILQUAKE", f"{built}/release/mailquake")
    options.bare = f"{HERE}/bare"
    lacking = [tool for tool in ("valgrind", options.mailquake) if not shutil.which(tool)]
    if lacking:
        sys.exit(f"instructions.py: lacking: {' '.join(lacking)}")
    with tempfile.TemporaryDirectory() as folder:
        columns = measured(Tools(options, folder))
    before = recorded()

    def beside(head, part, count):
        known = before.get(head, {}).get(part)
        return f"{count:,} ({known:,})" if known is not None else f"{count:,}"

    print("Instructions of a worker for each message (recorded last):\n")
    print(table(columns, beside))
    if options.write:
        with open(RECORD, "w", encoding="utf-8") as file:
            file.write(HEAD + table(columns, lambda _head, _part, count: f"{count:,}") + "\n")


main()
