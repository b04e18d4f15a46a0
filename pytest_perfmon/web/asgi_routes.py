"""The route template that Starlette and FastAPI leave in a scope, read without importing them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from pytest_perfmon.web.interfaces import Scope

_REST: Final = "/{path}"
"""What a mount's template ends with, and the name of all paths of an app that has no routes."""


class ScopeRoutes:
    """Spells the routes of requests that have been handled, mounts and prefixes included."""

    __slots__ = ("_plain_mounts",)

    def __init__(self) -> None:
        self._plain_mounts: set[str] = set()

    def template(self, scope: Scope) -> str | None:
        """Give the template below the server's own root path; None where there was no route.

        Values of parameters never show: those of a mount that cannot be found among the routes
        any more are `/{mount}`.
        """
        route = scope.get("route")
        if "fastapi" in scope:
            route = _included_route(route, scope["fastapi"])
        own: str | None = getattr(route, "path_format", None)
        if own is None and "app" in scope:
            route = _route_of_endpoint(scope)
            own = getattr(route, "path_format", None)
        if "app_root_path" not in scope:
            return own
        mounted: str = scope["root_path"][len(scope["app_root_path"]) :]
        if mounted not in self._plain_mounts:
            mounted = self._mount_template(scope, mounted, getattr(route, "param_convertors", {}))
        # A mounted app that is no router leaves the mount itself as the route, or none.
        return mounted + (_REST if own is None or hasattr(route, "routes") else own)

    def _mount_template(self, scope: Scope, mounted: str, own_params: Iterable[str]) -> str:
        found = _spell_mounts(getattr(scope.get("router"), "routes", ()), mounted)
        if found is None:
            return mounted if scope["path_params"].keys() <= set(own_params) else "/{mount}"
        if found == mounted:
            self._plain_mounts.add(mounted)
        return found


def _included_route(route: Any, included: Any) -> Any:
    """Give what FastAPI matched of an included router: its route knows nothing of the prefix."""
    context = included.get("effective_route_context")
    if context is None or (context.original_route is not route and hasattr(route, "path_format")):
        return route
    return context.starlette_route or context


def _route_of_endpoint(scope: Scope) -> Any:
    """Find the route of an endpoint: FastAPI does not name those that are Starlette's."""
    endpoint = scope.get("endpoint")
    path = scope["path"].removeprefix(scope.get("root_path", ""))
    for route in getattr(scope["app"], "routes", ()):
        if getattr(route, "endpoint", None) is endpoint and route.path_regex.match(path):
            return route
    return None


def _spell_mounts(routes: Iterable[Any], mounted: str) -> str | None:
    """Spell a root path by the templates of the mounts that it leads through."""
    if not mounted:
        return ""
    for route in routes:
        inner = getattr(route, "routes", None)
        if inner is None:
            continue
        pattern = getattr(route, "path_regex", None)
        if pattern is None:  # a host, which takes nothing of the path
            found = _spell_mounts(inner, mounted)
            if found is not None:
                return found
        elif match := pattern.match(f"{mounted}/"):
            rest = match["path"].rstrip("/")
            found = _spell_mounts(inner, f"/{rest}" if rest else "")
            if found is not None:
                return str(route.path_format).removesuffix(_REST) + found
    return None
