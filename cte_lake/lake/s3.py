"""A lake in an object store that speaks S3: one request writes an object whole, and errors are sentences.

Where and who is asked stands in the environment (``AWS_ENDPOINT_URL``, ``AWS_PROFILE``,
``AWS_ACCESS_KEY_ID``, ...) as for every tool of such stores; nothing of it gets into a lake, a log or a task.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import PurePath, PurePosixPath
from typing import Any

from aiohttp import ClientError
from botocore.exceptions import (
    BotoCoreError,
    ConnectTimeoutError,
    EndpointConnectionError,
    NoCredentialsError,
    ReadTimeoutError,
)
from botocore.exceptions import ClientError as StoreError
from botocore.parsers import ResponseParserError
from fsspec.asyn import sync_wrapper
from fsspec.exceptions import FSTimeoutError
from s3fs import S3FileSystem

from cte_lake.errors import StoreUnavailable

_KEYS = "AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"
_ADDRESS = "AWS_ENDPOINT_URL"
#: Words of stores for what a user can put right; `{where}` is the store, `{code}` its own word.
_BY_CODE = {
    "NoSuchBucket": "there is no bucket {bucket}; make it, or correct the lake's address or " + _ADDRESS,
    "ExpiredToken": "{where} says that the credentials have expired ({code}); renew them",
    "InvalidToken": "{where} does not accept the session token ({code}); renew the credentials",
    "RequestTimeTooSkewed": "{where} says that this machine's clock is wrong ({code}); set the clock",
    "AuthorizationHeaderMalformed": "{where} belongs to another region ({code}); set AWS_REGION",
    "PermanentRedirect": "{where} belongs to another region ({code}); set AWS_REGION",
    "IllegalLocationConstraintException": "{where} belongs to another region ({code}); set AWS_REGION",
}
_ANSWERS = frozenset({404, 409, 412, 416})


def trouble(error: BaseException, bucket: str) -> str | None:
    """Return the sentence for an error; None for an answer, such as that there is no such object."""
    where, code, status = f"the object store (bucket {bucket})", code_of(error), status_of(error)
    if code in _BY_CODE:
        return _BY_CODE[code].format(where=where, bucket=bucket, code=code)
    if status >= 500:
        return f"{where} is failing or overloaded ({code or status}); try again later"
    if isinstance(error, PermissionError) or status in {401, 403}:
        return f"{where} refuses access ({code or error}); check {_KEYS} and the bucket's policy"
    if status >= 400 and status not in _ANSWERS:
        return f"{where} refuses the request ({code or status}: {error}); check {_ADDRESS} and {_KEYS}"
    return _without_answer(error, where)


def _without_answer(error: BaseException, where: str) -> str | None:
    if isinstance(error, NoCredentialsError):
        return f"{where} needs credentials and none were found; set {_KEYS}"
    if isinstance(error, ResponseParserError):
        return strange_answer(where)
    if isinstance(error, EndpointConnectionError):
        return f"cannot connect to {where}: {error}; check {_ADDRESS} and the network"
    if isinstance(error, ValueError):
        return f"the address of {where} is not understood: {error}; write {_ADDRESS} as https://HOST:PORT"
    if isinstance(error, TimeoutError | ReadTimeoutError | ConnectTimeoutError):
        return f"{where} does not answer in time; check the network, or try again later"
    if isinstance(error, BotoCoreError | ClientError | ConnectionError):
        return f"the connection to {where} broke off; try again, or check {_ADDRESS} and the network"
    return None


def strange_answer(where: str) -> str:
    """Return the sentence for an answer that no object store gives, as of a network's log-in page."""
    return f"the answer of {where} is not that of an object store; check {_ADDRESS} and the network"


def code_of(error: BaseException) -> str:
    """Return the store's own word for an error, empty for one that is not its answer."""
    return str(_response(error).get("Error", {}).get("Code", ""))


def status_of(error: BaseException) -> int:
    """Return the HTTP status of the store's answer, 0 without one."""
    return int(_response(error).get("ResponseMetadata", {}).get("HTTPStatusCode", 0))


def _response(error: BaseException) -> dict[str, Any]:
    """Return the answer behind an error: s3fs raises an `OSError` from botocore's."""
    for each in (error, error.__cause__):
        if isinstance(each, StoreError):
            return dict(each.response)
    return {}


_AT_ONCE = 32
#: What a request may end with; a `ValueError` is an address that botocore does not understand.
_TROUBLE = (BotoCoreError, ClientError, FSTimeoutError, OSError, ValueError)
#: HTTP statuses that a store explains in the body of its answer.
_WITHOUT_WORDS = frozenset({301, 400, 403})
#: Another has made or changed the object, or is doing so at this moment.
_CONDITION_FAILED = frozenset({"PreconditionFailed", "ConditionalRequestConflict", "412", "409"})


@contextlib.contextmanager
def _in_a_sentence(bucket: str) -> Iterator[None]:
    """Say by `StoreUnavailable` what keeps a store from answering; an error that is an answer passes."""
    try:
        yield
    except _TROUBLE as error:
        if (sentence := trouble(error, bucket)) is None:
            raise
        raise StoreUnavailable(sentence) from error


class S3(S3FileSystem):  # type: ignore[misc]
    """The store of this process's environment; listings are never kept, so that no new object is missed."""

    #: Botocore asks again by itself (AWS_MAX_ATTEMPTS), 15 s for each answer; this is for a body that breaks
    #: off. A store that says nothing is given up after minutes.
    retries = 2

    def __init__(self, **options: Any) -> None:
        super().__init__(**{**options, "use_listings_cache": False})

    async def _call_s3(self, method: str, *arguments: Any, **keywords: Any) -> Any:
        try:
            return await super()._call_s3(method, *arguments, **keywords)
        except _TROUBLE as error:
            if (sentence := await self._sentence(method, keywords, error)) is None:
                raise
            raise StoreUnavailable(sentence) from error

    async def _sentence(self, method: str, keywords: Mapping[str, Any], error: Exception) -> str | None:
        """Say what keeps the store from answering; None for an error that is an answer."""
        bucket = str(keywords.get("Bucket", ""))
        if method == "head_object" and status_of(error) in _WITHOUT_WORDS:
            # The answer to HEAD has a number alone; the same request for a byte gives the store's words.
            question = {"Bucket": bucket, "Key": keywords.get("Key", ""), "Range": "bytes=0-0"}
            try:
                await super()._call_s3("get_object", **question)
            except _TROUBLE as worded:
                error = worded
        return trouble(error, bucket)

    async def _content(self, bucket: str, key: str) -> bytes:
        # cat_file asks for the size before; most files of a lake are small.
        with _in_a_sentence(bucket):
            answer = await self._call_s3("get_object", Bucket=bucket, Key=key)
            async with answer["Body"] as body:
                content: bytes = await body.read()
        return content

    async def _cat_file(self, path: str, *arguments: Any, **keywords: Any) -> Any:
        with _in_a_sentence(path.partition("/")[0]):
            return await super()._cat_file(path, *arguments, **keywords)

    async def _contents(self, bucket: str, keys: Sequence[str]) -> dict[str, bytes]:
        gate = asyncio.Semaphore(_AT_ONCE)
        found: dict[str, bytes] = {}

        async def fetch(key: str) -> None:
            # What a vacuum has taken meanwhile is left out.
            async with gate:
                with contextlib.suppress(FileNotFoundError):
                    found[key] = await self._content(bucket, key)

        await asyncio.gather(*map(fetch, keys))
        return found

    async def _ask(self, method: str, **keywords: Any) -> Any:
        return await self._call_s3(method, **keywords)

    ask = sync_wrapper(_ask)
    content = sync_wrapper(_content)
    contents = sync_wrapper(_contents)


@dataclass(frozen=True)
class Head:
    """An object's size in bytes, its time of change (ns since 1970), and the tag of its content."""

    size: int
    mtime_ns: int
    tag: str


@dataclass(frozen=True, order=True)
class S3Object:
    """An object of a bucket, or the beginning of the keys of many."""

    bucket: str
    key: str

    def __str__(self) -> str:
        return f"s3://{self.path}"

    def __truediv__(self, below: str | PurePath) -> S3Object:
        return S3Object(self.bucket, "/".join((self.key, *PurePosixPath(below).parts)))

    @property
    def path(self) -> str:
        """Bucket and key, as fsspec names an object."""
        return f"{self.bucket}/{self.key}"

    @property
    def fs(self) -> S3:
        """The store; each process makes its own from its environment."""
        return S3()

    def open(self, mode: str = "rb") -> Any:
        """Open an object for reading."""
        return self.fs.open(self.path, mode)

    def read_bytes(self) -> bytes:
        """Return an object's content."""
        content: bytes = self.fs.content(self.bucket, self.key)
        return content

    def objects(self, prefix: str = "") -> Iterator[tuple[str, int, int]]:
        """Yield path below this place, size and time of change (ns since 1970) of the objects below it.

        Those whose path begins with `prefix`; a listing, a request a thousand objects.
        """
        start = len(self.path) + 1
        # As a prefix of the bucket: of a folder without objects fsspec asks twice more whether it is one.
        for name, info in self.fs.find(self.bucket, prefix=f"{self.key}/{prefix}", detail=True).items():
            path = name[start:]
            # A browser's "folder" is an empty object that ends in a slash.
            if path.startswith(prefix) and path and not path.endswith("/"):
                yield path, int(info["size"]), nanoseconds(info["LastModified"])

    def head(self) -> Head:
        """Return size, time of change and version of an object.

        Raises
        ------
        FileNotFoundError
            If there is no such object.
        """
        found = self.fs.ask("head_object", Bucket=self.bucket, Key=self.key)
        if not {"LastModified", "ETag"} <= found.keys():
            raise StoreUnavailable(strange_answer(f"the object store (bucket {self.bucket})"))
        return Head(int(found["ContentLength"]), nanoseconds(found["LastModified"]), found["ETag"])

    def put(self, content: bytes, if_none: bool = False, if_tag: str = "") -> str | None:
        """Write a small object by one request; return its tag, None where the condition does not hold.

        Parameters
        ----------
        content : bytes
            All of the object.
        if_none : bool
            Only if there is no such object.
        if_tag : str
            Only if the object is there and has this tag.
        """
        condition = {"IfNoneMatch": "*"} if if_none else {"IfMatch": if_tag} if if_tag else {}
        try:
            made = self.fs.ask("put_object", Bucket=self.bucket, Key=self.key, Body=content, **condition)
        except OSError as error:
            if code_of(error) in _CONDITION_FAILED or isinstance(error, FileNotFoundError):
                return None
            raise
        return str(made["ETag"])

    def unlink(self) -> None:
        """Delete an object; it is no error if there is none."""
        self.fs.ask("delete_object", Bucket=self.bucket, Key=self.key)

    def renew(self) -> None:
        """Give an object today's time: it is copied onto itself.

        Raises
        ------
        FileNotFoundError
            If there is no such object.
        """
        self.fs.cp_file(self.path, self.path, MetadataDirective="REPLACE")


def nanoseconds(moment: datetime) -> int:
    """Return a store's time in ns since 1970; stores count whole seconds or milliseconds."""
    return round(moment.timestamp() * 1000) * 10**6
