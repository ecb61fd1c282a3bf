"""What `scripts/front-proxies` puts around the proxies: a backend that says what it saw, Sidegate, the proxy's own process
with a file of docs/front-proxies, and a client that sends bytes and mends nothing."""

import base64
import contextlib
import hashlib
import json
import os
import signal
import socket
import subprocess
import threading
import time
from pathlib import Path

import http2

PATIENCE = 20
DOCS = Path(__file__).resolve().parents[2] / "docs" / "front-proxies"


def free_ports(count):
    held = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [one.getsockname()[1] for one in held]
    for one in held:
        one.close()
    return ports


def read_head(stream):
    lines = []
    while (line := stream.readline()) not in (b"\r\n", b"\n", b""):
        lines.append(line.decode("latin-1").rstrip("\r\n"))
    return lines


def fields(lines):
    pairs = [line.split(":", 1) for line in lines[1:] if ":" in line]
    return [(name.strip().lower(), value.strip()) for name, value in pairs]


def read_body(stream, headers):
    named = dict(headers)
    if named.get("transfer-encoding", "").lower() == "chunked":
        body = b""
        while size := int(stream.readline().split(b";")[0], 16):
            body += stream.read(size)
            stream.readline()
        # As a backend reads them that makes no difference between headers and trailers.
        headers.extend(fields(["", *read_head(stream)]))
        return body
    return stream.read(int(named.get("content-length", 0)))


class Backend:
    """Answers each request with 200 and keeps what it was; sends back what comes through a WebSocket's tunnel."""

    def __init__(self, port):
        self.seen = []
        self.listener = socket.create_server(("127.0.0.1", port))
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            connection, _ = self.listener.accept()
            threading.Thread(target=self.visit, args=[connection], daemon=True).start()

    def visit(self, connection):
        # A proxy that leaves may break its connection off.
        with contextlib.suppress(ConnectionError):
            self.serve(connection)

    def serve(self, connection):
        with connection, connection.makefile("rwb") as stream:
            while lines := read_head(stream):
                headers = fields(lines)
                self.seen.append((lines, headers, read_body(stream, headers)))
                if "upgrade" in dict(headers):
                    key = dict(headers).get("sec-websocket-key", "") + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
                    accept = base64.b64encode(hashlib.sha1(key.encode()).digest())
                    stream.write(b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
                                 b"Sec-WebSocket-Accept: " + accept + b"\r\n\r\n")
                    stream.flush()
                    while data := connection.recv(1024):
                        connection.sendall(data)
                    return
                stream.write(b"HTTP/1.1 200 OK\r\nContent-Length: 7\r\nContent-Type: text/plain\r\n\r\nbackend")
                stream.flush()


class Answer:
    def __init__(self, lines, body):
        self.status = int(lines[0].split(" ")[1])
        self.headers = fields(lines)
        self.body = body
        self.lines = lines

    def all(self, name):
        return [value for key, value in self.headers if key == name]

    def get(self, name):
        return next(iter(self.all(name)), None)

    def cookies(self):
        pairs = [value.split(";")[0].split("=", 1) for value in self.all("set-cookie")]
        return {name: value for name, value in pairs if value}


def ask(port, line, headers=(), body=b"", tunnel=None, host=None):
    """One request on a connection of its own. The path goes as it is. `tunnel`: bytes that should come back after a 101."""
    with socket.create_connection(("127.0.0.1", port), timeout=PATIENCE) as connection:
        head = [f"{line} HTTP/1.1", f"Host: {host or f'127.0.0.1:{port}'}", *headers]
        if body and not any(line.startswith("Transfer-Encoding:") for line in headers):
            head.append(f"Content-Length: {len(body)}")
        if tunnel is None and not any(line.startswith("Connection:") for line in headers):
            head.append("Connection: close")
        connection.sendall("\r\n".join(head + ["", ""]).encode("latin-1") + body)
        with connection.makefile("rb") as stream:
            lines = read_head(stream)
            assert lines, f"{line}: the connection was closed without an answer"
            answer = Answer(lines, b"")
            if answer.status == 101:
                connection.sendall(tunnel)
                answer.body = stream.read(len(tunnel))
            elif not line.startswith("HEAD") and answer.status not in (204, 304):
                answer.body = read_body(stream, answer.headers)
            return answer


class Process:
    """A program with its output in a file and nothing of this environment; it ends with the block that it is used in."""

    def __init__(self, name, folder, command):
        self.log = folder / f"{name}.log"
        with self.log.open("ab") as log:
            env = {"PATH": os.environ["PATH"], "HOME": str(folder), "LANG": "C.UTF-8"}
            self.child = subprocess.Popen(command, cwd=folder, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=env)

    def wait_for(self, port):
        begun = time.monotonic()
        while time.monotonic() - begun < PATIENCE:
            if self.child.poll() is not None:
                break
            try:
                socket.create_connection(("127.0.0.1", port), timeout=1).close()
                return self
            except OSError:
                time.sleep(0.05)
        raise AssertionError(f"it does not listen on {port}:\n{self.log.read_text()}")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.child.send_signal(signal.SIGTERM)
        try:
            self.child.wait(3)
        except subprocess.TimeoutExpired:
            self.child.kill()
            self.child.wait()


class World:
    """A folder, its ports, a backend, and what is started between them."""

    def __init__(self, folder, sidegate):
        folder.mkdir(parents=True)
        self.folder, self.binary = folder, sidegate
        self.front, self.front_http2, self.gate, self.behind = free_ports(4)
        self.backend = Backend(self.behind)

    def sidegate(self, settings):
        """`settings`: further keys. The database stays for the next start."""
        text = f"""server.listen = "127.0.0.1:{self.gate}"
server.public_url = "http://127.0.0.1:{self.front}"
upstream.url = "http://127.0.0.1:{self.behind}"
admin.listen = ""
database.url = "redb:t.redb"
passwords.memory = "64KiB"
passwords.iterations = 1
{settings}
[[rules]]
path = "/public/*"
allow = "anyone"
[[rules]]
path = "/private"
host = "open.example"
allow = "anyone"
[[rules]]
path = "/"
allow = "anyone"
[[rules]]
path = "/read/*"
methods = ["GET"]
allow = "anyone"
[[rules]]
path = "/gone/*"
allow = "deny"
"""
        (self.folder / "sidegate.toml").write_text(text)
        return Process("sidegate", self.folder, [self.binary, "serve"]).wait_for(self.gate)

    def configure(self, kind, name):
        """The very file of docs/front-proxies, but for its ports."""
        text = (DOCS / kind / name).read_text()
        for address, port in [("8080", self.front), ("8081", self.front_http2), ("8000", self.gate), ("9000", self.behind)]:
            for sign in (":", "port_value: "):
                text = text.replace(f"{sign}{address}", f"{sign}{port}")
        (self.folder / name).write_text(text)
        return self.folder / name

    def proxy(self, program, kind, commands):
        command, file = commands[program]
        for further in ["sidegate.lua"] if (program, kind) == ("haproxy", "verify") else []:
            self.configure(kind, further)
        path = self.configure(kind, file)
        command = [part.format(file=path, folder=self.folder, port=self.front) for part in command]
        return Process(program, self.folder, command).wait_for(self.front)

    def seen(self):
        """What the backend saw since it was asked last."""
        seen, self.backend.seen = self.backend.seen, []
        return seen

    def ask(self, line, *headers, body=b"", tunnel=None, host=None):
        return ask(self.front, line, headers, body, tunnel, host)

    def ask_websocket_by_http2(self, path, *headers, data):
        pairs = [(name.lower(), value) for name, value in (line.split(": ", 1) for line in headers)]
        return http2.websocket(self.front, path, pairs, data, PATIENCE)

    def post_json(self, path, value, *headers):
        return self.ask(f"POST {path}", "Content-Type: application/json", *headers, body=json.dumps(value).encode())
