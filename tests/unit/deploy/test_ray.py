"""The Ray Serve file, by a closed model of ours of what Ray 2.60 reads, and by Ray's own classes where Ray is there."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from pydantic import BaseModel, ConfigDict, ValidationError

from tests.unit.deploy.printed import FOLDER, loaded, plan

SERVER_FLAGS = {"served-model-name", "uds", "disable-fastapi-docs", "max-num-queued-reqs", "disable-uvicorn-access-log"}
"""Of vLLM's own HTTP server, in whose place Ray has its own."""


class Keys(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, protected_namespaces=())


class Loading(Keys):
    model_id: str
    model_source: str


class RouterConfig(Keys):
    request_router_class: str
    request_router_kwargs: dict[str, int]


class Deployment(Keys):
    num_replicas: int
    max_ongoing_requests: int
    max_queued_requests: int
    request_router_config: RouterConfig


class RuntimeEnvironment(Keys):
    env_vars: dict[str, str]


class LlmConfig(Keys):
    model_loading_config: Loading
    engine_kwargs: dict[str, Any]
    runtime_env: RuntimeEnvironment
    deployment_config: Deployment
    experimental_configs: dict[str, int]


class Arguments(Keys):
    llm_configs: list[LlmConfig]


class Application(Keys):
    name: str
    route_prefix: str
    import_path: str
    args: Arguments


class Http(Keys):
    host: str
    port: int
    request_timeout_s: int


class Logging(Keys):
    log_level: str
    enable_access_log: bool


class File(Keys):
    proxy_location: str
    http_options: Http
    logging_config: Logging
    applications: list[Application]


def test_every_key_is_known() -> None:
    File.model_validate(loaded("ray-serve.yaml"))


def test_a_mistake_would_be_noticed() -> None:
    wrong = copy.deepcopy(loaded("ray-serve.yaml"))
    wrong["applications"][0]["args"]["llm_configs"][0]["deployment_config"]["max_ongoing_request"] = 4
    with pytest.raises(ValidationError, match="max_ongoing_request"):
        File.model_validate(wrong)


def test_the_engine_gets_the_plan_s_arguments() -> None:
    (config,) = File.model_validate(loaded("ray-serve.yaml")).applications[0].args.llm_configs
    flags = {argument.flag for argument in plan().nodes[0].arguments} - SERVER_FLAGS
    assert set(config.engine_kwargs) == {flag.replace("-", "_") for flag in flags}
    assert config.model_loading_config == Loading(model_id=plan().served_name, model_source=plan().nodes[0].model)


def test_the_engine_is_offline_and_the_readme_fetches_the_weights_before() -> None:
    (config,) = File.model_validate(loaded("ray-serve.yaml")).applications[0].args.llm_configs
    assert config.runtime_env.env_vars["HF_HUB_OFFLINE"] == "1"
    assert f"hf download {config.model_loading_config.model_source} " in (FOLDER / "README.md").read_text()


def test_only_this_machine_reaches_the_port_that_asks_for_no_key() -> None:
    assert File.model_validate(loaded("ray-serve.yaml")).http_options.host == "127.0.0.1"


def test_ray_s_own_classes_accept_it() -> None:
    """Needs ray[serve] 2.60, pyarrow and vLLM in one environment, 4 GB: not among the packages for tests."""
    reason = "Ray with vLLM (4 GB) is not among the packages for tests"
    llm = pytest.importorskip("ray.serve.llm", reason=reason, exc_type=ImportError)
    schema = pytest.importorskip("ray.serve.schema", reason=reason)
    document = loaded("ray-serve.yaml")
    (application,) = schema.ServeDeploySchema.model_validate(document).applications
    (config,) = llm.LLMServingArgs.model_validate(application.args).llm_configs
    assert config.get_engine_config().frontend_kwargs == {"enable_prompt_tokens_details": True}
