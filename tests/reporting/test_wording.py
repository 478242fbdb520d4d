"""The words: both languages say the same things, and say each in their own way."""

import inspect
import re
from collections.abc import Iterator
from pathlib import Path
from string import Formatter

import pytest

from genmix.reporting.wording import LANGUAGES, Sentence, Words, catalogue
from genmix.statistics import Difference, Mean


def gaps(sentence: Sentence) -> set[str]:
    forms = [sentence] if isinstance(sentence, str) else list(sentence.values())
    return {gap for form in forms for _, gap, _, _ in Formatter().parse(form) if gap is not None}


def test_both_languages_have_the_same_sentences_with_the_same_gaps() -> None:
    english, japanese = catalogue("en"), catalogue("ja")
    assert english.keys() == japanese.keys()
    for key, sentence in english.items():
        assert gaps(sentence) == gaps(japanese[key]), key


def test_every_sentence_has_a_use() -> None:
    room = Path(inspect.getfile(Words)).parent
    code = "".join(file.read_text(encoding="utf-8") for file in room.glob("*.py"))
    parts = re.findall(r'"([a-z_. -]+\{?)', code)
    whole = {part for part in parts if not part.endswith("{")}
    begun = tuple(part[:-1] for part in parts if part.endswith("{"))
    unused = {key for key in catalogue("en") if key not in whole and not key.startswith(begun)}
    assert unused == set()


def english_words() -> Iterator[tuple[str, str]]:
    for key, sentence in catalogue("ja").items():
        for form in [sentence] if isinstance(sentence, str) else sentence.values():
            plain = re.sub(r"`[^`]*`|\{\w+\}", " ", form)
            yield from ((key, word) for word in re.findall(r"[A-Za-z]{2,}", plain))


def test_japanese_sentences_hold_no_english_but_names() -> None:
    names = {"ECE", "Holm", "FGSM", "DiffuseMix", "US", "CPU", "GPU", "genmix", "yaml", "recipe"}
    names |= {"PoC", "mixup", "cutmix"}
    assert {word for _, word in english_words()} <= names


def test_no_japanese_sentence_has_a_space_between_two_japanese_letters() -> None:
    for key, sentence in catalogue("ja").items():
        assert isinstance(sentence, str), key
        assert not re.search(r"[ぁ-ヿ一-鿿、。] +[ぁ-ヿ一-鿿、。]", sentence), key


def test_japanese_sentences_have_the_signs_of_japanese_print() -> None:
    for key, sentence in catalogue("ja").items():
        plain = re.sub(r"`[^`]*`", "", str(sentence))
        assert not re.search(r"[()!?~]|:(?!\w)| %", plain), key


def test_a_space_parts_japanese_from_latin_letters_where_a_gap_is_filled() -> None:
    words = Words("ja")
    assert words("list.last", first="cartoon", last="sketch") == "cartoon と sketch"
    assert words("list.last", first="漫画", last="線画") == "漫画と線画"
    assert words("metric.target", name="sketch") == "別ドメイン（sketch）"


def test_numbers_are_written_with_their_interval_or_with_why_there_is_none() -> None:
    found = Difference(5, 0.13, 0.021, 0.001, 0.002, "better")
    english, japanese = Words("en"), Words("ja")
    assert english.interval(found) == "+13.0 points (95 % interval +10.9 to +15.1)"
    said = "+13.0\xa0ポイント（95% 信頼区間 +10.9 ～ +15.1）"
    assert japanese.interval(found) == said
    assert (english.percent("52.0"), japanese.percent("52.0")) == ("52.0 %", "52.0%")
    assert english.mean(Mean(5, 0.52, 0.019)).replace("\xa0", " ") == "52.0 ± 1.9"
    assert english.mean(Mean(1, 0.52, None)) == "52.0 (1 seed)"
    assert japanese.mean(Mean(1, 0.52, None)) == "52.0（シード 1 個）"
    assert english.mean(Mean(3, 0.52, None)) == "52.0 (3 seeds alike)"
    one = Difference(1, -0.1, None, None, None, "no evidence")
    assert english.interval(one) == "−10.0 points (1 seed)"


def test_times_are_written_as_people_say_them() -> None:
    english, japanese = Words("en"), Words("ja")
    assert [english.duration(s) for s in (4.93, 42, 600, 9000)] == [
        "4.93 s",
        "42 s",
        "10 min",
        "2.5 h",
    ]
    assert japanese.duration(9000) == "2.5 時間"


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_gap_that_is_not_filled_is_an_error(language: str) -> None:
    words = Words("en" if language == "en" else "ja")
    with pytest.raises(KeyError):
        words("finding.better", arm="genmix")
