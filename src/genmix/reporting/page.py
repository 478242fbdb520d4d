"""The page of a report: one HTML file with everything in it, which opens without a network.

It needs no script, loads nothing, and prints to A4; its style and its frame lie in `page/`.
"""

from base64 import b64encode

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape

from genmix.reporting.document import Report
from genmix.reporting.wording import Words


def render(report: Report) -> str:
    """Write a report as HTML.

    All text is escaped; of the report's values only a figure's SVG is put in as it is.

    Returns:
        The page; the same report gives the same page.
    """
    environment = Environment(
        loader=PackageLoader("genmix.reporting", "page"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["prose"] = _prose
    environment.filters["trusted"] = Markup
    environment.filters["base64"] = lambda data: b64encode(data).decode()
    words = Words(report.language)
    page = environment.get_template("report.html.j2")
    return page.render(report=report, finding=words("finding_label"))


def _prose(text: str) -> Markup:
    """Set what stands between backticks as code, which breaks at spaces and nowhere else."""
    html = Markup()
    for number, part in enumerate(text.split("`")):
        pieces = part.split(" ") if number % 2 else []
        html += Markup(" ").join(Markup("<code>{}</code>").format(piece) for piece in pieces)
        html += escape("" if number % 2 else part)
    return html
