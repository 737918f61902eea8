"""The report in a real browser: quiet, shut off from the network, usable by keyboard, accessible."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from cte_lake.plots.palette import sequence

pytestmark = pytest.mark.slow

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
DRIVER = shutil.which("chromedriver")
FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--hide-scrollbars",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
)  # fmt: skip
SIZES = {"desktop": (1280, 900), "tablet": (768, 1024), "phone": (390, 800)}
#: Widths at which a page is looked at: phone, tablet, small and large screen.
WIDTHS = (390, 768, 1280, 1440)


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """A headless Chromium of its own, with its log of console and network."""
    selenium = pytest.importorskip("selenium.webdriver", reason="selenium is not installed (extra 'dev')")
    if CHROMIUM is None or DRIVER is None:
        pytest.skip("chromium and chromium-driver are not installed (apt-get install chromium-driver)")
    options = selenium.ChromeOptions()
    options.binary_location = CHROMIUM
    for flag in (*FLAGS, f"--user-data-dir={tmp_path_factory.mktemp('profile')}"):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    driver = selenium.Chrome(options=options, service=selenium.ChromeService(DRIVER))
    driver.set_page_load_timeout(300)
    driver.set_script_timeout(300)
    yield driver
    driver.quit()


def _visit(browser: Any, page: Path, size: str = "desktop", dark: bool = False) -> None:
    browser.set_window_size(*SIZES[size])
    scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [scheme]})
    browser.get_log("performance")
    browser.get_log("browser")
    browser.get(page.as_uri())


def _pages(report: Path) -> list[Path]:
    return [*sorted(report.glob("*.html")), sorted((report / "pairs").glob("*.html"))[0]]


def test_no_page_complains_or_asks_for_anything_elsewhere(browser: Any, report: Path) -> None:
    for page in [*report.glob("*.html"), *sorted((report / "pairs").glob("*.html"))[:4]]:
        _visit(browser, page)
        browser.execute_script("document.querySelectorAll('details').forEach((one) => { one.open = true; })")
        browser.execute_script(
            "document.querySelectorAll('img').forEach((one) => { one.loading = 'eager'; })"
        )
        assert browser.execute_script(_LOADED) == [], page
        assert browser.get_log("browser") == [], page
        messages = [json.loads(entry["message"])["message"] for entry in browser.get_log("performance")]
        sent = [m["params"]["request"]["url"] for m in messages if m["method"] == "Network.requestWillBeSent"]
        assert sent
        place = report.resolve().as_uri()
        assert [url for url in sent if not url.startswith((place, "data:"))] == [], page


#: Waits for all pictures; gives the addresses of those that did not come.
_LOADED = """
    const pictures = [...document.images];
    return Promise.allSettled(pictures.map((one) => one.decode()))
        .then((all) => pictures.filter((_, k) => all[k].status === 'rejected').map((one) => one.src));
"""


def test_hostile_texts_run_nothing(browser: Any, report: Path) -> None:
    for page in _pages(report):
        _visit(browser, page)
        assert browser.execute_script("return window.hacked") is None, page
        assert browser.execute_script("return document.querySelectorAll('[onerror],[onclick]').length") == 0


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_accessible(browser: Any, report: Path, size: str, dark: bool) -> None:
    axe = pytest.importorskip("axe_core_python", reason="axe-core-python is not installed (extra 'dev')")
    code = (Path(axe.__file__).parent / "axe.min.js").read_text(encoding="utf-8")
    for page in _pages(report):
        _visit(browser, page, size, dark)
        # The page's own policy keeps foreign scripts out; the driver's do not ask it.
        browser.execute_script(code)
        found = browser.execute_async_script("axe.run().then(arguments[arguments.length - 1])")
        serious = [
            (one["id"], one["help"], [node["html"][:120] for node in one["nodes"][:3]])
            for one in found["violations"]
            if one["impact"] in {"serious", "critical"}
        ]
        assert serious == [], page.name
        assert len(found["passes"]) > 15


@pytest.mark.parametrize("width", WIDTHS)
def test_no_page_or_table_is_wider_than_the_screen(browser: Any, report: Path, width: int) -> None:
    # A window of a desktop's browser has a least width; this sets that of the page.
    size = {"width": width, "height": 844, "deviceScaleFactor": 1, "mobile": False}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    try:
        for page in _pages(report):
            _visit(browser, page)
            assert browser.execute_script("return innerWidth") == width
            browser.execute_script("document.querySelectorAll('details').forEach((one) => one.open = true)")
            assert browser.execute_script(_TOO_WIDE) == [], page.name
    finally:
        browser.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})


#: What of a page needs to be moved sideways: the page, and tables by name, with the excess in px.
_TOO_WIDE = """
    const over = (one) => one.scrollWidth - one.clientWidth;
    return [document.documentElement, ...document.querySelectorAll('.scroll:not(.frame), pre')]
        .filter((one) => over(one) > 0)
        .map((one) => [one.getAttribute('aria-label') || 'page', over(one)]);
"""


def test_a_phones_first_screen_tells_the_night_and_alarms(browser: Any, report: Path) -> None:
    _visit(browser, report / "index.html", "phone")
    for name in ("Last night", "Alarms", "Visits", "Files", "Coefficients"):
        line = browser.find_element("xpath", f"//dl[@class='lines']//dt[contains(., '{name}')]")
        assert line.rect["y"] < 800, name


def test_an_old_page_tells_its_age(browser: Any, report: Path) -> None:
    made = json.loads((report / "report.json").read_text())["made"]
    for days, shown in ((0, ""), (1, ""), (5, "This page is 5 days old")):
        clock = f"Date.now = () => Date.parse('{made}') + {days} * 86400000 + 3600000"
        added = browser.execute_cdp_cmd("Page.addScriptToEvaluateOnNewDocument", {"source": clock})
        try:
            _visit(browser, report / "index.html")
            assert browser.find_element("css selector", "[data-made]").text == shown
        finally:
            browser.execute_cdp_cmd("Page.removeScriptToEvaluateOnNewDocument", added)


def test_on_paper_there_are_no_controls(browser: Any, report: Path) -> None:
    _visit(browser, report / "index.html")
    shown = (
        "return [...document.querySelectorAll('header nav, .chart fieldset, .chart details')]"
        ".some((one) => one.checkVisibility())"
    )
    assert browser.execute_script(shown)
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "print"})
    try:
        assert not browser.execute_script(shown)
        overflow = "return getComputedStyle(document.querySelector('.scroll')).overflowX"
        assert browser.execute_script(overflow) == "visible"
    finally:
        browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": ""})


def test_many_dates_are_folded_away(browser: Any, report: Path) -> None:
    _visit(browser, report / "index.html", "phone")
    for chart in browser.find_elements("css selector", ".chart"):
        groups = chart.find_elements("css selector", ":scope > fieldset")
        assert all(len(one.find_elements("css selector", "input")) <= 9 for one in groups)


def test_the_epochs_that_are_shown_share_all_colours(browser: Any, report: Path) -> None:
    _visit(browser, report / "index.html")
    assert sorted(browser.execute_script(_SHADES)) == sorted(sequence(3))
    boxes = browser.find_elements("css selector", "#chart-flux fieldset:first-of-type input")
    boxes[-1].click()
    first, _, *_, last = sequence(3)
    assert sorted(browser.execute_script(_SHADES)) == sorted([first, last])


#: The colours of the marks and curves of the chart of loss against flux, each once.
_SHADES = """
    const drawn = [...document.querySelectorAll('#chart-flux .canvas .own')];
    return [...new Set(drawn.map((one) => one.style.getPropertyValue('--own')))];
"""


def test_dates_do_not_break_at_their_hyphens(browser: Any, report: Path) -> None:
    _visit(browser, report / "index.html", "phone")
    assert {tuple(each) for each in browser.execute_script(_LINES)} == {("inline", 1)}


#: Of each date how it stands in its line, and in how many lines.
_LINES = """
    const dates = [...document.querySelectorAll('.whole')];
    return dates.map((one) => [getComputedStyle(one).display, one.getClientRects().length]);
"""


def test_what_the_model_leaves_is_drawn_below_the_losses(browser: Any, report: Path) -> None:
    _visit(browser, report / "index.html")
    lower, upper = browser.execute_script(_PANELS)
    assert lower[0] > upper[1]
    text = browser.find_element("css selector", "#chart-time .canvas").text
    assert "Measured \u2212 model (%)" in text


#: Top and bottom of the residuals' axes and of those of the losses.
_PANELS = """
    const axes = [...document.querySelectorAll('#chart-time .axisline')];
    return axes.map((one) => one.getBoundingClientRect()).map((box) => [box.top, box.bottom])
        .sort((one, other) => other[0] - one[0]);
"""


def test_flux_bins_can_be_switched(browser: Any, report: Path) -> None:
    _visit(browser, report / "index.html")
    count = "return document.querySelectorAll('#chart-time .canvas .mark').length"
    before = browser.execute_script(count)
    boxes = browser.find_elements("css selector", "#chart-time fieldset:first-of-type input")
    assert len(boxes) == 3
    boxes[0].click()
    assert browser.execute_script(count) == before * 2 // 3
    for box in boxes[1:]:
        box.click()
    assert browser.execute_script(count) == 0
    told = browser.find_element("css selector", "#chart-time output").text
    assert told == "nothing is selected"


def test_a_point_tells_its_pair_and_value_and_leads_to_it(browser: Any, report: Path) -> None:
    from selenium.webdriver import ActionChains

    _visit(browser, report / "index.html")
    mark = browser.find_element("css selector", "#chart-time .canvas .mark")
    browser.execute_script("arguments[0].scrollIntoView({block: 'center'})", mark)
    ActionChains(browser).move_to_element(mark).perform()
    tip = browser.find_element("css selector", "#chart-time .tip")
    assert re.search(r"NGC 104, 20\d\d\.\d\d, .*: -?[\d.]+ ± [\d.]+ % \([\d,]+ stars, pair \d+\)", tip.text)
    ActionChains(browser).click(mark).perform()
    _arrive_at_a_pair(browser)
    assert browser.find_element("tag name", "h1").text.startswith("NGC 104")


def _arrive_at_a_pair(browser: Any) -> None:
    # A page is left some time after the script that leads on has ended.
    from selenium.webdriver.support.ui import WebDriverWait

    WebDriverWait(browser, 60).until(lambda one: "/pairs/" in one.current_url)


def test_charts_work_by_keyboard(browser: Any, report: Path) -> None:
    from selenium.webdriver import Keys

    _visit(browser, report / "index.html")
    canvas = browser.find_element("css selector", "#chart-time .canvas")
    browser.execute_script("arguments[0].focus()", canvas)
    active = browser.switch_to.active_element
    active.send_keys(Keys.ARROW_RIGHT)
    first = browser.find_element("css selector", "#chart-time output").text
    active.send_keys(Keys.ARROW_RIGHT)
    second = browser.find_element("css selector", "#chart-time output").text
    assert first != second
    assert "pair" in first
    active.send_keys(Keys.ENTER)
    _arrive_at_a_pair(browser)


def test_a_table_can_be_copied(browser: Any, report: Path) -> None:
    permissions = {"permissions": ["clipboardReadWrite", "clipboardSanitizedWrite"]}
    browser.execute_cdp_cmd("Browser.grantPermissions", permissions)
    _visit(browser, report / "coefficients.html")
    button = browser.find_element("css selector", "button[data-copy]")
    assert button.text == "Copy the table"
    button.click()
    copied = browser.execute_async_script(
        "const done = arguments[arguments.length - 1]; const look = (left) => setTimeout(() => "
        "navigator.clipboard.readText()"
        ".then((text) => text || !left ? done(text) : look(left - 1)), 50); look(40)"
    )
    rows = [line.split("\t") for line in copied.splitlines()]
    assert rows[0] == ["Coefficient", "Value", "Error"]
    assert [row[0] for row in rows[1:3]] == ["c00", "c01"]
    assert browser.find_element("css selector", "button[data-copy]").text == "Copied"


def test_curves_of_the_model_stay_among_the_points(browser: Any, report: Path) -> None:
    _visit(browser, report / "index.html")
    lines = browser.execute_script(_CURVES)
    assert len(lines) >= 5
    for top, bottom, low, high in lines:
        assert top - 1 <= low <= high <= bottom + 1


#: Top and bottom of each chart's axes with those of each curve in it, as far as its points reach, px.
_CURVES = """
    return [...document.querySelectorAll('.chart')].flatMap((chart) => {
        const axes = chart.querySelector('.axisline').getBoundingClientRect();
        const marks = [...chart.querySelectorAll('.canvas .mark')].map((one) => one.getBoundingClientRect());
        const first = Math.min(...marks.map((one) => one.left));
        const last = Math.max(...marks.map((one) => one.right));
        return [...chart.querySelectorAll('.curve')].map((curve) => {
            const heights = [];
            for (let at = 0; at <= curve.getTotalLength(); at += 2) {
                const point = curve.getPointAtLength(at).matrixTransform(curve.getScreenCTM());
                if (point.x >= first && point.x <= last) heights.push(point.y);
            }
            return [axes.top, axes.bottom, Math.min(...heights), Math.max(...heights)];
        });
    });
"""


def test_the_list_of_pairs_can_be_searched(browser: Any, report: Path) -> None:
    _visit(browser, report / "pairs.html")
    field = browser.find_element("id", "find")
    field.send_keys("13000/13 FLC")
    assert browser.find_element("id", "found").text == "1 of 12 shown"
    rows = browser.find_elements("css selector", "#pairs-table tbody tr")
    assert [row.is_displayed() for row in rows].count(True) == 1


def test_pages_say_something_without_script(browser: Any, report: Path) -> None:
    browser.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": True})
    try:
        _visit(browser, report / "index.html")
        text = browser.find_element("tag name", "body").text
        assert "The interactive chart needs JavaScript" in text
        assert "Losses of the newest epoch" in text
    finally:
        browser.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": False})


def test_dark_pages_are_dark(browser: Any, report: Path) -> None:
    for dark in (False, True):
        _visit(browser, report / "index.html", dark=dark)
        shade = browser.execute_script("return getComputedStyle(document.body).backgroundColor")
        assert (sum(map(int, re.findall(r"\d+", shade)[:3])) < 150) == dark
