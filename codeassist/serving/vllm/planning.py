"""From a model, hardware and options to the commands of each node. Nothing is started or written here."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence

from codeassist.serving.catalogue import Entry, catalogue
from codeassist.serving.vllm.allowed import Value
from codeassist.serving.vllm.arguments import (
    MASTER_PLACEHOLDER,
    CannotServe,
    PlanOptions,
    WrongOptions,
    for_node,
    is_host,
    is_loopback,
    place,
    shared_arguments,
)
from codeassist.serving.vllm.fit import Fit, TooSmall, best_fit, useful_cache_tokens
from codeassist.serving.vllm.hardware import Hardware
from codeassist.serving.vllm.levers import BY_NAME, SPECULATIONS, Situation, usual_step_tokens
from codeassist.serving.vllm.plan import SOCKET_PATH_BYTES, Address, NodeCommand, Plan
from codeassist.serving.vllm.seats import LEAST_SEATS, MOST_SEATS, wanted_seats
from codeassist.serving.vllm.suggest import next_step

DEFAULT_PORT = 8000


def make_plan(entry: Entry, hardware: Hardware, options: PlanOptions, entries: Sequence[Entry] | None = None) -> Plan:
    """The plan for `entry` on nodes of this hardware. Raises CannotServe, with one sentence that has a next step.

    `entries`: from which another model is proposed where this one does not fit; by default the catalogue.
    """
    serving = entry.serving
    if serving is None:
        raise CannotServe(
            f"{entry.name} is a model of the embedded engine, which editors start by themselves; "
            "codeassist serve without a model lists those that vLLM serves."
        )
    given = _given_levers(options)
    context = options.context_tokens or _given_number(given, "context")
    given_seats = _given_number(given, "seats")
    total_seats = wanted_seats(options.developers) if given_seats is None else min(given_seats, MOST_SEATS)
    gpu_share = _given_share(given)
    fit = best_fit(
        entry,
        hardware,
        quantisation=options.quantisation,
        context_tokens=context,
        seats=total_seats,
        nodes=options.nodes,
        gpu_share=gpu_share,
    )
    if isinstance(fit, TooSmall):
        step = next_step(
            entry,
            hardware,
            catalogue() if entries is None else entries,
            quantisation=options.quantisation,
            context_tokens=context,
            seats=total_seats,
            nodes=options.nodes,
            gpu_share=gpu_share,
        )
        raise CannotServe(f"{fit.sentence}; {step}.")
    seats, servers = (given_seats, 1) if given_seats is not None else _share_out(total_seats, fit)
    given.pop("context", None)  # The fit has it, and may have had to shorten it.
    served_name = _served_name(entry, options.weights or fit.weights.repository, given, options)
    now = Situation(
        entry=entry,
        hardware=hardware,
        fit=fit,
        served_name=served_name,
        seats=seats,
        speculation=_speculation(entry, options),
        step_tokens=_given_number(given, "step-tokens") or usual_step_tokens(hardware, seats),
    )
    _check_sizes(now, given, options)
    address = _address(entry, options)
    shared, environment, reasons = shared_arguments(now, given, options)
    said = {one.argument.flag: one.argument.value for one in shared}
    return Plan(
        entry_name=entry.name,
        served_name=served_name,
        address=address,
        nodes=tuple(
            NodeCommand(
                rank=rank,
                model=options.weights or fit.weights.repository,
                arguments=(*place(address, rank, options), *for_node(shared, rank)),
                environment=environment,
                reasons=reasons,
            )
            for rank in range(options.nodes if options.executor == "mp" else 1)
        ),
        hardware=hardware.described if options.nodes == 1 else f"{options.nodes} nodes of {hardware.described}",
        quantisation=fit.weights.quantisation,
        seats=_whole(said.get("max-num-seqs")) or seats,
        developers=options.developers,
        context_tokens=_whole(said.get("max-model-len")) or fit.context_tokens,
        notes=tuple(_notes(now, options, address, servers)),
        trust_remote_code=serving.trust_remote_code,
        servers=servers,
        least_vllm=serving.least_vllm,
        gpus_per_node=fit.gpus_per_node,
        node_count=options.nodes,
        download_gib=0.0 if options.weights else fit.weights.gib,
        options=_words(options),
    )


def _share_out(total_seats: int, fit: Fit) -> tuple[int, int]:
    """Seats of each copy, and servers: no more seats than are quick and than the cache has room for."""
    most = min(MOST_SEATS, max(LEAST_SEATS, fit.cached_seats)) * fit.data_parallel
    servers = -(-total_seats // most)
    return max(LEAST_SEATS, -(-total_seats // (servers * fit.data_parallel))), servers


def _check_sizes(now: Situation, given: Mapping[str, Value], options: PlanOptions) -> None:
    """What vLLM would refuse of levers that are right one by one."""
    if now.step_tokens < now.seats and "step-tokens" not in options.without:
        raise WrongOptions(
            f"A step of {now.step_tokens:,} tokens has no room for {now.seats:,} seats; set the lever step-tokens to "
            f"{now.seats} or more, or the lever seats to less."
        )
    long_prefill = _given_number(given, "long-prefill")
    if long_prefill is not None and long_prefill > now.fit.context_tokens:
        raise WrongOptions(
            f"The lever long-prefill takes no more than the context, {now.fit.context_tokens:,} tokens, and "
            f"{long_prefill:,} is more."
        )


def _given_levers(options: PlanOptions) -> dict[str, Value]:
    given: dict[str, Value] = {}
    for name in (*options.levers, *options.without):
        if name not in BY_NAME:
            raise WrongOptions(f"There is no lever {name!a}; there are {', '.join(BY_NAME)}.")
    for name, text in options.levers.items():
        if name in options.without:
            raise WrongOptions(f"The lever {name} is both set and left out; give it once.")
        allowed = BY_NAME[name].allowed
        given[name] = allowed.read(text)
        if given[name] is None:
            raise WrongOptions(f"The lever {name} takes {allowed.said}, and {text!a} is not that.")
    return given


def _served_name(entry: Entry, model: str, given: Mapping[str, Value], options: PlanOptions) -> str:
    """What clients ask for. Without a name of ours vLLM takes the model as it was named to it."""
    if "served-name" in options.without:
        return model
    value = given.get("served-name")
    if isinstance(value, str):
        return value
    return entry.name if entry.serves_as(entry.name) else model


def _whole(text: str | None) -> int:
    """A number of vLLM's arguments; 0 for what is none, such as `32k` and `auto`."""
    return int(text) if text is not None and text.isdecimal() else 0


def _given_number(given: Mapping[str, Value], name: str) -> int | None:
    value = given.get(name)
    return int(value) if isinstance(value, str) else None


def _given_share(given: Mapping[str, Value]) -> float | None:
    value = given.get("gpu-memory")
    return float(value) if isinstance(value, str) else None


def _speculation(entry: Entry, options: PlanOptions) -> str:
    if options.speculate != "catalogue":
        return SPECULATIONS[options.speculate]
    if entry.serving is None or not entry.serving.speculation:
        raise WrongOptions(
            f"The catalogue knows no speculation of {entry.name}'s own; take --speculate ngram or leave it out."
        )
    return entry.serving.speculation


def _address(entry: Entry, options: PlanOptions) -> Address:
    for option, host in (("--host", options.host), ("--master", options.master)):
        if host is not None and not is_host(host):
            raise WrongOptions(f"{option} {host!a} is no address or name of a machine; write it as 10.0.0.1 or gpu1.")
    if options.host is not None or options.port is not None:
        if options.socket is not None:
            raise WrongOptions("--socket and --host or --port exclude each other; choose one.")
        return Address(host=options.host or "127.0.0.1", port=options.port or DEFAULT_PORT)
    path = options.socket or options.runtime_folder / f"vllm-{entry.name}.sock"
    if len(os.fsencode(path)) > SOCKET_PATH_BYTES:
        raise WrongOptions(
            f"{path} is too long for a UNIX socket, whose whole path has {SOCKET_PATH_BYTES} bytes at most; name a "
            "shorter one with --socket, or use --port 8000."
        )
    return Address(socket=path)


def _notes(now: Situation, options: PlanOptions, address: Address, servers: int) -> list[str]:
    return [*_model_notes(now, options), *_hardware_notes(now, options, servers), *_network_notes(options, address)]


def _model_notes(now: Situation, options: PlanOptions) -> list[str]:
    entry, found = now.entry, []
    if entry.serving is not None and entry.serving.trust_remote_code and not options.trust_remote_code:
        found.append(
            f"{entry.title} runs code from its repository on your machine; it starts only with --trust-remote-code."
        )
    wanted = options.context_tokens or _whole(options.levers.get("context"))
    if wanted > now.fit.context_tokens:
        found.append(f"{entry.title} takes {now.fit.context_tokens:,} tokens, prompt and answer together, and no more.")
    if entry.thinking == "always":
        found.append(f"{entry.title} always thinks before it answers: for reviews, not for completions.")
    if entry.restrictions:
        found.append(f"Licence {entry.licence}: {entry.restrictions}")
    return found


def _hardware_notes(now: Situation, options: PlanOptions, servers: int) -> list[str]:
    entry, fit, gpus = now.entry, now.fit, now.hardware.gpus
    found = list(fit.notes)
    cached, useful = fit.cache_tokens // fit.data_parallel, useful_cache_tokens(fit.context_tokens, now.seats)
    if cached < useful:
        found.append(
            f"The cache holds {cached:,} tokens, fewer than the {useful:,} that all seats may want at once: prompts "
            "are then read anew."
        )
    if fit.recipe is not None:
        found.append(f"The layout is a recipe's: {fit.recipe.source}.")
    elif entry.recipes and fit.gpus_per_node:
        found.append("No recipe of the catalogue is for this hardware, so that the layout is computed and untried.")
    if fit.data_parallel > 1:
        found.append(
            f"Each of the {fit.data_parallel} copies has a cache of its own: a workspace finds its prompts cached "
            "where its requests go to the same copy."
        )
    if len({(gpu.name, gpu.memory_gib) for gpu in gpus}) > 1:
        found.append("The GPUs differ; each is counted as the smallest of them (CUDA_VISIBLE_DEVICES chooses some).")
    idle = len(gpus) - fit.gpus_per_node
    if gpus and idle > 0:
        found.append(f"{idle} of {len(gpus)} GPUs stay free for other servers; CUDA_VISIBLE_DEVICES chooses which.")
    if servers > 1:
        room = f", since the cache of one has room for {fit.cached_seats} seats" * (fit.cached_seats < MOST_SEATS)
        found.append(
            f"{options.developers:,} developers need {servers:,} such servers{room}; docs/scaling.md shows how to join "
            "them."
        )
    return found


def _network_notes(options: PlanOptions, address: Address) -> list[str]:
    found = []
    if options.nodes > 1:
        found.append("What the nodes send each other is not encrypted and needs no key: use a private network.")
    if options.nodes > 1 and options.executor == "mp" and not options.master:
        found.append(f"Put the address of node 0 in place of {MASTER_PLACEHOLDER}, or give it with --master.")
    if options.nodes > 1 and options.executor == "ray":
        found.append(
            "First start Ray: `ray start --head --port 6379` on one node, "
            "`ray start --address NODE:6379` on the others."
        )
    if address.socket is None and not is_loopback(address.host):
        found.append(
            f"{address.host} can be reached from other machines, and the key does not guard /invocations, /tokenize, "
            "/metrics, /load and /version: put a proxy before it (docs/serve.md)."
        )
    return found


def _words(options: PlanOptions) -> tuple[str, ...]:
    """The options of `codeassist serve` that give this plan again, for a unit file."""
    pairs = {
        "--quantisation": options.quantisation,
        "--max-model-len": options.context_tokens,
        "--developers": None if options.developers == 1 else options.developers,
        "--socket": options.socket,
        "--host": options.host,
        "--port": options.port,
        "--speculate": None if options.speculate == "off" else options.speculate,
        "--weights": options.weights,
    }
    words = [f"{name}={value}" for name, value in pairs.items() if value is not None]
    words += [f"--lever={name}={value}" for name, value in options.levers.items()]
    words += [f"--without={name}" for name in sorted(options.without)]
    if options.trust_remote_code:
        words.append("--trust-remote-code")
    return (*words, "--", *options.extra) if options.extra else tuple(words)
