"""The flags of vLLM that a model's entry may set.

A closed list of whole names, because vLLM takes shortened ones too (`--hos` for `--host`), and because a file with
models may come from somebody else: it says how a model computes, and never where the server listens, whose code runs,
what is logged or who may ask. What is missing here the user gives after `--`. Names of vLLM 0.32; tests/vllm asks it.
"""

from __future__ import annotations

_NAMES = """
all2all-backend async-scheduling attention-backend attention-config block-size chat-template
chat-template-content-format code-revision compilation-config config-format cp-kv-cache-interleave-size
cpu-offload-gb cudagraph-capture-sizes data-parallel-backend dbo-decode-token-threshold
dbo-prefill-token-threshold dcp-comm-backend dcp-kv-cache-interleave-size dcp-q-replicate
decode-context-parallel-size default-chat-template-kwargs disable-cascade-attn disable-chunked-mm-input
disable-custom-all-reduce disable-hybrid-kv-cache-manager disable-sliding-window dtype enable-auto-tool-choice
enable-chunked-prefill enable-dbo enable-ep-weight-filter enable-eplb enable-expert-parallel
enable-flashinfer-autotune enable-mamba-shared-prefix-checkpoint enable-prefix-caching
enable-prompt-tokens-details enforce-eager eplb-config expert-placement-strategy gdn-prefill-backend
generation-config gpu-memory-utilization hf-overrides ignore-patterns kda-decode-backend kda-prefill-backend
kernel-config kv-cache-dtype kv-cache-dtype-skip-layers kv-cache-memory-bytes kv-offloading-backend
kv-offloading-size kv-sharing-fast-prefill language-model-only limit-mm-per-prompt linear-backend
long-prefill-token-threshold mamba-backend mamba-block-size mamba-cache-dtype mamba-cache-mode
mamba-ssm-cache-dtype max-cudagraph-capture-size max-logprobs max-model-len max-num-batched-tokens
max-num-queued-reqs max-num-queued-tokens max-num-seqs mm-encoder-tp-mode mm-processor-kwargs model-impl
moe-backend num-gpu-blocks-override optimization-level override-generation-config performance-mode
prefill-context-parallel-size prefix-cache-retention-interval prefix-caching-hash-algo quantization
quantization-config reasoning-config reasoning-parser revision runner safetensors-load-strategy
scheduling-policy seed skip-mm-profiling skip-tokenizer-init sparse-indexer-topk-backend speculative-config
structured-outputs-config tokenizer tokenizer-mode tokenizer-revision tool-call-parser ubatch-size
"""
MODEL_FLAGS = frozenset(_NAMES.split())


def may_be_set(flag: str) -> bool:
    """Whether a model's entry may set `flag`, without dashes; `flag.key` sets one key of a flag that takes JSON."""
    return flag.partition(".")[0] in MODEL_FLAGS
