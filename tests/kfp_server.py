"""A server that answers kfp's client, and keeps what it is sent."""

import http.server
import json
import threading
import urllib.parse

import pytest

ANSWERS = {
    "GET /apis/v2beta1/healthz": {"multi_user": False},
    "GET /apis/v2beta1/experiments": {},
    "POST /apis/v2beta1/experiments": {"experiment_id": "the-experiment"},
    "GET /apis/v2beta1/pipelines": {},
    "POST /apis/v2beta1/pipelines/upload": {"pipeline_id": "the-pipeline"},
    "POST /apis/v2beta1/runs": {"run_id": "the-run"},
    "POST /apis/v2beta1/recurringruns": {"recurring_run_id": "the-schedule"},
}


class _Handler(http.server.BaseHTTPRequestHandler):
    def _answer(self):
        path = urllib.parse.urlsplit(self.path).path
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        key = f"{self.command} {path}"
        self.server.requests.setdefault(key, []).append(body)
        status = 200 if key in self.server.answers else 403
        answer = self.server.answers.get(key, {"error": f"nobody may {key}"})
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.end_headers()
        self.wfile.write(json.dumps(answer).encode())

    do_GET = do_POST = _answer  # noqa: N815

    def log_message(self, *args):
        """Prints nothing."""


class KfpServer(http.server.ThreadingHTTPServer):
    """Answers as `answers` says, and refuses all else.

    Attributes:
      requests: Method and path to the bodies that were sent there.
      answers: Method and path to what is answered.
      url: Its address.
    """

    def __init__(self):
        super().__init__(("127.0.0.1", 0), _Handler)
        self.requests, self.answers = {}, dict(ANSWERS)
        self.url = f"http://127.0.0.1:{self.server_port}"

    def sent(self, key):
        """The JSON bodies that were sent to a method and path."""
        return [json.loads(body) for body in self.requests[key]]


@pytest.fixture
def kfp_server(monkeypatch, tmp_path):
    """A running `KfpServer`."""
    monkeypatch.setenv("HOME", str(tmp_path))
    server = KfpServer()
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()
