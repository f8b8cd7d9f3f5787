# SPDX-License-Identifier: MIT
"""A client of cachewarden for Python 3.9 or later: one file, which needs only the standard library.

    from cachewarden import Cache, cached, invalidating

    cache = Cache()                          # CACHEWARDEN_URL, CACHEWARDEN_TOKEN

    @cached(cache, "product:price", ttl=300, tags=["prices"])
    def price(product): ...                  # the key of price(7) is product:price:7

    @invalidating(cache, keys=["product:price:{product}"])
    def change_price(product, value): ...

A Cache can be shared by threads, by tasks, and with processes that are forked later. Failures raise
an exception: Unavailable if the daemon or its Redis is unreachable, Refused if a request is wrong,
Incomplete if an invalidation did not remove all matching keys. Only functions under cached() work
without the cache: they are called, and the logger "cachewarden" warns.
"""

from __future__ import annotations

import asyncio
import base64
import collections
import concurrent.futures
import contextlib
import contextvars
import functools
import hashlib
import http.client
import inspect
import json
import logging
import os
import re
import select
import socket
import string
import threading
import time
import urllib.parse
import weakref
from typing import (TYPE_CHECKING, Any, Callable, Coroutine, Deque, Dict, FrozenSet, Generator,
                    Iterable, List, Mapping, NamedTuple, Optional, Protocol, Sequence,
                    Tuple, TypeVar, Union, cast)

if TYPE_CHECKING:
    from typing_extensions import ParamSpec
    P = ParamSpec("P")
else:
    P = TypeVar("P")
R = TypeVar("R")
R_co = TypeVar("R_co", covariant=True)

__all__ = ["Answer", "Cache", "CacheError", "Incomplete", "Refused", "Unavailable", "Unreadable",
           "cached", "invalidating", "make_key"]

log = logging.getLogger("cachewarden")

Key = Union[str, bytes]
CACHE = "/api/v1/cache"
ADMIN = "/api/v1/admin/cache"
MOST_TTL = 315360000          # seconds: ten years
MOST_KEYS = 1000              # of one request
MOST_BODY = 512 * 1024        # bytes of entries in one mset; limits.body_bytes is 1 MiB
AWAY_SECONDS = 1.0            # how long cached() does without a daemon that could not be reached


# Errors -----------------------------------------------------------------------------------------


class CacheError(Exception):
    """A failure; `code` is one of docs/errors.md, or empty if no daemon answered."""

    def __init__(self, message: str, code: str = "", status: int = 0,
                 problem: Optional[Mapping[str, Any]] = None) -> None:
        super().__init__(message)
        self.code, self.status = code, status
        self.problem: Mapping[str, Any] = problem or {}
        # Where invalidating() raises, its function has run and returned this.
        self.result: Any = None


class Unavailable(CacheError):
    """The daemon or its Redis is unreachable or overloaded: the same request may succeed later."""


class Refused(CacheError):
    """The daemon refuses the request, and would refuse it again."""


class Incomplete(CacheError):
    """An invalidation did not remove all matching keys; `problem` is the daemon's whole answer."""


class Unreadable(NamedTuple):
    """Returned by get() and mget() for a key that does not hold a string."""

    code: str  # wrong_type, too_large or corrupt_value


class Answer(NamedTuple):
    status: int
    headers: http.client.HTTPMessage
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


# 5xx that say something about one request, not about the daemon or Redis.
_OF_ONE_REQUEST = {"corrupt_value", "incomplete", "reply_too_large", "source_failed", "source_row",
                   "warm_failed"}


def _error(answer: Answer) -> CacheError:
    try:
        problem = json.loads(answer.body)
        code, detail = str(problem["code"]), str(problem["detail"])
    except (ValueError, KeyError, TypeError):  # not the daemon's: a proxy between
        problem, code, detail = {}, "", f"the answer has HTTP status {answer.status}"
    away = answer.status >= 500 and code not in _OF_ONE_REQUEST or answer.status == 429
    return (Unavailable if away else Refused)(detail, code, answer.status, problem)


# Connections ------------------------------------------------------------------------------------


class _UnixConnection(http.client.HTTPConnection):
    def __init__(self, path: str, timeout: float) -> None:
        super().__init__("localhost", timeout=timeout)
        self.path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self.path)


def _has_ended(sock: socket.socket) -> bool:
    """An idle connection has nothing to read, unless the other side has closed it."""
    if hasattr(select, "poll"):
        poll = select.poll()
        poll.register(sock, select.POLLIN)
        return bool(poll.poll(0))
    return bool(select.select([sock], [], [], 0)[0])


class _Connections:
    """Connections to one address that are kept while idle; any thread may use it."""

    MOST_IDLE = 32

    def __init__(self, url: str, timeout: float) -> None:
        parts = urllib.parse.urlsplit(url)
        if parts.scheme not in ("http", "https", "unix") or parts.query or parts.fragment:
            raise ValueError(f"{url!r} is not a URL such as http://127.0.0.1:8480 or unix:/path")
        if parts.scheme != "unix" and (not parts.hostname or parts.username is not None):
            raise ValueError("the URL needs a host and takes no user: give the token apart from it")
        self.parts, self.timeout = parts, timeout
        self.base = "" if parts.scheme == "unix" else parts.path.rstrip("/")
        self.port = None if parts.scheme == "unix" else parts.port
        self.idle: Deque[http.client.HTTPConnection] = collections.deque()

    def _new(self) -> http.client.HTTPConnection:
        if self.parts.scheme == "unix":
            return _UnixConnection(self.parts.path, self.timeout)
        host = cast(str, self.parts.hostname)
        if self.parts.scheme == "https":
            return http.client.HTTPSConnection(host, self.port, timeout=self.timeout)
        return http.client.HTTPConnection(host, self.port, timeout=self.timeout)

    def _take(self) -> Tuple[http.client.HTTPConnection, bool]:
        while True:
            try:
                connection = self.idle.pop()
            except IndexError:
                return self._new(), False
            if connection.sock is not None and not _has_ended(connection.sock):
                return connection, True
            connection.close()

    def _once(self, connection: http.client.HTTPConnection, method: str, path: str,
              body: Optional[bytes], headers: Mapping[str, str], timeout: float) -> Answer:
        try:
            connection.timeout = timeout
            if connection.sock is not None:
                connection.sock.settimeout(timeout)
            is_whole = True
            try:
                connection.request(method, self.base + path, body, headers)
            except (BrokenPipeError, ConnectionResetError):
                is_whole = False  # a body may have been refused before all of it was sent
            response = connection.getresponse()
            answer = Answer(response.status, response.headers, response.read())
        except BaseException:
            connection.close()
            raise
        if not is_whole or response.will_close or len(self.idle) >= self.MOST_IDLE:
            connection.close()
        else:
            self.idle.append(connection)
        return answer

    def request(self, method: str, path: str, body: Optional[bytes], headers: Mapping[str, str],
                timeout: Optional[float]) -> Answer:
        while True:
            connection, kept = self._take()
            try:
                return self._once(connection, method, path, body, headers, timeout or self.timeout)
            except (BrokenPipeError, ConnectionResetError):  # RemoteDisconnected is one of these
                # It ended between the look and the request, which nothing says has been done.
                if not kept or method == "POST":
                    raise

    def close(self) -> None:
        while self.idle:
            self.idle.pop().close()


# Values of requests -----------------------------------------------------------------------------


def _check_key(key: Key) -> bytes:
    if not isinstance(key, (str, bytes)):
        raise TypeError(f"a key is a str or bytes, not {type(key).__name__}")
    raw = key.encode() if isinstance(key, str) else key
    if not 1 <= len(raw) <= 1024:
        raise ValueError(f"a key has 1 to 1,024 bytes, not {len(raw)}")
    return raw


def _check_whole(name: str, value: Any, least: int, most: int) -> None:
    if isinstance(value, bool) or not isinstance(value, int):
        raise TypeError(f"{name} is a whole number of seconds (int), not {value!r}")
    if not least <= value <= most:
        raise ValueError(f"{name} is {least} to {most} seconds, not {value}")


def _check_ttl(ttl: Optional[int]) -> None:
    if ttl is not None and (isinstance(ttl, bool) or ttl != -1):
        _check_whole("ttl", ttl, 1, MOST_TTL)


def _check_tags(tags: Sequence[str]) -> None:
    if isinstance(tags, (str, bytes)) or not all(isinstance(tag, str) for tag in tags):
        raise TypeError(f"tags is a list of str, not {tags!r}")
    if len(tags) > 100:
        raise ValueError(f"a key has at most 100 tags, not {len(tags)}")
    for tag in tags:
        if not 1 <= len(tag.encode()) <= 256:
            raise ValueError(f"a tag has 1 to 256 bytes of UTF-8: {tag[:40]!r} has not")
        if re.search(r"[\x00-\x1f\x7f]", tag):
            raise ValueError(f"a tag holds no control characters: {tag!r} does")


def _bytes_of(value: Any) -> bytes:
    if isinstance(value, str):
        return value.encode()
    if isinstance(value, (bytes, bytearray, memoryview)):
        return bytes(value)
    raise TypeError(f"a value is a str or bytes, not {type(value).__name__}: serialize it first")


def _base64url(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def _path(key: Key, what: str = "", **query: object) -> str:
    raw = _check_key(key)
    name = urllib.parse.quote(raw, safe="")
    if raw in (b".", b".."):  # segments that mean something else in a path
        name, query["key_encoding"] = _base64url(raw), "base64url"
    asked = urllib.parse.urlencode({n: v for n, v in query.items() if v is not None})
    return f"{CACHE}/keys/{name}{what}" + ("?" + asked if asked else "")


def _tag_header(tags: Sequence[str]) -> Dict[str, str]:
    """A tag may hold spaces, commas and any script: those are percent-encoded in headers."""
    safe = "!#$&'()*+-./:;<=>?@[]^_`{|}~"
    names = [urllib.parse.quote(tag, safe) for tag in tags]
    return {"Surrogate-Key": " ".join(names)} if names else {}


# The cache --------------------------------------------------------------------------------------


class Cache:
    """The routes that applications call.

    `url` is http://HOST:PORT, https://... or unix:/PATH (CACHEWARDEN_URL), `token` the daemon's
    (CACHEWARDEN_TOKEN). `timeout` (seconds) bounds each connection, each send and each read.
    """

    def __init__(self, url: Optional[str] = None, token: Optional[str] = None,
                 timeout: float = 5.0) -> None:
        self.url = (url or os.environ.get("CACHEWARDEN_URL") or "http://127.0.0.1:8480").rstrip("/")
        if not timeout > 0:
            raise ValueError(f"timeout is a number of seconds, not {timeout}")
        self.timeout = timeout
        token = token if token is not None else os.environ.get("CACHEWARDEN_TOKEN") or None
        if token is not None and not re.fullmatch(r"[!-~]+", token):
            raise ValueError("the token is empty, or holds a space, a line end or a character "
                             "outside ASCII")
        self._headers = {"Authorization": "Bearer " + token} if token else {}
        self._after_fork()
        _caches.add(self)

    def _after_fork(self) -> None:
        """A child may not use what other threads of its parent were using."""
        self._connections = _Connections(self.url, self.timeout)
        self._flights: Dict[str, _Flight] = {}
        self._threads: Optional[concurrent.futures.ThreadPoolExecutor] = None
        self._lock = threading.Lock()
        self._away_until = self._warn_after = 0.0
        self._unwarned = 0

    def close(self) -> None:
        """Closes the idle connections and ends idle threads. The cache may be used again."""
        self._connections.close()
        with self._lock:
            threads, self._threads = self._threads, None
        if threads:
            threads.shutdown(wait=False)

    def __enter__(self) -> Cache:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # Requests

    def call(self, method: str, path: str, body: Any = None,
             headers: Optional[Mapping[str, str]] = None, *, accept: Sequence[int] = (),
             timeout: Optional[float] = None) -> Answer:
        """Sends one request; `body` is bytes, or is sent as JSON. Raises Unavailable if no answer
        comes, and Unavailable or Refused for an error, unless its status is in `accept`."""
        sent = {**self._headers, **(headers or {})}
        if body is not None and not isinstance(body, bytes):
            body = json.dumps(body, allow_nan=False).encode()
            sent["Content-Type"] = "application/json"
        try:
            answer = self._connections.request(method, path, body, sent, timeout)
        except (OSError, http.client.HTTPException) as error:
            self._away_until = time.monotonic() + AWAY_SECONDS
            what = str(error) or type(error).__name__
            raise Unavailable(f"cachewarden at {self.url} does not answer: {what}") from error
        self._away_until = 0.0
        if answer.status in accept or 200 <= answer.status < 300:
            return answer
        raise _error(answer)

    def _post(self, path: str, body: Any, timeout: Optional[float] = None) -> Any:
        return self.call("POST", path, body, timeout=timeout).json

    def _warn(self, text: str, *args: object) -> None:
        """At most once in ten seconds: with the cache away it concerns every call."""
        with self._lock:
            self._unwarned += 1
            if time.monotonic() < self._warn_after:
                return
            count, self._unwarned = self._unwarned, 0
            self._warn_after = time.monotonic() + 10
        log.warning(text + " (%d such since the last warning)", *args, count)

    # Keys

    def get(self, key: Key) -> Union[bytes, None, Unreadable]:
        """The value's bytes; None if the key is absent; Unreadable if it holds something else."""
        try:
            answer = self.call("GET", _path(key), accept=(404,))
        except Refused as error:
            if error.code in ("wrong_type", "too_large", "corrupt_value"):
                return Unreadable(error.code)
            raise
        if answer.status == 404 and answer.headers["X-Cache"] != "MISS":
            raise _error(answer)  # another server's 404
        return answer.body if answer.status == 200 else None

    def set(self, key: Key, value: Union[str, bytes, None], ttl: Optional[int] = None,
            tags: Sequence[str] = ()) -> None:
        """Stores bytes as they are and text as UTF-8. None means absence: the key is deleted.

        `ttl` is in seconds, -1 for no expiry; None for the TTL of the key's namespace.
        """
        _check_ttl(ttl)
        _check_tags(tags)
        if value is None:
            self.delete(key)
        else:
            self.call("PUT", _path(key, ttl=ttl), _bytes_of(value), _tag_header(tags))

    def delete(self, key: Key) -> bool:
        """Returns whether the key existed."""
        return bool(self.call("DELETE", _path(key)).headers["X-Cache-Deleted"] == "1")

    def ttl(self, key: Key) -> int:
        """Seconds; -1: no expiry, 0: stale, -2: absent."""
        return int(self.call("GET", _path(key, "/ttl")).json["ttl"])

    def expire(self, key: Key, ttl: int) -> bool:
        """Returns False if the key is absent."""
        if ttl is None:
            raise TypeError("expire() needs a ttl: seconds, or -1 for no expiry")
        _check_ttl(ttl)
        return self.call("POST", _path(key, "/expire"), {"ttl": ttl}, accept=(404,)).status == 200

    def mget(self, keys: Sequence[Key]) -> List[Union[str, bytes, None, Unreadable]]:
        """In the order of the keys: text, or bytes if the value is not text; None if the key is
        absent; Unreadable if it holds something else."""
        found: List[Union[str, bytes, None, Unreadable]] = []
        _check_many(keys)
        while len(found) < len(keys):
            part = [_base64url(_check_key(key)) for key in keys[len(found):][:MOST_KEYS]]
            for entry in self._post(CACHE + "/mget?key_encoding=base64url",
                                    {"keys": part})["entries"]:
                if entry is None:
                    found.append(None)
                elif entry.get("error") == "reply_too_large":
                    break  # an answer has its limit: the rest is asked for again
                elif "error" in entry:
                    found.append(Unreadable(entry["error"]))
                elif entry["encoding"] == "base64":
                    found.append(base64.b64decode(entry["value"]))
                else:
                    found.append(str(entry["value"]))
        return found

    def mset(self, values: Mapping[Key, Union[str, bytes, None]], ttl: Optional[int] = None,
             tags: Sequence[str] = ()) -> int:
        """Returns how many were stored. None means absence: such keys are deleted."""
        _check_ttl(ttl)
        _check_tags(tags)
        entries, absent = [], []
        for key, value in values.items():
            entry: Dict[str, Any] = {"key": _base64url(_check_key(key)), "encoding": "base64"}
            if value is None:
                absent.append(key)
                continue
            entry["value"] = base64.b64encode(_bytes_of(value)).decode()
            if ttl is not None:
                entry["ttl"] = ttl
            if tags:
                entry["tags"] = list(tags)
            entries.append(entry)
        if absent:
            self.mdelete(absent)
        return sum(self._post(CACHE + "/mset?key_encoding=base64url", {"entries": part})["stored"]
                   for part in _parts_of(entries))

    def mdelete(self, keys: Sequence[Key]) -> int:
        """Returns how many existed."""
        _check_many(keys)
        names = [_base64url(_check_key(key)) for key in keys]
        return sum(self._post(CACHE + "/mdelete?key_encoding=base64url",
                              {"keys": names[at:at + MOST_KEYS]})["deleted"]
                   for at in range(0, len(names), MOST_KEYS))

    # Operations

    def invalidate(self, *, wait: int = 30, dry_run: bool = False, **what: Any) -> Dict[str, Any]:
        """keys=[...], patterns=[...], tags=[...], entities={...}, user_id=..., soft=True, ...:
        returns the answer of POST invalidate. Raises Incomplete unless all matching keys are
        gone."""
        body = {**what, "wait": wait, "dry_run": dry_run}
        answer: Dict[str, Any] = self._post(ADMIN + "/invalidate", body, wait + self.timeout)
        if not dry_run and answer.get("complete") is not True:
            why = answer.get("reason") or f"it is {answer.get('state')} after {wait} s"
            raise Incomplete(f"the invalidation is not complete: {why}; "
                             f"operation {answer.get('operation_id')}", "incomplete", 0, answer)
        return answer

    def warm(self, *jobs: str, wait: int = 30) -> str:
        """Runs warm jobs of the daemon's configuration. Returns the worst of their states:
        completed, partial, failed or running."""
        body = {"cache_names": list(jobs), "wait": wait}
        return str(self._post(ADMIN + "/warm", body, wait + self.timeout)["state"])

    # What cached() asks for

    def _look(self, key: str, seconds: int) -> Answer:
        if time.monotonic() < self._away_until:
            raise Unavailable(f"cachewarden at {self.url} did not answer a moment ago")
        answer = self.call("GET", _path(key, lease=seconds), accept=(404,))
        if answer.status == 404 and answer.headers["X-Cache"] != "MISS":
            raise _error(answer)
        return answer

    def _store(self, key: str, data: bytes, ttl: Optional[int], tags: Sequence[str],
               lease: str) -> bool:
        """False where the lease has ended: the value is older than an invalidation, or late."""
        answer = self.call("PUT", _path(key, ttl=ttl), data,
                           {"X-Cache-Lease": lease, **_tag_header(tags)}, accept=(409,))
        if answer.status == 409 and _error(answer).code != "lease_lost":
            raise _error(answer)
        return answer.status != 409

    def _give_back(self, key: str, lease: str) -> None:
        """So that the next caller need not wait until the lease ends by itself."""
        try:
            self.call("DELETE", _path(key, "/lease"), headers={"X-Cache-Lease": lease})
        except CacheError as error:
            log.debug("a lease is not given back, and ends by itself: %s", error)

    def _take_off(self, key: str) -> _Flight:
        with self._lock:
            flight = self._flights[key] = _Flight()
        return flight

    def _land(self, key: str, flight: _Flight, data: Optional[bytes]) -> None:
        with self._lock:
            if self._flights.get(key) is flight:
                del self._flights[key]
        if not flight.done():
            flight.set_result(data)

    def _executor(self) -> concurrent.futures.ThreadPoolExecutor:
        """Where requests of asynchronous functions wait for their answers."""
        with self._lock:
            if self._threads is None:
                self._threads = concurrent.futures.ThreadPoolExecutor(8, "cachewarden")
            return self._threads


_caches: weakref.WeakSet[Cache] = weakref.WeakSet()


def _after_fork() -> None:
    for cache in _caches:
        cache._after_fork()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)


def _check_many(keys: Sequence[Key]) -> None:
    if isinstance(keys, (str, bytes)):
        raise TypeError(f"keys is a list of keys, not {keys!r}")


def _parts_of(entries: List[Dict[str, Any]]) -> Iterable[List[Dict[str, Any]]]:
    """So many at once that a request's body stays within its limit."""
    part: List[Dict[str, Any]] = []
    size = 0
    for entry in entries:
        grows = len(json.dumps(entry)) + 2
        if part and (len(part) == MOST_KEYS or size + grows > MOST_BODY):
            yield part
            part, size = [], 0
        part.append(entry)
        size += grows
    if part:
        yield part


# Keys of calls ----------------------------------------------------------------------------------


def _text_part(value: str) -> str:
    return re.sub(rb"[^A-Za-z0-9._-]", lambda byte: b"%%%02X" % ord(byte.group()),
                  value.encode()).decode()


def _part(value: Any) -> str:
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, int):
        return str(int(value))
    if isinstance(value, str):
        return _text_part(value)
    raise TypeError(f"{value!r} is a {type(value).__name__}: what makes a key is a str, int, bool "
                    "or None")


def _fit(prefix: str, behind: str) -> str:
    """`behind` begins with a colon, or is empty. A key of more than 200 bytes has its digest."""
    if len((prefix + behind).encode()) <= 200:
        return prefix + behind
    key = f"{prefix}:#{hashlib.sha256(behind[1:].encode()).hexdigest()[:32]}"
    if len(key.encode()) > 200:
        raise ValueError(f"the prefix {prefix[:40]!r}... leaves no room in a key of 200 bytes")
    return key


def make_key(prefix: str, /, *args: Any, **params: Any) -> str:
    """The key built from these parts, as by POST /key and cw_key_make() (docs/keys.json)."""
    if not isinstance(prefix, str) or not prefix:
        raise ValueError(f"a key begins with a prefix (str), which {prefix!r} is not")
    if len(args) + len(params) > 64:
        raise ValueError(f"a key has at most 64 parts, not {len(args) + len(params)}")
    parts = [_part(value) for value in args]
    parts += [_text_part(name) + "=" + _part(params[name])
              for name in sorted(params, key=str.encode)]
    return _fit(prefix, "".join(":" + part for part in parts))


class _Call(NamedTuple):
    """The arguments of one call, in one way however they were passed."""

    args: List[Any]              # by position, defaults filled in, without self or cls
    params: Dict[str, Any]       # keyword-only ones, and those of **kwargs
    names: Dict[str, Any]        # all of them by name, self too


class _Arguments:
    """How a function binds its arguments. A first parameter named self or cls is not counted."""

    def __init__(self, function: Callable[..., Any]) -> None:
        if not callable(function) or isinstance(function, (type, staticmethod, classmethod)):
            raise TypeError(f"{function!r} is not a function: put the decorator below "
                            "@staticmethod, @classmethod and @property")
        if inspect.isgeneratorfunction(function) or inspect.isasyncgenfunction(function):
            raise TypeError(f"{function!r} is a generator, which has not run when it returns: "
                            "return a list")
        self.name = getattr(function, "__qualname__", repr(function))
        self.signature = inspect.signature(function)
        parameters = list(self.signature.parameters.values())
        self.is_method = bool(parameters) and parameters[0].name in ("self", "cls")
        self.outside = self.signature.replace(parameters=parameters[self.is_method:])

    def of_call(self, args: Tuple[Any, ...], params: Dict[str, Any]) -> _Call:
        """As the function is called: a method with its self."""
        return self._canonical(self.signature.bind(*args, **params), self.is_method)

    def of_key(self, args: Tuple[Any, ...], params: Dict[str, Any]) -> _Call:
        """As .key() and .invalidate() are called: a method without its self."""
        return self._canonical(self.outside.bind(*args, **params), False)

    @staticmethod
    def _canonical(bound: inspect.BoundArguments, skip: bool) -> _Call:
        bound.apply_defaults()
        call = _Call([], {}, dict(bound.arguments))
        for name, parameter in bound.signature.parameters.items():
            value = bound.arguments[name]
            if parameter.kind is parameter.VAR_POSITIONAL:
                call.args.extend(value)
            elif parameter.kind is parameter.VAR_KEYWORD:
                call.params.update(value)
                call.names.update(value)
            elif parameter.kind is parameter.KEYWORD_ONLY:
                call.params[name] = value
            else:
                call.args.append(value)
        del call.args[:skip]
        return call


# Templates: texts that hold arguments of a call, {0} by position or {name} ------------------------

_formatter = string.Formatter()


def _plain(value: Any) -> str:
    if isinstance(value, bool) or not isinstance(value, (str, int)):
        raise TypeError(f"{value!r} is a {type(value).__name__}: tags and ids are str or int")
    return str(int(value)) if isinstance(value, int) else str(value)


def _fill_parts(template: str, call: _Call, spell: Callable[[Any], str]) -> List[str]:
    """Literal text and filled-in text in turn, beginning with literal text."""
    if not isinstance(template, str):
        raise TypeError(f"{template!r} is not a template (str)")
    out = [""]
    for literal, field, spec, conversion in _formatter.parse(template):
        out[-1] += literal
        if field is None:
            continue
        if not field or spec or conversion:
            raise ValueError(f"{template!r}: write {{0}}, {{name}} or {{name.attribute}}")
        try:
            value, _ = _formatter.get_field(field, call.args, call.names)
        except (LookupError, AttributeError) as error:
            raise ValueError(f"{template!r}: the call has no {field}") from error
        out += [spell(value), ""]
    return out


def _fill(template: str, call: _Call, spell: Callable[[Any], str] = _plain) -> str:
    return "".join(_fill_parts(template, call, spell))


def _fill_key(template: str, call: _Call) -> str:
    """The key that make_key() makes where the prefix is what stands before the first argument."""
    first, *rest = _fill_parts(template, call, _part)
    if not rest or len(first) < 2 or not first.endswith(":"):
        return first + "".join(rest)
    return _fit(first[:-1], ":" + "".join(rest))


# cached() ---------------------------------------------------------------------------------------


class Serializer(Protocol):
    """Such as the modules json and pickle. Use pickle only if no other party can write to Redis."""

    def dumps(self, value: Any, /) -> Union[str, bytes]: ...

    def loads(self, data: bytes, /) -> Any: ...


class _Json:
    """What any other program reads; NaN and the like are refused."""

    @staticmethod
    def dumps(value: Any, /) -> str:
        return json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))

    @staticmethod
    def loads(data: bytes, /) -> Any:
        return json.loads(data)


class _Flight(concurrent.futures.Future[Optional[bytes]]):
    """A load of this process under a lease, for the calls that wait for it: the bytes that it
    stored, an error, or None where they have to look again; where `is_apart`, to run by themselves.
    """

    def __init__(self) -> None:
        super().__init__()
        self.is_apart = False
        self.set_running_or_notify_cancel()  # no waiter can cancel it


# The loads that this thread or task is inside of.
_inside: contextvars.ContextVar[FrozenSet[_Flight]] = contextvars.ContextVar(
    "cachewarden_inside", default=frozenset())

# What a call does, step by step. None: run the function; a number: sleep so many seconds; a
# flight: wait for it; anything else is a request to be made. One description serves functions and
# asynchronous functions: _drive() and _drive_async() take the steps.
_Step = Union[None, float, _Flight, Callable[[], Any]]
_Steps = Generator[_Step, Any, Any]


class _Cached:
    """What cached() knows of one function."""

    def __init__(self, cache: Cache, prefix: str, arguments: _Arguments, ttl: Optional[int],
                 tags: Sequence[str], load_seconds: int, condition: Optional[Callable[[Any], bool]],
                 serializer: Serializer) -> None:
        self.cache, self.prefix, self.arguments = cache, prefix, arguments
        self.ttl, self.tags, self.load_seconds = ttl, tags, load_seconds
        self.condition, self.serializer = condition, serializer
        self.is_checked = False

    def _check(self) -> None:
        """At each call until it passes: a module that says something wrong can be imported."""
        if not isinstance(self.cache, Cache):
            raise TypeError(f"cached() begins with a Cache, which {self.cache!r} is not")
        make_key(self.prefix)
        _check_ttl(self.ttl)
        _check_whole("load_seconds", self.load_seconds, 1, 300)
        if isinstance(self.tags, (str, bytes)):
            raise TypeError(f"tags is a list of str, not {self.tags!r}")
        if self.condition is not None and not callable(self.condition):
            raise TypeError(f"condition is a function of the result, not {self.condition!r}")
        if not all(callable(getattr(self.serializer, name, None)) for name in ("dumps", "loads")):
            raise TypeError(f"{self.serializer!r} is not a serializer: it lacks dumps() or loads()")
        self.is_checked = True

    def key(self, call: _Call) -> str:
        if not self.is_checked:
            self._check()
        return make_key(self.prefix, *call.args, **call.params)

    def steps(self, args: Tuple[Any, ...], params: Dict[str, Any]) -> _Steps:
        call = self.arguments.of_call(args, params)
        key = self.key(call)
        tags = [_fill(tag, call) for tag in self.tags]
        _check_tags(tags)
        return self._steps(key, tags)

    def _steps(self, key: str, tags: List[str]) -> _Steps:
        deadline = time.monotonic() + self.load_seconds
        pause, may_delete = 0.02, True
        while True:
            try:
                answer = yield functools.partial(self.cache._look, key, self.load_seconds)
                if answer.status == 200:
                    return self._loads(answer.body)
            except Unavailable as error:
                self.cache._warn("%s() runs without the cache: %s", self.arguments.name, error)
                break
            except (Refused, _Damaged) as error:
                if not may_delete or isinstance(error, Refused) and error.code != "corrupt_value":
                    raise
                self.cache._warn("a result of %s() is computed anew: %s", self.arguments.name,
                                 error)
                may_delete = False
                yield functools.partial(self.cache.delete, key)
                continue
            lease = answer.headers["X-Cache-Lease"]
            if lease:
                return (yield from self._load(key, tags, lease))
            flight = self.cache._flights.get(key)
            if flight is not None:
                if flight in _inside.get():
                    raise RuntimeError(f"{self.arguments.name}() asks for the result that it is "
                                       "computing")
                data = yield flight
                if data is not None:
                    return self._loads(data)
                if flight.is_apart:
                    break
            elif time.monotonic() < deadline:
                yield pause  # another process is computing it
                pause = min(pause * 1.5, 0.5)
            else:
                self.cache._warn("%s() runs without the cache: others take longer than its "
                                 "load_seconds", self.arguments.name)
                break
        return self._loads(self._dumps((yield None)))

    def _load(self, key: str, tags: List[str], lease: str) -> _Steps:
        flight = self.cache._take_off(key)
        began, is_held = time.monotonic(), True
        shared: Optional[bytes] = None
        outside = _inside.set(_inside.get() | {flight})
        try:
            value = yield None
            data = self._dumps(value)
            flight.is_apart = self.condition is not None and not self.condition(value)
            if not flight.is_apart:
                shared = data if (yield from self._keep(key, data, tags, lease, began)) else None
                is_held = False
        except GeneratorExit:  # the event loop has been closed under it
            is_held = False
            raise
        except Exception as error:
            flight.set_exception(error)
            raise
        finally:
            with contextlib.suppress(ValueError):  # closed from another context
                _inside.reset(outside)
            self.cache._land(key, flight, shared)
            if is_held:
                yield functools.partial(self.cache._give_back, key, lease)
        return self._loads(data)

    def _keep(self, key: str, data: bytes, tags: List[str], lease: str, began: float) -> _Steps:
        """Stores it where the lease still lives, which ends with that. False where it may be older
        than an invalidation: calls that came after that one must not have it."""
        try:
            kept = yield functools.partial(self.cache._store, key, data, self.ttl, tags, lease)
        except Unavailable as error:
            self.cache._warn("a result of %s() is not kept: %s", self.arguments.name, error)
            return False
        if not kept and time.monotonic() - began > self.load_seconds:
            self.cache._warn("a result of %s() is not kept: it took longer than its load_seconds",
                             self.arguments.name)
            return True  # else each of them would compute it, one after the other
        return kept

    def _dumps(self, value: Any) -> bytes:
        """The caller gets what this reads back as, so that a miss gives what a hit gives."""
        return _bytes_of(self.serializer.dumps(value))

    def _loads(self, data: bytes) -> Any:
        try:
            return self.serializer.loads(data)
        except Exception as error:
            raise _Damaged(f"what is stored cannot be read: {error}") from error


class _Damaged(CacheError):
    """The serializer does not read what is stored."""


def _drive(steps: _Steps, run: Callable[[], Any]) -> Any:
    resume: Callable[[Any], _Step] = steps.send
    value: Any = None
    while True:
        try:
            step = resume(value)
        except StopIteration as end:
            return end.value
        try:
            resume = steps.send
            if step is None:
                value = run()
            elif isinstance(step, _Flight):
                value = step.result()
            elif isinstance(step, float):
                time.sleep(step)
                value = None
            else:
                value = step()
        except BaseException as error:
            resume, value = steps.throw, error


async def _in_thread(cache: Cache, request: Callable[[], Any]) -> Any:
    return await asyncio.get_running_loop().run_in_executor(cache._executor(), request)


async def _drive_async(cache: Cache, steps: _Steps,
                       run: Callable[[], Coroutine[Any, Any, Any]]) -> Any:
    resume: Callable[[Any], _Step] = steps.send
    value: Any = None
    cancelled: Optional[BaseException] = None
    while True:
        try:
            step = resume(value)
        except StopIteration as end:
            if cancelled:
                raise cancelled
            return end.value
        try:
            resume = steps.send
            if callable(step):
                # A request under way is waited for: its answer may be a lease to give back.
                future = asyncio.get_running_loop().run_in_executor(cache._executor(), step)
                try:
                    value = await asyncio.shield(future)
                except asyncio.CancelledError as error:
                    cancelled = error
                    await asyncio.wait([future])
                    value = future.result()
            elif cancelled:
                raise cancelled
            elif step is None:
                value = await run()
            elif isinstance(step, float):
                value = await asyncio.sleep(step, None)
            else:
                value = await asyncio.wrap_future(step)
        except BaseException as error:
            resume, value = steps.throw, error


class Cached(Protocol[P, R_co]):
    """A function under cached(). key() and invalidate() do not take the self of a method;
    invalidate() of an asynchronous function must be awaited."""

    def __call__(self, *args: P.args, **params: P.kwargs) -> R_co: ...

    def __get__(self, instance: Any, owner: Any = None) -> Cached[..., R_co]: ...

    def key(self, *args: Any, **params: Any) -> str: ...

    def invalidate(self, *args: Any, **params: Any) -> Any: ...


def cached(cache: Cache, prefix: str, ttl: Optional[int] = None, tags: Sequence[str] = (),
           load_seconds: int = 30, condition: Optional[Callable[[Any], bool]] = None,
           serializer: Serializer = _Json()) -> Callable[[Callable[P, R]], Cached[P, R]]:
    """Caches a function's results by its arguments: of all calls that miss at once, one computes.

    `tags` may contain arguments: ["user-{user_id}"]. `load_seconds` (1 to 300) is how long the
    function may take for its result to be stored. `condition(result)` says whether to store it. A
    call returns what `serializer` reads back, by default JSON: tuples become lists.

    A result is not stored if its key, a tag or a pattern that matches the key was invalidated while
    it was computed. If the function raises, so do all calls that wait for it in this process.
    """

    def decorate(function: Callable[P, R]) -> Cached[P, R]:
        arguments = _Arguments(function)
        how = _Cached(cache, prefix, arguments, ttl, tags, load_seconds, condition, serializer)

        def key(*args: Any, **params: Any) -> str:
            return how.key(arguments.of_key(args, params))

        def invalidate(*args: Any, **params: Any) -> Any:
            return cache.invalidate(keys=[key(*args, **params)])

        async def invalidate_async(*args: Any, **params: Any) -> Any:
            return await _in_thread(cache, functools.partial(invalidate, *args, **params))

        @functools.wraps(function)
        def wrapper(*args: Any, **params: Any) -> Any:
            return _drive(how.steps(args, params), functools.partial(function, *args, **params))

        @functools.wraps(function)
        async def wrapper_async(*args: Any, **params: Any) -> Any:
            run: Any = functools.partial(function, *args, **params)
            return await _drive_async(cache, how.steps(args, params), run)

        is_async = inspect.iscoroutinefunction(function)
        ret: Any = wrapper_async if is_async else wrapper
        ret.key, ret.invalidate = key, invalidate_async if is_async else invalidate
        return cast("Cached[P, R]", ret)

    return decorate


# invalidating() ---------------------------------------------------------------------------------

F = TypeVar("F", bound=Callable[..., Any])


def _fill_pattern(template: str, call: _Call) -> str:
    return _fill(template, call, _part)  # which leaves nothing that is special in a pattern


def _fill_id(template: str, call: _Call) -> str:
    text = _fill(template, call)
    if not text:
        raise ValueError(f"{template!r} is empty in this call")
    return text


_LISTS: Dict[str, Callable[[str, _Call], str]] = {
    "keys": _fill_key, "dependents_of": _fill_key, "patterns": _fill_pattern, "tags": _fill}


def _fill_list(name: str, value: Any, call: _Call) -> List[str]:
    if isinstance(value, (str, bytes)):
        raise TypeError(f"{name} is a list of templates, not {value!r}")
    texts: List[str] = []
    for one in value:
        made = one(*call.args, **call.params) if callable(one) else _LISTS[name](one, call)
        texts += [made] if isinstance(made, str) else made
    if name == "tags":
        _check_tags(texts)
    else:
        for text in texts:
            _check_key(text)
    return texts


def _fill_ids(value: Any, call: _Call) -> Any:
    if isinstance(value, str):
        return _fill_id(value, call)
    if isinstance(value, Mapping):
        return {name: _fill_ids(one, call) for name, one in value.items()}
    if isinstance(value, (list, tuple)):
        return [_fill_ids(one, call) for one in value]
    return value


def invalidating(cache: Cache, *, condition: Optional[Callable[[Any], bool]] = None,
                 **what: Any) -> Callable[[F], F]:
    """Invalidates after the function, if it raised no exception and `condition(result)` holds.

    `what` has the arguments of Cache.invalidate(). Its texts may contain the function's arguments,
    {0} by position or {name}: in `keys`, `patterns` and `dependents_of` as cached() writes them, in
    tags and ids as they are. An element of a list may also be a function of the arguments. Faults
    in these are raised before the function runs; exceptions raised after it have `result`.
    """

    def decorate(function: F) -> F:
        arguments = _Arguments(function)

        def fill(args: Tuple[Any, ...], params: Dict[str, Any]) -> Dict[str, Any]:
            if not isinstance(cache, Cache):
                raise TypeError(f"invalidating() begins with a Cache, which {cache!r} is not")
            if not what:
                raise ValueError("invalidating() needs something to invalidate, such as keys=[...]")
            call = arguments.of_call(args, params)
            return {name: _fill_list(name, value, call) if name in _LISTS
                    else _fill_ids(value, call) for name, value in what.items()}

        def finish(filled: Dict[str, Any], result: Any) -> None:
            try:
                cache.invalidate(**filled)
            except CacheError as error:
                error.result = result
                raise

        @functools.wraps(function)
        def wrapper(*args: Any, **params: Any) -> Any:
            filled = fill(args, params)
            result = function(*args, **params)
            if condition is None or condition(result):
                finish(filled, result)
            return result

        @functools.wraps(function)
        async def wrapper_async(*args: Any, **params: Any) -> Any:
            filled = fill(args, params)
            result = await function(*args, **params)
            if condition is None or condition(result):
                await _in_thread(cache, functools.partial(finish, filled, result))
            return result

        return cast(F, wrapper_async if inspect.iscoroutinefunction(function) else wrapper)

    return decorate
