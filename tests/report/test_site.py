"""The pages as files: nothing injected, nothing from elsewhere, links and numbers that hold."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from astropy.table import Table

from cte_lake import open_lake
from cte_lake.plots.palette import PALETTE, sequence
from cte_lake.report.site import POLICY
from tests.report.conftest import HOSTILE, SET_NAME


class Page(HTMLParser):
    """Elements of a page that matter here."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.ids: set[str] = set()
        self.text: list[str] = []
        self.data: list[str] = []
        self._script: str | None = None
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        self.elements.append((tag, found))
        if found.get("id"):
            self.ids.add(str(found["id"]))
        if tag == "script":
            self._script = found.get("type") or "text/javascript"

    def handle_endtag(self, tag: str) -> None:
        if tag == "script":
            self._script = None

    def handle_data(self, data: str) -> None:
        if self._script == "application/json":
            self.data.append(data)
        elif self._script is None:
            self.text.append(data)

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.elements if name == tag]


@pytest.fixture(scope="module")
def pages(report: Path) -> dict[str, Page]:
    return {str(path.relative_to(report)): Page(path.read_text()) for path in report.rglob("*.html")}


def test_there_is_a_page_for_every_pair(pages: dict[str, Page], hostile_lake: Path) -> None:
    with open_lake(hostile_lake) as lake:
        pairs = lake.pairs().rows()
    expected = {f"pairs/{p['image_1'][:-5]}-{p['image_2'][:-5]}.html" for p in pairs}
    assert len(expected) == 12
    assert expected == {name for name in pages if name.startswith("pairs/")}


def test_texts_inject_nothing(pages: dict[str, Page]) -> None:
    scripts = {name: len(page.all("script")) - len(page.data) for name, page in pages.items()}
    assert set(scripts.values()) == {1}
    for name, page in pages.items():
        assert not [attributes for attributes in page.all("img") if attributes.get("src") == "x"], name
        assert not page.all("b"), name
        handlers = [a for _, attributes in page.elements for a in attributes if a.startswith("on")]
        assert not handlers, name


def test_hostile_texts_are_shown_as_they_are(pages: dict[str, Page]) -> None:
    for name in ("quality.html", "provenance.html"):
        assert HOSTILE in " ".join(pages[name].text), name


def test_nothing_is_evaluated_in_a_template(pages: dict[str, Page]) -> None:
    assert "{{7*7}}" in " ".join(pages["quality.html"].text)


def test_charts_carry_valid_json(pages: dict[str, Page], report: Path) -> None:
    charts = [json.loads(text) for text in pages["index.html"].data]
    assert [chart["title"] for chart in charts] == [
        "CTE loss against time",
        "CTE loss against flux",
        "CTE loss against post-flash level",
    ]
    for chart in charts:
        for point in chart["points"]:
            assert (report / point["link"]).is_file()
            for place, facet in zip(point["f"], chart["facets"], strict=True):
                assert 0 <= place < len(facet["values"])


def test_points_are_the_losses_of_the_lake(pages: dict[str, Page], hostile_lake: Path) -> None:
    chart = json.loads(pages["index.html"].data[0])
    with open_lake(hostile_lake) as lake:
        rows = lake.cte_vs_time(estimator="log_ratio").rows()
    expected = sorted((round(100 * row["cte_loss"], 3), round(100 * row["cte_loss_err"], 3)) for row in rows)
    found = sorted((round(point["y"], 3), round(point["e"], 3)) for point in chart["points"])
    assert len(found) == 36
    for one, other in zip(found, expected, strict=True):
        assert one == pytest.approx(other, abs=2e-3)


_LINKS = (("a", "href"), ("img", "src"), ("image", "href"), ("link", "href"), ("script", "src"))


def test_every_link_leads_somewhere(pages: dict[str, Page], report: Path) -> None:
    for name, page in pages.items():
        folder = (report / name).parent
        for tag, attribute in _LINKS:
            for attributes in page.all(tag):
                if (link := str(attributes.get(attribute, "data:,"))) == "data:,":
                    continue
                target, _, anchor = link.partition("#")
                assert not re.match(r"[a-z]+:|//", target), (name, target)
                place = (folder / target).resolve() if target else report / name
                assert place.is_file(), (name, target)
                assert report.resolve() in place.resolve().parents
                if anchor:
                    assert anchor in pages[str(place.relative_to(report.resolve()))].ids, (name, anchor)


def test_pages_allow_themselves_nothing_from_elsewhere(pages: dict[str, Page]) -> None:
    for name, page in pages.items():
        (policy,) = [
            str(attributes["content"])
            for attributes in page.all("meta")
            if attributes.get("http-equiv") == "Content-Security-Policy"
        ]
        assert policy == POLICY, name
        assert "unsafe" not in policy
        assert not [tag for tag, _ in page.elements if tag in {"iframe", "object", "embed", "form"}], name


def test_pages_share_one_style_and_one_script(pages: dict[str, Page], report: Path) -> None:
    for name, page in pages.items():
        root = "../" if name.startswith("pairs/") else ""
        assert not page.all("style"), name
        assert [attributes["href"] for attributes in page.all("link")] == ["data:,", f"{root}style.css"], name
        sources = [attributes["src"] for attributes in page.all("script") if "src" in attributes]
        assert sources == [f"{root}script.js"], name
    assert {path.name for path in report.glob("*.*s")} == {"style.css", "script.js"}


def test_pages_do_without_inline_styles(pages: dict[str, Page]) -> None:
    for name, page in pages.items():
        assert not [attributes for _, attributes in page.elements if "style" in attributes], name


def test_the_pages_colours_are_those_of_the_figures(pages: dict[str, Page], report: Path) -> None:
    style = (report / "style.css").read_text()
    for number, shade in enumerate(PALETTE):
        assert f".k{number} {{ --own: {shade}; }}" in style
    time, flux, _ = (json.loads(text) for text in pages["index.html"].data)
    assert next(facet for facet in time["facets"] if facet["title"] == "Flux bin")["colours"] == list(
        PALETTE[:3]
    )
    dates = next(facet for facet in flux["facets"] if facet["title"] == "Epoch")
    assert dates["colours"] == sequence(len(dates["values"]))


def test_what_the_model_leaves_is_measured_less_model(pages: dict[str, Page]) -> None:
    time = json.loads(pages["index.html"].data[0])
    there = [point for point in time["points"] if "r" in point]
    assert there
    for point in there:
        near = [
            float(np.interp(point["x"], curve["x"], curve["y"]))
            for curve in time["curves"]
            if all(v in (-1, f) for v, f in zip(curve["f"], point["f"], strict=True))
        ]
        # Curves are of the median star, points of their own.
        assert min(abs(point["y"] - point["r"] - value) for value in near) < 0.15


def test_coefficients_are_shown_and_can_be_taken_along(pages: dict[str, Page], report: Path) -> None:
    page = pages["coefficients.html"]
    assert SET_NAME in " ".join(page.text)
    links = [str(a["href"]) for a in page.all("a") if str(a["href"]).startswith("data/")]
    assert sorted(Path(link).suffix for link in links) == [".csv", ".ecsv", ".tex", ".toml"]
    table = Table.read(next(report / link for link in links if link.endswith(".ecsv")), format="ascii.ecsv")
    shown = [text for text in page.text if re.fullmatch(r"-?\d\.\d{8}e[+-]\d\d", text)]
    assert len(shown) == len(table) >= 6
    values = next(name for name in ("value", "coefficient", "c") if name in table.colnames)
    assert [float(text) for text in shown] == pytest.approx([float(v) for v in table[values]], rel=1e-7)


def test_curves_of_the_coefficients_are_in_the_charts(pages: dict[str, Page]) -> None:
    time, flux, flash = (json.loads(text) for text in pages["index.html"].data)
    assert len(time["curves"]) == 3
    assert len(flux["curves"]) >= 2
    assert flash["curves"] == []
    for curve in (*time["curves"], *flux["curves"]):
        assert len(curve["x"]) == len(curve["y"]) > 10


def test_json_says_the_same(report: Path, hostile_lake: Path) -> None:
    data = json.loads((report / "report.json").read_text())
    assert data["state"]["images"] == 24
    assert data["state"]["pairs"] == 12
    assert data["state"]["rejected"] == 1
    assert data["state"]["excluded"] == 1
    assert data["state"]["quarantined"] == 1
    assert data["lake"] == hostile_lake.name
    assert len(data["images"]) == 24
    assert data["rejects"][0]["detail"] == f"{HOSTILE} has no EXPSTART"


def test_every_figure_has_its_numbers(pages: dict[str, Page], report: Path) -> None:
    drawn = {path.stem for path in (report / "figures").glob("*.png")}
    of_losses, of_shapes = (
        {"cte-time", "cte-flux", "cte-flash", "recovery"},
        {"displacement", "focus", "growth"},
    )
    assert drawn == {"overview"} | of_losses | of_shapes
    numbers = {path.stem for path in (report / "data").glob("*.csv")}
    assert drawn == {name for name in numbers if not name.startswith("coefficients-")}


def test_commands_of_the_page_name_the_lake_in_quotes(pages: dict[str, Page], hostile_lake: Path) -> None:
    text = " ".join(pages["provenance.html"].text)
    quoted = "'" + hostile_lake.name.replace("'", "'\"'\"'") + "'"
    assert f"cte-lake report --lake {quoted}" in text
    assert "cte-lake plot cte-time" in text


def test_a_missing_frame_is_said(pages: dict[str, Page]) -> None:
    page = next(page for name, page in pages.items() if name.startswith("pairs/"))
    assert "is not there any more" in " ".join(page.text)
