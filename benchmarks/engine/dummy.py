"""Writes a model folder without weights, of a catalogue model's true shape, for `--load-format dummy`.

    python benchmarks/engine/dummy.py /tmp/qwen3-coder-dummy [--quantisation fp8|bf16]

vLLM then makes random weights of that shape: every matrix is as large, every token runs through as many experts as in
the real model, and so time and memory are true though the answers are noise. (A router of random weights spreads
tokens evenly over the experts; a trained one has favourites.) The tokenizer is that of the embedded model, which has
the same vocabulary. Needs the packages `gguf` and `tokenizers`, which come with or beside vLLM, and the embedded
model's file (`codeassist models pull`). Prints the command that serves the folder.
"""

from __future__ import annotations

import argparse
import importlib
import importlib.util
import json
import shlex
import sys
from pathlib import Path
from typing import Any

from codeassist.serving.catalogue import DEFAULT_MODEL, Entry, embedded_entry, entry
from codeassist.serving.folders import folders
from codeassist.settings import load

TOKENIZER = Path(__file__).resolve().parents[2] / "tests" / "vllm" / "gguf_tokenizer.py"
"""Writes a GGUF file's tokenizer in the form that vLLM loads; made for the tests."""

NAME = "qwen3-coder-30b-a3b"

SHAPE: dict[str, Any] = {
    "architectures": ["Qwen3MoeForCausalLM"],
    "model_type": "qwen3_moe",
    "attention_bias": False,
    "attention_dropout": 0.0,
    "bos_token_id": 151643,
    "decoder_sparse_step": 1,
    "dtype": "bfloat16",
    "eos_token_id": 151645,
    "hidden_act": "silu",
    "hidden_size": 2048,
    "initializer_range": 0.02,
    "intermediate_size": 5472,
    "mlp_only_layers": [],
    "moe_intermediate_size": 768,
    "norm_topk_prob": True,
    "output_router_logits": False,
    "rms_norm_eps": 1e-06,
    "rope_theta": 10_000_000.0,
    "router_aux_loss_coef": 0.0,
    "sliding_window": None,
    "tie_word_embeddings": False,
    "use_cache": True,
    "use_sliding_window": False,
    "vocab_size": 151_936,
}
"""config.json of Qwen/Qwen3-Coder-30B-A3B-Instruct, less what the catalogue knows."""

FP8: dict[str, Any] = {
    "activation_scheme": "dynamic",
    "fmt": "e4m3",
    "quant_method": "fp8",
    "weight_block_size": [128, 128],
}
"""quantization_config of Qwen/Qwen3-Coder-30B-A3B-Instruct-FP8, less its list of unquantised modules."""


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("folder", type=Path)
    options.add_argument("--quantisation", choices=("fp8", "bf16"), default="fp8", help="default: %(default)s")
    options.add_argument("--gguf", type=Path, help="whose tokenizer to take (default: the embedded model's file)")
    chosen = options.parse_args()
    try:
        model = entry(NAME)
        written = config(model, chosen.quantisation)
        gguf = chosen.gguf or embedded_file()
        chosen.folder.mkdir(parents=True, exist_ok=True)
        write_tokenizer(gguf, chosen.folder, model.context_tokens)
        (chosen.folder / "config.json").write_text(json.dumps(written, indent=2) + "\n", encoding="utf-8")
    except (OSError, ValueError) as error:
        print(error, file=sys.stderr)
        return 1
    print(command(chosen.folder))
    return 0


def command(folder: Path) -> str:
    return f"codeassist serve {NAME} --weights {shlex.quote(str(folder.resolve()))} -- --load-format dummy"


def config(model: Entry, quantisation: str) -> dict[str, Any]:
    """The config.json. Raises ValueError if it is not of the size that the catalogue states."""
    shape = model.architecture
    assert shape is not None
    found: dict[str, Any] = {
        **SHAPE,
        "head_dim": shape.head_dim,
        "max_position_embeddings": model.context_tokens,
        "num_attention_heads": shape.attention_heads,
        "num_experts": shape.experts,
        "num_experts_per_tok": shape.experts_per_token,
        "num_hidden_layers": shape.layers,
        "num_key_value_heads": shape.kv_heads,
    }
    for counted, stated in (
        (parameters(found, found["num_experts"]), model.total_parameters),
        (parameters(found, found["num_experts_per_tok"]), model.active_parameters),
    ):
        if abs(counted - stated) > 0.02 * stated:
            raise ValueError(f"The shape has {counted:,} parameters and the catalogue says {stated:,}; one is wrong.")
    if quantisation == "fp8":
        # The routers are too small to be cut into blocks, and a rounded router chooses other experts.
        routers = [f"model.layers.{layer}.mlp.gate" for layer in range(shape.layers)]
        found["quantization_config"] = {**FP8, "modules_to_not_convert": ["lm_head", *routers]}
    return found


def parameters(shape: dict[str, Any], experts: int) -> int:
    """Weights of the network with so many experts in each layer, norms left out."""
    hidden, head = shape["hidden_size"], shape["head_dim"]
    attention = 2 * hidden * head * (shape["num_attention_heads"] + shape["num_key_value_heads"])
    mixture = experts * 3 * hidden * shape["moe_intermediate_size"] + hidden * shape["num_experts"]
    embeddings: int = 2 * shape["vocab_size"] * hidden
    layers: int = shape["num_hidden_layers"] * (attention + mixture)
    return layers + embeddings


def embedded_file() -> Path:
    """The embedded model's file. Raises ValueError with the next step if it is not there."""
    settings, _problems = load()
    path = folders(settings).models / embedded_entry(DEFAULT_MODEL)[1].name
    if not path.is_file():
        raise ValueError(f"The tokenizer comes from {path}, which is not there; run: codeassist models pull")
    return path


def write_tokenizer(gguf: Path, folder: Path, context_tokens: int) -> None:
    """Raises ValueError for a missing package or a file of another kind."""
    try:
        gguf_package = importlib.import_module("gguf")  # Of the virtual environment with vLLM; none of ours has it.
    except ImportError as error:
        raise ValueError(f"The package {error.name} is missing; run: pip install gguf tokenizers") from error
    spec = importlib.util.spec_from_file_location("gguf_tokenizer", TOKENIZER)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # Its dataclasses look themselves up there.
    spec.loader.exec_module(module)
    fields = {name: found.contents() for name, found in gguf_package.GGUFReader(gguf).fields.items()}
    module.write(module.read(fields), folder)
    # vLLM takes the smaller of the lengths that the two files state.
    path = folder / "tokenizer_config.json"
    stated = json.loads(path.read_text(encoding="utf-8"))
    path.write_text(json.dumps({**stated, "model_max_length": context_tokens}, indent=2), encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
