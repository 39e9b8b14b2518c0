# SPDX-License-Identifier: MIT OR Apache-2.0
"""A server of aiocoap that takes readings, and answers as a test wants."""

import asyncio

from aiocoap import Context, Message
from aiocoap.numbers import codes
from aiocoap.resource import Resource, Site


class Collector(Resource):
    """The resource /readings. `answer` is called for each POST, and makes a message of
    it."""

    def __init__(self):
        super().__init__()
        self.readings = []
        self.answer = None
        self.context = None

    @classmethod
    async def start(cls, port):
        """Serves on all addresses, until it is stopped."""
        collector = cls()
        site = Site()
        site.add_resource(["readings"], collector)
        collector.context = await Context.create_server_context(site, bind=("::", port))
        return collector

    async def stop(self):
        """Ends it."""
        await self.context.shutdown()

    def reply(self, code, payload=b"", delay=0):
        """Has requests answered so from now on, after so many seconds."""
        async def answer():
            await asyncio.sleep(delay)
            return Message(code=code, payload=payload)
        self.answer = answer

    def hold(self, count):
        """Has requests wait until there are so many; what is called lets them go."""
        go = asyncio.Event()
        arrived = 0

        async def answer():
            nonlocal arrived
            arrived += 1
            if arrived == count:
                go.set()
            await go.wait()
            return Message(code=codes.CHANGED)
        self.answer = answer
        return go.set

    async def render_post(self, request):
        """Called by aiocoap, once a request: it knows repetitions."""
        self.readings.append((request.opt.uri_query, request.payload))
        return await self.answer()
