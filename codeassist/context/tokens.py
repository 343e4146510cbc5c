"""How many tokens a text will be, without a tokenizer."""

from __future__ import annotations

import re

_PIECE = re.compile(
    r"[ _.(]?[A-Z]?[a-z]{1,8}"  # Words, in the pieces of camel case; one sign before a word mostly joins it.
    r"|[ _]?[A-Z]{1,3}"
    r"|[0-9]"
    r"|[-=*#/_~]{4,64}"  # Rulers are one token.
    r"|[!-/:-@\[-^`{-~]{1,2}\n?"
    r"|_"
    r"|\n\s*"
    r"|[ \t]{2,}"
    r"|[^\x00-\x7f]"
)
"""One match for about one token. The shapes follow how byte-pair tokenizers split code before they merge."""

_PERCENT = 108
"""Pessimism: a prompt that is too long is refused or cut by the server, one that is too short loses
little."""


def estimate_tokens(text: str) -> int:
    """About how many tokens a code model's tokenizer makes of `text`, rather too many than too few.

    Measured against the tokenizer of Qwen2.5-Coder on 1,171 windows of 4,000 characters from files of 20 kinds: the
    median estimate is 9 % high, 95 % are less than 21 % high, 1.5 % are more than 5 % low. Minified scripts, lists of
    names and tables of symbols come out up to 40 % low. Text outside ASCII counts one token for each character, more
    than Chinese, Cyrillic or Arabic take. Costs about 0.05 ms for 1,000 characters.
    `benchmarks/quality/token_estimate.py` repeats the measurement with any running server.
    """
    return (len(_PIECE.findall(text)) * _PERCENT + 99) // 100
