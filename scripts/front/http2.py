"""As much of HTTP/2 as a WebSocket's extended CONNECT (RFC 8441) needs, by plain TCP and from the first byte on. HPACK
without tables and without Huffman's code: a status that is written otherwise is None."""

import socket

DATA, HEADERS, RESET, SETTINGS, GOAWAY = 0, 1, 3, 4, 7
ACKNOWLEDGED = 0x1
END_HEADERS = 0x4
INDEXED = {0x88: 200, 0x89: 204, 0x8A: 206, 0x8B: 304, 0x8C: 400, 0x8D: 404, 0x8E: 500}


def frame(kind, flags, stream, payload=b""):
    return len(payload).to_bytes(3, "big") + bytes([kind, flags]) + stream.to_bytes(4, "big") + payload


def literal(name, value):
    parts = [text.encode("latin-1") for text in (name, value)]
    assert all(len(part) < 127 * 64 for part in parts)
    return b"\0" + b"".join(length(len(part)) + part for part in parts)


def length(number):
    """An integer with a prefix of seven bits (RFC 7541 section 5.1)."""
    if number < 127:
        return bytes([number])
    coded, number = [127], number - 127
    while number >= 128:
        coded.append(number % 128 + 128)
        number //= 128
    return bytes([*coded, number])


def status(block):
    while block and block[0] & 0xE0 == 0x20:  # A new size of the table that nobody uses.
        block = block[1:]
    if block[:1] and block[0] in INDEXED:
        return INDEXED[block[0]]
    text = block[2:5]
    # The indexes 8 to 14 are all of `:status`.
    named = block[:1] and 8 <= block[0] & 0xBF <= 14
    return int(text) if named and block[1:2] == b"\x03" and text.isdigit() else None


def websocket(port, path, headers, data, patience):
    """Asks for a WebSocket with these headers (name, value); gives the status, None where there was no answer of HTTP/2's, and
    what came back of `data`."""
    with socket.create_connection(("127.0.0.1", port), timeout=patience) as connection, connection.makefile("rb") as stream:
        pseudo = [(":method", "CONNECT"), (":protocol", "websocket"), (":scheme", "http"), (":path", path)]
        fields = [*pseudo, (":authority", f"127.0.0.1:{port}"), *headers]
        block = b"".join(literal(*field) for field in fields)
        connection.sendall(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + frame(SETTINGS, 0, 0) + frame(HEADERS, END_HEADERS, 1, block))
        answered, back = None, b""
        try:
            while len(head := stream.read(9)) == 9 and not head.startswith(b"HTTP/1."):
                kind, flags = head[3], head[4]
                payload = stream.read(int.from_bytes(head[:3], "big"))
                if kind in (RESET, GOAWAY):
                    break
                if kind == SETTINGS and not flags & ACKNOWLEDGED:
                    connection.sendall(frame(SETTINGS, ACKNOWLEDGED, 0))
                elif kind == HEADERS:
                    answered = status(payload)
                    if answered != 200:
                        break
                    connection.sendall(frame(DATA, 0, 1, data))
                elif kind == DATA:
                    back += payload
                    if len(back) >= len(data):
                        break
        except ConnectionError:
            pass
        return answered, back
