"""A small archive on loopback that speaks as MAST does: the portal's queries and the download service."""

from __future__ import annotations

import fnmatch
import gzip
import hashlib
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, unquote, urlparse

_OBSERVATION_FIELDS = {
    "obs_collection": "string",
    "instrument_name": "string",
    "proposal_id": "string",
    "obsid": "string",
    "obs_id": "string",
    "target_name": "string",
    "dataRights": "string",
    "obs_title": "string",
    "intentType": "string",
    "distance": "float",
}
_PRODUCT_FIELDS = {
    "obsID": "string",
    "obs_collection": "string",
    "obs_id": "string",
    "dataURI": "string",
    "productType": "string",
    "productSubGroupDescription": "string",
    "productFilename": "string",
    "proposal_id": "string",
    "dataRights": "string",
    "size": "int",
}


class FakeArchive:
    """What the archive holds, and the ways in which it can misbehave.

    Attributes
    ----------
    files : dict of str to bytes
        File name to content.
    proposals : dict of str to int
        File name to proposal.
    break_after : dict of str to list of int
        The next answers for a file break off after so many bytes.
    titles : dict of int to str
        Proposal to title.
    targets, intents : dict of str to str
        Root name to TARGNAME and to intent ('science' unless said).
    without : set of str
        Columns that the listings lack.
    expired : dict of str to int
        So many times the link to a file has expired when the rest is asked for.
    md5 : dict of str to str
        Content-MD5 that is announced for a file.
    packed : set of str
        Files that are sent packed, though they are asked for as they are.
    spelled : dict of str to object
        Values that stand in every row of the listings instead of the archive's own.
    busy : int
        So many downloads are answered with 429.
    retry_after : str
        The pause that it asks for.
    logins : set of str
        Files in whose place a page to log in is sent, after a redirection.
    shifted : set of str
        Files of which a part begins elsewhere than was asked for, once.
    requests : list of (str, str)
        File name and Range header of each download that was asked for.
    """

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}
        self.proposals: dict[str, int] = {}
        self.exclusive: set[str] = set()
        self.subgroup: dict[str, str] = {}
        self.listed_size: dict[str, int] = {}
        self.break_after: dict[str, list[int]] = {}
        self.titles: dict[int, str] = {}
        self.targets: dict[str, str] = {}
        self.intents: dict[str, str] = {}
        self.without: set[str] = set()
        self.expired: dict[str, int] = {}
        self.md5: dict[str, str] = {}
        self.packed: set[str] = set()
        self.spelled: dict[str, object] = {}
        self.busy = 0
        self.retry_after = "0"
        self.logins: set[str] = set()
        self.shifted: set[str] = set()
        self.broken_portal = False
        self.requests: list[tuple[str, str]] = []
        self.url = ""

    def add(self, name: str, content: bytes, proposal: int, subgroup: str | None = None) -> None:
        self.files[name] = content
        self.proposals[name] = proposal
        self.subgroup[name] = subgroup or name.rpartition("_")[2].removesuffix(".fits").upper()

    def observations(self, filters: dict[str, list[str]]) -> list[dict[str, object]]:
        wanted, title = filters.get("proposal_id", []), filters.get("obs_title")
        rows = {}
        for name, proposal in self.proposals.items():
            named = self.titles.get(proposal, "")
            like = title is not None and fnmatch.fnmatch(named.lower(), title[0].lower().replace("%", "*"))
            if str(proposal) in wanted or like:
                root = name[:9]
                rows[root] = {
                    "obs_collection": "HST",
                    "instrument_name": "WFC3/UVIS",
                    "proposal_id": str(proposal),
                    "obsid": str(1000 + sum(root.encode())) + root[4:6],
                    "obs_id": root,
                    "target_name": self.targets.get(root, "NGC104"),
                    "obs_title": named,
                    "intentType": self.intents.get(root, "science"),
                    "dataRights": "PUBLIC",
                    "distance": 0.0,
                }
        return list(rows.values())

    def products(self, obsids: list[str]) -> list[dict[str, object]]:
        known = {str(row["obs_id"]): str(row["obsid"]) for p in set(self.proposals.values())
                 for row in self.observations({"proposal_id": [str(p)]})}  # fmt: skip
        return [
            {
                "obsID": known[name[:9]],
                "obs_collection": "HST",
                "obs_id": name[:9],
                "dataURI": f"mast:HST/product/{name}",
                "productType": "SCIENCE",
                "productSubGroupDescription": self.subgroup[name],
                "productFilename": name,
                "proposal_id": str(self.proposals[name]),
                "dataRights": "EXCLUSIVE_ACCESS" if name in self.exclusive else "PUBLIC",
                "size": self.listed_size.get(name, len(content)),
            }
            for name, content in self.files.items()
            if known[name[:9]] in obsids
        ]


class _Handler(BaseHTTPRequestHandler):
    archive: FakeArchive

    def log_message(self, *_: object) -> None:
        """Say nothing."""

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        if self.archive.broken_portal:
            self._json({"status": "ERROR", "msg": "the portal is down for maintenance"})
        elif self.path == "/portal/Mashup/Mashup.asmx/columnsconfig":
            fields = _OBSERVATION_FIELDS if "Products" not in body else _PRODUCT_FIELDS
            self._json({name: {"type": kind, "separator": ";"} for name, kind in fields.items()})
        elif self.path == "/api/v0/invoke":
            self._invoke(json.loads(unquote(body.removeprefix("request="))))
        else:
            self.send_error(404)

    def _invoke(self, request: dict[str, object]) -> None:
        params = request["params"]
        if request["service"] == "Mast.Caom.Filtered":
            filters = {
                f["paramName"]: [f["freeText"]] if f.get("freeText") else f["values"]
                for f in params["filters"]
            }
            fields, rows = _OBSERVATION_FIELDS, self.archive.observations(filters)
        elif request["service"] == "Mast.Caom.Products":
            fields, rows = _PRODUCT_FIELDS, self.archive.products(params["obsid"].split(","))
        else:
            self._json({"status": "ERROR", "msg": f"no service {request['service']}"})
            return
        fields = {name: kind for name, kind in fields.items() if name not in self.archive.without}
        rows = [{name: self.archive.spelled.get(name, row[name]) for name in fields} for row in rows]
        self._json(
            {
                "status": "COMPLETE",
                "msg": "",
                "fields": [{"name": name, "type": kind} for name, kind in fields.items()],
                "data": rows,
                "paging": {"page": 1, "pageSize": 50000, "pagesFiltered": 1, "rows": len(rows)},
            }
        )

    def _json(self, content: dict[str, object]) -> None:
        raw = json.dumps(content).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(raw)))
        self.end_headers()
        self.wfile.write(raw)

    def do_GET(self) -> None:
        address = urlparse(self.path)
        if address.path == "/login":
            self.send_response(200)
            self.send_header("Content-Type", "text/html; charset=utf-8")
            self.end_headers()
            self.wfile.write(b"<html>Please log in.</html>")
            return
        if address.path != "/api/v0.1/Download/file":
            self.send_error(404)
            return
        name = parse_qs(address.query)["uri"][0].rpartition("/")[2]
        self.archive.requests.append((name, self.headers.get("Range", "")))
        if self.headers.get("Range") and self.archive.expired.get(name):
            self.archive.expired[name] -= 1
            self.send_error(403)
            return
        if self.archive.busy:
            self.archive.busy -= 1
            self.send_response(429)
            self.send_header("Retry-After", self.archive.retry_after)
            self.end_headers()
            return
        if name in self.archive.logins:
            self.send_response(302)
            self.send_header("Location", "/login")
            self.end_headers()
            return
        if name not in self.archive.files:
            self.send_error(404)
            return
        self._send(name, self.archive.files[name])

    def _send(self, name: str, content: bytes) -> None:
        etag = f'"{hashlib.md5(content).hexdigest()}"'
        start = 0
        packed = name in self.archive.packed
        content = gzip.compress(content, 1) if packed else content
        if self.headers.get("Range") and self.headers.get("If-Range") == etag:
            start = int(self.headers["Range"].removeprefix("bytes=").removesuffix("-"))
        if start >= len(content):
            self.send_error(416)
            return
        if start and name in self.archive.shifted:
            self.archive.shifted.remove(name)
            start = 2880
        self.send_response(206 if start else 200)
        if start:
            self.send_header("Content-Range", f"bytes {start}-{len(content) - 1}/{len(content)}")
        self.send_header("Content-Length", str(len(content) - start))
        self.send_header("ETag", etag)
        if packed:
            self.send_header("Content-Encoding", "gzip")
        if name in self.archive.md5:
            self.send_header("Content-MD5", self.archive.md5[name])
        self.end_headers()
        breaks = self.archive.break_after.get(name)
        end = start + breaks.pop(0) if breaks else len(content)
        self.wfile.write(content[start:end])
        if end < len(content):
            self.wfile.flush()
            self.connection.close()


@contextmanager
def serving(archive: FakeArchive) -> Iterator[FakeArchive]:
    handler = type("Handler", (_Handler,), {"archive": archive})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    archive.url = f"http://127.0.0.1:{server.server_address[1]}"
    try:
        yield archive
    finally:
        server.shutdown()
        server.server_close()
        thread.join(timeout=400)
