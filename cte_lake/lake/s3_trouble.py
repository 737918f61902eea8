"""What keeps an object store from answering, in one sentence that says what to do."""

from __future__ import annotations

from typing import Any

from aiohttp import ClientError
from botocore.exceptions import (
    BotoCoreError,
    ConnectTimeoutError,
    EndpointConnectionError,
    NoCredentialsError,
    ReadTimeoutError,
)
from botocore.exceptions import (
    ClientError as StoreError,
)
from botocore.parsers import ResponseParserError

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
