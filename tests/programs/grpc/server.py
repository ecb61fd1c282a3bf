"""A gRPC server in grpcio with all four kinds of calls. Messages are bytes: nothing has to be generated.

  server.py PORT              in plain text
  server.py PORT CERT KEY     by TLS
"""

import pathlib
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import grpc

# The calls of `Waits` that have ended, by what they were asked, and how their end is waited for.
ended, told_of_ends = set(), threading.Condition()


def told(context, name):
    """Every value that came with this name, joined."""
    return ",".join(value for key, value in context.invocation_metadata() if key == name)


def who(request, context):
    """Who the gate says is asking, and what is left of the cookies."""
    return f"{told(context, 'x-user-id')}|{told(context, 'cookie')}".encode()


def upper(request, context):
    context.send_initial_metadata((("x-first", "initial"), ("x-raw-bin", bytes(range(256)))))
    context.set_trailing_metadata((("x-last", "trailing"), ("x-seen-bin", told_bytes(context, "x-raw-bin"))))
    return request.upper()


def told_bytes(context, name):
    return next(value for key, value in context.invocation_metadata() if key == name)


def join(requests, context):
    return b" ".join(requests)


def count(request, context):
    for number in range(int(request)):
        yield str(number).encode()


def chat(requests, context):
    for request in requests:
        yield request.upper()


def missing(request, context):
    context.set_trailing_metadata((("x-why", "wilted"),))
    context.abort(grpc.StatusCode.NOT_FOUND, "no such plant: a rose, 100 % gone")


def fails_late(request, context):
    yield b"one"
    context.abort(grpc.StatusCode.DATA_LOSS, "then it broke")


def early(requests, context):
    """Answers before its client has said anything, and reads nothing."""
    context.abort(grpc.StatusCode.RESOURCE_EXHAUSTED, "enough")


def waits(request, context):
    """Says something, then waits until its client is gone."""
    left = context.time_remaining()
    # Without a deadline it is none, or for ever.
    yield f"{left is not None and left < 60}".encode()
    begun = time.monotonic()
    while context.is_active() and time.monotonic() - begun < 60:
        time.sleep(0.01)
    with told_of_ends:
        ended.add(request)
        told_of_ends.notify_all()


def was_cancelled(request, context):
    """Waits until the call of `Waits` that was asked the same has ended."""
    with told_of_ends:
        return b"yes" if told_of_ends.wait_for(lambda: request in ended, timeout=10) else b"no"


def main():
    server = grpc.server(ThreadPoolExecutor(max_workers=64))
    methods = {
        "Who": grpc.unary_unary_rpc_method_handler(who),
        "Upper": grpc.unary_unary_rpc_method_handler(upper),
        "Join": grpc.stream_unary_rpc_method_handler(join),
        "Count": grpc.unary_stream_rpc_method_handler(count),
        "Chat": grpc.stream_stream_rpc_method_handler(chat),
        "Missing": grpc.unary_unary_rpc_method_handler(missing),
        "FailsLate": grpc.unary_stream_rpc_method_handler(fails_late),
        "Early": grpc.stream_unary_rpc_method_handler(early),
        "Waits": grpc.unary_stream_rpc_method_handler(waits),
        "WasCancelled": grpc.unary_unary_rpc_method_handler(was_cancelled),
    }
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler("garden.Garden", methods),))
    address = f"127.0.0.1:{sys.argv[1]}"
    if sys.argv[2:]:
        cert, key = (pathlib.Path(file).read_bytes() for file in sys.argv[2:])
        port = server.add_secure_port(address, grpc.ssl_server_credentials([(key, cert)]))
    else:
        port = server.add_insecure_port(address)
    if port == 0:
        sys.exit("the port is taken")
    server.start()
    server.wait_for_termination()


if __name__ == "__main__":
    main()
