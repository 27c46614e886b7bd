#!/usr/bin/env python3
"""A stand-in for a Qdrant server, for tests: the REST calls that src/gallery/store/qdrant makes, over Qdrant's own engine.

No package of the server itself is at hand. What is Qdrant's here: storage, filters and conditional updates (qdrant-edge-py), and
the shapes of requests: each one is checked against the models that qdrant-client has from Qdrant's OpenAPI document, which allow
no unknown field. What is not: HTTP, status codes, replicas, the queue of updates. A test against this says nothing of those.

    qdrant_shim.py FOLDER [PORT]    serves on 127.0.0.1, writes "127.0.0.1:PORT" into FOLDER/address; FOLDER keeps the collections

POST /_shim with {"after", "times", "code", "applies"} makes it fail: after so many requests more, so many are answered with the
code (0: the connection ends without an answer), done all the same or not. The answer's "left" is how many of the failures before were not needed. {"key"}: required from now on. {"version"}: says that it
is this one. DELETE /_shim: everything is removed and no longer fails.
"""
import json
import os
import shutil
import socketserver
import sys
import threading
import urllib.parse
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pydantic
import qdrant_edge as edge
from qdrant_client.http import models

BODIES = {
    ("PUT", "points"): models.PointsList,
    ("POST", "points"): models.PointRequest,
    ("POST", "points/scroll"): models.ScrollRequest,
    ("POST", "points/count"): models.CountRequest,
    ("POST", "points/payload"): models.SetPayload,
    ("POST", "points/delete"): models.PointsSelector,
    ("PUT", "index"): models.CreateFieldIndex,
    ("PUT", ""): models.CreateCollection,
}
WRITES = {"wait": {"true"}, "ordering": {"strong"}}
READS = {"consistency": {"majority"}}


class Refused(Exception):
    def __init__(self, code, sentence):
        super().__init__(sentence)
        self.code = code


def condition(c):
    """One condition of a filter, as far as the gallery uses them."""
    if "has_id" in c:
        return edge.HasIdCondition(set(c["has_id"]))
    if "is_empty" in c:
        return edge.IsEmptyCondition(c["is_empty"]["key"])
    if "match" in c:
        return edge.FieldCondition(c["key"], match=edge.MatchValue(c["match"]["value"]))
    return edge.FieldCondition(c["key"], range=edge.RangeFloat(**c["range"]))


def filter_of(f):
    if not f:
        return None
    return edge.Filter(must=[condition(c) for c in f.get("must", [])], must_not=[condition(c) for c in f.get("must_not", [])])


class Server:
    """The collections of a folder. One request at a time."""

    def __init__(self, folder):
        self.folder, self.lock, self.fault, self.key, self.version = folder, threading.Lock(), None, "", "1.20.0"
        self.size, self.shard = {}, {}
        os.makedirs(folder, exist_ok=True)
        for name in os.listdir(folder):
            if os.path.isdir(os.path.join(folder, name)):
                self.shard[name] = edge.EdgeShard.load(os.path.join(folder, name))
                with open(os.path.join(folder, name + ".size"), encoding="ascii") as file:
                    self.size[name] = int(file.read())

    def reset(self):
        for name, shard in list(self.shard.items()):
            shard.close()
            shutil.rmtree(os.path.join(self.folder, name))
            os.remove(os.path.join(self.folder, name + ".size"))
        self.shard, self.size, self.fault, self.key, self.version = {}, {}, None, "", "1.20.0"

    def create(self, name, body):
        if name in self.shard:
            raise Refused(409, f"Wrong input: Collection `{name}` already exists!")
        vectors = body["vectors"]
        path = os.path.join(self.folder, name)
        os.makedirs(path)
        config = {k: edge.EdgeVectorParams(v["size"], getattr(edge.Distance, v["distance"])) for k, v in vectors.items()}
        self.shard[name] = edge.EdgeShard.create(path, edge.EdgeConfig(vectors=config))
        self.size[name] = vectors["face"]["size"]
        with open(path + ".size", "w", encoding="ascii") as file:
            file.write(str(self.size[name]))
        return True

    def update(self, name, operation):
        self.shard[name].update(operation)
        return {"operation_id": 0, "status": "completed"}

    def read(self, records):
        return [{"id": r.id, "payload": r.payload, "vector": r.vector} for r in records]

    def call(self, method, path, body):
        """The result of one request, which has been checked."""
        if path == ["collections"]:
            return {"collections": [{"name": n} for n in self.shard]}
        name, tail = path[1], "/".join(path[2:])
        if (method, tail) == ("PUT", ""):
            return self.create(name, body)
        if name not in self.shard:
            raise Refused(404, f"Not found: Collection `{name}` doesn't exist!")
        shard, do = self.shard[name], edge.UpdateOperation
        if (method, tail) == ("GET", ""):
            vectors = {"face": {"size": self.size[name], "distance": "Dot"}}
            return {"status": "green", "config": {"params": {"vectors": vectors}}, "points_count": shard.info().points_count}
        if (method, tail) == ("PUT", "index"):
            kind = getattr(edge.PayloadSchemaType, body["field_schema"].capitalize())
            return self.update(name, do.create_field_index(body["field_name"], kind))
        if (method, tail) == ("PUT", "points"):
            points = [edge.Point(p["id"], p["vector"], p.get("payload")) for p in body["points"]]
            return self.update(name, do.upsert_points(points, condition=filter_of(body.get("update_filter"))))
        if tail == "points/payload":
            return self.update(name, do.set_payload_by_filter(filter_of(body["filter"]), body["payload"]))
        if tail == "points/delete" and "points" in body:
            return self.update(name, do.delete_points(body["points"]))
        if tail == "points/delete":
            return self.update(name, do.delete_points_by_filter(filter_of(body["filter"])))
        if tail == "points/count":
            return {"count": shard.count(edge.CountRequest(body["exact"], filter_of(body.get("filter"))))}
        if tail == "points":
            return self.read(shard.retrieve(body["ids"], body["with_payload"], body["with_vector"]))
        records, more = shard.scroll(
            edge.ScrollRequest(body.get("offset"), body["limit"], filter_of(body.get("filter")), body["with_payload"], body["with_vector"]))
        return {"points": self.read(records), "next_page_offset": more}


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def log_message(self, *_):
        pass

    def answer(self, code, reply):
        data = json.dumps(reply).encode()
        self.send_response(code)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def fault(self):
        """What this request is answered with instead: None, or (code, whether it is done all the same)."""
        f = self.server.qdrant.fault
        if f and f["after"] > 0:
            f["after"] -= 1
        elif f and f["times"] > 0:
            f["times"] -= 1
            return f["code"], f["applies"]
        return None

    def checked(self, method, path, query, data):
        """The body, after a look at everything that Qdrant's document says of it."""
        tail = "/".join(path[2:])
        allowed = {}
        if len(path) > 2 and tail != "":
            allowed = READS if tail in ("points/scroll", "points/count") or (method, tail) == ("POST", "points") else WRITES
        for key, value in query.items():
            if key not in allowed or value[0] not in allowed[key]:
                raise Refused(400, f"the query has {key}={value[0]}")
        if set(query) != set(allowed):
            raise Refused(400, f"the query lacks one of {sorted(allowed)}")
        if method == "GET":
            return None
        if (method, tail) not in BODIES or len(path) < 2:
            raise Refused(404, "")
        if self.headers.get("Content-Type") != "application/json":
            raise Refused(400, "Content type error")
        try:
            pydantic.TypeAdapter(BODIES[method, tail]).validate_json(data)
        except pydantic.ValidationError as e:
            raise Refused(400, "Format error in JSON body: " + str(e)) from e
        return json.loads(data)

    def work(self, method, url, data):
        qdrant = self.server.qdrant
        path = [urllib.parse.unquote(p) for p in url.path.split("/") if p]
        if path == ["_shim"] and method == "DELETE":
            qdrant.reset()
            return 200, {}
        if path == ["_shim"]:
            told, before = json.loads(data), qdrant.fault
            qdrant.key, qdrant.version = told.get("key", qdrant.key), told.get("version", qdrant.version)
            if "code" in told:
                qdrant.fault = {"after": 0, "times": 1, "applies": False, **told}
            return 200, {"left": before["times"] if before else 0}
        failing = self.fault()
        if failing and not failing[1]:
            return failing[0], {"status": {"error": "made to fail"}}
        if qdrant.key and self.headers.get("api-key") != qdrant.key:
            return 401, {"status": {"error": "Must provide an API key or an Authorization bearer token"}}
        if not path:
            return 200, {"title": "qdrant - vector search engine", "version": qdrant.version}
        try:
            body = self.checked(method, path, urllib.parse.parse_qs(url.query), data)
            done = 200, {"result": qdrant.call(method, path, body), "status": "ok", "time": 0.0}
        except Refused as e:
            done = e.code, {"status": {"error": str(e)}, "time": 0.0}
        except Exception as e:  # of the engine
            done = 400, {"status": {"error": f"Wrong input: {e}"}, "time": 0.0}
        return (failing[0], {"status": {"error": "made to fail"}}) if failing else done

    def serve(self):
        data = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        with self.server.qdrant.lock:
            code, reply = self.work(self.command, urllib.parse.urlsplit(self.path), data)
        if os.environ.get("ARC_QDRANT_SHIM_TRACE"):
            print(self.command, self.path, code, data[:300], json.dumps(reply)[:200], file=sys.stderr, flush=True)
        if code:
            self.answer(code, reply)
        self.close_connection |= not code

    do_GET = do_PUT = do_POST = do_DELETE = serve


def main():
    folder = sys.argv[1]
    ThreadingHTTPServer.daemon_threads = True
    socketserver.TCPServer.request_queue_size = 32
    port = int(sys.argv[2]) if len(sys.argv) > 2 else 0
    server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
    server.qdrant = Server(os.path.join(folder, "collections"))
    with open(os.path.join(folder, "address.new"), "w", encoding="ascii") as file:
        file.write(f"127.0.0.1:{server.server_port}\n")
    os.rename(os.path.join(folder, "address.new"), os.path.join(folder, "address"))
    server.serve_forever()


if __name__ == "__main__":
    main()
