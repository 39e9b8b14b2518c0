#!/usr/bin/env python3
# SPDX-License-Identifier: MIT OR Apache-2.0
"""Asks a device with aiocoap; prints a line `ok NAME` or `FAIL NAME: why` a check.

usage: interop_aiocoap.py coap://ADDRESS:PORT...
"""

import asyncio
import sys

from aiocoap import CHANGED, CONTENT, GET, INTERNAL_SERVER_ERROR, NOT_FOUND
from aiocoap import POST, PUT, SERVICE_UNAVAILABLE, Context, Message, Unreliable

# Seconds; only what hangs takes so long.
TIMEOUT = 120
LETTERS = bytes(97 + index % 26 for index in range(3000))
UPLOAD = bytes(index * 7 % 256 for index in range(4000))


def same(what, found, wanted):
    """Complains if what was found is not what was wanted."""
    if found != wanted:
        raise AssertionError(f"{what} {found!r}, not {wanted!r}")


async def ask(context, code, uri, payload=b"", **keywords):
    """The response to a request; aiocoap does the blocks."""
    message = Message(code=code, uri=uri, payload=payload, **keywords)
    return await asyncio.wait_for(context.request(message).response, TIMEOUT)


async def sensor(context, base):
    response = await ask(context, GET, f"{base}/sensor")
    same("code", response.code, CONTENT)
    same("payload", response.payload, b"23.45")
    same("format", int(response.opt.content_format), 0)


async def sensor_non(context, base):
    response = await ask(context, GET, f"{base}/sensor", transport_tuning=Unreliable)
    same("payload", response.payload, b"23.45")


async def unknown_path(context, base):
    response = await ask(context, GET, f"{base}/nothing")
    same("code", response.code, NOT_FOUND)


async def fault(context, base):
    response = await ask(context, GET, f"{base}/fault")
    same("code", response.code, INTERNAL_SERVER_ERROR)
    same("payload", response.payload, b"fault InvalidRead pc 1 address 0x0")


async def endless(context, base):
    response = await ask(context, GET, f"{base}/endless")
    same("code", response.code, SERVICE_UNAVAILABLE)


async def large(context, base):
    response = await ask(context, GET, f"{base}/large")
    same("code", response.code, CONTENT)
    same("payload", response.payload, LETTERS)


async def put_blocks(context, base):
    response = await ask(context, PUT, f"{base}/sum", UPLOAD)
    same("payload", response.payload, str(sum(UPLOAD)).encode())


async def post_blocks(context, base):
    response = await ask(context, POST, f"{base}/echo", UPLOAD)
    same("code", response.code, CHANGED)
    same("payload", response.payload, UPLOAD)


async def core(context, base):
    response = await ask(context, GET, f"{base}/.well-known/core")
    same("format", int(response.opt.content_format), 40)
    if b"</sensor>" not in response.payload:
        raise AssertionError(f"no </sensor> in {response.payload!r}")


async def observed(context, base):
    """Each change is told, by rising numbers; afterwards nothing is."""
    request = context.request(Message(code=GET, uri=f"{base}/observed", observe=0))
    response = await asyncio.wait_for(request.response, TIMEOUT)
    count, number = int(response.payload), response.opt.observe
    notifications = aiter(request.observation)
    for _ in range(3):
        await ask(context, POST, f"{base}/observed")
        response = await asyncio.wait_for(anext(notifications), TIMEOUT)
        count += 1
        same("payload", response.payload, str(count).encode())
        same(f"{response.opt.observe} after {number}", response.opt.observe > number, True)
        number = response.opt.observe
    request.observation.cancel()


async def observed_list(context, base):
    """The list, which has changed."""
    request = context.request(Message(code=GET, uri=f"{base}/rbpf", observe=0))
    first = await asyncio.wait_for(request.response, TIMEOUT)
    await ask(context, GET, f"{base}/large")
    second = await asyncio.wait_for(anext(aiter(request.observation)), TIMEOUT)
    lines = [len(response.payload.splitlines()) for response in (first, second)]
    same("containers", lines, [7, 7])
    same("change", first.payload != second.payload, True)
    request.observation.cancel()


async def observed_not(context, base):
    """It never says that it may be observed."""
    request = context.request(Message(code=GET, uri=f"{base}/sensor", observe=0))
    response = await asyncio.wait_for(request.response, TIMEOUT)
    same("payload", response.payload, b"23.45")
    same("number", response.opt.observe, None)


CHECKS = [
    sensor,
    sensor_non,
    unknown_path,
    fault,
    endless,
    large,
    put_blocks,
    post_blocks,
    core,
    observed,
    observed_list,
    observed_not,
]


async def main(bases):
    context = await Context.create_client_context()
    failed = 0
    for base in bases:
        for check in CHECKS:
            name = f"aiocoap {base} {check.__name__}"
            try:
                await check(context, base)
                print(f"ok {name}", flush=True)
            except Exception as error:  # pylint: disable=broad-except
                failed += 1
                print(f"FAIL {name}: {error!r}", flush=True)
    await context.shutdown()
    return 1 if failed or not bases else 0


if __name__ == "__main__":
    sys.exit(asyncio.run(main(sys.argv[1:])))
