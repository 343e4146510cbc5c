"""The tokenizer of a GGUF file, written as the files from which Hugging Face's libraries (and so vLLM) load one.

Runs in .venv-vllm. For byte-level BPE in Qwen's manner only, which is what the embedded model has.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

NORMAL, CONTROL, USER_DEFINED = 1, 3, 4
"""Kinds of tokens in GGUF (`tokenizer.ggml.token_type`); 5 is a row of the embedding that no token uses."""

WORDS = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
"""How `tokenizer.ggml.pre` = "qwen2" cuts a text into words; no token spans two of them."""

FIRST_PLAIN_ADDED = "<tool_call>"
"""Qwen's own configuration marks the added tokens from this one on, those for FIM among them, as not special: a
server shows them in its text. GGUF has no such difference."""

SAMPLES = (
    "def total(prices):\n    return sum(price for price in prices if price > 10)\n",
    '\tif err != nil {\n\t\treturn fmt.Errorf("read %q: %w", path, err)\n\t}\r\n',
    "Grüße, naïve café; 价格 是 42 €; 😀\n\n\n  x  ",
)


@dataclass(frozen=True)
class Tokenizer:
    """`tokens`: the text of each used id, in the alphabet of byte-level BPE. `added`: those that are recognised whole
    in any text, by id."""

    tokens: list[str]
    merges: list[str]
    added: dict[int, str]
    eos_id: int
    padding_id: int
    chat_template: str


def read(fields: dict[str, Any]) -> Tokenizer:
    """The tokenizer of a GGUF file's fields. Raises ValueError for one that is not of this kind."""
    kind, words = fields["tokenizer.ggml.model"], fields["tokenizer.ggml.pre"]
    if (kind, words) != ("gpt2", "qwen2"):
        raise ValueError(f"a tokenizer of kind {kind}/{words} cannot be written; gpt2/qwen2 can")
    kinds: list[int] = fields["tokenizer.ggml.token_type"]
    used = [number for number, kind in enumerate(kinds) if kind in (NORMAL, CONTROL, USER_DEFINED)]
    if used != list(range(len(used))):
        raise ValueError("the used tokens of the file are not the first ones")
    tokens: list[str] = fields["tokenizer.ggml.tokens"]
    return Tokenizer(
        tokens=tokens[: len(used)],
        merges=fields["tokenizer.ggml.merges"],
        added={number: tokens[number] for number in used if kinds[number] != NORMAL},
        eos_id=fields["tokenizer.ggml.eos_token_id"],
        padding_id=fields["tokenizer.ggml.padding_token_id"],
        chat_template=fields["tokenizer.chat_template"],
    )


def write(tokenizer: Tokenizer, folder: Path) -> None:
    """Write the two files into `folder`, and check what a library makes of them."""
    (folder / "tokenizer.json").write_text(json.dumps(_tokenizer(tokenizer), ensure_ascii=False), encoding="utf-8")
    (folder / "tokenizer_config.json").write_text(json.dumps(_configuration(tokenizer), indent=2), encoding="utf-8")
    check(tokenizer, folder)


def check(tokenizer: Tokenizer, folder: Path) -> None:
    """Raises ValueError if the written files do not give the ids of the GGUF file."""
    from tokenizers import Tokenizer as Loaded

    loaded = Loaded.from_file(str(folder / "tokenizer.json"))
    for number, token in enumerate(tokenizer.tokens):
        if loaded.id_to_token(number) != token:
            raise ValueError(f"token {number} is {loaded.id_to_token(number)!r} and should be {token!r}")
    for number, token in tokenizer.added.items():
        if loaded.encode(f"x{token}y").ids[1:-1] != [number]:
            raise ValueError(f"{token!r} is not recognised as token {number}")
    for sample in SAMPLES:
        if loaded.decode(loaded.encode(sample).ids, skip_special_tokens=False) != sample:
            raise ValueError(f"{sample!r} does not survive encoding and decoding")


def _added(tokenizer: Tokenizer) -> dict[int, dict[str, Any]]:
    first_plain = next((number for number, token in tokenizer.added.items() if token == FIRST_PLAIN_ADDED), None)
    return {
        number: {
            "content": token,
            "lstrip": False,
            "rstrip": False,
            "single_word": False,
            "normalized": False,
            "special": first_plain is None or number < first_plain,
        }
        for number, token in tokenizer.added.items()
    }


def _tokenizer(tokenizer: Tokenizer) -> dict[str, Any]:
    byte_level = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": False, "use_regex": False}
    split = {"type": "Split", "pattern": {"Regex": WORDS}, "behavior": "Isolated", "invert": False}
    vocabulary = {token: number for number, token in enumerate(tokenizer.tokens) if number not in tokenizer.added}
    return {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": [{"id": number, **token} for number, token in _added(tokenizer).items()],
        "normalizer": {"type": "NFC"},
        "pre_tokenizer": {"type": "Sequence", "pretokenizers": [split, byte_level]},
        "post_processor": byte_level,
        "decoder": byte_level,
        "model": {
            "type": "BPE",
            "dropout": None,
            "unk_token": None,
            "continuing_subword_prefix": "",
            "end_of_word_suffix": "",
            "fuse_unk": False,
            "byte_fallback": False,
            "ignore_merges": False,
            "vocab": vocabulary,
            "merges": tokenizer.merges,
        },
    }


def _configuration(tokenizer: Tokenizer) -> dict[str, Any]:
    return {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "added_tokens_decoder": {str(number): token for number, token in _added(tokenizer).items()},
        "bos_token": None,
        "eos_token": tokenizer.tokens[tokenizer.eos_id],
        "pad_token": tokenizer.tokens[tokenizer.padding_id],
        "unk_token": None,
        "chat_template": tokenizer.chat_template,
        "clean_up_tokenization_spaces": False,
        "model_max_length": 32768,
    }
