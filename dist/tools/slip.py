#!/usr/bin/env python3
# SPDX-License-Identifier: MIT OR Apache-2.0
"""Runs nrfsim, and lets programs on this workstation reach the guest by UDP.

usage: slip.py [--port PORT] NRFSIM ELF [OPTION...]

The guest's second serial line carries IP (SLIP, RFC 1055) and has the address
fe80::2, as RIOT's own tools assume. What comes to ::1, port PORT (5683), goes
to the guest's port 5683, and the answers go back, so that
`coap://[::1]/.well-known/core` is the guest's. To the guest, all this comes
from fe80::1. There is neither a network interface nor a need for rights.

The guest may ask, too: what it sends to a port of fe80::1 goes to that port of
::1. Only UDP is carried, in whole packets of at most 1500 bytes.
"""

import argparse
import ipaddress
import os
import pathlib
import selectors
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import time

HERE = ipaddress.IPv6Address("fe80::1").packed
GUEST = ipaddress.IPv6Address("fe80::2").packed
HOST = "::1"
COAP = 5683
# Of the CoAP ping that tells whether the guest answers; no client has it.
PING_PORT = 7
PING = b"\x40\x00\x00\x00"
PONG = b"\x70\x00\x00\x00"
UDP = 17
HEADERS = 40 + 8
MTU = 1500
# Ports of the guest that may wait for answers at a time.
PORTS = 16
# How long nrfsim may take to open its line, in seconds.
PATIENCE = 10

END, ESCAPE, ESCAPED_END, ESCAPED_ESCAPE = b"\xc0", b"\xdb", b"\xdb\xdc", b"\xdb\xdd"


def tell(text):
    """Says something to the user."""
    print(f"[slip] {text}", file=sys.stderr, flush=True)


def checksum(source, destination, datagram):
    """The sum over pseudo header and datagram; 0 if its checksum is right."""
    data = source + destination + struct.pack("!II", len(datagram), UDP) + datagram
    data += bytes(len(data) % 2)
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total > 0xFFFF:
        total = (total & 0xFFFF) + (total >> 16)
    return total ^ 0xFFFF


def packet(source_port, destination_port, payload):
    """A packet to the guest."""
    length = 8 + len(payload)
    head = struct.pack("!HHH", source_port, destination_port, length)
    total = checksum(HERE, GUEST, head + bytes(2) + payload) or 0xFFFF
    ip = struct.pack("!IHBB", 6 << 28, length, UDP, 64) + HERE + GUEST
    return ip + head + struct.pack("!H", total) + payload


def datagram(data):
    """Ports and payload of a packet from the guest; None if it is no sound UDP."""
    if len(data) < HEADERS or data[0] >> 4 != 6 or data[6] != UDP or data[24:40] != HERE:
        return None
    length, source, inner = struct.unpack("!H", data[4:6])[0], data[8:24], data[40:]
    ports = struct.unpack("!HHH", inner[:6])
    if length != len(inner) or ports[2] != length or checksum(source, HERE, inner) != 0:
        return None
    return ports[0], ports[1], inner[8:]


def enclose(data):
    """A packet as it goes over the line."""
    return END + data.replace(ESCAPE, ESCAPED_ESCAPE).replace(END, ESCAPED_END) + END


def disclose(frame):
    """What a frame encloses."""
    return frame.replace(ESCAPED_END, END).replace(ESCAPED_ESCAPE, ESCAPE)


class Bridge:
    """Between the line and UDP."""

    def __init__(self, line, port):
        self.line = line
        self.received = b""
        self.answered = False
        self.selector = selectors.DefaultSelector()
        self.selector.register(line, selectors.EVENT_READ)
        # By the guest's port
        self.sockets = {}
        self.open(COAP, port)
        self.port = port

    def open(self, guest_port, port=0):
        """What comes to a port of this workstation is for a port of the guest."""
        if len(self.sockets) == PORTS:
            oldest = [known for known in self.sockets if known != COAP][0]
            self.selector.unregister(self.sockets[oldest])
            self.sockets.pop(oldest).close()
        opened = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
        opened.bind((HOST, port))
        self.selector.register(opened, selectors.EVENT_READ, guest_port)
        self.sockets[guest_port] = opened

    def to_guest(self, guest_port):
        """Takes a datagram that has come from a program."""
        try:
            payload, sender = self.sockets[guest_port].recvfrom(0x10000)
        except ConnectionError:
            # It was told that nobody listens there any more.
            return
        if HEADERS + len(payload) > MTU:
            tell(f"dropped a datagram of {len(payload)} bytes, at most {MTU - HEADERS} are carried")
            return
        self.line.sendall(enclose(packet(sender[1], guest_port, payload)))

    def from_guest(self, data):
        """Takes a packet that has come from the guest."""
        found = datagram(data)
        if found is None:
            return
        guest_port, port, payload = found
        if port == PING_PORT:
            if payload == PONG and not self.answered:
                self.answered = True
                colon = "" if self.port == COAP else f":{self.port}"
                tell(f"the node answers at coap://[{HOST}]{colon}")
            return
        if guest_port not in self.sockets:
            self.open(guest_port)
        try:
            self.sockets[guest_port].sendto(payload, (HOST, port))
        except OSError:
            # Nobody is there: on a network the guest would not learn it either.
            pass

    def run(self):
        """Carries until the line ends."""
        while True:
            if not self.answered:
                self.line.sendall(enclose(packet(PING_PORT, COAP, PING)))
            for key, _ in self.selector.select(None if self.answered else 0.5):
                if key.fileobj is not self.line:
                    self.to_guest(key.data)
                    continue
                data = self.line.recv(0x10000)
                if not data:
                    return
                *frames, self.received = (self.received + data).split(END)
                for frame in frames:
                    self.from_guest(disclose(frame))


def connect(path, child):
    """The line, once nrfsim has opened it."""
    line = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    for _ in range(PATIENCE * 50):
        try:
            line.connect(str(path))
            return line
        except OSError:
            if child.poll() is not None:
                sys.exit(child.returncode)
            time.sleep(0.02)
    child.kill()
    sys.exit("error: nrfsim does not open its second serial line")


def main():
    """Runs nrfsim, and carries what it sends."""
    parser = argparse.ArgumentParser(usage=__doc__.split("usage: ")[1].splitlines()[0])
    parser.add_argument("--port", type=int, default=COAP)
    parser.add_argument("command", nargs=argparse.REMAINDER)
    arguments = parser.parse_args()
    if not arguments.command:
        parser.error("no command")
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder) / "uarte1"
        command = arguments.command + ["--realtime", "--uarte1", f"unix:{path}"]
        child = subprocess.Popen(command)
        # Ctrl-C is for nrfsim, which ends then, and with it the line.
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.signal(signal.SIGTERM, lambda *_: child.terminate())
        try:
            Bridge(connect(path, child), arguments.port).run()
        except OSError as error:
            # Also of the line, when nrfsim has ended.
            if child.poll() is None:
                tell(f"{error}: is port {arguments.port} of {HOST} free?")
                child.terminate()
                child.wait()
                return 1
        return child.wait()


if __name__ == "__main__":
    sys.exit(main())
