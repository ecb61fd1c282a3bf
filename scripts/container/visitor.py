"""Who visits a gate in the container test: a client with cookies."""

import contextlib
import http.client
import http.cookies
import json
import socket


class Browser:
    """A client with cookies on one port of this machine."""

    def __init__(self, port):
        self.port, self.cookies = port, {}

    def ask(self, path, form=None, **headers):
        """Gives the status, the headers and the body's text."""
        connection = self.send(path, form, headers)
        with contextlib.closing(connection):
            answer = connection.getresponse()
            for cookie in answer.headers.get_all("set-cookie", []):
                for name, morsel in http.cookies.SimpleCookie(cookie).items():
                    self.cookies[name] = morsel.value
            return answer.status, answer.headers, answer.read().decode()

    def send(self, path, form=None, headers=None):
        """Sends a request and gives the connection on which its answer comes."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        headers = {"cookie": "; ".join(f"{name}={value}" for name, value in self.cookies.items()), **(headers or {})}
        body = None
        if form is not None:
            body, headers["content-type"] = json.dumps(form), "application/json"
        connection.request("GET" if form is None else "POST", path, body, headers)
        return connection

    def answers(self):
        """Whether there is a gate that answers."""
        try:
            return self.ask("/auth/healthz")[0] == 200
        except (OSError, http.client.HTTPException):
            return False

    def page(self, **headers):
        """The protected page: its status and what it says."""
        status, _, text = self.ask("/cgi-bin/whoami", **headers)
        return status, text if status == 200 else json.loads(text)["code"]


def free_port():
    """A port that nothing listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]
