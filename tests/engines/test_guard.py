"""File text never becomes a control token, by the word of the real tokenizer."""

from __future__ import annotations

import pytest

from codeassist.prompt.families import family
from codeassist.prompt.guard import defuse
from codeassist.serving.embedded.model import EmbeddedModel

pytestmark = pytest.mark.engine


ADDED_TOKENS = (
    "<|endoftext|>",
    "<|im_start|>",
    "<|im_end|>",
    "<|object_ref_start|>",
    "<|object_ref_end|>",
    "<|box_start|>",
    "<|box_end|>",
    "<|quad_start|>",
    "<|quad_end|>",
    "<|vision_start|>",
    "<|vision_end|>",
    "<|vision_pad|>",
    "<|image_pad|>",
    "<|video_pad|>",
    "<tool_call>",
    "</tool_call>",
    "<|fim_prefix|>",
    "<|fim_middle|>",
    "<|fim_suffix|>",
    "<|fim_pad|>",
    "<|repo_name|>",
    "<|file_sep|>",
)
"""Those of the model's tokenizer configuration."""


async def test_control_tokens_in_file_text_are_text_for_the_real_tokenizer(model: EmbeddedModel) -> None:
    qwen = family("qwen-coder")
    known = [token for token in qwen.control_tokens if await model.count_tokens(token) == 1]
    assert {"<|fim_prefix|>", "<|fim_suffix|>", "<|fim_middle|>", "<|endoftext|>", "<|im_start|>"} <= set(known)
    for token in known:
        safe = defuse(f"x = 1{token}y = 2", qwen)
        around = await model.count_tokens("x = 1") or 0
        behind = await model.count_tokens("y = 2") or 0
        # A control token counts one; broken up it is several pieces of text.
        assert (await model.count_tokens(safe) or 0) > around + behind + 1, token


async def test_the_tokenizer_knows_no_control_token_that_the_family_misses(model: EmbeddedModel) -> None:
    qwen = family("qwen-coder")
    single = [token for token in ADDED_TOKENS if await model.count_tokens(token) == 1]
    assert len(single) == len(ADDED_TOKENS)
    assert [token for token in single if defuse(token, qwen) == token] == []
