"""Throughput, memory, starts, large messages: one figure against a goal."""
import contextlib
import json
import os
import socket
import subprocess
import sys
import time

from page import GOAL, effort, goal, median, spread, table
from process import Server, may_open, run
from tools import KEPT

MIB = 1 << 20


def throughput(tools, options):
    """Messages each second on all cores, both ends included."""
    ends = {"smtp-source -d to smtp-sink": (tools.smtp_source("-d"), tools.smtp_sink),
            "mailquake `full` to a mailquake sink": (tools.mailquake(KEPT.format("full")), tools.sink)}
    rates = {name: [] for name in ends}
    for turn in range(options.rounds):
        print(f"throughput: round {turn + 1} of {options.rounds}", file=sys.stderr)
        for name, (client, server) in ends.items():
            count = int(options.seconds * (20_000 if "source" in name else 100_000))
            with Server(server) as running:
                few = run(client(running.port, 1000)).wall
                rates[name].append((count - 1000) / (run(client(running.port, count)).wall - few))
    rows = [[name, spread(values, 0)] for name, values in rates.items()]
    ratio = median(rates["mailquake `full` to a mailquake sink"]) / median(
        rates["smtp-source -d to smtp-sink"])
    return [effort(options.rounds, options.seconds),
            table("Throughput", GOAL, [goal("mailquake / smtp-source", 5, ratio, at_most=False)]),
            table("Messages each second", ["ends", "median"], rows)]


def sessions(tools, _options):
    """Memory for each open session."""
    many, few = 10_000, 100
    if not may_open(many):
        return [f"## Memory for each session\nNot measured: not {many:,} open files.\n"]
    rows = []
    for name, flags, tls, limit in (("plain", [], "", 6), ("TLS", ["--tls", "starttls"],
                                    'tls = { mode = "starttls", verify = "none" }', 40)):
        client = f'messages_per_connection = 1000000\nthink = "60s"\n{tls}'
        peaks = {}
        for count in (few, many):
            with Server(lambda port, flags=flags: tools.sink(port, *flags)) as server:
                phase = f'connections = {count}\nduration = "30s"\ndrain = "1s"'
                took = run(tools.run(server.port, client, phase), may_fail=(5, 6))
            peaks[count] = took.peak
            opened = json.loads(took.out)["all"]["sessions"]["peak_open"]
            if opened != count:
                sys.exit(f"compare.sh: {opened} of {count} sessions were open")
        each = (peaks[many] - peaks[few]) / (many - few) / 1024
        rows.append(goal(f"KiB for each of {many:,} sessions, {name}", limit, each, digits=1))
    return [f"A run with {few:,} sessions and one with {many:,}.\n",
            table("Memory for each session", GOAL, rows)]


def schedule(tools, options):
    """An open model of 5,000 starts each second."""
    best = (0.0, float("inf"))
    for _ in range(3):
        with Server(tools.sink) as server:
            phase = f'rate = "5000/s"\narrival = "even"\nduration = "{6 * options.seconds:g}s"'
            took = run(tools.run(server.port, KEPT.format("auto"), phase), may_fail=(6,))
        figures = json.loads(took.out)["all"]
        messages = figures["messages"]
        achieved = 100 * messages["started"] / messages["planned"]
        best = max(best, (achieved, figures["lag_ms"]["p99"]), key=lambda it: (it[0], -it[1]))
    return [table(f"Open model, 5,000/s even, {6 * options.seconds:g} s, best of 3", GOAL, [
        goal("achieved, %", 99.9, best[0], at_most=False), goal("lag p99, ms", 1.5, best[1])])]


def large(tools, options):
    """Octets for each second of processor time; the bare client only writes."""
    octets, count = 10 * MIB, 20 + int(20 * options.seconds)
    clients = {"bare": tools.bare_client("lock", 1, octets),
               "mailquake": tools.mailquake(KEPT.format("never"), 1, octets)}
    rates = {name: [] for name in clients}
    for turn in range(options.rounds):
        print(f"large: round {turn + 1} of {options.rounds}", file=sys.stderr)
        for name, client in clients.items():
            with Server(tools.bare_sink) as server:
                few = run(client(server.port, 2)).processor
                rest = run(client(server.port, count)).processor - few
            rates[name].append((count - 2) * octets / max(rest, 1e-3) / (1 << 30))
    rows = [[name, spread(values, 2)] for name, values in rates.items()]
    ratio = median(rates["mailquake"]) / median(rates["bare"])
    return [effort(options.rounds, options.seconds),
            table("Messages of 10 MiB", GOAL,
                  [goal("octets for each processor second / bare client", 0.8, ratio, at_most=False)]),
            table("GiB for each second of processor time", ["client", "median"], rows)]


def start(tools, options):
    """How long the tool takes before it does anything."""
    phases = "".join(f'[[phases]]\nname = "p{n}"\nkind = "steady"\nrate = "{n}/s"\nduration = "1s"\n'
                     for n in range(2, 1001))
    plan = tools.plan(1, KEPT.format("auto"), 'rate = "1/s"\nduration = "1s"')
    big = os.path.join(tools.folder, "big.toml")
    with open(plan, encoding="utf-8") as of, open(big, "w", encoding="utf-8") as to:
        to.write(of.read() + phases)
    rounds = max(options.rounds, 9)
    rows = []
    for command in ("validate", "preview"):
        walls = [1e3 * run([tools.mailquake_path, command, big]).wall for _ in range(rounds)]
        rows.append(goal(f"`{command}` of 1,000 phases, ms", 50, median(walls), digits=1))
    walls = [1e3 * first_connection(tools) for _ in range(rounds)]
    rows.append(goal("from `run` to the first connection, ms", 20, median(walls), digits=1))
    return [f"Medians of {rounds} starts.\n", table("Start", GOAL, rows)]


def first_connection(tools):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        command = tools.run(listener.getsockname()[1], KEPT.format("auto"),
                            "connections = 1\ncount = 1")
        begun = time.monotonic()
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        listener.settimeout(10)
        connection, _ = listener.accept()
        took = time.monotonic() - begun
        process.kill()
        process.wait()
        with contextlib.suppress(OSError):
            connection.close()
    return took


def memory(tools, options):
    """A run ten times as long."""
    peaks = []
    for seconds in (2 * options.seconds, 20 * options.seconds):
        with Server(tools.sink) as server:
            phase = f'rate = "500/s"\nduration = "{seconds:g}s"'
            took = run(tools.run(server.port, KEPT.format("auto"), phase), may_fail=(6,))
        peaks.append(took.peak)
    more = peaks[1] - peaks[0] * 1.02
    rows = [goal("MiB beyond 102 % of the short run", 1, more / MIB)]
    text = f"Peaks, one run each: {peaks[0] / MIB:.1f} MiB in {2 * options.seconds:g} s, " \
           f"{peaks[1] / MIB:.1f} MiB in {20 * options.seconds:g} s.\n"
    return [table("Memory of a run ten times as long", GOAL, rows) + text]
