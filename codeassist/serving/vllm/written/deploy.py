"""A plan as the files of Docker Compose, systemd, Helm (vLLM's production stack) and Ray Serve.

Each server listens where only its own machine or network reaches it; examples/deploy has the proxy before it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import Any

from codeassist.serving.vllm.plan import Argument, Plan
from codeassist.serving.vllm.written.yamltext import yaml_text

PROGRAM = ("/usr/bin/env", "codeassist")
IMAGE = "vllm/vllm-openai"
IMAGE_TAG = "v0.33.0"
HOST_MEMORY_GIB = 32
"""Of a machine or pod, for vLLM's processes beside the weights that pass through on their way to the GPUs."""

OFFLINE = {"HF_HUB_OFFLINE": "1"}
"""The weights are fetched before: a server that reads all code of a team asks nobody outside for anything."""

_ADDRESS = frozenset({"uds", "host", "port"})
_HELM_KEYS = {
    "max-model-len": "maxModelLen",
    "max-num-seqs": "maxNumSeqs",
    "tensor-parallel-size": "tensorParallelSize",
    "gpu-memory-utilization": "gpuMemoryUtilization",
    "dtype": "dtype",
}
_HEALTH = "http://127.0.0.1:8000/health"
_LISTEN = "${CODEASSIST_LISTEN:-127.0.0.1}:8443:8443"
_LOGGING = {"driver": "json-file", "options": {"max-size": "20m", "max-file": "5"}}
_NOT_RAY = frozenset({"served-model-name", "disable-fastapi-docs", "max-num-queued-reqs", "disable-uvicorn-access-log"})
"""Flags of vLLM's own HTTP server, which Ray replaces by its own."""


def compose(plan: Plan) -> str:
    """One machine: vLLM on a network without a way out, and the proxy of examples/deploy before it."""
    node = plan.nodes[0]
    cache = {"HF_HOME": "/cache/huggingface", "VLLM_CACHE_ROOT": "/cache/vllm"}
    capped = {"cap_drop": ["ALL"], "security_opt": ["no-new-privileges:true"]}
    value: dict[str, Any] = {
        "#1": f"{_title(plan)}.",
        "#2": "Beside it belong codeassist.env (VLLM_API_KEY=...), nginx.conf.template and tls/ of examples/deploy.",
        "name": "codeassist",
        "services": {
            "vllm": {
                "image": f"{IMAGE}:{IMAGE_TAG}",
                "entrypoint": ["vllm", "serve"],
                "command": [node.model, "--host=0.0.0.0", "--port=8000", *_flags(plan, _ADDRESS)],
                "env_file": ["codeassist.env"],
                "environment": {**node.environment, **OFFLINE, **cache},
                "volumes": ["cache:/cache"],
                "networks": ["inside"],
                "shm_size": "8gb",
                "init": True,
                **capped,
                "deploy": {
                    "resources": {
                        "reservations": {
                            "devices": [{"driver": "nvidia", "count": plan.gpus_per_node, "capabilities": ["gpu"]}]
                        }
                    }
                },
                "healthcheck": {
                    **_healthcheck("python3", "-c", f"import urllib.request as u; u.urlopen({_HEALTH!r}, timeout=5)"),
                    "start_period": "30m",
                },
                "restart": "unless-stopped",
                "stop_grace_period": "1m",
                "logging": _LOGGING,
            },
            "proxy": {
                "image": "nginx:1.28.0-alpine",
                "env_file": ["codeassist.env"],
                "environment": {"CODEASSIST_UPSTREAM": "vllm:8000"},
                "volumes": ["./nginx.conf.template:/etc/nginx/templates/default.conf.template:ro"],
                "secrets": ["tls.crt", "tls.key"],
                "ports": [_LISTEN],
                "networks": ["inside", "outside"],
                "depends_on": {"vllm": {"condition": "service_healthy"}},
                "cap_drop": ["ALL"],
                # DAC_OVERRIDE: file secrets keep the owner and mode that the key has on the host.
                "cap_add": ["CHOWN", "DAC_OVERRIDE", "SETGID", "SETUID"],
                "security_opt": ["no-new-privileges:true"],
                "deploy": {"resources": {"limits": {"cpus": "2", "memory": "256m"}}},
                "healthcheck": _healthcheck(
                    "wget", "-q", "-O", "/dev/null", "--no-check-certificate", "https://127.0.0.1:8443/health"
                ),
                "restart": "unless-stopped",
                "logging": _LOGGING,
            },
            "#3": "Fetches the weights once: docker compose run --rm download",
            "download": {
                "image": f"{IMAGE}:{IMAGE_TAG}",
                "profiles": ["download"],
                "entrypoint": ["hf", "download"],
                "command": [node.model],
                "environment": {"HF_HOME": "/cache/huggingface"},
                "volumes": ["cache:/cache"],
                "networks": ["outside"],
            },
        },
        "networks": {
            "#4": "No way out: the engine reads all code of the team, and has nobody to send it to.",
            "inside": {"internal": True},
            "outside": {},
        },
        "volumes": {"cache": {}},
        "secrets": {"tls.crt": {"file": "./tls/tls.crt"}, "tls.key": {"file": "./tls/tls.key"}},
    }
    return yaml_text(_dollars(value))


def systemd(plan: Plan, program: Sequence[str] = PROGRAM) -> str:
    """A unit of the user's own service manager: the same user's editors then find address and key by themselves.

    `program`: the words that start codeassist, the first an absolute path. A unit for a team is in examples/deploy.
    """
    words = [*program, "serve", plan.entry_name, *plan.options]
    lines = [
        f"# {_title(plan)}.",
        "# Save it as ~/.config/systemd/user/codeassist-vllm.service; then:",
        "#   systemctl --user enable --now codeassist-vllm",
        "# It runs while you are logged in; for longer: loginctl enable-linger",
        "[Unit]",
        f"Description=vLLM for codeassist: {_unit_text(plan.served_name)}",
        "StartLimitIntervalSec=30min",
        "StartLimitBurst=5",
        "",
        "[Service]",
        "Type=exec",
        f"ExecStart={' '.join(map(_unit_word, words))}",
        "# It ends its own processes in order, and so may take longer than a minute under load.",
        "TimeoutStopSec=2min",
        "KillMode=mixed",
        "Restart=on-failure",
        "RestartSec=10s",
        "LimitNOFILE=65536",
        "NoNewPrivileges=yes",
        "UMask=0077",
        "",
        "[Install]",
        "WantedBy=default.target",
    ]
    return "".join(f"{line}\n" for line in lines)


def helm(plan: Plan) -> str:
    """Values for the chart of vLLM's production stack, whose router sends a workspace to one replica."""
    node = plan.nodes[0]
    # The chart mounts shared memory only where tensorParallelSize is set, and writes --no- where caching is not.
    config: dict[str, Any] = {"enablePrefixCaching": False, "tensorParallelSize": 1}
    extra = []
    for argument in node.arguments:
        if argument.flag in _ADDRESS:
            continue
        if argument.flag in ("enable-prefix-caching", "no-enable-prefix-caching"):
            config["enablePrefixCaching"] = argument.flag == "enable-prefix-caching"
        elif argument.flag in _HELM_KEYS:
            config[_HELM_KEYS[argument.flag]] = _typed(argument)
        else:
            extra.append(_kubernetes(_word(argument)))
    # Offline first: the README's command for the first start names it by its place.
    environment = {**OFFLINE, **node.environment, "VLLM_CACHE_ROOT": "/data/vllm"}
    memory = f"{HOST_MEMORY_GIB + 8 * plan.gpus_per_node}Gi"
    model = {
        "name": re.sub(r"[^a-z0-9-]+", "-", plan.entry_name.lower()).strip("-"),
        "repository": IMAGE,
        "tag": IMAGE_TAG,
        "modelURL": _kubernetes(node.model),
        "replicaCount": plan.servers,
        "requestCPU": 8,
        "requestMemory": memory,
        "requestGPU": plan.gpus_per_node,
        "limitMemory": memory,
        "#1": "Weights and compiled kernels. Replicas on several nodes need a storage class for ReadWriteMany.",
        "pvcStorage": f"{int(plan.download_gib * 1.2) + 30}Gi",
        "pvcAccessMode": ["ReadWriteOnce" if plan.servers == 1 else "ReadWriteMany"],
        "shmSize": "8Gi",
        "vllmConfig": {**config, "extraArgs": extra},
        "#2": "Offline: the first start, which fetches the weights onto the volume, needs HF_HUB_OFFLINE=0.",
        "env": [{"name": name, "value": _kubernetes(value)} for name, value in environment.items()],
    }
    health = {"httpGet": {"path": "/health", "port": 8000}}
    value: dict[str, Any] = {
        "#1": f"{_title(plan)}; values of vLLM's production stack.",
        "servingEngineSpec": {
            "runtimeClassName": "nvidia",
            "vllmApiKey": {"secretName": "codeassist", "secretKey": "VLLM_API_KEY"},
            "containerPort": 8000,
            "#2": "Half an hour for loading weights and compiling the first time; the volume keeps both.",
            "startupProbe": {"initialDelaySeconds": 30, "periodSeconds": 10, "failureThreshold": 180, **health},
            "livenessProbe": {"initialDelaySeconds": 15, "periodSeconds": 10, "failureThreshold": 6, **health},
            "readinessProbe": {"initialDelaySeconds": 5, "periodSeconds": 5, "failureThreshold": 3, **health},
            "#3": "A GPU is rarely free for a second copy: the old pod goes first.",
            "strategy": {"type": "Recreate"},
            "modelSpec": [model],
        },
        "routerSpec": {
            "enableRouter": True,
            "serviceType": "ClusterIP",
            "#4": "codeassist sends a stable X-Session-ID for each workspace: its prompts are cached on one replica.",
            "routingLogic": "session",
            "sessionKey": "x-session-id",
        },
    }
    return yaml_text(value)


def ray_serve(plan: Plan) -> str:
    """A file for `serve deploy`. Ray asks nobody for a key, so that only a proxy may reach its port."""
    node = plan.nodes[0]
    engine = {
        argument.flag.removeprefix("no-").replace("-", "_"): _typed(argument)
        for argument in node.arguments
        if argument.flag not in _ADDRESS | _NOT_RAY | {"nnodes", "node-rank", "master-addr", "headless"}
    }
    if plan.node_count > 1:
        engine["distributed_executor_backend"] = "ray"
    replica: dict[str, Any] = {
        "num_replicas": plan.servers,
        "max_ongoing_requests": plan.seats * 5,
        "max_queued_requests": plan.seats * 4,
        "#1": "Routes by the header X-Session-ID, which codeassist sends for each workspace.",
        "request_router_config": {
            "request_router_class": "ray.serve.experimental.consistent_hash_router.ConsistentHashRouter",
            "request_router_kwargs": {"num_virtual_nodes": 100, "num_fallback_replicas": 2},
        },
    }
    model = {
        "model_loading_config": {"model_id": plan.served_name, "model_source": node.model},
        "engine_kwargs": engine,
        **{f"#{name}": f"{name} needs vLLM {one.since}." for name, one in node.reasons.items() if one.since},
        "#2": f"Offline: fetch the weights on each node before, hf download {node.model}",
        "runtime_env": {"env_vars": {**OFFLINE, **node.environment}},
        "deployment_config": replica,
        "#3": "Ray gathers 50 ms of a stream by default: longer than a token takes.",
        "experimental_configs": {"stream_batching_interval_ms": 0},
    }
    value: dict[str, Any] = {
        "#1": f"{_title(plan)}; start it with: serve deploy FILE",
        "#2": "Ray asks nobody for a key: let only a proxy that checks it reach this port.",
        "proxy_location": "EveryNode",
        "http_options": {"host": "127.0.0.1", "port": 8000, "request_timeout_s": 300},
        "logging_config": {"log_level": "INFO", "enable_access_log": False},
        "applications": [
            {
                "name": "codeassist",
                "route_prefix": "/",
                "import_path": "ray.serve.llm:build_openai_app",
                "args": {"llm_configs": [model]},
            }
        ],
    }
    return yaml_text(value)


def _title(plan: Plan) -> str:
    people = "1 developer" if plan.developers == 1 else f"{plan.developers} developers"
    return f"{plan.entry_name} on {plan.hardware}, for {people}: {plan.seats} seats"


def _flags(plan: Plan, left_out: frozenset[str]) -> list[str]:
    return [_word(argument) for argument in plan.nodes[0].arguments if argument.flag not in left_out]


def _word(argument: Argument) -> str:
    return f"--{argument.flag}" if argument.value is None else f"--{argument.flag}={argument.value}"


def _typed(argument: Argument) -> Any:
    """A flag's value as a number, an object or a string; a flag alone as true, its `--no-` form as false."""
    if argument.value is None:
        return not argument.flag.startswith("no-")
    try:
        return json.loads(argument.value, parse_constant=_no_number)
    except (ValueError, RecursionError):
        return argument.value


def _no_number(word: str) -> Any:
    raise ValueError(f"{word} is a number in JavaScript only")


def _healthcheck(*command: str) -> dict[str, Any]:
    return {"test": ["CMD", *command], "interval": "10s", "timeout": "6s", "retries": 3}


def _unit_word(word: str) -> str:
    """A word of ExecStart: systemd expands % and $, and reads C's escapes inside quotes of either kind."""
    word = word.replace("%", "%%").replace("$", "$$")
    if re.fullmatch(r"[A-Za-z0-9_%$@+=:,./-]+", word):
        return word
    letters = (f"\\{c}" if c in '"\\' else c if c.isprintable() else _bytes_escaped(c) for c in word)
    return f'"{"".join(letters)}"'


def _bytes_escaped(letter: str) -> str:
    return "".join(f"\\x{byte:02x}" for byte in letter.encode("utf-8", "surrogateescape"))


def _unit_text(text: str) -> str:
    """The value of a setting that holds text: one line without specifiers and without a backslash that joins lines."""
    return "".join(c if c.isprintable() and c != "\\" else " " for c in text).replace("%", "%%")


def _kubernetes(text: str) -> str:
    """Kubernetes puts a variable in the place of $(NAME), and reads $$ as one dollar."""
    return text.replace("$", "$$")


def _dollars(value: Any) -> Any:
    """Compose reads $ as a variable everywhere; ours are doubled but for the one that is meant so."""
    if isinstance(value, dict):
        return {key: _dollars(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_dollars(item) for item in value]
    if isinstance(value, str) and value != _LISTEN:
        return value.replace("$", "$$")
    return value
