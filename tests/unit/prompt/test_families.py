from __future__ import annotations

import re

import pytest
from pydantic import ValidationError

from codeassist.prompt.families import FALLBACK, FAMILIES, Family, family, family_for_model

FIM = [entry for entry in FAMILIES.values() if entry.kind == "fim"]


@pytest.mark.parametrize(
    ("served", "name"),
    [
        ("Qwen/Qwen2.5-Coder-7B", "qwen-coder"),
        ("qwen2.5-coder-0.5b-instruct-q4_k_m.gguf", "qwen-coder"),
        ("qwen2.5-coder:1.5b", "qwen-coder"),
        ("Qwen/Qwen3-Coder-30B-A3B-Instruct-FP8", "qwen-coder"),
        ("sweepai/sweep-next-edit-v2-7B", "qwen-coder"),
        ("deepseek-ai/DeepSeek-Coder-V2-Lite-Base", "deepseek-coder-v2"),
        ("deepseek-ai/DeepSeek-V4-Flash-0731", "deepseek-v4"),
        ("ibm-granite/granite-4.0-h-small", "granite-4"),
        ("ibm-granite/granite-3.3-8b-base", "granite-3"),
        ("ibm-granite/granite-8b-code-base", "granite-3"),
        ("bigcode/starcoder2-15b", "starcoder2"),
        ("mistralai/Codestral-22B-v0.1", "codestral"),
        ("google/codegemma-7b", "codegemma"),
        ("ByteDance-Seed/Seed-Coder-8B-Base", "seed-coder"),
        ("JetBrains/Mellum-4b-base", "mellum"),
        ("JetBrains/Mellum2-12B-A2.5B-Base", "mellum"),
        ("zai-org/GLM-5.2-FP8", "glm"),
        ("moonshotai/Kimi-K2-Instruct", "kimi"),
        ("openai/gpt-oss-20b", "gpt-oss"),
        ("Qwen/Qwen3.6-35B-A3B-FP8", "qwen"),
    ],
)
def test_recognises_served_names(served: str, name: str) -> None:
    found = family_for_model(served)
    assert found is not None
    assert found.name == name


@pytest.mark.parametrize("served", ["JetBrains/Mellum2-12B-A2.5B-Instruct", "my-model", "llama-3", ""])
def test_does_not_guess(served: str) -> None:
    assert family_for_model(served) is None


def test_an_unknown_name_lists_the_known_ones() -> None:
    with pytest.raises(KeyError, match=r"no prompt family 'qwen-koder'.*qwen-coder.*starcoder2"):
        family("qwen-koder")


def test_the_fallback_is_a_chat_family_that_knows_everybodys_markers() -> None:
    fallback = family(FALLBACK)
    assert fallback.kind == "chat"
    unknown = {
        token
        for entry in FIM
        for token in entry.markers
        if entry.control.search(token) and not fallback.control.search(token)
    }
    assert unknown == set()


@pytest.mark.parametrize("entry", FAMILIES.values(), ids=FAMILIES)
def test_stops_fit_a_server_and_its_own_template(entry: Family) -> None:
    assert len(entry.stop_texts) <= 4
    assert all(0 < len(text) <= 10 for text in entry.stop_texts)
    assert len(set(entry.stop_token_ids)) == len(entry.stop_token_ids) <= len(entry.stop_token_texts)


@pytest.mark.parametrize("entry", FIM, ids=[entry.name for entry in FIM])
def test_markers_are_control_tokens_from_their_first_character(entry: Family) -> None:
    for marker in (entry.prefix, entry.suffix, *([entry.middle] if entry.middle else [])):
        assert marker in entry.control_tokens
        assert [match.start() for match in entry.control.finditer(marker)] == [0]


@pytest.mark.parametrize(
    ("model", "least"),
    [
        ("Qwen/Qwen2.5-Coder-1.5B-Instruct", 1.0),
        ("qwen2.5-coder-1.5b", 1.0),
        ("qwen2.5-coder-0.5b", 2.5),
        ("Qwen/Qwen3-Coder-30B-A3B-Instruct", 2.5),
        ("Qwen2.5-Coder-11.5B", 2.5),
    ],
)
def test_a_model_that_was_measured_has_a_threshold_of_its_own(model: str, least: float) -> None:
    assert family("qwen-coder").least_surprise(model) == least


def test_qwen_is_written_as_its_readme_says() -> None:
    qwen = family("qwen-coder")
    assert (qwen.prefix, qwen.suffix, qwen.middle) == ("<|fim_prefix|>", "<|fim_suffix|>", "<|fim_middle|>")
    assert set(qwen.stop_token_ids) == {151643, 151645, 151659, 151661, 151662, 151663, 151664}


GOOD = {
    "name": "x",
    "kind": "fim",
    "match": ["x"],
    "prefix": "<P>",
    "suffix": "<S>",
    "middle": "<M>",
    "control_tokens": ["<P>", "<S>", "<M>"],
    "source": "a made-up family",
}


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"match": ["("]}, "hold no regular expressions: ['(']"),
        ({"control_patterns": ["[a"]}, "hold no regular expressions: ['[a']"),
        ({"suffix": ""}, "needs prefix and suffix"),
        ({"kind": "chat"}, "has no fill-in-the-middle markers"),
        ({"stop_texts": ["<a long stop text>"]}, "longer than 10"),
        ({"stop_texts": ["a", "b", "c", "d", "e"]}, "at most 4"),
        ({"stop_token_texts": ["<EOS>"]}, "not among the control tokens"),
        ({"control_tokens": ["<P>", "<P>more>"]}, "could turn it into"),
        ({"control_tokens": ["word>"]}, "control_tokens"),
        ({"control_tokens": ["< p>"]}, "control_tokens"),
        ({"source": ""}, "source"),
        ({"order": "mps"}, "order"),
        ({"colour": "red"}, "colour"),
    ],
)
def test_a_wrong_entry_is_refused_and_named(change: dict[str, object], complaint: str) -> None:
    assert Family.model_validate(GOOD).control.search("a<M>") is not None
    with pytest.raises(ValidationError, match=re.escape(complaint)):
        Family.model_validate({**GOOD, **change})
