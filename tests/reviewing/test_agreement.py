from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import cohen_kappa_score

from genmix.reviewing import cohens_kappa

VERDICTS = ("accept", "reject", "label-wrong")
PAIRS = st.lists(st.tuples(st.sampled_from(VERDICTS), st.sampled_from(VERDICTS)), min_size=1)


@given(PAIRS)
def test_kappa_is_that_of_scikit_learn(pairs: list[tuple[str, str]]) -> None:
    kappa = cohens_kappa(Counter(pairs))
    assert kappa.count == len(pairs)
    assert kappa.agreed == pytest.approx(sum(a == b for a, b in pairs) / len(pairs))
    if len({word for pair in pairs for word in pair}) == 1:  # scikit-learn warns, and gives nan
        assert kappa.value is None
        return
    expected = cohen_kappa_score(*zip(*pairs, strict=True))
    assert kappa.value == pytest.approx(expected, abs=1e-12)
    if kappa.low is not None and kappa.high is not None:
        assert -1 <= kappa.low <= expected + 1e-12
        assert expected - 1e-12 <= kappa.high <= 1


@given(PAIRS)
def test_it_does_not_matter_who_is_first(pairs: list[tuple[str, str]]) -> None:
    kappa, mirrored = cohens_kappa(Counter(pairs)), cohens_kappa(Counter((b, a) for a, b in pairs))
    for name in ("agreed", "value", "low", "high"):
        assert getattr(kappa, name) == pytest.approx(getattr(mirrored, name), abs=1e-9)


def test_the_interval_holds_the_truth_about_as_often_as_it_promises() -> None:
    chances = np.array([[0.5, 0.1, 0.02], [0.05, 0.2, 0.03], [0.0, 0.02, 0.08]])
    names = [(a, b) for a in VERDICTS for b in VERDICTS]
    truth = cohens_kappa(
        {pair: round(1e6 * chance) for pair, chance in zip(names, chances.flat, strict=True)}
    ).value
    assert truth is not None
    rng = np.random.default_rng(0)
    held = 0
    for counts in rng.multinomial(400, chances.ravel(), size=600):
        kappa = cohens_kappa(dict(zip(names, counts.tolist(), strict=True)))
        assert kappa.low is not None
        assert kappa.high is not None
        held += kappa.low <= truth <= kappa.high
    assert 0.92 < held / 600 < 0.98


def test_full_agreement_has_no_interval_and_nothing_in_common_no_kappa() -> None:
    kappa = cohens_kappa({("accept", "accept"): 9, ("reject", "reject"): 3})
    assert (kappa.value, kappa.low) == (1.0, None)
    with pytest.raises(ValueError, match="nothing"):
        cohens_kappa({})
