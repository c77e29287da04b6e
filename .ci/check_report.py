"""Loads report.html in a headless Chromium and looks at what a reader would see.

For each page named, in light and in dark and at the width of a phone: as many charts are drawn as
there are figures, each with a visible line; the console is silent; nothing but the file itself is
requested; nothing overflows to the side; no dialog of an injected script opens.
"""

import json
import pathlib
import sys
import tempfile

from selenium import webdriver
from selenium.common.exceptions import NoAlertPresentException
from selenium.webdriver.chrome.options import Options
from selenium.webdriver.chrome.service import Service

FLAGS = [
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
]
# Width, height, and the theme that the browser asks for.
VIEWS = [(1280, 900, "light"), (1280, 900, "dark"), (390, 844, "light"), (390, 844, "dark")]

DRAWN = """
document.querySelectorAll('details').forEach(part => { part.open = true; });
return [...document.querySelectorAll('.chart')].map(chart => {
  const boxes = [...chart.querySelectorAll('.plot path.line')].map(path => path.getBBox());
  return { id: chart.id, lines: boxes.filter(box => box.width > 0 || box.height > 0).length,
           width: chart.querySelector('.plot').clientWidth,
           height: chart.querySelector('.plot').clientHeight };
});"""

HOVERED = """
const chart = document.querySelector('.chart'), plot = chart.querySelector('.plot');
const box = plot.getBoundingClientRect();
plot.dispatchEvent(new PointerEvent('pointermove', { clientX: box.left + box.width / 2, bubbles: true }));
return chart.querySelector('.tip').hidden ? '' : chart.querySelector('.tip').textContent;"""


def browser(profile):
    options = Options()
    for flag in [*FLAGS, f"--user-data-dir={profile}"]:
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"performance": "ALL", "browser": "ALL"})
    # Both come from the distribution, so that nothing is downloaded.
    return webdriver.Chrome(options=options, service=Service("/usr/bin/chromedriver"))


def requests(driver):
    for entry in driver.get_log("performance"):
        message = json.loads(entry["message"])["message"]
        if message["method"] == "Network.requestWillBeSent":
            yield message["params"]["request"]["url"]


def look(driver, page, view):
    """The complaints about one page in one view."""
    width, height, theme = view
    driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", {
        "width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600})
    driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {
        "features": [{"name": "prefers-color-scheme", "value": theme}]})
    url = page.resolve().as_uri()
    driver.get(url)
    try:
        yield f"a dialog opened: {driver.switch_to.alert.text!r}"
        driver.switch_to.alert.accept()
    except NoAlertPresentException:
        pass
    charts = driver.execute_script(DRAWN)
    if len(charts) < 4:
        yield f"only {len(charts)} charts"
    for chart in charts:
        if chart["lines"] == 0 or chart["width"] < 100 or chart["height"] < 100:
            yield f"not drawn: {chart}"
    overflow = driver.execute_script(
        "return document.documentElement.scrollWidth - document.documentElement.clientWidth")
    if overflow > 0:
        yield f"{overflow} px too wide"
    if not driver.execute_script(HOVERED):
        yield "no values are shown where the pointer is"
    background = driver.execute_script("return getComputedStyle(document.body).backgroundColor")
    channels = [int(part) for part in background.strip("rgb()").split(",")[:3]]
    if (sum(channels) < 384) != (theme == "dark"):
        yield f"a background of {background} is not {theme}"
    others = [it for it in requests(driver) if it != url and not it.startswith("data:")]
    if others:
        yield f"requests: {others}"
    if log := driver.get_log("browser"):
        yield f"console: {[entry['message'] for entry in log]}"


def main():
    pages = [pathlib.Path(argument) for argument in sys.argv[1:]]
    if not pages:
        sys.exit("usage: check_report.py PAGE...")
    wrong = 0
    with tempfile.TemporaryDirectory() as profile:
        driver = browser(profile)
        try:
            # What the browser loads for its first tab is none of the page's doing.
            driver.get("about:blank")
            driver.get_log("performance")
            for page in pages:
                for view in VIEWS:
                    for complaint in look(driver, page, view):
                        wrong += 1
                        print(f"{page} {view}: {complaint}", file=sys.stderr)
        finally:
            driver.quit()
    if wrong:
        sys.exit(f"{wrong} complaints")
    print(f"{len(pages)} pages in {len(VIEWS)} views: in order")


if __name__ == "__main__":
    main()
