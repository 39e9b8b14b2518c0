#!/usr/bin/env python3
# SPDX-License-Identifier: MIT OR Apache-2.0
"""Asks a RIOT node with aiocoap and libcoap; prints a line `ok NAME` or
`FAIL NAME: why` a check.

usage: riot_coap.py coap://ADDRESS IMAGES open|closed [READING]

  IMAGES   folder with the images that dist/tools/test-riot.sh makes
  open     the node lets anyone install containers (RBPF_UNSIGNED_INSTALL=1)
  closed   it does not
  READING  what the first sensor says, 23.45
"""

import asyncio
import pathlib
import random
import socket
import subprocess
import sys
import urllib.parse

from aiocoap import Context, GET, POST, PUT, DELETE, FETCH, Message
from aiocoap.numbers import codes
from aiocoap.optiontypes import BlockOption, OpaqueOption

TIMEOUT = 20
SLOTS = 4
REQUESTS = 500
NO_RESPONSE = 258


class Node:
    """A node, and a client for it."""

    def __init__(self, context, base, images, reading):
        self.context = context
        self.base = base
        self.images = images
        self.reading = reading

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

    def image(self, name):
        """An image's bytes."""
        return (self.images / f"{name}.rbpf").read_bytes()

    async def install(self, name, image, path):
        """Installs a container and binds it."""
        await self.expect(codes.CREATED, PUT, f"/rbpf/app/{name}", self.image(image))
        await self.expect(codes.CHANGED, POST, f"/rbpf/bind/{name}", path.encode())

    async def remove(self, *names):
        """Removes containers."""
        for name in names:
            await self.expect(codes.DELETED, DELETE, f"/rbpf/app/{name}")


def same(what, found, wanted):
    """Complains if what was found is not what was wanted."""
    if found != wanted:
        raise AssertionError(f"{what} is {found!r}, not {wanted!r}")


def contains(text, part):
    """Complains if a text lacks a part."""
    if part not in text:
        raise AssertionError(f"{part!r} is not in {text!r}")


async def pages(node):
    """What a node without containers says."""
    contains(await node.expect(codes.CONTENT, GET, "/.well-known/core"), "</rbpf>")
    same("list", await node.expect(codes.CONTENT, GET, "/rbpf"), "")
    contains(await node.expect(codes.CONTENT, GET, "/rbpf/stats"), f"slots 0 of {SLOTS}\n")
    for path in ["/", "/nothing", "/rbpf/nothing", "/rbpf/app/x", "/rbpf/kv/x/1", "/rbpfx"]:
        await node.expect(codes.NOT_FOUND, GET, path)
    await node.expect(codes.METHOD_NOT_ALLOWED, POST, "/rbpf")
    await node.expect(codes.BAD_REQUEST, GET, "/rbpf/kv/global/x")


async def closed(node):
    """Nothing can be installed."""
    image = node.image("coap_sensor")
    await node.expect(codes.METHOD_NOT_ALLOWED, PUT, "/rbpf/app/sensor", image)
    await node.expect(codes.METHOD_NOT_ALLOWED, DELETE, "/rbpf/app/sensor")
    await node.expect(codes.NOT_FOUND, POST, "/rbpf/bind/sensor", b"/temp")
    same("list", await node.expect(codes.CONTENT, GET, "/rbpf"), "")


async def sensor(node):
    """The life of the sensor container."""
    await node.install("sensor", "coap_sensor", "/temp")
    response = await node.ask(GET, "/temp")
    same("payload", response.payload, node.reading.encode())
    same("format", int(response.opt.content_format), 0)
    size = len(node.image("coap_sensor"))
    contains(await node.expect(codes.CONTENT, GET, "/rbpf"), f"sensor path /temp bytes {size} runs 1")
    contains(await node.expect(codes.CONTENT, GET, "/rbpf/app/sensor"), "granted sensor\n")
    same("bindings", await node.expect(codes.CONTENT, GET, "/rbpf/bindings"), "/temp sensor\n")
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
    same("payload", await client("-m", "get", f"{node.base}/temp"), node.reading)
    contains(await client("-m", "get", "-b", "16", f"{node.base}/rbpf"), "sensor path /temp bytes")
    await client("-m", "delete", f"{node.base}/rbpf/app/sensor")
    same("list", await node.expect(codes.CONTENT, GET, "/rbpf"), "")


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


async def payload(node):
    """A request's payload reaches the container; one too large does not."""
    await node.install("echo", "echo", "/echo")
    same("echo", await node.expect(codes.CHANGED, POST, "/echo", b"hello"), "hello")
    await node.expect(codes.REQUEST_ENTITY_TOO_LARGE, POST, "/echo", bytes(129))
    await node.expect(codes.REQUEST_ENTITY_TOO_LARGE, POST, "/echo", bytes(3000))
    await node.remove("echo")


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
    await node.expect(codes.CONFLICT, PUT, "/rbpf/app/a", image)
    await node.expect(codes.CONFLICT, POST, "/rbpf/bind/a", b"/rbpf/a")
    await node.expect(codes.BAD_REQUEST, POST, "/rbpf/bind/a", b"a")
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


async def options(node):
    """Options that are odd, long, or try to silence the answer."""
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
    host = urllib.parse.urlsplit(node.base).netloc.strip("[]")
    address = socket.getaddrinfo(host, 5683, socket.AF_INET6, socket.SOCK_DGRAM)[0][4]
    with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as sender:
        # NON, tokens, and options that begin like a path of the module.
        start = b"\x51\x03\x12\x34\xaa\xb4rbpf\x03app\x01n"
        for _ in range(500):
            data = bytearray(start + generator.randbytes(generator.randrange(80)))
            for _ in range(generator.randrange(4)):
                data[generator.randrange(len(data))] = generator.randrange(256)
            sender.sendto(data[:generator.randrange(1, len(data) + 1)], address)
            await asyncio.sleep(0.002)
    contains(await node.expect(codes.CONTENT, GET, "/rbpf/stats"), "slots ")


async def endurance(node):
    """Many requests in a row leave nothing behind."""
    await node.expect(codes.CONTENT, GET, "/rbpf")
    text = await node.expect(codes.CONTENT, GET, "/rbpf")
    for line in text.splitlines():
        await node.remove(line.split(" ")[0])
    await node.install("sensor", "coap_sensor", "/temp")
    for _ in range(REQUESTS):
        same("payload", await node.expect(codes.CONTENT, GET, "/temp"), node.reading)
    contains(await node.expect(codes.CONTENT, GET, "/rbpf"), f"runs {REQUESTS} faults 0")
    text = await node.expect(codes.CONTENT, GET, "/rbpf/stats")
    contains(text, f"slots 1 of {SLOTS}\n")
    contains(text, "refused 0\ntimeouts 0\n")
    await node.remove("sensor")


OPEN = [pages, sensor, libcoap, values, faults, payload, long_list, bad_images, blocks, options,
        noise, endurance]
CLOSED = [pages, closed, options]


async def main(base, images, state, reading="23.45"):
    context = await Context.create_client_context()
    node = Node(context, base, pathlib.Path(images), reading)
    failed = False
    for check in OPEN if state == "open" else CLOSED:
        name = f"{state} {check.__name__}"
        try:
            await check(node)
            print(f"ok CoAP {name}", flush=True)
        except Exception as error:
            failed = True
            print(f"FAIL CoAP {name}: {type(error).__name__} {error}", flush=True)
    await context.shutdown()
    return failed


if __name__ == "__main__":
    if len(sys.argv) not in (4, 5) or sys.argv[3] not in ("open", "closed"):
        sys.exit(__doc__)
    sys.exit(asyncio.run(main(*sys.argv[1:])))
