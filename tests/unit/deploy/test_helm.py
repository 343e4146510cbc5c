"""The values, by a model of ours of the keys that the templates of chart vllm-stack 0.1.12 read.

The chart is not in a package index, so the model is written down here from its templates and its values.schema.json;
closed, so that a misspelt key, which the chart would ignore, is an error.
"""

from __future__ import annotations

import copy
from typing import Any, Literal

import pytest
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from codeassist.serving.vllm.written.deploy import helm
from tests.unit.deploy.printed import FOLDER, loaded, with_wide_plan

CHART = "0.1.12"


class Keys(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class HttpGet(Keys):
    path: str
    port: int


class Probe(Keys):
    initialDelaySeconds: int
    periodSeconds: int
    failureThreshold: int
    httpGet: HttpGet


class Secret(Keys):
    secretName: str
    secretKey: str


class VllmConfig(Keys):
    """`enablePrefixCaching` has no default: left out, the chart passes --no-enable-prefix-caching."""

    enablePrefixCaching: bool
    enableChunkedPrefill: bool | None = None
    maxModelLen: int | None = None
    maxNumSeqs: int | None = None
    dtype: str | None = None
    tensorParallelSize: int | None = None
    gpuMemoryUtilization: float | None = None
    extraArgs: list[str] = []


class Variable(Keys):
    name: str
    value: str


class ModelSpec(Keys):
    name: str
    repository: str
    tag: str
    modelURL: str
    modelRevision: str | None = None
    replicaCount: int
    requestCPU: int
    requestMemory: str
    requestGPU: int
    limitCPU: str | None = None
    limitMemory: str | None = None
    pvcStorage: str | None = None
    pvcAccessMode: list[Literal["ReadWriteOnce", "ReadWriteMany", "ReadOnlyMany"]] = []
    shmSize: str | None = None
    vllmConfig: VllmConfig
    env: list[Variable] = []


class Strategy(Keys):
    type: Literal["Recreate", "RollingUpdate"]


class Engines(Keys):
    runtimeClassName: str | None = None
    imagePullPolicy: Literal["Always", "IfNotPresent", "Never"] | None = None
    vllmApiKey: Secret
    containerPort: int
    startupProbe: Probe
    livenessProbe: Probe
    readinessProbe: Probe
    strategy: Strategy
    containerSecurityContext: dict[str, Any] = {}
    modelSpec: list[ModelSpec]


class Path(Keys):
    path: str
    pathType: Literal["Exact", "Prefix"]


class Host(Keys):
    host: str
    paths: list[Path]


class Tls(Keys):
    secretName: str
    hosts: list[str]


class Ingress(Keys):
    enabled: bool
    className: str
    annotations: dict[str, str]
    hosts: list[Host]
    tls: list[Tls]


class Router(Keys):
    enableRouter: bool
    tag: str | None = None
    imagePullPolicy: Literal["Always", "IfNotPresent", "Never"] | None = None
    replicaCount: int | None = None
    serviceType: Literal["ClusterIP"]
    routingLogic: Literal["session", "prefixaware"]
    sessionKey: str
    resources: dict[str, dict[str, str]] = {}
    ingress: Ingress | None = None


class Selector(Keys):
    matchLabels: dict[str, str] = {}


class Peer(Keys):
    podSelector: Selector | None = None
    namespaceSelector: Selector | None = None


class Port(Keys):
    port: int
    protocol: Literal["TCP", "UDP", "SCTP"] = "TCP"


class Ingoing(Keys):
    """The part of NetworkPolicyIngressRule that is used; `from` may not be left out, which would mean everybody."""

    model_config = ConfigDict(extra="forbid", strict=True, populate_by_name=True)
    peers: list[Peer] = Field(alias="from", min_length=1)
    ports: list[Port] = []


class Outgoing(Keys):
    to: list[Peer] = Field(min_length=1)
    ports: list[Port] = []


class PolicySpec(Keys):
    podSelector: Selector
    policyTypes: list[Literal["Ingress", "Egress"]]
    ingress: list[Ingoing]
    egress: list[Outgoing]


class Policy(Keys):
    """networking.k8s.io/v1, as far as it is used here; without ipBlock, which would be a way out."""

    apiVersion: Literal["networking.k8s.io/v1"]
    kind: Literal["NetworkPolicy"]
    metadata: dict[str, str]
    spec: PolicySpec


class Values(Keys):
    servingEngineSpec: Engines
    routerSpec: Router
    extraObjects: list[Policy] = []


def merged(base: Any, over: Any) -> Any:
    """Two files of values as Helm puts them together: maps by key, everything else by the later one."""
    if isinstance(base, dict) and isinstance(over, dict):
        return {**base, **{key: merged(base.get(key), value) for key, value in over.items()}}
    return over


@pytest.fixture
def team() -> Any:
    return merged(loaded("values.yaml"), loaded("team-values.yaml"))


def test_the_chart_reads_every_key(team: Any) -> None:
    Values.model_validate(loaded("values.yaml"))
    Values.model_validate(team)


@pytest.mark.parametrize(
    "change",
    [
        {"routerSpec": {"sesionKey": "x-session-id"}},
        {"routerSpec": {"routingLogic": "sticky"}},
        {"servingEngineSpec": {"startupProbe": {"failureThreshold": "many"}}},
        {"servingEngineSpec": {"modelSpec": [{"name": "without the rest"}]}},
    ],
)
def test_a_mistake_would_be_noticed(team: Any, change: Any) -> None:
    with pytest.raises(ValidationError):
        Values.model_validate(merged(copy.deepcopy(team), change))


def test_the_team_s_ingress_lets_in_only_what_the_engines_guard_with_their_key(team: Any) -> None:
    paths = [path for host in team["routerSpec"]["ingress"]["hosts"] for path in host["paths"]]
    assert all(path["pathType"] == "Exact" and path["path"].startswith("/v1/") for path in paths)
    assert team["routerSpec"]["ingress"]["tls"]


def test_sessions_are_kept_and_start_up_may_take_half_an_hour(team: Any) -> None:
    assert (team["routerSpec"]["routingLogic"], team["routerSpec"]["sessionKey"]) == ("session", "x-session-id")
    probe = team["servingEngineSpec"]["startupProbe"]
    assert probe["periodSeconds"] * probe["failureThreshold"] >= 1800


def test_the_chart_is_not_told_twice_where_to_listen(team: Any) -> None:
    words = team["servingEngineSpec"]["modelSpec"][0]["vllmConfig"]["extraArgs"]
    own = ("--host", "--port", "--uds", "--max-model-len", "--enable-prefix-caching", "--max-num-seqs", "--api-key")
    assert not [word for word in words if word.split("=")[0] in own]


def test_the_network_policy_names_the_engines_that_are_served(team: Any) -> None:
    (policy,) = team["extraObjects"]
    served = [model["name"] for model in team["servingEngineSpec"]["modelSpec"]]
    assert [policy["spec"]["podSelector"]["matchLabels"]["model"]] == served


def test_the_engines_reach_names_and_their_namespace_and_nothing_else(team: Any) -> None:
    (policy,) = Values.model_validate(team).extraObjects
    assert policy.spec.policyTypes == ["Ingress", "Egress"]
    names, inside = policy.spec.egress
    assert [(port.port, port.protocol) for port in names.ports] == [(53, "UDP"), (53, "TCP")]
    assert [peer.namespaceSelector for peer in names.to] == [
        Selector(matchLabels={"kubernetes.io/metadata.name": "kube-system"})
    ]
    assert inside.to == [Peer(podSelector=Selector())]


def test_the_engines_are_offline_but_for_the_start_that_fetches_the_weights(team: Any) -> None:
    (model,) = team["servingEngineSpec"]["modelSpec"]
    assert model["env"][0] == {"name": "HF_HUB_OFFLINE", "value": "1"}
    assert model["pvcStorage"]
    readme = (FOLDER / "README.md").read_text()
    assert "-f values.yaml --set-string 'servingEngineSpec.modelSpec[0].env[0].value=0'" in readme


def test_several_replicas_share_a_claim_that_several_nodes_can_mount() -> None:
    import yaml

    values = Values.model_validate(yaml.safe_load(helm(with_wide_plan())))
    (model,) = values.servingEngineSpec.modelSpec
    assert (model.replicaCount, model.pvcAccessMode) == (8, ["ReadWriteMany"])
