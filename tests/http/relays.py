"""What stands between the driver and a sink: TLS, and proxies."""

from __future__ import annotations

import socket
import ssl
import threading

from crmcore.testing.loopback import HungUp, Loopback


def encrypted(sink, certificate, *protocols):
    """Let a sink that listens already speak TLS."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate)
    context.set_alpn_protocols(list(protocols))
    listener = sink._listener
    plain = listener.accept

    class Listener:
        close, shutdown, getsockname = listener.close, listener.shutdown, listener.getsockname

        def accept(self):
            connection, place = plain()
            try:
                return context.wrap_socket(connection, server_side=True), place
            except OSError:
                connection.close()
                return self.accept()

    sink._listener = Listener()
    return sink


class Proxy(Loopback):
    """A proxy that takes CONNECT, and requests for http:// as they are; `heads` are what it was asked."""

    def __init__(self, to=None):
        super().__init__(self._converse_on)
        self.heads, self._to = [], to

    def _converse_on(self, wire):
        head = wire.until(b"\r\n\r\n").decode()
        self.heads.append(head)
        if not head.startswith("CONNECT"):
            wire.say(b'HTTP/1.1 200 OK\r\nContent-Length: 11\r\n\r\n{"id": "p"}')
            raise HungUp
        if self._to is None:
            wire.say(b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n")
            raise HungUp
        with socket.create_connection(("127.0.0.1", self._to)) as onward:
            wire.say(b"HTTP/1.1 200 OK\r\n\r\n")
            ours = wire._connection
            back = threading.Thread(target=_copied, args=(onward, ours), daemon=True)
            back.start()
            _copied(ours, onward)
            back.join()


def _copied(source, sink):
    try:
        while some := source.recv(65536):
            sink.sendall(some)
        sink.shutdown(socket.SHUT_WR)
    except OSError:
        """One side has ended."""
