"""Makes the models of the vLLM tests from the embedded model's GGUF file, once, in the user's cache.

    .venv-vllm/bin/python tests/vllm/make_models.py qwen2.5-coder-0.5b-instruct-q4_k_m.gguf

`tiny`: a mixture of experts of a few million parameters with the real tokenizer. It has no weights: vLLM makes random
ones with `--load-format dummy`. For tests of the protocol.

`dense`: the embedded model, dequantised to BF16.

`sliced`: the same network as a mixture of experts, without any training. An MLP is a sum over its inner neurons, so
each is cut into eight slices along its inner dimension, and each slice becomes an expert. All eight run for every
token; a router of zeros gives each of them 1/8, which a down projection times eight undoes (exactly: a power of two).
So it says what `dense` says, and a difference is a fault of the engine, of the loading, or of this script.

Prints the folders as one JSON document.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import shutil
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import gguf_tokenizer
import torch
from gguf import GGUFReader
from gguf.quants import dequantize
from safetensors import safe_open
from safetensors.torch import save_file

VERSION = 1
"""To be raised with every change of what is written: it is part of the cache's key."""
EXPERTS = 8
SHARED_EXPERT_WIDTH = 32
"""Qwen2-MoE has a shared expert beside the routed ones; here it is all zeros, and as small as the kernels take."""

TRANSFORMERS = "5.0.0"
"""The form of the files. Without it the library warns of old tokenizers of another family."""

LAYER_NAMES = {
    "attn_norm.weight": "input_layernorm.weight",
    "ffn_norm.weight": "post_attention_layernorm.weight",
    "attn_output.weight": "self_attn.o_proj.weight",
    **{f"attn_{one}.{part}": f"self_attn.{one}_proj.{part}" for one in "qkv" for part in ("weight", "bias")},
    **{f"ffn_{one}.weight": f"mlp.{one}_proj.weight" for one in ("gate", "up", "down")},
}
OTHER_NAMES = {
    "token_embd.weight": "model.embed_tokens.weight",
    "output_norm.weight": "model.norm.weight",
    "output.weight": "lm_head.weight",
}

Tensors = dict[str, torch.Tensor]


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("gguf", type=Path)
    options.add_argument("--cache", type=Path, default=default_cache(), help="default: %(default)s")
    chosen = options.parse_args()
    folder = made(chosen.gguf, chosen.cache)
    print(json.dumps({name: str(folder / name) for name in ("tiny", "dense", "sliced")}))
    return 0


def default_cache() -> Path:
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "codeassist" / "vllm-test-models"


def made(gguf: Path, cache: Path) -> Path:
    """The folder of the models, made now if it is not there. Several processes may call this at once."""
    with gguf.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    folder = cache / f"{digest[:16]}-{VERSION}"
    if folder.is_dir():
        return folder
    cache.mkdir(parents=True, exist_ok=True)
    print(f"Making the test models in {folder} (2 GB, about a minute) ...", file=sys.stderr)
    new = Path(tempfile.mkdtemp(dir=cache, prefix="unfinished-"))
    try:
        _make(GGUFReader(gguf), new)
        try:
            new.rename(folder)
        except OSError:
            if not folder.is_dir():  # Else another process was faster; its work is as good.
                raise
    finally:
        shutil.rmtree(new, ignore_errors=True)
    for older in cache.glob(f"{digest[:16]}-*"):
        if older != folder:
            shutil.rmtree(older, ignore_errors=True)
    return folder


def _make(reader: GGUFReader, folder: Path) -> None:
    fields = {name: field.contents() for name, field in reader.fields.items()}
    tokenizer = gguf_tokenizer.read(fields)
    for name, config in (
        ("tiny", tiny_config(fields)),
        ("dense", dense_config(fields)),
        ("sliced", sliced_config(fields)),
    ):
        (folder / name).mkdir()
        (folder / name / "config.json").write_text(json.dumps(config, indent=2), encoding="utf-8")
        gguf_tokenizer.write(tokenizer, folder / name)
    network = tensors_of(reader)
    mlp = {name: tensor for name, tensor in network.items() if ".mlp." in name}
    # Attention and embeddings are the same in both: one file with two names.
    save_file(
        {name: tensor for name, tensor in network.items() if name not in mlp}, folder / "dense/common.safetensors"
    )
    (folder / "sliced/common.safetensors").hardlink_to(folder / "dense/common.safetensors")
    save_file(mlp, folder / "dense/mlp.safetensors")
    save_file(sliced(mlp), folder / "sliced/mlp.safetensors")
    check(folder, network)


def tensors_of(reader: GGUFReader) -> Tensors:
    """The network in BF16, under the names that Hugging Face's Qwen2 has for its parts."""
    found: Tensors = {}
    for tensor in reader.tensors:
        values = torch.tensor(dequantize(tensor.data, tensor.tensor_type)).to(
            torch.bfloat16
        )  # Copied: some are read-only.
        found[name_of(tensor.name)] = values.contiguous()
    return found


def name_of(name: str) -> str:
    if name in OTHER_NAMES:
        return OTHER_NAMES[name]
    block, number, part = name.split(".", 2)
    if block != "blk" or part not in LAYER_NAMES:
        raise ValueError(f"the file has a tensor {name!r}, which Qwen2 has not")
    return f"model.layers.{number}.{LAYER_NAMES[part]}"


def sliced(mlp: Tensors) -> Tensors:
    """The MLPs of a dense network as mixtures of experts with the same sum."""
    found: Tensors = {}
    for name in [name for name in mlp if name.endswith("mlp.gate_proj.weight")]:
        prefix = name.removesuffix("gate_proj.weight")
        gate, up, down = (mlp[f"{prefix}{part}_proj.weight"] for part in ("gate", "up", "down"))
        width, hidden = gate.shape
        slices = {
            "gate": gate.chunk(EXPERTS, dim=0),
            "up": up.chunk(EXPERTS, dim=0),
            "down": (down * EXPERTS).chunk(EXPERTS, dim=1),
        }
        for part, pieces in slices.items():
            for number, piece in enumerate(pieces):
                found[f"{prefix}experts.{number}.{part}_proj.weight"] = piece.contiguous()
            shape = (hidden, SHARED_EXPERT_WIDTH) if part == "down" else (SHARED_EXPERT_WIDTH, hidden)
            found[f"{prefix}shared_expert.{part}_proj.weight"] = torch.zeros(shape, dtype=gate.dtype)
        found[f"{prefix}gate.weight"] = torch.zeros(EXPERTS, hidden, dtype=gate.dtype)
        found[f"{prefix}shared_expert_gate.weight"] = torch.zeros(1, hidden, dtype=gate.dtype)
        if width % (EXPERTS * 32):
            raise ValueError(f"an MLP {width} wide has no {EXPERTS} slices that vLLM's kernels take")
    return found


def check(folder: Path, network: Tensors) -> None:
    """Raises ValueError unless the files hold the whole network, and its MLPs and their mixtures agree."""
    with (
        safe_open(folder / "dense/common.safetensors", "pt") as common,
        safe_open(folder / "dense/mlp.safetensors", "pt") as dense,
        safe_open(folder / "sliced/mlp.safetensors", "pt") as experts,
    ):
        written = {*common.keys(), *dense.keys()}
        layers = 1 + max(int(name.split(".")[2]) for name in written if name.startswith("model.layers."))
        wanted = {f"model.layers.{n}.{part}" for n in range(layers) for part in LAYER_NAMES.values()}
        if written != wanted | set(OTHER_NAMES.values()):
            raise ValueError(
                f"tensors missing or unknown: {sorted(written ^ (wanted | set(OTHER_NAMES.values())))[:5]}"
            )
        if len(experts.keys()) != layers * (3 * EXPERTS + 3 + 2):
            raise ValueError(f"{len(experts.keys())} tensors of experts in {layers} layers")
        torch.manual_seed(0)
        for layer in range(layers):
            prefix = f"model.layers.{layer}.mlp."
            inputs = torch.randn(4, network[f"{prefix}gate_proj.weight"].shape[1])
            wanted_sum = _mlp(dense.get_tensor, prefix, inputs)
            routed = [_mlp(experts.get_tensor, f"{prefix}experts.{n}.", inputs) for n in range(EXPERTS)]
            if not torch.allclose(torch.stack(routed).sum(0) / EXPERTS, wanted_sum, rtol=1e-3, atol=1e-3):
                raise ValueError(f"the experts of layer {layer} do not add up to its MLP")


def _mlp(tensor: Callable[[str], torch.Tensor], prefix: str, inputs: torch.Tensor) -> torch.Tensor:
    gate, up, down = (tensor(f"{prefix}{part}_proj.weight").float() for part in ("gate", "up", "down"))
    return (torch.nn.functional.silu(inputs @ gate.T) * (inputs @ up.T)) @ down.T


def dense_config(fields: dict[str, Any]) -> dict[str, Any]:
    return {
        "architectures": ["Qwen2ForCausalLM"],
        "model_type": "qwen2",
        "hidden_act": "silu",
        "hidden_size": fields["qwen2.embedding_length"],
        "intermediate_size": fields["qwen2.feed_forward_length"],
        "num_hidden_layers": fields["qwen2.block_count"],
        "num_attention_heads": fields["qwen2.attention.head_count"],
        "num_key_value_heads": fields["qwen2.attention.head_count_kv"],
        "max_position_embeddings": fields["qwen2.context_length"],
        "rms_norm_eps": fields["qwen2.attention.layer_norm_rms_epsilon"],
        "rope_theta": fields["qwen2.rope.freq_base"],
        "vocab_size": len(fields["tokenizer.ggml.tokens"]),
        "bos_token_id": fields["tokenizer.ggml.padding_token_id"],
        "eos_token_id": fields["tokenizer.ggml.eos_token_id"],
        "tie_word_embeddings": False,  # The file has both: the output at eight bits, the input at six.
        "use_sliding_window": False,
        "dtype": "bfloat16",
        "transformers_version": TRANSFORMERS,
    }


def sliced_config(fields: dict[str, Any]) -> dict[str, Any]:
    return {
        **dense_config(fields),
        "architectures": ["Qwen2MoeForCausalLM"],
        "model_type": "qwen2_moe",
        "moe_intermediate_size": fields["qwen2.feed_forward_length"] // EXPERTS,
        "shared_expert_intermediate_size": SHARED_EXPERT_WIDTH,
        "num_experts": EXPERTS,
        "num_experts_per_tok": EXPERTS,
        "norm_topk_prob": False,
        "decoder_sparse_step": 1,
        "mlp_only_layers": [],
    }


def tiny_config(fields: dict[str, Any]) -> dict[str, Any]:
    return {
        "architectures": ["Qwen3MoeForCausalLM"],
        "model_type": "qwen3_moe",
        "hidden_act": "silu",
        "hidden_size": 256,
        "intermediate_size": 512,
        "moe_intermediate_size": 128,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "head_dim": 64,
        "num_experts": 8,
        "num_experts_per_tok": 2,
        "norm_topk_prob": True,
        "decoder_sparse_step": 1,
        "mlp_only_layers": [],
        "max_position_embeddings": 8192,
        "rms_norm_eps": 1e-6,
        "rope_theta": 1_000_000.0,
        "vocab_size": len(fields["tokenizer.ggml.tokens"]),
        "bos_token_id": fields["tokenizer.ggml.padding_token_id"],
        "eos_token_id": fields["tokenizer.ggml.eos_token_id"],
        "tie_word_embeddings": True,
        "dtype": "bfloat16",
        "transformers_version": TRANSFORMERS,
    }


if __name__ == "__main__":
    sys.exit(main())
