"""The pages of the report: content in, files out. Every text is escaped where it enters a page."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator, Mapping, Sequence
from importlib.resources import files
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from cte_lake.report.pairplot import DOT_UNIT, HEIGHT, WIDTH

NAVIGATION = (
    ("index.html", "State"),
    ("pairs.html", "Pairs"),
    ("coefficients.html", "Coefficients"),
    ("quality.html", "Quality"),
    ("provenance.html", "Provenance"),
)


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
    style, tools, with_charts = (
        _asset("page.css"),
        _asset("tools.js"),
        _asset("tools.js") + _asset("charts.js"),
    )
    shared = {
        "report": report,
        "navigation": NAVIGATION,
        "style": Markup(style),
        "size": {"width": WIDTH, "height": HEIGHT, "unit": DOT_UNIT},
    }
    plain = {"script": Markup(tools), "policy": policy(style, tools)}
    charted = {"script": Markup(with_charts), "policy": policy(style, with_charts)}
    for name, _ in NAVIGATION:
        code = charted if name == "index.html" else plain
        yield name, environment.get_template(f"{name}.j2").render(shared, **code, page=name, root="")
    page = environment.get_template("pair.html.j2")
    for pair in pairs:
        text = page.render(shared, **plain, page="pairs.html", root="../", pair=pair)
        yield f"pairs/{pair['slug']}.html", text


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
