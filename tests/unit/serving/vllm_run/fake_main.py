"""A stand-in for `vllm serve`: it listens, wants its key, and fails as the variable FAKE_VLLM (JSON) tells it to.

`log`: lines to write first. `exit`: end with this status at once. `exit_starts`: only so many times. `names`: what it
serves instead. `open`: wants no key. `stubborn`: SIGTERM is ignored. `child`: it leaves a process in a session of its
own. `die_when`: it ends when this file appears. `silent`: it never listens. `notes`: a folder where it writes who it
is. It prints its key, which must not get into a log.
"""

import http.server
import json
import os
import signal
import socketserver
import subprocess
import sys
import threading
import time
from pathlib import Path

told = json.loads(os.environ["FAKE_VLLM"])
notes = Path(told["notes"])
arguments = sys.argv[1:]


def value(flag, default=None):
    return arguments[arguments.index(flag) + 1] if flag in arguments else default


with (notes / "starts").open("a") as starts:
    starts.write("start\n")
count = len((notes / "starts").read_text().splitlines())
with (notes / "pids").open("a") as pids:
    pids.write(f"{os.getpid()}\n")
(notes / "environment").write_text(json.dumps(dict(os.environ)))
(notes / "arguments").write_text(json.dumps(arguments))
(notes / "umask").write_text(oct(os.umask(0o077)))
if told.get("stubborn"):
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
print("the key is", os.environ.get("VLLM_API_KEY"))
for line in told.get("log", ()):
    print(line)
if told.get("child"):
    sleeper = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(600)"
    # Orphaned at once and in a session of its own, as a daemon would be.
    between = f"import subprocess, sys; print(subprocess.Popen([sys.executable, '-c', {sleeper!r}], \
start_new_session=True, stdout=subprocess.DEVNULL).pid)"
    found = subprocess.run([sys.executable, "-c", between], stdout=subprocess.PIPE, text=True, check=True)
    with (notes / "pids").open("a") as pids:
        pids.write(found.stdout)
if "exit" in told and count <= told.get("exit_starts", 1_000):
    sys.exit(told["exit"])
if "kill" in told:
    os.kill(os.getpid(), told["kill"])


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        right = self.headers.get("Authorization") == f"Bearer {os.environ['VLLM_API_KEY']}"
        if self.path != "/health" and not right and not told.get("open"):
            return self.send(401, {})
        names = told.get("names", [value("--served-model-name", "model")])
        return self.send(200, {"data": [{"id": name, "max_model_len": 4096} for name in names]})

    def send(self, status, body):
        content = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def address_string(self):
        return "client"

    def log_message(self, *_):
        pass


class UnixServer(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    daemon_threads = True


if told.get("silent"):
    time.sleep(600)
if value("--uds"):
    server = UnixServer(value("--uds"), Handler)
else:
    server = http.server.ThreadingHTTPServer((value("--host"), int(value("--port"))), Handler)
threading.Thread(target=server.serve_forever, daemon=True).start()
while True:
    if "die_when" in told and Path(told["die_when"]).exists():
        Path(told["die_when"]).unlink()
        os._exit(1)
    time.sleep(0.05)
