"""A server of the official Python SDK (first generation) that only speaks HTTP+SSE (2024-11-05). The first line on standard output is
`listening PORT`. Loopback only."""
import socket

import uvicorn
from mcp.server.fastmcp import Context, FastMCP
from pydantic import BaseModel

server = FastMCP("python-old", log_level="ERROR")


class Currency(BaseModel):
    color: str


@server.tool()
def refund_payment(charge_id: str, amount: float, currency: str = "usd") -> str:
    return f"Refunded {amount:g} {currency} of {charge_id}."


@server.tool()
def delete_customer(customer: str) -> str:
    return f"Deleted {customer}."


@server.tool()
def get_charge(charge_id: str) -> str:
    return charge_id


@server.tool()
async def list_charges(context: Context) -> str:
    await context.report_progress(1, 2)
    answer = await context.elicit("Which color?", schema=Currency)
    return f"{answer.action} {answer.data.color if answer.data else ''}"


door = socket.socket()
door.bind(("127.0.0.1", 0))
print(f"listening {door.getsockname()[1]}", flush=True)
uvicorn.Server(uvicorn.Config(server.sse_app(), log_level="error", timeout_graceful_shutdown=1)).run(sockets=[door])
