"""A gRPC client in grpcio that goes through the gate.

  client.py shut PORT HTTP-PORT FRONT   nobody is signed in: every kind of call ends with UNAUTHENTICATED
  client.py used PORT HTTP-PORT FRONT   signs up and in, uses all of the server, signs out; prints what was done

Calls go to PORT; HTTP-PORT is where HTTP/1.1 is spoken, often the same. FRONT is the proxy before the gate, or "".
"""

import http.client
import json
import queue
import sys
import time
import uuid

import grpc

ADA = {"email": "ada@example.com", "username": "ada", "password": "correct horse battery"}


class Garden:
    """The server's methods, by a channel of its own."""

    def __init__(self, port):
        self.channel = grpc.insecure_channel(f"127.0.0.1:{port}")
        self.who = self.channel.unary_unary("/garden.Garden/Who")
        self.upper = self.channel.unary_unary("/garden.Garden/Upper")
        self.join = self.channel.stream_unary("/garden.Garden/Join")
        self.count = self.channel.unary_stream("/garden.Garden/Count")
        self.chat = self.channel.stream_stream("/garden.Garden/Chat")
        self.missing = self.channel.unary_unary("/garden.Garden/Missing")
        self.fails_late = self.channel.unary_stream("/garden.Garden/FailsLate")
        self.early = self.channel.stream_unary("/garden.Garden/Early")
        self.waits = self.channel.unary_stream("/garden.Garden/Waits")
        self.was_cancelled = self.channel.unary_unary("/garden.Garden/WasCancelled")


def failure(call):
    """How a call fails; it must."""
    try:
        outcome = call()
    except grpc.RpcError as error:
        return error
    raise AssertionError(f"the call did not fail: {outcome!r}")


def early(status, front):
    """How a call may fail that is answered before its client has said all. HAProxy 2.6 may break such a stream off, also
    straight before a gRPC server."""
    return {status, grpc.StatusCode.CANCELLED} if front == "haproxy" else {status}


def is_shut(garden, front):
    at_once = {grpc.StatusCode.UNAUTHENTICATED}
    while_it_sends = early(grpc.StatusCode.UNAUTHENTICATED, front)
    calls = (
        (lambda: garden.upper(b"a", timeout=10), at_once),
        (lambda: garden.join(iter([b"a", b"b"]), timeout=10), while_it_sends),
        (lambda: list(garden.count(b"3", timeout=10)), at_once),
        (lambda: list(garden.chat(iter([b"a"]), timeout=10)), while_it_sends),
    )
    for call, codes in calls:
        error = failure(call)
        assert error.code() in codes, error


def post(port, path, fields, cookie=""):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    headers = {"Content-Type": "application/json", "Cookie": cookie}
    connection.request("POST", path, json.dumps(fields), headers)
    answer = connection.getresponse()
    answer.read()
    assert answer.status == 200, (path, answer.status)
    return "; ".join(value.split(";")[0] for name, value in answer.getheaders() if name.lower() == "set-cookie")


def four_kinds(garden, ada):
    answer, call = garden.upper.with_call(b"rose", metadata=ada + (("x-raw-bin", bytes(range(256))),), timeout=10)
    assert answer == b"ROSE", answer
    first, last = dict(call.initial_metadata()), dict(call.trailing_metadata())
    assert first["x-first"] == "initial" and first["x-raw-bin"] == bytes(range(256)), first
    assert last["x-last"] == "trailing" and last["x-seen-bin"] == bytes(range(256)), last
    assert garden.join(iter([b"a", b"b", b"c"]), metadata=ada, timeout=10) == b"a b c"
    assert garden.join(iter([]), metadata=ada, timeout=10) == b""
    assert list(garden.count(b"5", metadata=ada, timeout=10)) == [b"0", b"1", b"2", b"3", b"4"]
    assert list(garden.count(b"0", metadata=ada, timeout=10)) == []
    said = queue.SimpleQueue()
    heard = garden.chat(iter(said.get, None), metadata=ada, timeout=20)
    for word in (b"one", b"two", b"three"):
        # Each is answered before the next is said.
        said.put(word)
        assert next(heard) == word.upper()
    said.put(None)
    assert list(heard) == [] and heard.code() == grpc.StatusCode.OK


def whoever(garden, ada):
    forged = (("x-user-id", "7"), ("x_user_id", "7"), ("x.user.id", "7"))
    assert garden.who(b"", metadata=ada + forged, timeout=10) == b"1|theme=dark"


def failures(garden, ada, front):
    error = failure(lambda: garden.missing(b"", metadata=ada, timeout=10))
    assert error.code() == grpc.StatusCode.NOT_FOUND, error
    assert error.details() == "no such plant: a rose, 100 % gone", error
    assert dict(error.trailing_metadata())["x-why"] == "wilted", error
    unknown = garden.channel.unary_unary("/garden.Garden/Unknown")
    assert failure(lambda: unknown(b"", metadata=ada, timeout=10)).code() == grpc.StatusCode.UNIMPLEMENTED
    late = garden.fails_late(b"", metadata=ada, timeout=10)
    assert next(late) == b"one"
    assert failure(lambda: next(late)).code() == grpc.StatusCode.DATA_LOSS
    for _ in range(50):
        endless = iter(lambda: b"x" * 10000, None)
        error = failure(lambda: garden.early(endless, metadata=ada, timeout=10))
        assert error.code() in early(grpc.StatusCode.RESOURCE_EXHAUSTED, front), error


def deadlines(garden, ada):
    def by_deadline(name):
        waiting = garden.waits(name, metadata=ada, timeout=0.5)
        assert next(waiting) == b"True", "the server was not told the deadline"
        assert failure(lambda: next(waiting)).code() == grpc.StatusCode.DEADLINE_EXCEEDED

    def by_hand(name):
        waiting = garden.waits(name, metadata=ada)
        assert next(waiting) == b"False"
        waiting.cancel()

    for ends in (by_deadline, by_hand):
        # Of a thousand cancellations grpcio's server does not notice one, also when its client comes straight to it.
        assert any(is_noticed(garden, ada, ends) for _ in range(3)), f"the server does not notice an end {ends.__name__}"


def is_noticed(garden, ada, ends):
    name = uuid.uuid4().bytes
    ends(name)
    return garden.was_cancelled(name, metadata=ada, timeout=20) == b"yes"


def many(garden, ada):
    large = b"x" * 3_000_000
    assert garden.upper(large, metadata=ada + (("x-raw-bin", b""),), timeout=30) == large.upper()
    calls = [garden.join.future(iter([str(n).encode()] * 3), metadata=ada, timeout=60) for n in range(500)]
    for number, call in enumerate(calls):
        assert call.result() == b" ".join([str(number).encode()] * 3)


def signed_out(garden, ada, port, cookie):
    open_call = garden.waits(b"", metadata=ada)
    assert next(open_call) == b"False"
    post(port, "/auth/signout", {}, cookie)
    begun = time.monotonic()
    error = failure(lambda: next(open_call))
    took = time.monotonic() - begun
    assert error.code() != grpc.StatusCode.OK and took < 2, (error, took)
    return round(took * 1000)


def used(calls, port, front):
    garden = Garden(calls)
    post(port, "/auth/signup", ADA)
    cookie = post(port, "/auth/signin", {"email": ADA["email"], "password": ADA["password"]})
    ada = (("cookie", f"theme=dark; {cookie}"),)
    four_kinds(garden, ada)
    print("unary, client streaming, server streaming and both at once, with metadata and trailers")
    whoever(garden, ada)
    failures(garden, ada, front)
    print("one identity, whatever is claimed; failures with their details: trailers-only, late, and before the upload's end")
    deadlines(garden, ada)
    many(garden, ada)
    print("deadlines and cancellations reach the server; 500 calls at once; a message of 3 MB")
    took = signed_out(garden, ada, port, cookie)
    is_shut(garden, front)
    print(f"signed out: an open stream ended in {took} ms, then UNAUTHENTICATED")


if __name__ == "__main__":
    what, calls, http_port, before = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), sys.argv[4]
    if what == "shut":
        is_shut(Garden(calls), before)
    else:
        used(calls, http_port, before)
