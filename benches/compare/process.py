"""Processes that are measured: what they cost, and servers for them."""
import contextlib
import os
import pwd
import resource
import signal
import socket
import subprocess
import sys
import time
from dataclasses import dataclass


@dataclass
class Usage:
    """What one process took."""

    processor: float  # seconds, user + system
    wall: float  # seconds
    peak: int  # octets of memory
    out: str
    code: int


PEAK = []  # the command that writes down the peak of another one, set once


def run(command, may_fail=()):
    """Runs a command to its end."""
    begun = time.monotonic()
    process = subprocess.Popen(PEAK + command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    out, said = process.stdout.read(), process.stderr.read().decode(errors="replace")
    _, status, usage = os.wait4(process.pid, 0)
    wall = time.monotonic() - begun
    process.returncode = os.waitstatus_to_exitcode(status)
    process.stdout.close()
    process.stderr.close()
    if process.returncode != 0 and process.returncode not in may_fail:
        sys.exit(f"compare.sh: {' '.join(command)} ended with {process.returncode}\n{said}")
    peak = 0
    if PEAK:
        with open(PEAK[1], encoding="utf-8") as file:
            peak = int(file.read()) * 1024
    return Usage(usage.ru_utime + usage.ru_stime, wall, peak, out.decode(errors="replace"),
                 process.returncode)


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Server:
    """A server on a port of its own; `processor` and `out` are known when it has ended."""

    def __init__(self, command):
        self.port = free_port()
        self.process = subprocess.Popen(command(self.port), stdout=subprocess.PIPE,
                                        stderr=subprocess.DEVNULL, text=True)
        self.processor, self.out = 0.0, ""
        for _ in range(500):
            with contextlib.suppress(OSError):
                socket.create_connection(("127.0.0.1", self.port)).close()
                return
            if self.process.poll() is not None:
                break
            time.sleep(0.02)
        sys.exit(f"compare.sh: no server came up: {' '.join(self.process.args)}")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.send_signal(signal.SIGTERM)
        self.out = self.process.stdout.read()
        _, _, usage = os.wait4(self.process.pid, 0)
        self.process.returncode = 0
        self.process.stdout.close()
        self.processor = usage.ru_utime + usage.ru_stime


def may_open(connections):
    """Whether a process may have so many, and some files."""
    most, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return most == resource.RLIM_INFINITY or most >= connections + 200


def nobody():
    """smtp-sink refuses to run as root."""
    return ["-u", "nobody"] if os.getuid() == 0 and pwd.getpwnam("nobody") else []
