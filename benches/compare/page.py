"""Figures -> the tables of RESULTS.md."""
import os
import platform
import statistics
import subprocess


def median(values):
    return statistics.median(values)


def spread(values, digits=1):
    """`median (min to max)`"""
    shown = [f"{value:.{digits}f}" for value in (median(values), min(values), max(values))]
    return f"{shown[0]} ({shown[1]} to {shown[2]})"


def effort(rounds, seconds):
    """How a part was measured."""
    return f"{rounds} rounds of {seconds:g} s or so.\n"


def table(title, heads, rows):
    lines = [f"## {title}", "| " + " | ".join(heads) + " |", "|---" * len(heads) + "|"]
    return "\n".join(lines + ["| " + " | ".join(row) + " |" for row in rows]) + "\n"


def goal(what, limit, figure, at_most=True, digits=2):
    """A row: what it is, what was wished for, what came out, and whether that is it."""
    holds = figure <= limit if at_most else figure >= limit
    sign = "≤" if at_most else "≥"
    return [what, f"{sign} {limit:g}", f"{figure:.{digits}f}", "yes" if holds else "**no**"]


GOAL = ["what", "goal", "figure", "reached"]


def said_by(*command):
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return (done.stdout or done.stderr).strip().splitlines()[0]


def machine(options):
    """Where, and with which versions."""
    with open("/proc/cpuinfo", encoding="utf-8") as file:
        names = [line.split(":")[1].strip() for line in file if line.startswith("model name")]
    rows = [
        ["processor", f"{names[0] if names else platform.machine()}, {os.cpu_count()} cores"],
        ["kernel", platform.release().split("-")[0]],
        ["mailquake", said_by(options.mailquake, "--version")],
        ["Postfix", said_by("postconf", "-d", "-h", "mail_version")],
        ["C compiler", said_by("cc", "--version")],
    ]
    return table("Machine", ["what", "which"], rows)


def write(path, head, parts, order):
    """Writes the parts that were measured now, and leaves those that were not as they are there."""
    marker = "<!-- {} -->\n".format
    kept = {}
    if os.path.exists(path):
        with open(path, encoding="utf-8") as file:
            text = file.read()
        for name in order:
            _, found, rest = text.partition(marker(name))
            if found:
                kept[name] = rest.partition("<!-- ")[0].rstrip() + "\n"
    kept.update(parts)
    with open(path, "w", encoding="utf-8") as file:
        file.write("\n".join([head, *(marker(name) + kept[name] for name in order if name in kept)]))
