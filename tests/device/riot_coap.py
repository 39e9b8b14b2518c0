#!/usr/bin/env python3
# SPDX-License-Identifier: MIT OR Apache-2.0
"""Asks a RIOT node with aiocoap and libcoap; prints a line `ok NAME` or
`FAIL NAME: why` a check.

usage: riot_coap.py coap://ADDRESS IMAGES open|closed [OPTION ...]

  IMAGES           folder with the images that dist/tools/test-riot.sh makes
  open             the node lets anyone install containers, and see what they keep
                   (RBPF_UNSIGNED_INSTALL=1 RBPF_EXPOSE=1)
  closed           it does not
  --reading TEXT   what the first sensor says, 23.45 if not said
  --requests N     requests in a row, 500 if not said
  --shell IN OUT   the node's shell: a pipe to write to, a file to read from;
                   what the requests left behind is compared there
  --rbpf COMMAND   the command `rbpf`, which attaches a container to the node
  --peer           and whose device is asked the same as the node
  --collector PORT the node's containers may make requests to this port
"""

import argparse
import asyncio
import contextlib
import hashlib
import pathlib
import random
import re
import socket
import subprocess
import sys
import tempfile
import time
import urllib.parse

import cbor2

from aiocoap import Context, GET, POST, PUT, DELETE, FETCH, Message
from aiocoap.numbers import codes
from aiocoap.optiontypes import BlockOption, OpaqueOption

from collector import Collector
import riot_observe

# Seconds; only what hangs takes so long.
TIMEOUT = 120
SLOTS = 4
FAULT_LIMIT = 10
NO_RESPONSE = 258
ECHO = 252
CBOR = 60
# Bytes of a payload for who has not shown that it receives.
STRANGER = 64


class Node:
    """A node, and a client for it."""

    def __init__(self, context, base, images, options=None):
        self.context = context
        self.base = base
        self.images = images
        self.options = options

    async def ask(self, code, path, payload=b"", block=None, options=(), whole=True):
        """The response; aiocoap does the blocks if `whole`."""
        message = Message(code=code, uri=self.base + path, payload=payload)
        if block is not None:
            message.opt.block1 = BlockOption.BlockwiseTuple(*block)
        for number, value in options:
            message.opt.add_option(OpaqueOption(number, value))
        request = self.context.request(message, handle_blockwise=whole)
        return await asyncio.wait_for(request.response, TIMEOUT)

    async def expect(self, wanted, code, path, *arguments, **keywords):
        """The payload of a response with this code."""
        response = await self.ask(code, path, *arguments, **keywords)
        same(f"code of {path}", response.code, wanted)
        return response.payload.decode(errors="replace")

    async def cbor(self, path):
        """What is at a path, in CBOR."""
        response = await self.ask(GET, path, options=[(17, bytes([CBOR]))])
        same(f"code of {path}", response.code, codes.CONTENT)
        same(f"format of {path}", int(response.opt.content_format), CBOR)
        return cbor2.loads(response.payload)

    def datagrams(self):
        """A socket to the node."""
        host = urllib.parse.urlsplit(self.base).netloc
        host, _, port = host.rpartition("]")
        host, port = (host + "]", port[1:]) if host else (port.partition(":")[0], port.partition(":")[2])
        found = socket.getaddrinfo(host.strip("[]"), port or 5683, type=socket.SOCK_DGRAM)[0]
        datagrams = socket.socket(found[0], socket.SOCK_DGRAM)
        datagrams.settimeout(TIMEOUT)
        datagrams.connect(found[4])
        return datagrams

    def exchange(self, datagrams, path, *others, code=1):
        """What is answered to a request with options of these numbers and values, as the
        code, the options, and the payload. The request is confirmable, and encoded here:
        no library sends what is wrong."""
        segments = [(11, segment.encode()) for segment in path.split("/")[1:]]
        request, last = bytearray(b"\x41" + bytes([code]) + b"\x51\x52T"), 0
        for number, value in sorted([*segments, *others], key=lambda option: option[0]):
            nibbles, extended = 0, b""
            for part in [number - last, len(value)]:
                if part < 13:
                    nibbles = nibbles << 4 | part
                elif part < 269:
                    nibbles, extended = nibbles << 4 | 13, extended + bytes([part - 13])
                else:
                    nibbles, extended = nibbles << 4 | 14, extended + (part - 269).to_bytes(2, "big")
            request += bytes([nibbles]) + extended + value
            last = number
        datagrams.send(request)
        response = Message.decode(datagrams.recv(1500))
        found = {int(option.number): option.encode() for option in response.opt.option_list()}
        return response.code, found, response.payload

    def image(self, name):
        """An image's bytes."""
        return (self.images / f"{name}.rbpf").read_bytes()

    async def install(self, name, image, path):
        """Installs a container and binds it."""
        await self.expect(codes.CREATED, PUT, f"/rbpf/app/{name}", self.image(image))
        await self.expect(codes.CHANGED, POST, f"/rbpf/bind/{name}", path.encode())

    @contextlib.asynccontextmanager
    async def installed(self, name, path):
        """With a container of this name, whose image is called so, bound to a path."""
        await self.install(name, name, path)
        yield
        await self.remove(name)

    async def remove(self, *names):
        """Removes containers."""
        for name in names:
            await self.expect(codes.DELETED, DELETE, f"/rbpf/app/{name}")


def same(what, found, wanted):
    """Complains if what was found is not what was wanted."""
    if found != wanted:
        raise AssertionError(f"{what} is {found!r}, not {wanted!r}")


async def bound(node):
    """What is bound, and to what; hooks that nobody is bound to are left out."""
    text = await node.expect(codes.CONTENT, GET, "/rbpf/bindings")
    lines = [line for line in text.splitlines() if not line.endswith(" -")]
    return [re.sub(r" events \d+$", "", line) for line in lines]


def contains(text, part):
    """Complains if a text lacks a part."""
    if part not in text:
        raise AssertionError(f"{part!r} is not in {text!r}")


async def pages(node):
    """What a node without containers says."""
    contains(await node.expect(codes.CONTENT, GET, "/.well-known/core"), "</rbpf>")
    slots = await node.expect(codes.CONTENT, GET, "/rbpf/slots")
    same("slots", re.sub(r"generation \d+ room \d+", "", slots).split("\n"),
         [f"slot {number} state empty " for number in range(SLOTS)] + [""])
    same("list", await node.expect(codes.CONTENT, GET, "/rbpf"), "")
    contains(await node.expect(codes.CONTENT, GET, "/rbpf/stats"), f"slots 0\nslots-max {SLOTS}\n")
    for path in ["/", "/nothing", "/rbpf/nothing", "/rbpf/app/x", "/rbpfx"]:
        await node.expect(codes.NOT_FOUND, GET, path)
    await node.expect(codes.METHOD_NOT_ALLOWED, POST, "/rbpf")
    if node.options.state == "open":
        await node.expect(codes.NOT_FOUND, GET, "/rbpf/kv/x/1")
        await node.expect(codes.BAD_REQUEST, GET, "/rbpf/kv/global/x")


async def closed(node):
    """Nothing can be installed."""
    image = node.image("coap_sensor")
    await node.expect(codes.METHOD_NOT_ALLOWED, PUT, "/rbpf/app/sensor", image)
    await node.expect(codes.METHOD_NOT_ALLOWED, DELETE, "/rbpf/app/sensor")
    await node.expect(codes.NOT_FOUND, POST, "/rbpf/bind/sensor", b"/temp")
    same("list", await node.expect(codes.CONTENT, GET, "/rbpf"), "")


# What containers/secret.asm keeps, prints and has in a register, in text and in CBOR.
SECRETS = [b"1589831518", bytes.fromhex("5ec2e75e"), b"whisper", b"7e2ce57e2ce5",
           bytes.fromhex("7e2ce57e2ce5"), b"registers"]


async def secrets(node):
    """Nobody is shown values, logs and registers over the network; the shell shows all."""
    image = node.image("secret")
    for start in range(0, len(image), 20):
        piece = image[start : start + 20]
        shell(node, f"rbpf load secret {piece.hex()}", f"bytes {start + len(piece)}\n")
    shell(node, "rbpf load secret", "installed secret")
    shell(node, "rbpf bind secret /secret", "bound secret")
    await node.expect(codes.INTERNAL_SERVER_ERROR, GET, "/secret")
    hidden = ["kv", "kv/global/1", "kv/secret/1", "kv/secret/x", "kv/@/1", "kv/", "kv/secret",
              "log", "log/0", "log/x"]
    shown = ["", "/app/secret", "/slots", "/bindings", "/tenants", "/faults", "/stats"]
    paths = ["/.well-known/core"] + [f"/rbpf{path}" for path in shown] + [f"/rbpf/{path}" for path in hidden]
    for path in paths:
        for options in [[], [(17, bytes([CBOR]))]]:
            response = await node.ask(GET, path, options=options)
            for secret in SECRETS:
                same(f"{secret} at {path}", secret in response.payload, False)
            if path.removeprefix("/rbpf/") in hidden:
                same(f"code of {path}", response.code, codes.FORBIDDEN)
                same("text", response.payload, b"values and logs are not shown (expose)")
    contains(await node.expect(codes.CONTENT, GET, "/rbpf/faults"), "secret fault InvalidRead pc ")
    for command, secret in [("kv", "global key 1 value 1589831518"), ("faults", ",0x7e2ce57e2ce5,"),
                            ("logs", "secret: whisper\n")]:
        shell(node, f"rbpf {command}", secret)
    shell(node, "rbpf remove secret", "removed secret")


async def sensor(node):
    """The life of the sensor container."""
    await node.install("sensor", "coap_sensor", "/temp")
    contains(await node.expect(codes.CONTENT, GET, "/.well-known/core"), "</temp>")
    response = await node.ask(GET, "/temp")
    same("payload", response.payload, node.options.reading.encode())
    same("format", int(response.opt.content_format), 0)
    size = len(node.image("coap_sensor"))
    contains(await node.expect(codes.CONTENT, GET, "/rbpf"), f"sensor state bound path /temp bytes {size} runs 1")
    contains(await node.expect(codes.CONTENT, GET, "/rbpf/app/sensor"), "granted sensor\n")
    same("bindings", await bound(node), ["/temp sensor"])
    await node.expect(codes.CHANGED, POST, "/rbpf/unbind", b"/temp")
    await node.expect(codes.NOT_FOUND, GET, "/temp")
    await node.remove("sensor")
    same("list", await node.expect(codes.CONTENT, GET, "/rbpf"), "")


async def libcoap(node):
    """The same with libcoap, in small blocks."""

    async def client(*arguments):
        process = await asyncio.create_subprocess_exec(
            "coap-client-notls", "-B", "10", *arguments,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )
        output, _ = await asyncio.wait_for(process.communicate(), TIMEOUT)
        return output.decode().strip()

    image = str(node.images / "coap_sensor.rbpf")
    output = await client("-m", "put", "-b", "64", "-f", image, f"{node.base}/rbpf/app/sensor")
    contains(output, "installed sensor")
    await client("-m", "post", "-e", "/temp", f"{node.base}/rbpf/bind/sensor")
    same("payload", await client("-m", "get", f"{node.base}/temp"), node.options.reading)
    contains(await client("-m", "get", "-b", "16", f"{node.base}/rbpf"), "sensor state bound path /temp bytes")
    await client("-m", "delete", f"{node.base}/rbpf/app/sensor")
    same("list", await node.expect(codes.CONTENT, GET, "/rbpf"), "")


async def replacement(node):
    """A container is replaced by another version, and stays bound."""
    await node.install("app", "counter", "/app")
    for count in ["1", "2"]:
        same("count", await node.expect(codes.CONTENT, GET, "/app"), count)
    await node.expect(codes.UNPROCESSABLE_ENTITY, PUT, "/rbpf/app/app", b"nonsense")
    same("count", await node.expect(codes.CONTENT, GET, "/app"), "3")
    await node.expect(codes.CHANGED, PUT, "/rbpf/app/app", node.image("counter"))
    same("count", await node.expect(codes.CONTENT, GET, "/app"), "4")
    text = await node.expect(codes.CHANGED, PUT, "/rbpf/app/app", node.image("coap_sensor"))
    contains(text, "replaced app slot")
    same("payload", await node.expect(codes.CONTENT, GET, "/app"), node.options.reading)
    same("values", await node.expect(codes.CONTENT, GET, "/rbpf/kv"), "")
    contains(await node.expect(codes.CONTENT, GET, "/rbpf"), "app state bound path /app")
    await node.remove("app")


async def guard(node):
    """A container lets some requests through to the one behind it."""
    await node.install("guard", "guard", "/count")
    await node.install("counter", "counter", "/count")
    for count in ["1", "2"]:
        same("count", await node.expect(codes.CONTENT, GET, "/count"), count)
    for method in [PUT, POST, DELETE]:
        await node.expect(codes.METHOD_NOT_ALLOWED, method, "/count", b"0")
    same("count", await node.expect(codes.CONTENT, GET, "/count"), "3")
    same("refused", await node.expect(codes.CONTENT, GET, "/rbpf/kv/guard/0"), "3")
    links = await node.expect(codes.CONTENT, GET, "/.well-known/core")
    same("one resource", links.count("</count>"), 1)
    # Alone, it has nobody to pass a request on to.
    await node.remove("counter")
    same("result", await node.expect(codes.CONTENT, GET, "/count"), "0")
    await node.remove("guard")


async def cbor(node):
    """Programs read the same as people."""
    same("list", await node.cbor("/rbpf"), [])
    await node.install("counter", "counter", "/count")
    await node.install("fault", "fault", "/fault")
    await node.expect(codes.CONTENT, GET, "/count")
    await node.expect(codes.INTERNAL_SERVER_ERROR, GET, "/fault")
    counter, fault = await node.cbor("/rbpf")
    same("record", {key: counter[key] for key in ["name", "state", "path", "bytes", "runs", "faults"]},
         {"name": "counter", "state": "bound", "path": "/count", "runs": 1, "faults": 0,
          "bytes": len(node.image("counter"))})
    same("fault", (fault["fault"], fault["pc"], fault["address"]), ("InvalidRead", 1, 0))
    same("values", await node.cbor("/rbpf/kv"),
         [{"store": "counter", "key": 0, "value": 1, "owner": "counter"}])
    same("value", await node.cbor("/rbpf/kv/counter/0"), 1)
    same("slots", (await node.cbor("/rbpf/stats"))["slots"], 2)
    same("rights", (await node.cbor("/rbpf/app/counter"))["bound"], ["/count"])
    response = await node.ask(GET, "/rbpf", options=[(17, b"\x32")])
    same("code for JSON", response.code, codes.NOT_ACCEPTABLE)
    await node.remove("counter", "fault")


async def values(node):
    """What containers store can be read, and goes with them."""
    await node.install("counter", "counter", "/count")
    for count in ["1", "2", "3"]:
        same("count", await node.expect(codes.CONTENT, GET, "/count"), count)
    same("value", await node.expect(codes.CONTENT, GET, "/rbpf/kv/counter/0"), "3")
    same("values", await node.expect(codes.CONTENT, GET, "/rbpf/kv"),
         "counter key 0 value 3 owner counter\n")
    await node.expect(codes.NOT_FOUND, GET, "/rbpf/kv/global/0")
    await node.remove("counter")
    same("values", await node.expect(codes.CONTENT, GET, "/rbpf/kv"), "")


async def faults(node):
    """Faults and endless loops end the run, not the node."""
    await node.install("fault", "fault", "/fault")
    await node.install("endless", "endless", "/endless")
    for _ in range(3):
        text = await node.expect(codes.INTERNAL_SERVER_ERROR, GET, "/fault")
        same("fault", text, "fault InvalidRead pc 1 address 0x0")
        text = await node.expect(codes.SERVICE_UNAVAILABLE, GET, "/endless")
        contains(text, "fault BudgetExhausted")
    contains(await node.expect(codes.CONTENT, GET, "/rbpf"), "runs 3 faults 3")
    await node.remove("fault", "endless")


async def quarantine(node):
    """Whoever faults over and over answers no more, until it is released."""
    await node.install("fault", "fault", "/fault")
    for _ in range(FAULT_LIMIT):
        await node.expect(codes.INTERNAL_SERVER_ERROR, GET, "/fault")
    same("refused", await node.expect(codes.SERVICE_UNAVAILABLE, GET, "/fault"),
         "in quarantine after faults")
    contains(await node.expect(codes.CONTENT, GET, "/rbpf"), "fault state quarantined path /fault")
    same("state", (await node.cbor("/rbpf"))[0]["state"], "quarantined")
    await node.expect(codes.CHANGED, POST, "/rbpf/release/fault")
    await node.expect(codes.INTERNAL_SERVER_ERROR, GET, "/fault")
    await node.expect(codes.NOT_FOUND, POST, "/rbpf/release/none")
    await node.remove("fault")


async def payload(node):
    """A request's payload reaches the container; one too large does not."""
    await node.install("echo", "echo", "/echo")
    same("echo", await node.expect(codes.CHANGED, POST, "/echo", b"hello"), "hello")
    await node.expect(codes.REQUEST_ENTITY_TOO_LARGE, POST, "/echo", bytes(257))
    await node.expect(codes.REQUEST_ENTITY_TOO_LARGE, POST, "/echo", bytes(3000))
    await node.remove("echo")


async def request(node):
    """A container sees method, path and query."""
    async with node.installed("request", "/request"):
        same("request", await node.expect(codes.CONTENT, GET, "/request"), "1/request?")
        same("query", await node.expect(codes.CONTENT, PUT, "/request?a=1&b"), "3/request?a=1&b")
        same("long query", await node.expect(codes.CONTENT, GET, f"/request?{'x' * 40}"), "1/request?28")
        await node.expect(codes.BAD_OPTION, GET, f"/request?{'x' * 41}")
    # The example has no tenants.
    await node.expect(codes.NOT_FOUND, PUT, "/rbpf/app/request?tenant=alice", node.image("request"))
    await node.expect(codes.BAD_OPTION, PUT, "/rbpf/app/request?other=alice", node.image("request"))


async def long_list(node):
    """A list longer than a block comes in several."""
    names = [f"container{number}" for number in range(SLOTS)]
    for name in names:
        await node.install(name, "counter", f"/path/of/{name}")
    text = await node.expect(codes.CONTENT, GET, "/rbpf")
    same("lines", [line.split(" ")[0] for line in text.splitlines()], names)
    image = node.image("counter")
    await node.expect(codes.SERVICE_UNAVAILABLE, PUT, "/rbpf/app/more", image)
    await node.remove(*names)


async def bad_images(node):
    """Images that are not installed."""
    image = node.image("counter")
    await node.expect(codes.UNPROCESSABLE_ENTITY, PUT, "/rbpf/app/a", b"nonsense")
    await node.expect(codes.UNPROCESSABLE_ENTITY, PUT, "/rbpf/app/a", image[:-1])
    broken = bytearray(image)
    broken[40] = 0xfe
    await node.expect(codes.UNPROCESSABLE_ENTITY, PUT, "/rbpf/app/a", bytes(broken))
    await node.expect(codes.REQUEST_ENTITY_TOO_LARGE, PUT, "/rbpf/app/a", bytes(5000))
    await node.expect(codes.BAD_REQUEST, PUT, f"/rbpf/app/{'a' * 17}", image)
    await node.expect(codes.CREATED, PUT, "/rbpf/app/a", image)
    await node.expect(codes.CREATED, PUT, "/rbpf/app/a", image)
    await node.expect(codes.CONFLICT, POST, "/rbpf/bind/a", b"/rbpf/a")
    await node.expect(codes.NOT_FOUND, POST, "/rbpf/bind/a", b"a")
    await node.expect(codes.BAD_REQUEST, POST, "/rbpf/bind/a", b"/" + b"a" * 32)
    await node.expect(codes.BAD_REQUEST, POST, "/rbpf/bind/a", b"/\xff")
    await node.remove("a")


async def blocks(node):
    """Blocks out of order, of wrong length, and twice."""
    image = node.image("counter")

    async def put(wanted, number, more, data, name="b"):
        await node.expect(wanted, PUT, f"/rbpf/app/{name}", data, block=(number, more, 2), whole=False)

    incomplete = codes.REQUEST_ENTITY_INCOMPLETE
    await put(incomplete, 1, True, image[64:128])
    await put(codes.CONTINUE, 0, True, image[:64])
    await put(codes.CONTINUE, 0, True, image[:64])
    await put(incomplete, 2, True, image[128:192])
    await put(incomplete, 1, True, image[64:128], name="c")
    await put(incomplete, 0xFFFFF, True, image[:64])
    await put(codes.CONTINUE, 1, True, image[64:128])
    await put(codes.CONTINUE, 1, True, image[64:128])
    await put(incomplete, 1, True, image[:64])
    await put(codes.BAD_REQUEST, 2, True, image[128:140])
    await put(codes.CONTINUE, 0, True, b"x" * 64, name="d")
    last = len(image) // 64
    for number in range(last):
        await put(codes.CONTINUE, number, True, image[number * 64:][:64])
    await put(codes.CREATED, last, False, image[last * 64:])
    await node.remove("b")


async def duplicates(node):
    """The last block of an image comes twice, as when its answer was lost."""
    image = node.image("counter")
    last = (len(image) - 1) // 64

    def block(identifier, number):
        value = bytes([number << 4 | (number < last) << 3 | 2])
        data = image[number * 64:][:64]
        # Confirmable PUT, Uri-Path /rbpf/app/twice, Block1.
        return (b"\x40\x03" + identifier.to_bytes(2, "big") + b"\xb4rbpf\x03app\x05twice\xd1\x03"
                + value + b"\xff" + data)

    with node.datagrams() as datagrams:
        for number in range(last + 1):
            for _ in range(2):
                datagrams.send(block(0x7000 + number, number))
                answer = datagrams.recv(1500)
                wanted = codes.CONTINUE if number < last else codes.CREATED
                same(f"code for block {number}", answer[1], wanted)
    contains(await node.expect(codes.CONTENT, GET, "/rbpf"), "twice state verified path - bytes")
    await node.remove("twice")


async def long_response(node):
    """A container's response in blocks, all of one run."""
    await node.install("letters", "letters", "/letters")
    whole = (await node.ask(GET, "/letters")).payload
    same("length", len(whole), 200)
    small = Message(code=GET, uri=node.base + "/letters")
    small.opt.block2 = BlockOption.BlockwiseTuple(0, False, 1)
    response = await asyncio.wait_for(node.context.request(small).response, TIMEOUT)
    same("payload", response.payload, whole)
    contains(await node.expect(codes.CONTENT, GET, "/rbpf"), "runs 2 faults 0")
    await node.remove("letters")


async def guarded(node):
    """Blocks of an answer go to who has asked for it, and to nobody else."""
    key, block = (15, b"k"), lambda number: (23, bytes([number << 4 | 2]))
    with node.datagrams() as friend, node.datagrams() as stranger:
        await node.install("guarded", "guarded", "/guarded")
        for number in range(4):
            code, _, payload = node.exchange(friend, "/guarded", key, block(number))
            same("block", (code, payload), (codes.CONTENT, b"s" * min(64, 200 - 64 * number)))
            for other in range(4):
                code, _, payload = node.exchange(stranger, "/guarded", block(other))
                same("successful", code.is_successful(), False)
                same("letters", b"sss" in payload, False)
        same("code", node.exchange(stranger, "/guarded")[0], codes.FORBIDDEN)
        node.exchange(friend, "/guarded", key, block(0))
        # Other requests of the same peer are others.
        for others in [[block(1)], [key, (17, b""), block(1)]]:
            code, _, payload = node.exchange(friend, "/guarded", *others, code=2)
            same("code", code, codes.REQUEST_ENTITY_INCOMPLETE)
        # What is gone is gone.
        await node.expect(codes.CHANGED, POST, "/rbpf/unbind", b"/guarded")
        code, _, payload = node.exchange(friend, "/guarded", key, block(1))
        same("unbound", code, codes.NOT_FOUND)
        await node.expect(codes.CHANGED, POST, "/rbpf/bind/guarded", b"/guarded")
        node.exchange(friend, "/guarded", key, block(0))
        await node.expect(codes.CHANGED, PUT, "/rbpf/app/guarded", node.image("letters"))
        code, _, payload = node.exchange(friend, "/guarded", key, block(1), code=2)
        same("replaced", code, codes.REQUEST_ENTITY_INCOMPLETE)
        await node.remove("guarded")


async def strangers(node):
    """Who has not shown that it receives gets little at once."""
    await node.install("letters", "letters", "/letters")
    with node.datagrams() as datagrams:
        for path, exact in [("/letters", 200), ("/rbpf/stats", None), ("/rbpf/app/letters", None)]:
            code, found, payload = node.exchange(datagrams, path)
            same(f"{path}", (code, len(payload)), (codes.CONTENT, STRANGER))
            value = found[ECHO]
            same("length", len(value), 8)
            for others in [[], [(ECHO, b"")], [(ECHO, bytes(8))], [(ECHO, value + b"x")],
                           [(ECHO, bytes([value[0] ^ 1]) + value[1:])], [(23, b"\x16")]]:
                _, _, payload = node.exchange(datagrams, path, *others)
                same("little", len(payload) <= STRANGER, True)
            code, found, payload = node.exchange(datagrams, path, (ECHO, value))
            same("much", (code, ECHO in found, len(payload) > STRANGER), (codes.CONTENT, False, True))
            same("all", len(payload), exact or len(payload))
    await node.remove("letters")


async def links(node):
    """Nobody has a link with somebody else's authority."""
    await node.expect(codes.CREATED, PUT, "/rbpf/app/links", node.image("counter"))
    for path in ["/x>,</other>", "/a,b", "/a;b", '/a"b', "/a<b", "/a%41", "//host/x", "/..", "/a/../b", "/a\\b"]:
        await node.expect(codes.BAD_REQUEST, POST, "/rbpf/bind/links", path.encode())
    await node.expect(codes.CHANGED, POST, "/rbpf/bind/links", b"/-._~!$&'()*+=:@/x")
    contains(await node.expect(codes.CONTENT, GET, "/.well-known/core"), "</-._~!$&'()*+=:@/x>")
    await node.remove("links")


async def options(node):
    """Options that are odd, long, or try to silence the answer."""
    with node.datagrams() as datagrams:
        # Critical ones of another length than they are defined with, and repeated ones.
        for number, value in [(3, b""), (3, b"h" * 256), (7, bytes(3)), (17, bytes(3)), (23, bytes(4)),
                              (27, bytes(4)), (35, b""), (39, b""), (39, b"s" * 256), (1, b""), (65, b"")]:
            code, *_ = node.exchange(datagrams, "/rbpf", (number, value))
            same(f"code of {number} {len(value)}", code, codes.BAD_OPTION)
        for number, value in [(3, b"h"), (7, b""), (17, b""), (23, b"\x02")]:
            code, *_ = node.exchange(datagrams, "/rbpf/stats", (number, value))
            same(f"code of {number}", code, codes.CONTENT)
            code, *_ = node.exchange(datagrams, "/rbpf/stats", (number, value), (number, value))
            same(f"code of {number} twice", code, codes.BAD_OPTION)
        for path in ["/rbpf/x", "/.well-known/core", "/nothing"]:
            wanted = codes.CONTENT if path.endswith("core") else codes.NOT_FOUND
            for value in [b"\x02", b"\x08", b"\x1e", b"\xff"]:
                code, *_ = node.exchange(datagrams, path, (NO_RESPONSE, value))
                same(f"code of {path}", code, wanted)
    await node.expect(codes.BAD_OPTION, GET, "/rbpf", options=[(9999, b"")])
    await node.expect(codes.CONTENT, GET, "/rbpf", options=[(9998, b"x" * 20)])
    for value in [b"\x10", b"\x1a", b"\xff", b"\xff" * 8]:
        await node.expect(codes.CONTENT, GET, "/rbpf", options=[(NO_RESPONSE, value)])
        await node.expect(codes.NOT_FOUND, GET, "/rbpf/x", options=[(NO_RESPONSE, value)])
    await node.expect(codes.NOT_FOUND, GET, "/rbpf%2Fstats")
    await node.expect(codes.NOT_FOUND, GET, "/rbpf/" + "x" * 60)
    await node.expect(codes.NOT_FOUND, GET, "/" + "/".join("x" * 30))
    await node.expect(codes.BAD_OPTION, GET, "/rbpf?x=1")
    await node.expect(codes.METHOD_NOT_ALLOWED, FETCH, "/rbpf")


async def noise(node):
    """Datagrams that are hardly CoAP."""
    generator = random.Random(1)
    with node.datagrams() as sender:
        # NON, tokens, and options that begin like a path of the module.
        start = b"\x51\x03\x12\x34\xaa\xb4rbpf\x03app\x01n"
        for _ in range(500):
            data = bytearray(start + generator.randbytes(generator.randrange(80)))
            for _ in range(generator.randrange(4)):
                data[generator.randrange(len(data))] = generator.randrange(256)
            sender.send(data[:generator.randrange(1, len(data) + 1)])
            await asyncio.sleep(0.002)
    contains(await node.expect(codes.CONTENT, GET, "/rbpf/stats"), "slots ")


def shell(node, command, end):
    """What the node's shell says to a command, up to a text."""
    pipe, output = node.options.shell
    before = pathlib.Path(output).stat().st_size
    with open(pipe, "w") as stream:
        stream.write(command + "\n")
    for _ in range(100):
        time.sleep(0.1)
        text = pathlib.Path(output).read_bytes()[before:].decode(errors="replace")
        if end in text:
            time.sleep(0.1)
            return pathlib.Path(output).read_bytes()[before:].decode(errors="replace")
    raise AssertionError(f"{command} says {text!r}")


def stacks(node):
    """How deep the node's stacks have been, by thread."""
    if not node.options.shell:
        return {}
    threads = re.findall(r"\| (\w+) .*\|\s+\d+ \(\s*(-?\d+)\)", shell(node, "ps", "SUM"))
    same("threads with stacks", len(threads) > 3, True)
    return {name: int(used) for name, used in threads}


def packets(node):
    """Bytes of packets that the node has now."""
    if not node.options.shell:
        return 0
    text = shell(node, "pktbuf", "unused:")
    (size,) = re.findall(r"last byte: .*\(size: *(\d+)\)", text)
    return int(size) - sum(int(free) for free in re.findall(r"unused: .*size: *(\d+)", text))


# An interrupt, on native a signal, may come while a stack is at its deepest:
# bytes that it may take then, with all vector registers of a workstation. What is
# lost in each of 10,000 requests is more.
INTERRUPT = 4096


def nothing_lost(node, before):
    """Complains if the node has more in use than before."""
    deadline = time.monotonic() + TIMEOUT
    # A packet may be on its way.
    while used := packets(node):
        if time.monotonic() > deadline:
            raise AssertionError(f"{used} bytes of packets are kept")
    after = stacks(node)
    same("threads", set(after), set(before))
    for name, used in after.items():
        if name != "SUM" and used > before[name] + INTERRUPT:
            raise AssertionError(f"stack of {name} is {used} bytes deep, not {before[name]}")


async def endurance(node):
    """Many requests in a row leave nothing behind."""
    for line in (await node.expect(codes.CONTENT, GET, "/rbpf")).splitlines():
        await node.remove(line.split(" ")[0])
    await node.install("sensor", "coap_sensor", "/temp")
    requests, reading = node.options.requests, node.options.reading.encode()

    def ask(datagrams, first, count):
        # Confirmable GET /temp with a token of two bytes.
        for number in range(first, first + count):
            token = (number & 0xffff).to_bytes(2, "big")
            datagrams.send(b"\x42\x01" + token + token + b"\xb4temp")
            answer = datagrams.recv(1500)
            same("answer", answer, b"\x62\x45" + token + token + b"\xc0\xff" + reading)

    with node.datagrams() as datagrams:
        # What is reached once only, such as the depth of stacks, is reached.
        ask(datagrams, 0, 100)
        stats = await node.expect(codes.CONTENT, GET, "/rbpf/stats")
        before = stacks(node)
        ask(datagrams, 100, requests)
        nothing_lost(node, before)
    contains(await node.expect(codes.CONTENT, GET, "/rbpf"), f"runs {requests + 100} faults 0")
    after = await node.expect(codes.CONTENT, GET, "/rbpf/stats")
    without_jobs = [re.sub(r"jobs \d+\n", "", text) for text in (stats, after)]
    same("stats", without_jobs[1], without_jobs[0])
    contains(after, "slots 1\n")
    contains(after, "refused 0\ntimeouts 0\n")
    await node.remove("sensor")


@contextlib.contextmanager
def workstation(node):
    """The workstation's device, with the same sensor as the node."""
    whole, _, fraction = node.options.reading.partition(".")
    with tempfile.TemporaryDirectory() as folder:
        description = pathlib.Path(folder) / "device.toml"
        description.write_text(f"""
            [coap]
            listen = ["[::1]:0"]
            unsigned_install = true
            expose = true
            [runtime]
            # Of a busy machine, a helper may take a millisecond.
            budget = 10000000
            response_size = 256
            [[sensor]]
            name = "thermometer"
            class = "temp"
            unit = "degC"
            scale = {-len(fraction)}
            kind = "constant"
            value = [{whole}{fraction}]
            [[remote]]
            name = "collector"
            uri = "coap://[::1]:{node.options.collector or 9}"
        """)
        command = [node.options.rbpf, "device", "--config", str(description)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
            try:
                base = next(line.split()[1] for line in process.stdout if line.startswith("listening"))
                yield Node(node.context, base, node.images, node.options)
            finally:
                process.terminate()


async def twins(node):
    """The same image gives the same answers, counts and faults on the node
    and on the workstation's device."""
    with workstation(node) as peer:
        # What forward.c does depends on whom it sends to.
        images = {path.stem for path in node.images.glob("*.rbpf")} - {"forward"}
        for image in sorted(images):
            one, other = await life(node, image), await life(peer, image)
            same(f"{image} on the node", one, other)


async def on_both(node, check):
    """A check on the node, and on the workstation's device if that is its peer."""
    await check(node)
    if node.options.peer:
        with workstation(node) as peer:
            await check(peer)


async def timers(node):
    """Timers trigger containers, on the node and on the workstation's device."""
    await on_both(node, clock)


async def clock(node):
    """What timers do."""
    async def bind(code, target):
        await node.expect(code, POST, "/rbpf/bind/sampler", target)

    async def taken(least):
        for _ in range(2400):
            response = await node.ask(GET, "/rbpf/kv/sampler/0")
            count = int(response.payload) if response.code == codes.CONTENT else 0
            if count >= least:
                return count
            await asyncio.sleep(0.05)
        raise AssertionError(f"{count} readings, not {least}")

    await node.install("sampler", "sampler", "every:20")
    for wrong in [b"every:0", b"every:", b"after:1s", b"every:99999999999"]:
        await bind(codes.BAD_REQUEST, wrong)
    await bind(codes.CONFLICT, b"every:20")
    contains(await node.expect(codes.CONTENT, GET, "/rbpf/bindings"), "every:20 sampler events ")
    contains(await node.expect(codes.CONTENT, GET, "/rbpf"), "sampler state bound path - ")
    await taken(5)
    reading = node.options.reading.replace(".", "")
    for key in ["1", "2"]:
        same("extreme", await node.expect(codes.CONTENT, GET, f"/rbpf/kv/sampler/{key}"), reading)
    await node.expect(codes.CHANGED, POST, "/rbpf/unbind/sampler", b"every:20")
    before = await taken(5)
    await bind(codes.CHANGED, b"after:50")
    same("readings after one more", await taken(before + 1), before + 1)
    same("bindings", await bound(node), [])
    await node.remove("sampler")


async def changes(node):
    """Values that change trigger containers, on the node and on the workstation's
    device."""
    await on_both(node, watch)


async def watch(node):
    """What watching a value does."""
    async def jumps(key, wanted):
        for _ in range(2400):
            response = await node.ask(GET, f"/rbpf/kv/jumps/{key}")
            if response.code == codes.CONTENT and int(response.payload) == wanted:
                return
            await asyncio.sleep(0.05)
        raise AssertionError(f"{response.payload}, not {wanted}")

    await node.install("average", "average", "/average")
    await node.install("jumps", "jumps", "kv:global:256")
    for wrong in ["kv:", "kv:256", "kv:global:x", "kv:global:4294967296", "kv:jumps:1"]:
        await node.expect(codes.BAD_REQUEST, POST, "/rbpf/bind/jumps", wrong.encode())
    await node.expect(codes.CONFLICT, POST, "/rbpf/bind/jumps", b"kv:global:256")
    await node.expect(codes.FORBIDDEN, POST, "/rbpf/bind/jumps", b"kv:tenant:256")
    reading = int((await node.expect(codes.CONTENT, GET, "/average")).replace(".", ""))
    await jumps(0, 1)
    await jumps(1, reading)
    # The sensor says the same again, and so does the average: no change.
    await node.expect(codes.CONTENT, GET, "/average")
    contains(await node.expect(codes.CONTENT, GET, "/rbpf/app/jumps"), "runs 1 faults 0")
    # What the other has stored goes with it.
    await node.remove("average")
    await jumps(0, 2)
    await node.remove("jumps")


async def log(node):
    """What containers print is kept, on the node and on the workstation's device."""
    await on_both(node, printed)


async def printed(node):
    """What a container prints can be read from any position on."""
    async def read(path):
        text = await node.expect(codes.CONTENT, GET, f"/rbpf/log{path}")
        line, _, rest = text.partition("\n")
        offset, begins, end, ends = line.split(" ")
        same("words", (offset, end), ("offset", "end"))
        return int(begins), int(ends), rest

    async def follow(position):
        text = ""
        while True:
            begins, _, piece = await read(f"/{position}")
            same("position", begins, position)
            if not piece:
                return text
            text += piece
            position += len(piece)

    async with node.installed("hello", "/hello"):
        _, end, _ = await read("")
        for _ in range(30):
            await node.expect(codes.NOT_FOUND, GET, "/hello")
        same("text", await follow(end), "hello: Hello\n" * 30)
        same("end", (await read(f"/{end}"))[1], end + 30 * 13)
        for _ in range(400):
            await node.expect(codes.NOT_FOUND, GET, "/hello")
        begins, _, text = await read(f"/{end}")
        same("bytes are lost", begins > end, True)
        contains(text, "hello: Hello\nhello: Hello\n")
        # A position of another life of the node.
        same("the oldest", (await read("/4294967295"))[0], begins)
    for wrong in ["", "x", "-1", "4294967296"]:
        await node.expect(codes.BAD_REQUEST, GET, f"/rbpf/log/{wrong}")
    await node.expect(codes.METHOD_NOT_ALLOWED, POST, "/rbpf/log")


async def requests(node):
    """Containers make requests, on the node and on the workstation's device."""
    await on_both(node, forwarded)


async def forwarded(node):
    """What the requests of containers come to."""
    # Keys of examples/containers/forward.c
    sent, ended, code, length, truncated = 0, 1, 2, 4, 5

    async def value(name, key):
        response = await node.ask(GET, f"/rbpf/kv/{name}/{key}")
        return int(response.payload) if response.code == codes.CONTENT else 0

    async def wait(name, key, wanted):
        for _ in range(2400):
            if await value(name, key) == wanted:
                return
            await asyncio.sleep(0.05)
        raise AssertionError(f"{key} of {name} is not {wanted}")

    async def send(*names):
        for name in names:
            await node.expect(codes.CHANGED, POST, f"/rbpf/bind/{name}", b"after:1")

    collector = await Collector.start(node.options.collector)
    for name in ["one", "two"]:
        await node.install(name, "forward", "answer")
    await node.expect(codes.CONFLICT, POST, "/rbpf/bind/one", b"answer")

    for number, (answer, data, delay, kept) in enumerate([
        (codes.CHANGED, b"", 0, (0, 0)),
        (codes.CONTENT, b"x" * 64, 0, (64, 0)),
        (codes.NOT_FOUND, b"no", 0, (2, 0)),
        (codes.SERVICE_UNAVAILABLE, b"", 0, (0, 0)),
        (codes.CONTENT, b"x" * 500, 0, (64, 1)),
        # In blocks, of which nobody asks for the second
        (codes.CONTENT, b"x" * 3000, 0, (64, 1)),
        # Acknowledged before
        (codes.CHANGED, b"late", 1, (4, 0)),
    ], start=1):
        collector.reply(answer, data, delay)
        await send("one")
        await wait("one", ended, number)
        same("code", await value("one", code), int(answer))
        same("payload", (await value("one", length), await value("one", truncated)), kept)
    expected = (("unit=degC",), node.options.reading.encode())
    same("readings", collector.readings, [expected] * number)
    same("other container", await value("two", ended), 0)

    # Both at once
    collector.hold(2)
    await send("one", "two")
    await wait("one", ended, number + 1)
    await wait("two", ended, 1)

    # One is gone before its answer; who comes after it gets none
    go = collector.hold(2)
    await send("one")
    await wait("one", sent, number + 2)
    await node.remove("one")
    await node.install("one", "forward", "answer")
    await send("two")
    await wait("two", ended, 2)
    go()
    collector.reply(codes.CONTENT, b"own")
    await send("one")
    await wait("one", ended, 1)
    same("code of its own", await value("one", code), int(codes.CONTENT))
    contains(await node.expect(codes.CONTENT, GET, "/rbpf/bindings"), "answer one events 1\n")
    await node.remove("one", "two")
    await collector.stop()


async def leases(node):
    """Leases end, on the node and on the workstation's device."""
    await on_both(node, leased)


async def leased(node):
    """A container goes when its lease is over, although nobody asks."""
    async def lease(code, name, seconds):
        await node.expect(code, POST, f"/rbpf/lease/{name}", seconds)

    await node.install("one", "counter", "/one")
    await node.install("other", "counter", "/other")
    for wrong in [b"", b"x", b"-1", b"86401", b"99999999999", b"\xff", b"1" * 100]:
        await lease(codes.BAD_REQUEST, "one", wrong)
    await lease(codes.NOT_FOUND, "x", b"1")
    await node.expect(codes.METHOD_NOT_ALLOWED, GET, "/rbpf/lease/one")
    await lease(codes.CHANGED, "one", b"5")
    await lease(codes.CHANGED, "other", b"100")
    contains(await node.expect(codes.CONTENT, GET, "/rbpf"), " lease ")
    # Renewed in time.
    for _ in range(3):
        await asyncio.sleep(2)
        await lease(codes.CHANGED, "one", b"5")
    await lease(codes.CHANGED, "one", b"1")
    await lease(codes.CHANGED, "other", b"1")
    for _ in range(600):
        if not await node.expect(codes.CONTENT, GET, "/rbpf"):
            break
        await asyncio.sleep(0.2)
    same("list", await node.expect(codes.CONTENT, GET, "/rbpf"), "")
    for path in ["/one", "/other"]:
        await node.expect(codes.NOT_FOUND, GET, path)
    same("bindings", await bound(node), [])
    await node.install("one", "counter", "/one")
    await lease(codes.CHANGED, "one", b"3")
    await lease(codes.CHANGED, "one", b"0")
    await asyncio.sleep(4)
    await node.remove("one")


async def attach(node):
    """What `rbpf attach` shows of a container, which is gone afterwards, and what it says
    of one that may not be bound."""
    async def attached(target, seconds=3):
        process = await asyncio.create_subprocess_exec(
            node.options.rbpf, "attach", f"{node.base}/", "--hook", target, "--seconds", str(seconds),
            "rust/rbpf-cli/tests/c/ticker.c", stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )
        shown, said = await asyncio.wait_for(process.communicate(), TIMEOUT)
        return shown.decode(), said.decode()

    for seconds in [3, 15, 100]:
        shown, said = await attached("every:100", seconds)
        if "ticker: tick 9\n" in shown:
            break
    contains(said, "attached ticker to every:100, lease 30 s\n")
    for number in [0, 1, 9]:
        contains(shown, f"ticker: tick {number}\n")
    contains(shown, "ticker: store ticker key 0 value ")
    same("list", await node.expect(codes.CONTENT, GET, "/rbpf"), "")
    shown, said = await attached("no-hook")
    same("shown", shown, "")
    contains(said, "error: ")
    same("list", await node.expect(codes.CONTENT, GET, "/rbpf"), "")


def observers(check):
    """A check of observers, on the node and on the workstation's device."""
    async def on_node(node):
        await on_both(node, check)

    on_node.__name__ = f"observe {check.__name__}"
    return on_node


async def life(node, image):
    """All that a container of this image answers, and what is counted."""
    seen = []
    response = await node.ask(PUT, "/rbpf/app/twin", node.image(image))
    if response.code != codes.CREATED:
        return [response.code]
    await node.expect(codes.CHANGED, POST, "/rbpf/bind/twin", b"/twin")
    for code, payload in [(GET, b""), (POST, b"payload"), (PUT, bytes(200)), (GET, b"")]:
        response = await node.ask(code, "/twin", payload)
        seen.append((response.code, response.opt.content_format, response.payload))
    page = await node.expect(codes.CONTENT, GET, "/rbpf/app/twin")
    for line in page.splitlines():
        word, _, rest = line.partition(" ")
        if word == "digest":
            same("digest", rest, hashlib.sha256(node.image(image)).hexdigest())
        # How often the slot was used is the device's own business.
        elif word != "generation":
            seen.append(line)
    seen.append(await node.expect(codes.CONTENT, GET, "/rbpf/kv"))
    await node.remove("twin")
    return seen


OPEN = [pages, sensor, libcoap, replacement, guard, cbor, values, faults, quarantine, timers, changes, log,
        leases, *map(observers, riot_observe.CHECKS), requests, payload, request, long_list, bad_images,
        blocks, duplicates, long_response, guarded, strangers, links, options, noise, twins, attach, endurance]
CLOSED = [pages, closed, secrets, options]


async def main(arguments):
    context = await Context.create_client_context()
    node = Node(context, arguments.base, pathlib.Path(arguments.images), arguments)
    failed = False
    checks = OPEN if arguments.state == "open" else CLOSED
    needs = {twins: arguments.peer, attach: arguments.rbpf, requests: arguments.collector,
             strangers: arguments.shell}
    for check in [check for check in checks if needs.get(check, True)]:
        name = f"{arguments.state} {check.__name__}"
        try:
            await check(node)
            print(f"ok CoAP {name}", flush=True)
        except Exception as error:
            failed = True
            print(f"FAIL CoAP {name}: {type(error).__name__} {error}", flush=True)
    await context.shutdown()
    return failed


def arguments():
    parser = argparse.ArgumentParser(usage=__doc__)
    parser.add_argument("base")
    parser.add_argument("images")
    parser.add_argument("state", choices=["open", "closed"])
    parser.add_argument("--reading", default="23.45")
    parser.add_argument("--requests", type=int, default=500)
    parser.add_argument("--shell", nargs=2)
    parser.add_argument("--rbpf")
    parser.add_argument("--peer", action="store_true")
    parser.add_argument("--collector", type=int, default=0)
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(asyncio.run(main(arguments())))
