# SPDX-License-Identifier: MIT OR Apache-2.0
"""Checks of riot_coap.py about observing (RFC 7641): with datagrams as they are,
with aiocoap, and with libcoap."""

import asyncio
import contextlib
import dataclasses
import itertools
import subprocess

from aiocoap import GET, POST, DELETE, Message
from aiocoap.numbers import codes

CONFIRMABLE, NON, ACK, RESET = range(4)
OBSERVE, URI_PATH = 6, 11
CONTENT, NOT_FOUND = 0x45, 0x84
# Nothing comes in that time, in seconds, if nothing is to come.
QUIET = 2.5
# What is to come, comes.
# Seconds; only what hangs takes so long.
SOON = 120
# More observers than any device has room for.
MANY = 70


@dataclasses.dataclass
class Notification:
    """A message, as far as it is looked at."""

    kind: int
    code: int
    id: int
    token: bytes
    number: int | None
    payload: bytes


def options(pairs):
    """Encoded options, none longer than 12 bytes."""
    encoded, last = b"", 0
    for number, value in pairs:
        encoded += bytes([(number - last) << 4 | len(value)]) + value
        last = number
    return encoded


def parse(message):
    """A message; distances of its options are below 269."""
    kind, length = message[0] >> 4 & 3, message[0] & 15
    token, rest = message[4:4 + length], message[4 + length:]
    number, option = None, 0
    while rest and rest[0] != 0xff:
        distance, size = rest[0] >> 4, rest[0] & 15
        rest = rest[1:]
        if distance == 13:
            distance, rest = 13 + rest[0], rest[1:]
        option += distance
        if option == OBSERVE:
            number = int.from_bytes(rest[:size], "big")
        rest = rest[size:]
    return Notification(kind, message[1], int.from_bytes(message[2:4], "big"), token, number, rest[1:])


class Client:
    """A client by datagrams, which confirms what is to be confirmed."""

    ids = itertools.count(1)

    def __init__(self, datagrams):
        self.datagrams = datagrams
        self.seen = set()

    def empty(self, kind, message):
        """Acknowledges or rejects a message."""
        self.datagrams.send(bytes([0x40 | kind << 4, 0]) + message.id.to_bytes(2, "big"))

    def receive(self):
        """The next message. What the node repeats, since it was confirmed late, is left out."""
        self.datagrams.settimeout(SOON)
        while True:
            message = parse(self.datagrams.recv(1500))
            new = message.kind == ACK or message.id not in self.seen
            self.seen.add(message.id)
            if new:
                return message
            self.empty(ACK, message)

    def next(self):
        """The next message, which is confirmed."""
        message = self.receive()
        if message.kind == CONFIRMABLE:
            self.empty(ACK, message)
        return message

    def ask(self, path, value, token=b"t", kind=CONFIRMABLE):
        """The answer to a GET with an option Observe."""
        head = bytes([0x40 | kind << 4 | len(token), 1]) + next(self.ids).to_bytes(2, "big")
        segments = [(URI_PATH, part.encode()) for part in path.split("/")[1:]]
        self.datagrams.send(head + token + options([(OBSERVE, value)] + segments))
        return self.next()


@contextlib.contextmanager
def client(node):
    """A client of the node."""
    with node.datagrams() as datagrams:
        yield Client(datagrams)


def same(what, found, wanted):
    """Complains if what was found is not what was wanted."""
    if found != wanted:
        raise AssertionError(f"{what} is {found!r}, not {wanted!r}")


async def post(node, path):
    """Has the container `observed` count."""
    await node.expect(codes.CONTENT, POST, path)


async def quiet(node, peer, *paths):
    """What is posted to these paths is not told to a peer. Another container is observed,
    and tells twice: as an observer is told once in an interval, they would have told before
    the second time at the latest."""
    await node.install("second", "observed", "/second")
    peer.ask("/second", b"", b"second")
    for path in paths:
        await node.ask(POST, path)
    for _ in range(2):
        await post(node, "/second")
        same("told", peer.next().token, b"second")
    peer.ask("/second", b"\1", b"second")
    await node.remove("second")


async def observed(node):
    """Each change is told once, by rising numbers, until the observer has enough."""
    async with node.installed("observed", "/o"):
        with client(node) as peer:
            first = peer.ask("/o", b"")
            same("answer", (first.kind, first.code, first.payload), (ACK, CONTENT, b"0"))
            number = first.number
            for count in range(1, 4):
                await post(node, "/o")
                told = peer.next()
                same("told", (told.code, told.token, told.payload), (CONTENT, b"t", b"%d" % count))
                same(f"{told.number} after {number}", told.number > number, True)
                number = told.number
            # Several at once are fewer.
            for _ in range(5):
                await post(node, "/o")
            while peer.next().payload != b"8":
                pass
            last = peer.ask("/o", b"\1")
            same("end", (last.payload, last.number), (b"8", None))
            await quiet(node, peer, "/o")


async def rejected(node):
    """A reset ends an observation, whether or not the message was to be confirmed."""
    async with node.installed("observed", "/o"):
        for before in [0, 1]:
            with client(node) as peer:
                peer.ask("/o", b"", kind=NON)
                for _ in range(before):
                    await post(node, "/o")
                    peer.next()
                await post(node, "/o")
                message = peer.receive()
                same("kind", message.kind, [CONFIRMABLE, NON][before])
                peer.empty(RESET, message)
                await quiet(node, peer, "/o")


async def ended(node):
    """A container that goes ends what it was observed for."""
    for method, path in [(DELETE, "/rbpf/app/observed"), (POST, "/rbpf/unbind/observed")]:
        await node.install("observed", "observed", "/o")
        with client(node) as peer:
            same("answer", peer.ask("/o", b"").number is not None, True)
            await node.ask(method, path, b"/o" if method == POST else b"")
            told = peer.next()
            same("end", (told.code, told.number, told.token), (NOT_FOUND, None, b"t"))
            await quiet(node, peer, "/o")
    await node.remove("observed")


async def another(node):
    """Who says that it has changed says nothing of others; who takes its place does."""
    await node.install("observed", "observed", "/o")
    await node.install("other", "observed", "/p")
    with client(node) as peer:
        peer.ask("/o", b"")
        await quiet(node, peer, "/p")
        await node.ask(POST, "/o")
        same("count", peer.next().payload, b"1")
        # A new version of it, which begins at 0.
        await node.ask(DELETE, "/rbpf/app/other")
        await node.expect(codes.CHANGED, codes.PUT, "/rbpf/app/observed", node.image("observed"))
        same("count", peer.next().payload, b"0")
        peer.ask("/o", b"\1")
    await node.remove("observed")


async def refused(node):
    """Hostile values, and what cannot be observed, are answered."""
    async with node.installed("observed", "/o"):
        with client(node) as peer:
            for value in [b"\2", b"\xff\xff\xff", b"\1\0", bytes(4), bytes(12), b"\1" * 8]:
                answer = peer.ask("/o", value)
                same(f"answer to {value}", (answer.code, answer.number), (CONTENT, None))
            for path, code in [("/rbpf/log", CONTENT), ("/rbpf/x", NOT_FOUND), ("/rbpf/app/x", NOT_FOUND)]:
                answer = peer.ask(path, b"")
                same(path, (answer.code, answer.number), (code, None))
            await quiet(node, peer, "/o")
    async with node.installed("counter", "/count"):
        with client(node) as peer:
            answer = peer.ask("/count", b"")
            same("count", (answer.payload, answer.number), (b"1", None))
            await quiet(node, peer, "/count")


async def many(node):
    """Who comes too late is answered, and takes nobody's place. All are one host, which has
    its part of the room."""
    async with node.installed("observed", "/o"):
        with contextlib.ExitStack() as stack:
            peers = [stack.enter_context(client(node)) for _ in range(MANY)]
            numbers = [peer.ask("/o", b"").number for peer in peers]
            room = numbers.index(None)
            same("those that come later", set(numbers[room:]), {None})
            same("numbers", numbers[:room], sorted(numbers[:room]))
            # Again, by another token: still the same observer.
            same("again", peers[0].ask("/o", b"", b"new").number is not None, True)
            await post(node, "/o")
            for peer in peers[:room]:
                same("count", peer.next().payload, b"1")
            peers[0].ask("/o", b"\1", b"new")
            answer = peers[room].ask("/o", b"")
            same("who came late was not told before", answer.kind, ACK)
            same("room", answer.number is not None, True)
            for peer in peers[1:room + 1]:
                peer.ask("/o", b"\1")


async def listed(node):
    """The list, in blocks, whenever it has changed, with aiocoap."""
    for name in ["one", "two", "three", "four"]:
        await node.install(name, "counter", f"/{name}")
    request = node.context.request(Message(code=GET, uri=f"{node.base}/rbpf", observe=0))
    response = await asyncio.wait_for(request.response, SOON)
    notifications = aiter(request.observation)
    for runs in range(1, 4):
        await node.expect(codes.CONTENT, GET, "/four")
        response = await asyncio.wait_for(anext(notifications), SOON)
        lines = response.payload.decode().splitlines()
        same("containers", [line.split()[0] for line in lines], ["one", "two", "three", "four"])
        same(f"'runs {runs}' in {lines[3]}", f" runs {runs} faults 0 " in lines[3], True)
    await node.remove("one", "two")
    response = await asyncio.wait_for(anext(notifications), SOON)
    same("containers", response.payload.count(b"\n") <= 3, True)
    request.observation.cancel()
    await node.remove("three", "four")
    # aiocoap rejects what it waits for no longer; that ends it.
    await asyncio.sleep(QUIET)


async def ticking(node):
    """A timer tells, with libcoap; the container is the example."""
    await node.install("ticker", "ticker", "/tick")
    await node.expect(codes.CHANGED, POST, "/rbpf/bind/ticker", b"every:1200")
    process = await asyncio.create_subprocess_exec(
        "coap-client-notls", "-B", "100", "-s", "100", f"{node.base}/tick",
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )
    # A digit each; it is told to end before there are two.
    output = await asyncio.wait_for(process.stdout.readexactly(4), SOON)
    process.terminate()
    await process.communicate()
    counts = [int(digit) for digit in output.decode()]
    same("counts", counts, list(range(counts[0], counts[0] + 4)))
    await node.remove("ticker")


CHECKS = [observed, rejected, ended, another, refused, many, listed, ticking]
