"""The command lines of all clients and servers that are compared."""
import os
import shutil

from process import nobody

CONNECTIONS = 50
OCTETS = 1024
PLAN = """version = 1
name = "compare"
seed = 1

[target]
address = "127.0.0.1:{port}"
{target}

[clients.bench]
messages = "plain"
{client}

[messages.plain]
from = "sender@bench.test"
to = "recipient@bench.test"
subject = "bench"
text = "x"
size = "{octets}"

[[phases]]
name = "load"
kind = "steady"
{phase}
"""
KEPT = 'messages_per_connection = 1000000\npipelining = "{}"'


class Tools:
    """Where everything is."""

    def __init__(self, options, folder):
        self.mailquake_path, self.bare, self.folder = options.mailquake, options.bare, folder

    def plan(self, port, client, phase, target="", octets=OCTETS):
        """Writes a plan, and gives its path."""
        path = os.path.join(self.folder, "plan.toml")
        with open(path, "w", encoding="utf-8") as plan:
            plan.write(PLAN.format(port=port, client=client, phase=phase, target=target,
                                   octets=octets))
        return path

    def run(self, *plan, **more):
        """The command line of a run of such a plan."""
        results = os.path.join(self.folder, "results")
        shutil.rmtree(results, ignore_errors=True)
        return [self.mailquake_path, "run", self.plan(*plan, **more), "--out", results,
                "--progress", "none", "-q", "--format", "json"]

    def mailquake(self, client, connections=CONNECTIONS, octets=OCTETS, more=""):
        phase = "connections = {}\ncount = {}"
        return lambda port, count: self.run(port, client, phase.format(connections, count) + more,
                                            octets=octets)

    def bare_client(self, mode, connections=CONNECTIONS, octets=OCTETS):
        return lambda port, count: [f"{self.bare}/client", "-c", str(connections), "-m", str(count),
                                    "-l", str(octets), "-g", mode, str(port)]

    @staticmethod
    def smtp_source(*flags):
        return lambda port, count: ["smtp-source", *flags, "-s", str(CONNECTIONS), "-m", str(count),
                                    "-l", str(OCTETS), f"127.0.0.1:{port}"]

    @staticmethod
    def smtp_sink(port):
        return ["smtp-sink", *nobody(), f"127.0.0.1:{port}", "1000"]

    def bare_sink(self, port):
        return [f"{self.bare}/sink", str(port)]

    def sink(self, port, *flags):
        return [self.mailquake_path, "sink", "--listen", f"127.0.0.1:{port}", *flags]
