"""What Envoy sends to a service, byte for byte, on its way there."""

import contextlib
import socket
import threading
from dataclasses import dataclass


@dataclass
class Seen:
    """One request as the service got it."""

    method: str
    target: str
    fields: list

    def values(self, name):
        return [value for key, value in self.fields if key == name]


class Recorder:
    """Listens in place of the service, and hands on what comes both ways."""

    def __init__(self, port, service_port):
        self.service_port = service_port
        self.pieces = []
        self.listener = socket.create_server(("127.0.0.1", port))
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        number = 0
        with contextlib.suppress(OSError):
            while True:
                client, _ = self.listener.accept()
                number += 1
                threading.Thread(target=self._serve, args=(client, number), daemon=True).start()

    def _serve(self, client, number):
        at = ("127.0.0.1", self.service_port)
        with client, contextlib.suppress(OSError), socket.create_connection(at) as service:
            back = threading.Thread(target=copy, args=(service, client, lambda piece: None), daemon=True)
            back.start()
            copy(client, service, lambda piece: self.pieces.append((number, piece)))
            back.join()

    def stop(self):
        # A listener that is only closed goes on in the thread that accepts.
        with contextlib.suppress(OSError):
            self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()

    def mark(self):
        return len(self.pieces)

    def streams(self, since=0):
        """What came on each connection; between two clients no request is under way."""
        streams = {}
        for number, piece in self.pieces[since:]:
            streams[number] = streams.get(number, b"") + piece
        return list(streams.values())

    def requests(self, since=0):
        return [seen for stream in self.streams(since) for seen in requests_in(stream)]


def copy(source, target, note):
    with contextlib.suppress(OSError):
        while piece := source.recv(65536):
            note(piece)
            target.sendall(piece)
    with contextlib.suppress(OSError):
        target.shutdown(socket.SHUT_WR)


def requests_in(stream):
    """The requests of one connection. After a WebSocket began there are none."""
    while stream:
        head, end, stream = stream.partition(b"\r\n\r\n")
        if not end:
            return
        first, *lines = head.decode("latin-1").split("\r\n")
        method, target, _ = first.split(" ")
        fields = [(name.lower(), value.strip()) for name, _, value in (line.partition(":") for line in lines)]
        seen = Seen(method, target, fields)
        yield seen
        if seen.values("upgrade"):
            return
        stream = after_body(seen, stream)


def after_body(seen, stream):
    if "chunked" in seen.values("transfer-encoding"):
        while True:
            size, _, stream = stream.partition(b"\r\n")
            size = int(size, 16)
            stream = stream[size + 2 :]
            if size == 0:
                return stream
    return stream[int((seen.values("content-length") or ["0"])[0]) :]
