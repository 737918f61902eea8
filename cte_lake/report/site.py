"""The pages of the report: content in, files out. Every text is escaped where it enters a page."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from importlib.resources import files
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape

from cte_lake.plots.palette import PALETTE
from cte_lake.report.pairplot import SIZE
from cte_lake.wording import count_text

NAVIGATION = (
    ("index.html", "State"),
    ("pairs.html", "Pairs"),
    ("quality.html", "Quality"),
    ("consistency.html", "Consistency"),
    ("coefficients.html", "Coefficients"),
    ("provenance.html", "Provenance"),
)
_DATE = re.compile(r"\b\d{4}-\d\d-\d\d(?: \d\d:\d\d(?: UTC)?)?(?![\w-])")
#: Content security policy: files of the report alone, of which hundreds of pages share style and script.
POLICY = (
    "default-src 'none'; img-src 'self' data:; style-src 'self'; script-src 'self'; "
    "base-uri 'none'; form-action 'none'"
)


#: Names of the pages besides those of pairs.
PAGES = tuple(name for name, _ in NAVIGATION)


def render(
    report: Mapping[str, Any], pairs: Sequence[Mapping[str, Any]], pages: Collection[str] = PAGES
) -> Iterator[tuple[str, str]]:
    """Yield name and text of style, script and pages.

    The content is what `cte_lake.report.content` makes; ``slug`` names the file of a pair's page.
    """
    environment = Environment(
        loader=PackageLoader("cte_lake.report"),
        # All templates are pages: escaping never depends on a file's suffix.
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"counted": count_text, "whole": whole_dates}
    yield "style.css", palette_style() + _asset("page.css") + _asset("charts.css")
    yield "script.js", _asset("tools.js") + _asset("charts.js")
    shared = {"report": report, "navigation": NAVIGATION, "size": SIZE, "policy": POLICY}
    for name in pages:
        yield name, environment.get_template(f"{name}.j2").render(shared, page=name, root="")
    page = environment.get_template("pair.html.j2")
    for pair in pairs:
        text = page.render(shared, page="pairs.html", root="../", pair=pair)
        yield f"pairs/{pair['slug']}.html", text


def whole_dates(text: str) -> Markup:
    """Return a text as markup in which no line ends within a date: a browser breaks after each hyphen."""
    return Markup(_DATE.sub(r'<span class="whole">\g<0></span>', str(escape(text))))


def palette_style() -> str:
    """The colours of the printed figures as CSS: classes k0, k1, ... and variables c0, c1, ..."""
    shades = list(PALETTE)
    variables = " ".join(f"--c{number}: {shade};" for number, shade in enumerate(shades))
    classes = "\n".join(f".k{number} {{ --own: {shade}; }}" for number, shade in enumerate(shades))
    return f":root {{ {variables} }}\n{classes}\n"


def _asset(name: str) -> str:
    return files("cte_lake.report").joinpath("templates", name).read_text(encoding="utf-8")
