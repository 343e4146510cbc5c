"""Which weights of a model fit which part of the hardware: arithmetic only.

Sizes are GiB (2**30 bytes), contexts and caches are tokens. A figure for a GPU is for one GPU.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from codeassist.serving.catalogue import Architecture, Entry, Recipe, Weights
from codeassist.serving.vllm.hardware import Gpu, Hardware
from codeassist.serving.vllm.seats import LEAST_SEATS, MOST_SEATS

GPU_SHARE = 0.9
"""--gpu-memory-utilization where nobody sets it: the rest is for CUDA's context, captured graphs and other programs."""
OVERHEAD_GIB = 2.0
"""Of a GPU's share, for activations at the largest step and for the buffers of collectives. Inferred, not measured."""
CPU_SHARE = 0.85
CPU_OVERHEAD_GIB = 4.0
"""vLLM's processes beside weights and cache."""
QUICK_PARAMETERS_CPU = 4_000_000_000
"""Active parameters up to which a processor answers while somebody types."""
CPU_CACHE_GIB = 8.0
"""A larger cache on a processor is filled too slowly to be of use."""
CONTEXTS = (32_768, 16_384, 8_192)
"""Tried in this order where the user names none: prompts of completions have 2,048 tokens, those of reviews up to
8,192, and a longer context would take cache from them."""
CPU_CONTEXTS = (8_192, 4_096)
PROMPT_TOKENS_PER_SEAT = 4_096
"""What one seat's prompt takes in the cache, between a completion's and a review's."""
ASSUMED_CACHE_BYTES = 160 * 1024
"""For one token, where the catalogue does not know the shape: more than most models need."""

GIB = 1024**3


@dataclass(frozen=True, slots=True)
class Fit:
    """How a model lies on the hardware. `gpus_per_node` is 0 on a processor.

    `context_tokens`: longest prompt with answer. `cache_tokens`: what the cache of the whole server holds.
    `cache_gib`: its size, on each GPU or in memory. `gpu_share`: of each GPU's memory, what vLLM gets.
    `recipe`: where the layout was not computed but taken from one.
    """

    weights: Weights
    context_tokens: int
    cache_tokens: int
    cache_gib: float
    gpus_per_node: int
    nodes: int = 1
    tensor_parallel: int = 1
    pipeline_parallel: int = 1
    data_parallel: int = 1
    expert_parallel: bool = False
    gpu_share: float = GPU_SHARE
    recipe: Recipe | None = None
    notes: tuple[str, ...] = ()

    @property
    def cached_seats(self) -> int:
        """How many seats' prompts the cache of one copy holds."""
        return self.cache_tokens // self.data_parallel // PROMPT_TOKENS_PER_SEAT


@dataclass(frozen=True, slots=True)
class TooSmall:
    """`sentence` says what is missing, without a next step."""

    sentence: str


@dataclass(frozen=True, slots=True)
class _Layout:
    weights: Weights
    tensor: int
    nodes: int
    room_gib: float
    """For the cache, on each GPU."""
    cache_tokens: int


def cache_bytes_per_gpu(architecture: Architecture, tensor: int, pipeline: int) -> float:
    """Bytes that one token of context takes on each GPU, at 16 bits.

    Tensor parallelism splits keys and values by their heads, so never into more parts than there are heads; the latent
    vector of MLA is whole on each GPU. Pipeline parallelism splits by layers.
    """
    whole = architecture.kv_bytes_per_token or ASSUMED_CACHE_BYTES
    heads = 1 if architecture.attention == "mla" else architecture.kv_heads or 1
    return whole / min(tensor, heads) / pipeline


def room_for_cache_gib(gpu_gib: float, weights_gib: float, gpus: int, share: float = GPU_SHARE) -> float:
    """What one of `gpus` GPUs has left for the cache; negative where not even the weights fit."""
    return gpu_gib * share - OVERHEAD_GIB - weights_gib / gpus


def useful_cache_tokens(context_tokens: int, seats: int) -> int:
    """A cache below this evicts the prompts of developers who are typing right now."""
    return max(context_tokens, seats * PROMPT_TOKENS_PER_SEAT)


def best_fit(
    entry: Entry,
    hardware: Hardware,
    *,
    quantisation: str | None = None,
    context_tokens: int | None = None,
    seats: int = LEAST_SEATS,
    nodes: int = 1,
    gpu_share: float | None = None,
) -> Fit | TooSmall:
    """The layout for `entry` on `nodes` nodes of `hardware`: a recipe of the catalogue if one matches, else the
    preferred weights on the fewest GPUs.

    `seats`: over all servers that may be needed; where one cannot hold as many in its cache, it is laid out for as
    many as it can, and the form of the weights stays. `gpu_share`: None for that of the catalogue, else GPU_SHARE.
    Without `context_tokens`, those of CONTEXTS are tried. A recipe's own limit of context is kept to.
    """
    architecture = entry.architecture
    offered = [one for one in entry.weights if quantisation in (None, one.quantisation)]
    if architecture is None or not offered:
        known = " and ".join(_upper(one.quantisation) for one in entry.weights) or "no"
        return TooSmall(f"Of {entry.title} the catalogue knows {known} weights only")
    gpu = hardware.least_gpu
    seats_here = min(seats, MOST_SEATS)
    if gpu is None:
        return _cpu_fit(entry, architecture, offered, hardware, context_tokens, seats_here, nodes)
    runs = sorted(
        (one for one in offered if one.capability <= gpu.capability),
        key=lambda one: _preference(gpu.capability, one),
    )
    if not runs:
        least = min(offered, key=lambda one: one.capability)
        return TooSmall(
            f"{entry.title} needs a GPU of compute capability {least.capability} for its {_upper(least.quantisation)} "
            f"weights; {gpu.name} has {gpu.capability}"
        )
    for recipe in _matching_recipes(entry, runs, gpu, len(hardware.gpus), nodes, seats):
        share = gpu_share or _share_in(recipe.flags) or _share_of(entry)
        fitted = _recipe_fit(entry, architecture, recipe, gpu, share, context_tokens)
        if fitted is not None:
            return fitted
    share = gpu_share or _share_of(entry)
    layouts = list(_layouts(architecture, runs, gpu, share, len(hardware.gpus), nodes))
    for context in _contexts(entry, CONTEXTS, context_tokens):
        layout = _preferred(layouts, gpu.capability, context, seats_here)
        if layout is not None:
            return _computed_fit(architecture, layout, context, share)
    return _too_small(entry, architecture, runs, gpu, hardware, nodes, context_tokens, share)


def _share_of(entry: Entry) -> float:
    return _share_in(entry.serving.flags if entry.serving else {}) or GPU_SHARE


def _share_in(flags: Mapping[str, object]) -> float | None:
    """The part of a GPU that an entry or a recipe asks for. Whether it is a sensible one is checked with the levers."""
    found = flags.get("gpu-memory-utilization")
    return float(found) if isinstance(found, (int, float)) else None


def _preferred(layouts: Sequence[_Layout], capability: float, context: int, seats: int) -> _Layout | None:
    """Formats that the GPU computes in come first, also where their cache is too small for all seats at once: a further
    server mends that, and nothing mends slow weights. Others come next, then what holds one prompt only."""
    native = [one for one in layouts if _is_native(capability, one.weights)]
    for group in (native, [one for one in layouts if one not in native]):
        for layout in group:
            if layout.cache_tokens >= useful_cache_tokens(context, seats):
                return layout
        for layout in group:
            if layout.cache_tokens >= useful_cache_tokens(context, LEAST_SEATS):
                return max((one for one in group if one.weights == layout.weights), key=lambda one: one.cache_tokens)
    return next((one for one in layouts if one.cache_tokens >= context), None)


_ORDER = ("nvfp4", "fp8", "mxfp4", "bf16", "int8")
_MEMORY_ONLY = ("fp8", "mxfp4", "int4", "nvfp4")


def _preference(capability: float, weights: Weights) -> int:
    """Formats that the GPU's tensor cores compute in come first, then those that only save memory."""
    native = _is_native(capability, weights)
    order = _ORDER if native else _MEMORY_ONLY
    place = order.index(weights.quantisation) if weights.quantisation in order else len(order)
    return place if native else len(_ORDER) + place


def _is_native(capability: float, weights: Weights) -> bool:
    return weights.quantisation in _ORDER and (weights.native_capability or weights.capability) <= capability


def _contexts(entry: Entry, usual: tuple[int, ...], wanted: int | None) -> list[int]:
    tried = usual if wanted is None else (wanted,)
    return sorted({min(context, entry.context_tokens) for context in tried}, reverse=True)


def _layouts(
    architecture: Architecture, runs: list[Weights], gpu: Gpu, share: float, count: int, nodes: int
) -> Iterator[_Layout]:
    """Every layout that has room for the weights, in order of preference: format first, then fewest GPUs."""
    for weights in runs:
        tensor = 1
        while tensor <= count:
            splits = architecture.attention_heads is None or architecture.attention_heads % tensor == 0
            room = room_for_cache_gib(gpu.memory_gib, weights.gib, tensor * nodes, share)
            if splits and room > 0:
                tokens = int(room * GIB / cache_bytes_per_gpu(architecture, tensor, nodes))
                yield _Layout(weights, tensor, nodes, room, tokens)
            tensor *= 2


def _matching_recipes(entry: Entry, runs: list[Weights], gpu: Gpu, count: int, nodes: int, seats: int) -> list[Recipe]:
    """Those for the preferred weights and the fewest GPUs first. Of equals the first that has seats enough."""
    order = [one.quantisation for one in runs]
    matching = [
        recipe
        for recipe in entry.recipes
        if recipe.quantisation in order
        and recipe.nodes == nodes
        and recipe.gpus <= count
        and gpu.memory_gib >= recipe.gpu_gib
    ]

    def worth(recipe: Recipe) -> tuple[int, int, int]:
        lacking = max(0, seats - MOST_SEATS * recipe.data_parallel)
        return order.index(recipe.quantisation), recipe.gpus, lacking

    return sorted(matching, key=worth)


def _recipe_fit(
    entry: Entry, architecture: Architecture, recipe: Recipe, gpu: Gpu, share: float, wanted: int | None
) -> Fit | None:
    """None where it has no room for the weights and one prompt, or a longer context was asked for than it takes."""
    weights = next(one for one in entry.weights if one.quantisation == recipe.quantisation)
    one_copy = recipe.tensor_parallel * recipe.pipeline_parallel
    holds_weights = one_copy * (recipe.data_parallel if recipe.expert_parallel else 1)
    room = max(0.0, room_for_cache_gib(gpu.memory_gib, weights.gib, holds_weights, share))
    per_token = cache_bytes_per_gpu(architecture, recipe.tensor_parallel, recipe.pipeline_parallel)
    tokens = int(room * GIB / per_token)
    limit = recipe.flags.get("max-model-len")
    limit = limit if isinstance(limit, int) else entry.context_tokens
    if wanted is not None and wanted > limit:
        return None
    contexts = [min(context, limit) for context in _contexts(entry, CONTEXTS, wanted)]
    context = next((context for context in contexts if context <= tokens), None)
    if context is None:
        return None
    return Fit(
        weights=weights,
        context_tokens=context,
        cache_tokens=tokens * recipe.data_parallel,
        cache_gib=room,
        gpus_per_node=-(-one_copy * recipe.data_parallel // recipe.nodes),
        nodes=recipe.nodes,
        tensor_parallel=recipe.tensor_parallel,
        pipeline_parallel=recipe.pipeline_parallel,
        data_parallel=recipe.data_parallel,
        expert_parallel=recipe.expert_parallel,
        gpu_share=share,
        recipe=recipe,
    )


def _computed_fit(architecture: Architecture, layout: _Layout, context: int, share: float) -> Fit:
    notes = []
    if architecture.kv_bytes_per_token is None:
        notes.append("The catalogue does not know this model's cache size for a token, so that it is guessed.")
    # FP8 weights are scaled by blocks of 128, which slices of a small expert would cut; whole experts are not cut.
    whole_experts = architecture.experts > 0 and layout.tensor > 1 and layout.weights.quantisation == "fp8"
    return Fit(
        weights=layout.weights,
        context_tokens=context,
        cache_tokens=layout.cache_tokens,
        cache_gib=layout.room_gib,
        gpus_per_node=layout.tensor,
        nodes=layout.nodes,
        tensor_parallel=layout.tensor,
        pipeline_parallel=layout.nodes,
        expert_parallel=whole_experts,
        gpu_share=share,
        notes=tuple(notes),
    )


def _cpu_fit(
    entry: Entry,
    architecture: Architecture,
    offered: list[Weights],
    hardware: Hardware,
    wanted: int | None,
    seats: int,
    nodes: int,
) -> Fit | TooSmall:
    runs = sorted((one for one in offered if one.cpu), key=lambda one: one.gib)
    trouble = f" ({hardware.gpu_trouble.rstrip('.')})" if hardware.gpu_trouble else ""
    if not runs:
        return TooSmall(f"{entry.title} runs on GPUs only, and there is none{trouble}")
    if not hardware.cpu.runs_vllm or nodes > 1:
        why = "a processor with AVX2 or AVX-512" if nodes == 1 else "GPUs to run on several nodes"
        return TooSmall(f"vLLM needs {why}, and there is none{trouble}")
    per_token = architecture.kv_bytes_per_token or ASSUMED_CACHE_BYTES
    notes = []
    if architecture.attention == "mla" and not hardware.cpu.amx:
        notes.append("Without AMX, vLLM reads every prompt of this model anew on a processor: its cache is off.")
    if entry.active_parameters > QUICK_PARAMETERS_CPU:
        billions = f"{entry.active_parameters / 1e9:.0f} billion"
        notes.append(f"A processor is too slow for completions where {billions} parameters run for each token.")
    contexts = _contexts(entry, CPU_CONTEXTS, wanted)
    for context in contexts:
        for weights in runs:
            room = hardware.memory_gib * CPU_SHARE - CPU_OVERHEAD_GIB - weights.gib
            useful = useful_cache_tokens(context, seats) * per_token / GIB
            # vLLM wants a whole number of gigabytes in one of its settings, and half of one does no harm in the other.
            size = int(min(room, max(context * per_token / GIB, min(useful, CPU_CACHE_GIB))) * 2 + 0.999) / 2
            if size <= room and size * GIB >= context * per_token:
                tokens = int(size * GIB / per_token)
                return Fit(weights, context, tokens, size, gpus_per_node=0, notes=tuple(notes))
    least = runs[0]
    cache = contexts[-1] * per_token / GIB
    return TooSmall(
        f"{entry.title} needs {least.gib:,.1f} GiB for its {_upper(least.quantisation)} weights, {cache:,.1f} GiB for "
        f"a context of {contexts[-1]:,} tokens and {CPU_OVERHEAD_GIB:.1f} GiB besides; there is "
        f"no GPU{trouble}, and of {hardware.described} vLLM gets {hardware.memory_gib * CPU_SHARE:,.1f}"
    )


def _too_small(
    entry: Entry,
    architecture: Architecture,
    runs: list[Weights],
    gpu: Gpu,
    hardware: Hardware,
    nodes: int,
    wanted: int | None,
    share: float,
) -> TooSmall:
    least = min(runs, key=lambda one: one.gib)
    context = _contexts(entry, CONTEXTS, wanted)[-1]
    count = 1
    while count * 2 <= len(hardware.gpus) and (architecture.attention_heads or 0) % (count * 2) == 0:
        count *= 2
    cache = count * nodes * context * cache_bytes_per_gpu(architecture, count, nodes) / GIB
    total = count * nodes
    have = total * gpu.memory_gib * share
    where = hardware.described if nodes == 1 else f"{nodes} nodes of {hardware.described}"
    return TooSmall(
        f"{entry.title} needs {least.gib:,.1f} GiB for its {_upper(least.quantisation)} weights, {cache:,.1f} GiB for "
        f"a context of {context:,} tokens and {total * OVERHEAD_GIB:,.1f} GiB besides; there is {where}, of which vLLM "
        f"gets {have:,.1f}"
    )


def _upper(quantisation: str) -> str:
    return quantisation.upper()
