"""Reads `latency.hlog` of results folders with the Python HdrHistogram and compares it with
`summary.json`: totals exactly, percentiles within the three digits that a histogram keeps.
"""

import json
import math
import pathlib
import sys

from hdrh.histogram import HdrHistogram
from hdrh.log import HistogramLogReader

LONGEST_MICROS = 3_600_000_000
CLOCKS = ["response", "service", "lag", "wait"]


def histograms(path):
    """By tag, all intervals together."""
    whole = {}
    reader = HistogramLogReader(str(path), HdrHistogram(1, LONGEST_MICROS, 3))
    while (interval := reader.get_next_interval_histogram()) is not None:
        tag = interval.get_tag()
        if tag not in whole:
            whole[tag] = HdrHistogram(1, LONGEST_MICROS, 3)
        whole[tag].add(interval)
    return whole


def compare(name, latency, log, tag):
    """How many figures differ; each is printed."""
    measured, censored = log.get(tag), log.get(f"{tag}-censored")
    count = sum(part.get_total_count() for part in (measured, censored) if part)
    wrong = 0
    if count != latency["count"]:
        print(f"{name}: {tag}: {count} samples, not {latency['count']}")
        wrong += 1
    if censored or not measured:
        return wrong
    for key, percentile in [("p50", 50), ("p90", 90), ("p95", 95), ("p99", 99), ("p999", 99.9)]:
        said = latency[key]
        if said is None:
            continue
        # This implementation rounds the rank; a percentile is the first sample with at least that
        # share up to it.
        total = measured.get_total_count()
        rank = math.ceil(percentile * total / 100 - 1e-6)
        found = measured.get_value_at_percentile(100 * rank / total) / 1000
        if abs(found - said) > 0.002 * said + 0.001:
            print(f"{name}: {tag}: {key} is {found} ms, not {said} ms")
            wrong += 1
    return wrong


def check(folder):
    """How many figures were compared, and how many differ."""
    summary = json.loads((folder / "summary.json").read_text(encoding="utf-8"))
    log = histograms(folder / "latency.hlog")
    compared = wrong = 0
    for phase in summary["phases"]:
        parts = [("*", phase["figures"]), *phase["clients"].items()]
        for client, figures in parts:
            for clock in CLOCKS:
                latency = figures.get(f"{clock}_ms")
                if latency:
                    compared += 1
                    tag = f"{phase['name']}/{client}/message/{clock}"
                    wrong += compare(folder, latency, log, tag)
            if client == "*":
                continue
            for step, latency in figures["steps"].items():
                if latency["count"]:
                    compared += 1
                    tag = f"{phase['name']}/{client}/{step}/service"
                    wrong += compare(folder, latency, log, tag)
    return compared, wrong


def main():
    compared = wrong = 0
    for name in sys.argv[1:]:
        more = check(pathlib.Path(name))
        compared, wrong = compared + more[0], wrong + more[1]
    print(f"{compared} histograms: {wrong} mistakes")
    sys.exit(1 if wrong or not compared else 0)


if __name__ == "__main__":
    main()
