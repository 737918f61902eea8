"""The pages of the report: content in, files out. Every text is escaped where it enters a page."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Iterator, Mapping, Sequence
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
#: Pages with interactive charts.
_CHARTED = ("index.html", "quality.html")


def render(report: Mapping[str, Any], pairs: Sequence[Mapping[str, Any]]) -> Iterator[tuple[str, str]]:
    """Yield name and text of every page.

    Parameters
    ----------
    report : mapping
        What `cte_lake.report.content` makes.
    pairs : sequence of mapping
        Content of the pairs' pages; ``slug`` names the file.
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
    style, tools = palette_style() + _asset("page.css"), _asset("tools.js")
    shared = {
        "report": report,
        "navigation": NAVIGATION,
        "size": SIZE,
    }
    plain = _looks(style, tools)
    charted = _looks(style + _asset("charts.css"), tools + _asset("charts.js"))
    for name, _ in NAVIGATION:
        code = charted if name in _CHARTED else plain
        yield name, environment.get_template(f"{name}.j2").render(shared, **code, page=name, root="")
    page = environment.get_template("pair.html.j2")
    for pair in pairs:
        text = page.render(shared, **plain, page="pairs.html", root="../", pair=pair)
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


def squeezed(style: str) -> str:
    """CSS without comments and spaces that mean nothing: every page carries it."""
    joined = "".join(line.strip() for line in re.sub(r"/\*.*?\*/", "", style, flags=re.S).splitlines())
    return re.sub(r":\s+", ":", re.sub(r"\s*([{};,>])\s*", r"\1", joined))


def _looks(style: str, script: str) -> dict[str, str]:
    """Style and script of a page, as short as every page carries them, and its policy."""
    # No text of the scripts spans lines, so that spaces at their ends mean nothing.
    kept = [line for each in script.splitlines() if (line := each.strip()) and not line.startswith("//")]
    short, code = squeezed(style), "\n".join(kept)
    return {"style": Markup(short), "script": Markup(code), "policy": policy(short, code)}


def policy(style: str, script: str) -> str:
    """Content security policy of a page: its own style, script and pictures, and nothing from elsewhere."""
    return (
        "default-src 'none'; img-src 'self' data:; "
        f"style-src '{_csp_hash(style)}'; script-src '{_csp_hash(script)}'; "
        "base-uri 'none'; form-action 'none'"
    )


def _asset(name: str) -> str:
    return files("cte_lake.report").joinpath("templates", name).read_text(encoding="utf-8")


def _csp_hash(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
