"""The proxy's configuration: by nginx's own rules for directives, by nginx itself, and in front of a fake engine."""

from __future__ import annotations

import asyncio
import os
import shutil
import socket
import ssl
import subprocess
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

import crossplane
import httpx
import pytest

from tests.fake_vllm import FakeVllm
from tests.unit.deploy.printed import FOLDER

NGINX = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin")
OPENSSL = shutil.which("openssl")
KEY = "0123456789abcdefABCDEF_-" * 3
ASKED = ("/v1/models", "/tokenize", "/version")
CLOSED = ("/metrics", "/invocations", "/docs", "/openapi.json", "/load", "/v1/load_lora_adapter", "/v1/models/x", "/")

needs_nginx = pytest.mark.usefixtures("nginx")


def demand(found: bool, variables: Mapping[str, str]) -> None:
    """Leave a test out where there is no nginx; but in CI the rules that keep strangers out are never left unproven."""
    if found:
        return
    reason = "nginx or openssl is not on this machine"
    if variables.get("CI", "").lower() == "true":
        pytest.fail(f"{reason}, and CI=true: the proxy's rules would go unproven; apt-get install nginx-light openssl")
    pytest.skip(reason)


@pytest.fixture
def nginx() -> None:
    demand(NGINX is not None and OPENSSL is not None, os.environ)


def test_without_nginx_tests_are_left_out_on_a_desk_and_fail_in_ci() -> None:
    demand(True, {"CI": "true"})
    with pytest.raises(pytest.skip.Exception):
        demand(False, {})
    with pytest.raises(pytest.fail.Exception, match="apt-get install nginx-light"):
        demand(False, {"CI": "true"})


def configuration(folder: Path, port: int = 8443, upstreams: tuple[str, ...] = ("127.0.0.1:9",)) -> Path:
    """The template with its variables filled in as envsubst does, in the frame that a main configuration gives it."""
    text = (FOLDER / "nginx.conf.template").read_text()
    first = "server ${CODEASSIST_UPSTREAM} max_fails=3 fail_timeout=10s;"
    assert first in text
    text = text.replace(first, "\n".join(first.replace("${CODEASSIST_UPSTREAM}", each) for each in upstreams))
    text = text.replace("${VLLM_API_KEY}", KEY).replace("/run/secrets/", f"{folder}/")
    text = text.replace("listen 8443 ssl", f"listen 127.0.0.1:{port} ssl")
    assert "${" not in text
    temporary = "\n".join(
        f"{kind}_temp_path {folder}/{kind};" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    head = f"daemon off;\npid {folder}/pid;\nerror_log {folder}/error.log;\nevents {{}}\n"
    path = folder / "nginx.conf"
    path.write_text(f"{head}http {{\naccess_log off;\n{temporary}\n{text}}}\n")
    return path


def test_each_directive_exists_and_stands_where_it_may(tmp_path: Path) -> None:
    parsed = crossplane.parse(str(configuration(tmp_path)), strict=True)
    # The lines of a map are data, which crossplane takes for directives.
    maps = [line for line, text in enumerate(configuration(tmp_path).read_text().splitlines(), 1) if "map $" in text]
    errors = [one for one in parsed["errors"] if not any(start < one["line"] <= start + 3 for start in maps)]
    assert errors == []


@pytest.mark.parametrize(
    ("right", "wrong"), [("proxy_buffering ", "proxy_bufering "), ("keepalive 64", "keepalive 64 65")]
)
def test_a_mistake_would_be_noticed(right: str, wrong: str, tmp_path: Path) -> None:
    path = configuration(tmp_path)
    assert right in path.read_text()
    path.write_text(path.read_text().replace(right, wrong))
    errors = [one["error"] for one in crossplane.parse(str(path), strict=True)["errors"]]
    assert any(wrong.split(maxsplit=1)[0] in error for error in errors)


@needs_nginx
def test_nginx_accepts_it(tmp_path: Path) -> None:
    certificate(tmp_path)
    path = configuration(tmp_path)
    done = subprocess.run([str(NGINX), "-t", "-c", str(path)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@needs_nginx
async def test_only_what_is_asked_for_is_let_in_and_only_with_the_key(tmp_path: Path) -> None:
    async with FakeVllm(api_key=KEY) as fake, proxy(tmp_path, fake) as client:
        for path in ASKED:
            method = "POST" if path == "/tokenize" else "GET"
            body = {"json": {"prompt": "x"}} if method == "POST" else {}
            assert (await client.request(method, path, headers=bearer(KEY), **body)).status_code == 200, path
            for headers in (
                {},
                bearer("x"),
                bearer(KEY[:-1]),
                bearer(KEY + "x"),
                bearer(KEY.lower()),
                {"x-api-key": KEY},
            ):
                answer = await client.request(method, path, headers=headers, **body)
                assert (answer.status_code, answer.json()["error"]["code"]) == (401, 401), (path, headers)
        for path in CLOSED:
            assert (await client.get(path, headers=bearer(KEY))).status_code == 404, path
        assert (await client.get("/health")).status_code == 200
        reached = {request.path for request in fake.received}
    assert reached == {*ASKED, "/health"}


@needs_nginx
async def test_a_chunk_comes_while_the_engine_still_writes(tmp_path: Path) -> None:
    async with FakeVllm(answer="return sum(prices)") as fake, proxy(tmp_path, fake) as client:
        fake.behaviour.trouble = "hold"
        async with asked(client) as answer:
            pieces = answer.aiter_text()
            assert "return" in await asyncio.wait_for(anext(pieces), 10)
            assert fake.counts.finished == 0
            fake.release()
            assert "[DONE]" in "".join([piece async for piece in pieces])


@needs_nginx
async def test_who_hangs_up_stops_the_engine(tmp_path: Path) -> None:
    async with FakeVllm(answer="return sum(prices)") as fake, proxy(tmp_path, fake) as client:
        fake.behaviour.trouble = "hang"
        async with asked(client) as answer:
            await asyncio.wait_for(anext(answer.aiter_text()), 10)
        await fake.until(lambda counts: counts.aborted == 1 and counts.running == 0)


@needs_nginx
async def test_a_workspace_stays_with_one_server_and_others_go_elsewhere(tmp_path: Path) -> None:
    async with FakeVllm() as one, FakeVllm() as other, proxy(tmp_path, one, other) as client:
        for session in [f"workspace-{number}" for number in range(13)] * 3:
            headers = {**bearer(KEY), "x-session-id": session}
            assert (await client.get("/v1/models", headers=headers)).status_code == 200
        seen = [{request.headers["x-session-id"] for request in fake.received} for fake in (one, other)]
    assert seen[0]
    assert seen[1]
    assert not seen[0] & seen[1]


@needs_nginx
async def test_when_a_server_is_gone_its_workspaces_go_to_the_other(tmp_path: Path) -> None:
    async with FakeVllm() as left:
        async with FakeVllm() as gone:
            pass
        async with proxy(tmp_path, left, gone) as client:
            for session in range(8):
                headers = {**bearer(KEY), "x-session-id": f"workspace-{session}"}
                assert (await client.get("/v1/models", headers=headers)).status_code == 200
        assert len(left.received) == 8


@needs_nginx
async def test_a_body_that_does_not_fit_is_refused(tmp_path: Path) -> None:
    async with FakeVllm() as fake, proxy(tmp_path, fake) as client:
        body = {"model": "fake-model", "prompt": "x" * 3_000_000}
        answer = await client.post("/v1/completions", headers=bearer(KEY), json=body)
        assert (answer.status_code, fake.received) == (413, [])


def bearer(key: str) -> dict[str, str]:
    return {"authorization": f"Bearer {key}"}


@asynccontextmanager
async def asked(client: httpx.AsyncClient) -> AsyncIterator[httpx.Response]:
    body = {"model": "fake-model", "prompt": "def total(prices):", "max_tokens": 32, "stream": True}
    async with client.stream("POST", "/v1/completions", headers=bearer(KEY), json=body) as answer:
        assert answer.status_code == 200
        yield answer


@asynccontextmanager
async def proxy(folder: Path, *engines: FakeVllm) -> AsyncIterator[httpx.AsyncClient]:
    """nginx in front of the engines, and a client that trusts its certificate and nothing else."""
    certificate(folder)
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    upstreams = tuple(engine.base_url.removeprefix("http://").removesuffix("/v1") for engine in engines)
    trusted = ssl.create_default_context(cafile=str(folder / "tls.crt"))
    with running(configuration(folder, port, upstreams)) as process:
        async with httpx.AsyncClient(base_url=f"https://localhost:{port}", verify=trusted, trust_env=False) as client:
            await listening(client, process)
            for engine in engines:
                engine.forget()
            yield client


@contextmanager
def running(path: Path) -> Iterator[subprocess.Popen[Any]]:
    process = subprocess.Popen([str(NGINX), "-c", str(path)], stderr=subprocess.PIPE)
    try:
        yield process
    finally:
        process.terminate()
        process.communicate(timeout=20)


async def listening(client: httpx.AsyncClient, process: subprocess.Popen[Any]) -> None:
    for _ in range(1000):
        assert process.poll() is None, process.communicate()[1]
        try:
            await client.get("/not-there")
        except httpx.ConnectError:
            await asyncio.sleep(0.02)
        else:
            return
    raise AssertionError("nginx does not listen")


def certificate(folder: Path) -> None:
    """A key and a certificate for localhost that is valid today."""
    names = ("-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost")
    files = ("-keyout", str(folder / "tls.key"), "-out", str(folder / "tls.crt"))
    curve = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1")
    subprocess.run(
        [str(OPENSSL), "req", "-x509", *curve, "-nodes", "-days", "2", *names, *files], check=True, capture_output=True
    )
