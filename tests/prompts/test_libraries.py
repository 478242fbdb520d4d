"""The shipped prompt libraries: the paper's words to the letter, complete in both languages."""

from pathlib import Path

import pytest

from genmix.errors import PromptError
from genmix.prompts import Prompt, load_library, shipped_libraries

PAPER = {
    "classification": (
        "Autumn",
        "snowy",
        "watercolor art",
        "sunset",
        "rainbow",
        "aurora",
        "mosaic",
        "ukiyo-e",
        "a sketch with crayon",
    ),
    "domain-adaptation": (
        "graffiti",
        "retro comic",
        "chalk drawing",
        "digital art",
        "cartoon style",
    ),
}

PROMPTS = [prompt for name in shipped_libraries() for prompt in load_library(name).prompts]

every_prompt = pytest.mark.parametrize("prompt", PROMPTS, ids=lambda prompt: prompt.id)


def is_japanese(text: str) -> bool:
    kana = sum("぀" <= letter <= "ヿ" for letter in text)
    kanji = sum("一" <= letter <= "鿿" for letter in text)
    return kana + kanji > len(text) / 2


@pytest.mark.parametrize("name", PAPER)
def test_the_words_are_those_of_the_paper_in_its_order(name: str) -> None:
    assert tuple(prompt.prompt for prompt in load_library(name).prompts) == PAPER[name]


def test_the_ids_are_the_names_that_recipes_use() -> None:
    ids = {name: [prompt.id for prompt in load_library(name).prompts] for name in PAPER}
    assert ids == {
        "classification": [
            *("autumn", "snowy", "watercolor-art", "sunset", "rainbow"),
            *("aurora", "mosaic", "ukiyo-e", "crayon-sketch"),
        ],
        "domain-adaptation": [
            *("graffiti", "retro-comic", "chalk-drawing", "digital-art", "cartoon-style"),
        ],
    }


@every_prompt
def test_every_prompt_is_written_out_in_english_and_japanese(prompt: Prompt) -> None:
    for text in (prompt.name, prompt.description):
        assert text.en.isascii()
        assert is_japanese(text.ja)
    assert prompt.description.en.endswith(".")
    assert prompt.description.ja.endswith("。")


@every_prompt
def test_every_instruction_is_a_sentence_that_says_what_to_leave_alone(prompt: Prompt) -> None:
    assert prompt.instruction != prompt.prompt
    assert prompt.instruction[0].isupper()
    assert prompt.instruction.endswith(".")
    assert "keep" in prompt.instruction or "leave" in prompt.instruction


@every_prompt
def test_every_prompt_can_be_found_by_tags(prompt: Prompt) -> None:
    assert len(prompt.tags) >= 3
    assert len(set(prompt.tags)) == len(prompt.tags)


@pytest.mark.parametrize("name", shipped_libraries())
def test_every_library_introduces_itself_in_both_languages(name: str) -> None:
    library = load_library(name)
    assert library.id == name
    assert library.name is not None
    assert library.description is not None
    for text in (library.name, library.description):
        assert text.en.isascii()
        assert is_japanese(text.ja)


def test_an_id_means_one_prompt_in_all_libraries() -> None:
    ids = [prompt.id for prompt in PROMPTS]
    assert len(set(ids)) == len(ids)


def test_a_library_that_does_not_exist_is_refused_with_the_nearest_name() -> None:
    with pytest.raises(PromptError, match="did you mean 'classification'"):
        load_library("clasification")


def test_prompts_are_selected_in_the_order_asked_and_once() -> None:
    library = load_library("classification")
    chosen = library.select(["sunset", "autumn", "sunset"])
    assert [prompt.id for prompt in chosen] == ["sunset", "autumn"]


def test_selecting_a_prompt_that_is_not_there_names_the_nearest() -> None:
    with pytest.raises(PromptError, match="no prompt 'snow'; did you mean 'snowy'"):
        load_library("classification").select(["snow"])


def test_a_users_own_prompt_needs_two_lines(tmp_path: Path) -> None:
    file = tmp_path / "own.yaml"
    file.write_text("id: own\nprompts:\n  - id: foggy\n    prompt: thick fog\n", encoding="utf-8")
    (prompt,) = load_library(file).prompts
    assert prompt.instruction == prompt.name.ja == prompt.description.en == "thick fog"


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("id: own\nprompts: []\n", r"own\.yaml:2: .*should not be empty"),
        ("id: own\nprompts:\n  - id: A b\n    prompt: x\n", r"own\.yaml:3: 'prompts\.0\.id'"),
        ("id: own\nprompts:\n  - id: a\n    promt: x\n", r"own\.yaml:3: .*'prompts\.0\."),
        (
            "id: own\nprompts:\n  - {id: a, prompt: x}\n  - {id: a, prompt: y}\n",
            "'a' stands twice",
        ),
    ],
)
def test_a_library_that_does_not_fit_is_refused_with_file_and_line(
    tmp_path: Path, text: str, fault: str
) -> None:
    file = tmp_path / "own.yaml"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(PromptError, match=fault) as refusal:
        load_library(file)
    assert "\n" not in str(refusal.value)
