"""Runs clients and sinks in alternating rounds; prints medians of processor time per message.

Called by compare.sh. Each run is a new client process against a new sink process on a free
loopback port, with 50 connections that are kept and texts of 1 KiB. Processor time is user +
system of that one process, from wait4.
"""
import argparse
import os
import pwd
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time

CONNECTIONS = 50
OCTETS = 1024
REFERENCE = "smtp-source -d"
PLAN = """version = 1
name = "compare"
seed = 1

[target]
address = "127.0.0.1:{port}"

[clients.bench]
messages = "plain"
messages_per_connection = 1000000
pipelining = "{pipelining}"

[[phases]]
name = "load"
kind = "steady"
connections = {connections}
count = {messages}

[messages.plain]
from = "sender@bench.test"
to = "recipient@bench.test"
subject = "bench"
text = "x"
size = "1KiB"
"""


def arguments():
    parser = argparse.ArgumentParser(prog="compare.sh")
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--messages", type=int, default=100_000)
    parser.add_argument("--bare", required=True, help=argparse.SUPPRESS)
    parser.add_argument("--mailquake", required=True, help=argparse.SUPPRESS)
    return parser.parse_args()


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def clients(options, folder):
    """Name -> the command line for a port."""

    def mailquake(pipelining):
        def command(port):
            path = os.path.join(folder, f"{pipelining}.toml")
            with open(path, "w", encoding="utf-8") as plan:
                plan.write(PLAN.format(port=port, pipelining=pipelining, connections=CONNECTIONS,
                                       messages=options.messages))
            results = os.path.join(folder, "results")
            shutil.rmtree(results, ignore_errors=True)
            return [options.mailquake, "run", path, "--out", results, "--progress", "none", "-q"]

        return command

    def bare(mode):
        return lambda port: [f"{options.bare}/client", "-c", str(CONNECTIONS), "-m",
                             str(options.messages), "-l", str(OCTETS), "-g", mode, str(port)]

    return {
        REFERENCE: lambda port: ["smtp-source", "-d", "-s", str(CONNECTIONS), "-m",
                                 str(options.messages), "-l", str(OCTETS), f"127.0.0.1:{port}"],
        "mailquake never": mailquake("never"),
        "mailquake auto": mailquake("auto"),
        "mailquake full": mailquake("full"),
        "bare client lock": bare("lock"),
        "bare client group": bare("group"),
        "bare client full": bare("full"),
    }


def sinks(options):
    """Name -> the command line for a port."""
    # smtp-sink refuses to run as root.
    user = ["-u", "nobody"] if os.getuid() == 0 and pwd.getpwnam("nobody") else []
    return {
        "bare sink": lambda port: [f"{options.bare}/sink", str(port)],
        "smtp-sink": lambda port: ["smtp-sink", *user, f"127.0.0.1:{port}", "1000"],
        "mailquake sink": lambda port: [options.mailquake, "sink", "--listen", f"127.0.0.1:{port}"],
    }


def seconds(usage):
    return usage.ru_utime + usage.ru_stime


def listening(process, port):
    for _ in range(250):
        try:
            socket.create_connection(("127.0.0.1", port)).close()
            return
        except OSError:
            if process.poll() is not None:
                break
            time.sleep(0.02)
    sys.exit(f"compare.sh: no sink came up: {' '.join(process.args)}")


def measure(client, sink, messages):
    """Microseconds per message of the client and of the sink."""
    port = free_port()
    server = subprocess.Popen(sink(port), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                              text=True)
    listening(server, port)
    command = client(port)
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    said = process.stderr.read().decode(errors="replace")
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    process.stderr.close()
    server.send_signal(signal.SIGTERM)
    counted = server.stdout.read()
    _, _, served = os.wait4(server.pid, 0)
    server.returncode = 0
    server.stdout.close()
    if process.returncode != 0:
        sys.exit(f"compare.sh: {' '.join(command)} ended with {process.returncode}\n{said}")
    if counted.startswith("messages ") and int(counted.split()[1].replace(",", "")) != messages:
        sys.exit(f"compare.sh: {' '.join(command)} sent {messages}, the sink has {counted}")
    return 1e6 * seconds(usage) / messages, 1e6 * seconds(served) / messages


def table(title, column, figures, reference):
    base = statistics.median(figures[reference])
    print(f"\n{title}\n{column:<20}{'median':>9}{'min':>9}{'max':>9}{'ratio':>8}")
    for name, values in figures.items():
        median = statistics.median(values)
        print(f"{name:<20}{median:9.1f}{min(values):9.1f}{max(values):9.1f}{median / base:8.2f}")


def main():
    options = arguments()
    with tempfile.TemporaryDirectory() as folder:
        senders = clients(options, folder)
        servers = sinks(options)
        of_clients = {sink: {name: [] for name in senders} for sink in ("bare sink", "smtp-sink")}
        of_sinks = {name: [] for name in servers}
        for turn in range(options.rounds):
            print(f"round {turn + 1} of {options.rounds}", file=sys.stderr)
            for sink, figures in of_clients.items():
                for name, client in senders.items():
                    cost, _ = measure(client, servers[sink], options.messages)
                    figures[name].append(cost)
            for name, sink in servers.items():
                _, cost = measure(senders[REFERENCE], sink, options.messages)
                of_sinks[name].append(cost)
    print(f"{options.rounds} rounds, {options.messages} messages of {OCTETS} octets, "
          f"{CONNECTIONS} connections kept; us of user + system processor time per message")
    for sink, figures in of_clients.items():
        table(f"clients, against the {sink}; ratio to {REFERENCE}", "client", figures, REFERENCE)
    table(f"sinks, under {REFERENCE}; ratio to smtp-sink", "sink", of_sinks, "smtp-sink")


main()
