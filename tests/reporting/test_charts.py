"""Charts: the same bytes each time, sound anchors, and names shown as they are."""

import re
from xml.etree import ElementTree as Xml

from genmix.reporting.charts import Axis, Curve, Interval, curves_svg, intervals_svg
from tests.reporting.made import HOSTILE

ROWS = (
    Interval("genmix", "+13.0 ± 2.1 better", 13.0, 2.1, "better"),
    Interval("mixup", "−3.0 ± 2.1 worse", -3.0, 2.1, "worse"),
    Interval("cutmix", "+0.3 ± 2.1", 0.3, 2.1, "no evidence"),
    Interval("one seed", "+0.3", 0.3, None, "no evidence"),
    Interval("the recipe", "the reference", 0.0, None, None),
)
AXIS = Axis("points", "worse", "better")


def chart(name: str = "chart", rows: tuple[Interval, ...] = ROWS) -> str:
    said = "; ".join(f"{row.name}: {row.text}" for row in rows)
    return intervals_svg(name, "What differs", rows, AXIS, said)


def texts(svg: str) -> list[str]:
    return [element.text or "" for element in Xml.fromstring(svg).iter("text")]


def test_the_same_rows_give_the_same_bytes() -> None:
    assert chart() == chart()


def test_everything_is_text_and_said_again_for_those_who_cannot_see_it() -> None:
    root = Xml.fromstring(chart())
    assert root.get("role") == "img"
    named = str(root.get("aria-labelledby")).split()
    found = {element.get("id"): element.text for element in root if element.get("id")}
    assert found[named[0]] == "What differs"
    assert "genmix: +13.0 ± 2.1 better; mixup: −3.0" in str(found[named[1]])
    for row in ROWS:
        assert {row.name, row.text} <= set(texts(chart()))


def test_anchors_of_two_charts_of_a_page_differ_and_all_of_them_are_there() -> None:
    one, other = (Xml.fromstring(chart(name)) for name in ("one", "other"))
    anchors = [[e.get("id") for e in root.iter() if e.get("id")] for root in (one, other)]
    assert not set(anchors[0]) & set(anchors[1])
    assert len(anchors[0]) == len(set(anchors[0]))
    used = re.findall(r'url\(#([^)]+)\)|href="#([^"]+)"', chart("one"))
    assert {a or b for a, b in used} <= set(anchors[0])


def test_colours_are_those_of_the_page_and_nothing_is_loaded() -> None:
    svg = chart()
    assert not re.search("#[0-9a-f]{6}", svg)
    assert "http" not in svg
    assert "<style" not in svg


def test_names_are_shown_as_they_are() -> None:
    for name in (HOSTILE, "犬と猫", "$5 and $10", r"$\nonsense$"):
        svg = chart(rows=(Interval(name, "+1.0", 1.0, 0.5, "better"),))
        assert "<img" not in svg
        assert name in texts(svg)


def test_a_long_name_is_broken_into_lines() -> None:
    long = "genmix:a-recipe-with-a-very-long-name.yaml@0.8+trivialaugment+cutmix"
    svg = chart(rows=(Interval(long, "+1.0", 1.0, 0.5, "better"),))
    assert long not in texts(svg)
    lines = [text for text in texts(svg) if len(text) > 5 and text in long]
    assert len(lines) == 2
    assert sum(map(len, lines)) == len(long)


def test_curves_are_told_apart_by_more_than_colour() -> None:
    curves = [Curve(f"arm {k}", (30.0 + k, 40.0 + k), (1.0, None)) for k in range(3)]
    places = {"5": 5.0, "all (40)": 40.0}
    svg = curves_svg("curves", "Curves", curves, places, ("photos", "%"), "in words")
    dashes = set(re.findall(r"stroke-dasharray: ([\d., ]+)", svg))
    assert len(dashes) >= 2
    assert {"arm 0", "arm 1", "arm 2", "5", "all (40)", "photos", "%"} <= set(texts(svg))
