"""Applications of Starlette and FastAPI whose routes are found in every way there is."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager

from fastapi import APIRouter, FastAPI, HTTPException, WebSocket
from starlette.applications import Starlette
from starlette.background import BackgroundTask
from starlette.responses import PlainTextResponse, StreamingResponse
from starlette.routing import Host, Mount, Route, Router, WebSocketRoute


async def answer(request):
    """Answer with the path."""
    return PlainTextResponse(request.url.path)


async def fail(_request):
    """Fail as a handler does."""
    raise LookupError("no such thing")


async def bare(_scope, _receive, send):
    """Answer as an application without routes."""
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"bare"})


class Streams:
    """Endpoints that stream, and a gate that holds the rest of a stream back."""

    def __init__(self):
        self.gate = asyncio.Event()
        self.after_response = asyncio.Event()

    async def endless(self, _request):
        """Stream until the client goes away."""

        async def pieces():
            while True:
                yield b"piece\n" * 1000
                await asyncio.sleep(0.001)

        return StreamingResponse(pieces())

    async def broken(self, _request):
        """Stream one piece, and raise."""

        async def pieces():
            yield b"piece\n"
            raise ArithmeticError("half way")

        return StreamingResponse(pieces())

    async def gated(self, _request):
        """Stream one piece at once and one when the gate opens."""

        async def pieces():
            yield b"first\n"
            await self.gate.wait()
            yield b"last\n"

        return StreamingResponse(pieces())

    async def open_gate(self, _request):
        """Open the gate."""
        self.gate.set()
        return PlainTextResponse("open")

    async def with_task(self, _request):
        """Answer, and go on in the background."""
        return PlainTextResponse("x", background=BackgroundTask(self.after_response.wait))

    async def end_task(self, _request):
        """Let the background task end."""
        self.after_response.set()
        return PlainTextResponse("ended")


async def echo(websocket):
    """Send one message of a WebSocket back."""
    await websocket.accept()
    await websocket.send_text(await websocket.receive_text())
    await websocket.close()


def starlette_app():
    """Make an application of Starlette with mounts in mounts, hosts, streams and a WebSocket."""
    streams = Streams()
    inner = [Route("/items/{id:int}", answer), Route("/", answer)]

    @asynccontextmanager
    async def lifespan(app):
        app.state.is_up = True
        yield

    return Starlette(
        lifespan=lifespan,
        routes=[
            Route("/", answer),
            Route("/items/{id:int}", answer, methods=["GET", "PUT"]),
            Route("/files/{path:path}", answer),
            Route("/fail", fail),
            Route("/endless", streams.endless),
            Route("/broken", streams.broken),
            Route("/gated", streams.gated),
            Route("/open", streams.open_gate),
            Route("/with-task", streams.with_task),
            Route("/end-task", streams.end_task),
            Route("/up", lambda request: PlainTextResponse(str(request.app.state.is_up))),
            WebSocketRoute("/echo", echo),
            Host("api.example.org", Router([Mount("/hosted", routes=inner)])),
            Mount("/v1", routes=inner),
            Mount("/v2", app=Starlette(routes=[*inner, Mount("/deep", routes=inner)])),
            Mount("/t/{tenant}", routes=[*inner, Mount("/u/{user:int}", routes=inner)]),
            Mount("/bare", app=bare),
            Mount("/any/{thing}", app=bare),
        ],
    )


def fastapi_app():
    """Make an application of FastAPI with included routers in included routers, and mounts."""
    app = FastAPI()

    @app.get("/direct/{name}")
    def direct(name: str) -> str:
        return name

    @app.get("/refused")
    def refused() -> str:
        raise HTTPException(503)

    @app.get("/fail")
    def fail_here() -> str:
        raise LookupError("no such thing")

    @app.websocket("/echo")
    async def echo_here(websocket: WebSocket) -> None:
        await echo(websocket)

    users = APIRouter(prefix="/users")

    @users.get("/{user_id}")
    def user(user_id: int) -> int:
        return user_id

    orders = APIRouter()

    @orders.post("/orders/{order_id}")
    def order(user_id: int, order_id: int) -> int:
        return user_id + order_id

    users.include_router(orders, prefix="/{user_id}")
    users.add_route("/plain/{x}", answer)
    app.include_router(users, prefix="/api")
    app.include_router(users, prefix="/api2")
    app.add_route("/plain/{x}", answer)

    part = FastAPI()

    @part.get("/things/{thing}")
    def thing(thing: str) -> str:
        return thing

    part.include_router(users, prefix="/inner")
    part.add_route("/plain/{x}", answer)
    app.mount("/part", part)
    app.mount("/of/{tenant}", part)
    mounting = APIRouter()
    mounting.mount("/part", part)
    mounting.mount("/of/{tenant}", part)
    app.include_router(mounting, prefix="/included")
    app.mount("/bare", bare)
    return app
