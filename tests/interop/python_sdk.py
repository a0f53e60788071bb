"""Does one story with the official Python SDK and prints what it saw as one JSON line.

    python python_sdk.py v1|v2 legacy|modern|sse URL TOKEN '[["tool", {args}], ...]'
"""
import asyncio
import json
import sys

GENERATION, ERA, URL, TOKEN, CALLS = sys.argv[1:6]
HEADERS = {"Authorization": f"Bearer {TOKEN}"} if TOKEN else {}
ANSWER = {"name": "Ada", "color": "blue", "username": "ada", "email": "ada@example.com"}


def wanted(schema: dict) -> dict:
    return {field: ANSWER[field] for field in schema.get("properties", {}) if field in ANSWER}


async def story(client, call) -> dict:
    progress = []

    async def on_progress(done, total, _message):
        progress.append([done, total])

    seen = {"tools": sorted(tool.name for tool in (await client.list_tools()).tools), "calls": []}
    for name, arguments in json.loads(CALLS):
        try:
            result = await call(name, arguments, on_progress)
            failed = getattr(result, "is_error", getattr(result, "isError", False))
            seen["calls"].append({"text": "".join(getattr(part, "text", "") for part in result.content), "isError": bool(failed)})
        except Exception as error:                 # the SDK's own kinds differ between generations
            body = getattr(error, "error", error)
            seen["calls"].append({"code": getattr(body, "code", None), "message": str(error), "data": getattr(body, "data", None)})
    seen["progress"] = progress
    return seen


async def first() -> dict:
    from mcp import ClientSession, types
    from mcp.client.sse import sse_client
    from mcp.client.streamable_http import streamablehttp_client

    async def elicited(_context, params):
        return types.ElicitResult(action="accept", content=wanted(params.requestedSchema))

    async def sampled(_context, params):
        return types.CreateMessageResult(role="assistant", model="echo", content=types.TextContent(type="text", text=f"[{params.messages[-1].content.text}]"))

    async def rooted(_context):
        return types.ListRootsResult(roots=[types.Root(uri="file:///one", name="one")])

    transport = sse_client(URL, headers=HEADERS) if ERA == "sse" else streamablehttp_client(URL, headers=HEADERS)
    async with transport as (read, write, *_):
        async with ClientSession(read, write, elicitation_callback=elicited, sampling_callback=sampled, list_roots_callback=rooted) as client:
            opened = await client.initialize()
            seen = await story(client, lambda name, arguments, tell: client.call_tool(name, arguments, progress_callback=tell))
            return {"version": opened.protocolVersion} | seen


async def second() -> dict:
    import httpx2
    import mcp_types as types
    from mcp import Client
    from mcp.client.streamable_http import streamable_http_client

    async def elicited(_context, params):
        return types.ElicitResult(action="accept", content=wanted(params.requested_schema))

    async def sampled(_context, params):
        return types.CreateMessageResult(role="assistant", model="echo", content=types.TextContent(type="text", text=f"[{params.messages[-1].content.text}]"))

    async def rooted(_context):
        return types.ListRootsResult(roots=[types.Root(uri="file:///one", name="one")])

    async with httpx2.AsyncClient(headers=HEADERS, timeout=30) as http:
        transport = streamable_http_client(URL, http_client=http)
        mode = "legacy" if ERA == "legacy" else "2026-07-28"
        async with Client(transport, mode=mode, elicitation_callback=elicited, sampling_callback=sampled, list_roots_callback=rooted) as client:
            seen = await story(client, lambda name, arguments, tell: client.call_tool(name, arguments, progress_callback=tell))
            return {"version": client.protocol_version} | seen


print(json.dumps(asyncio.run(first() if GENERATION == "v1" else second())))
