"""Processor time for each message, in alternating rounds."""
import sys

from page import GOAL, effort, goal, median, spread, table
from process import Server, run
from tools import KEPT

FEW = 5_000
FASTEST = 100_000  # messages in a second that a round is made for, at most


class Pair:
    """A client and a server: microseconds of processor time for each message."""

    def __init__(self, client, server, seconds, few=FEW):
        self.client, self.server, self.least, self.peak = client, server, few, 0
        self.clients, self.servers = [], []
        short, long = [self.once(few) for _ in range(3)], self.once(4 * few)
        self.few = median([processor for processor, _, _ in short])
        # Start-up apart, which takes longer than few messages where a plan has many clients.
        sending = long[1] - median([wall for _, wall, _ in short])
        rate = min(3 * few / max(sending, 0.001), FASTEST)
        self.count = few + max(int(rate * seconds), 4 * few)

    def once(self, count):
        with Server(self.server) as server:
            took = run(self.client(server.port, count))
        if server.out.startswith("messages "):
            counted = int(server.out.split()[1].replace(",", ""))
            if counted != count:
                sys.exit(f"compare.sh: {count} were sent, the sink has {counted}")
        self.peak = max(self.peak, took.peak)
        return took.processor, took.wall, server.processor

    def round(self):
        """Start-up apart: what more messages cost more."""
        processor, _, served = self.once(self.count)
        self.clients.append(1e6 * (processor - self.few) / (self.count - self.least))
        self.servers.append(1e6 * served / self.count)


def pairs(tools):
    """Name of the server -> name of the client -> both."""

    clients = {
        "smtp-source -d": tools.smtp_source("-d"),
        **{f"mailquake {mode}": tools.mailquake(KEPT.format(mode))
           for mode in ("never", "auto", "full")},
        **{f"bare {mode}": tools.bare_client(mode) for mode in ("lock", "group", "full")},
    }
    each = {
        "smtp-source": tools.smtp_source(),
        "mailquake": tools.mailquake('messages_per_connection = 1\npipelining = "never"'),
    }
    chunks = tools.mailquake(KEPT.format("full") + '\nchunking = "auto"')
    return {
        "bare sink": ({**clients, **{f"{name}, a connection each": of for name, of in each.items()}},
                      tools.bare_sink),
        "smtp-sink": (clients, tools.smtp_sink),
        "mailquake sink": ({"smtp-source -d": tools.smtp_source("-d"),
                            "mailquake full, BDAT": chunks}, tools.sink),
    }


def measure(tools, options):
    made = {server: {name: Pair(client, command, options.seconds)
                     for name, client in clients.items()}
            for server, (clients, command) in pairs(tools).items()}
    for turn in range(options.rounds):
        print(f"cost: round {turn + 1} of {options.rounds}", file=sys.stderr)
        for clients in made.values():
            for pair in clients.values():
                pair.round()
    text = [effort(options.rounds, options.seconds), goals(made)]
    for server, clients in made.items():
        rows = [[name, spread(pair.clients), spread(pair.servers)] for name, pair in clients.items()]
        text.append(table(f"Microseconds per message, to the {server}",
                          ["client", "client", "server"], rows))
    return text


def goals(made):
    """The ratios of medians."""
    bare, postfix, own = made["bare sink"], made["smtp-sink"], made["mailquake sink"]

    def ratio(of, name, reference):
        return median(of[name].clients) / median(of[reference].clients)

    rows = []
    modes = [("never", "lock", 0.72), ("auto", "group", 0.38), ("full", "full", 0.2)]
    for mode, same, limit in modes:
        rows.append(goal(f"`{mode}` / bare client, bare sink", 1.2,
                         ratio(bare, f"mailquake {mode}", f"bare {same}")))
        rows.append(goal(f"`{mode}` / smtp-source -d, bare sink", limit,
                         ratio(bare, f"mailquake {mode}", "smtp-source -d")))
        rows.append(goal(f"`{mode}` / bare client, smtp-sink", 1.1,
                         ratio(postfix, f"mailquake {mode}", f"bare {same}")))
    rows.append(goal("BDAT to a mailquake sink / smtp-source -d to the bare sink", 0.12,
                     median(own["mailquake full, BDAT"].clients)
                     / median(bare["smtp-source -d"].clients)))
    rows.append(goal("a connection each / smtp-source, bare sink", 0.7,
                     ratio(bare, "mailquake, a connection each", "smtp-source, a connection each")))
    rows.append(goal("mailquake sink / smtp-sink, under smtp-source -d", 0.5,
                     median(own["smtp-source -d"].servers)
                     / median(postfix["smtp-source -d"].servers)))
    return table("Processor time for each message: ratios of medians", GOAL, rows)
