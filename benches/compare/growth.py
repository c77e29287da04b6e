"""How cost and memory grow: with connections, with size, with clients, with time."""
import math
import os
import statistics
import sys

from cost import Pair
from page import effort, table
from process import Server, may_open, run
from tools import KEPT

MIB = 1 << 20
CONNECTIONS = [1, 10, 100, 1_000, 10_000]
SIZES = [("1 B", 1), ("1 KiB", 1 << 10), ("32 KiB", 32 << 10), ("1 MiB", MIB), ("10 MiB", 10 * MIB)]
CLIENTS = [1, 10, 100, 1_000]
SECONDS = [1, 10, 100, 1_000, 3_600]
RATE = 200
ROUNDS = 3  # there are many figures


def measure(tools, options):
    few = max(options.seconds / 5, 0.5)
    series = {
        "connections": ("µs for each message", connections(tools, few)),
        "octets of a message": ("µs for each message", sizes(tools, few)),
        "clients in a mix": ("µs for each message", clients(tools, few)),
        "seconds": ("MiB at the peak", seconds(tools, options)),
    }
    if options.write:
        path = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "growth.svg")
        with open(path, "w", encoding="utf-8") as file:
            file.write(plot(series))
    return [effort(ROUNDS, few) + "With seconds, one run each.\n"] + [
        table(f"Growth with {name}, to a mailquake sink, `auto`", heads(name), rows)
        for name, (_, (_, rows)) in series.items()]


def heads(name):
    cost = "µs of processor time for each message"
    return [name, cost + (", start-up too" if name == "seconds" else ""), "peak, MiB"]


def point(tools, name, client, few, least, octets=1024, phase=""):
    """Microseconds for each message, and the peak of the larger run."""
    print(f"growth: {name}", file=sys.stderr)
    command = tools.mailquake(client, least[1], octets, phase)
    pair = Pair(command, tools.sink, few, few=least[0])
    for _ in range(ROUNDS):
        pair.round()
    return statistics.median(pair.clients), pair.peak


def row(name, cost, peak):
    return [name, f"{cost:.1f}", f"{peak / MIB:.1f}"]


def connections(tools, few):
    points, rows = [], []
    for count in filter(may_open, CONNECTIONS):
        cost, peak = point(tools, f"{count} connections", KEPT.format("auto"), few,
                           (max(2_000, 2 * count), count))
        points.append((count, cost))
        rows.append(row(f"{count:,}", cost, peak))
    return points, rows


def sizes(tools, few):
    points, rows = [], []
    for name, octets in SIZES:
        least = max(10, min(2_000, 20 * MIB // octets))
        cost, peak = point(tools, name, KEPT.format("auto"), few, (least, 10), octets)
        points.append((octets, cost))
        rows.append(row(name, cost, peak))
    return points, rows


def clients(tools, few):
    points, rows = [], []
    for count in CLIENTS:
        names = ["bench"] + [f"c{n}" for n in range(1, count)]
        kept = KEPT.format("auto")
        more = "".join(f'\n[clients.{name}]\nmessages = "plain"\n{kept}\n' for name in names[1:])
        mix = ", ".join(f"{name} = 1" for name in names)
        cost, peak = point(tools, f"{count} clients", kept + more, few, (4_000, 1_000),
                           phase=f"\nmix = {{ {mix} }}")
        points.append((count, cost))
        rows.append(row(f"{count:,}", cost, peak))
    return points, rows


def seconds(tools, options):
    points, rows = [], []
    for length in (length for length in SECONDS if length <= options.longest):
        print(f"growth: {length} s", file=sys.stderr)
        with Server(tools.sink) as server:
            phase = f'rate = "{RATE}/s"\nduration = "{length}s"'
            took = run(tools.run(server.port, KEPT.format("auto"), phase), may_fail=(6,))
        points.append((length, took.peak / MIB))
        rows.append(row(f"{length:,}", 1e6 * took.processor / (RATE * length), took.peak))
    return points, rows


def plot(series):
    """One panel for each, both axes logarithmic."""
    width, height, left, top, gap = 330, 210, 60, 40, 40
    parts = [f'<svg xmlns="http://www.w3.org/2000/svg" width="{2 * (width + gap) + left}" '
             f'height="{2 * (height + gap + top)}" font-family="sans-serif" font-size="12">'
             '<rect width="100%" height="100%" fill="white"/>']
    for n, (name, (unit, (points, _))) in enumerate(series.items()):
        x0, y0 = left + n % 2 * (width + gap), top + n // 2 * (height + gap + top)
        parts.append(panel(f"{unit} over {name}", points, (x0, y0), (width - left, height)))
    return "\n".join(parts + ["</svg>\n"])


def short(number):
    for unit, size in (("M", 1e6), ("k", 1e3)):
        if number >= size:
            return f"{number / size:g}{unit}"
    return f"{number:g}"


def panel(title, points, origin, size):
    (x0, y0), (width, height) = origin, size
    points = [(x, y) for x, y in points if y > 0]  # what noise made of a small difference is no point

    def scale(values, length):
        low = math.floor(math.log10(min(values)))
        high = max(math.ceil(math.log10(max(values))), low + 1)
        at = lambda value: (math.log10(value) - low) / (high - low) * length  # noqa: E731
        return at, [10.0 ** power for power in range(low, high + 1)]

    across, across_ticks = scale([x for x, _ in points], width)
    up, up_ticks = scale([y for _, y in points], height)
    parts = [f'<text x="{x0}" y="{y0 - 12}" font-weight="bold">{title}</text>',
             f'<rect x="{x0}" y="{y0}" width="{width}" height="{height}" fill="none" stroke="#888"/>']
    for tick in across_ticks:
        x = x0 + across(tick)
        parts.append(f'<text x="{x:.0f}" y="{y0 + height + 16}" text-anchor="middle">'
                     f'{short(tick)}</text>')
    for tick in up_ticks:
        y = y0 + height - up(tick)
        parts.append(f'<line x1="{x0}" x2="{x0 + width}" y1="{y:.0f}" y2="{y:.0f}" stroke="#ddd"/>'
                     f'<text x="{x0 - 6}" y="{y + 4:.0f}" text-anchor="end">{short(tick)}</text>')
    places = [(x0 + across(x), y0 + height - up(y)) for x, y in points]
    line = " ".join(f"{x:.1f},{y:.1f}" for x, y in places)
    parts.append(f'<polyline points="{line}" fill="none" stroke="#1f5fa8" stroke-width="2"/>')
    parts += [f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" fill="#1f5fa8"/>' for x, y in places]
    return "\n".join(parts)
