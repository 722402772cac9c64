# SPDX-License-Identifier: Apache-2.0
"""A scripted Data Lake: the blob and the DFS endpoint of an account with a hierarchical namespace, in front of Azurite.

lake.py AZURITE-PORT BLOB-PORT DFS-PORT
Blobs are Azurite's. Folders are blobs whose metadata says so (hdi_isfolder), as the service shows them; parents come by
themselves. A rename and the removal of a folder are one step, which nobody sees half done: one request at a time. A folder of
more than PAGE names takes several, as the documents of the service have it.
azure-storage-file-datalake passes it (tests/abfs/lake_client_test.py).
"""
import email.utils
import http.client
import http.server
import json
import re
import sys
import threading
import urllib.parse
import xml.etree.ElementTree as xml

from sharedkey import ACCOUNT, request, signature

PAGE = 50  # names that one request on a whole folder takes
LOCK = threading.Lock()
PENDING = {}  # appended and not flushed, by path
FOLDERS = set()  # that are known to be there, by path: all that changes them passes through here


class Refused(Exception):
    def __init__(self, status, code):
        super().__init__(code)
        self.status, self.code = status, code


class Upstream(threading.local):
    """Azurite, asked in the account's name; a connection a thread."""
    port = 0
    connection = None

    def send(self, method, target, headers, body):
        for attempt in range(2):
            if not self.connection:
                self.connection = http.client.HTTPConnection("127.0.0.1", Upstream.port)
            try:
                self.connection.request(method, target, body, headers)
                answer = self.connection.getresponse()
                return answer.status, list(answer.getheaders()), answer.read()
            except (http.client.HTTPException, OSError):
                self.connection = None
                if attempt:
                    raise
        return None

    def ask(self, method, path, query=None, headers=None, body=b""):
        """A request of our own: (status, headers by their names in lower case, body)."""
        target, headers = request(method, path, query or {}, headers or {}, body)
        status, told, content = self.send(method, target, headers, body)
        return status, {name.lower(): value for name, value in told}, content


UP = Upstream()


# ---- names ---------------------------------------------------------------------------------------------------------------

def kind(path):
    """"file", "directory" or None, and its etag."""
    FOLDERS.discard(path)
    status, headers, _ = UP.ask("HEAD", path)
    if status == 404:
        return None, None
    if status >= 300:
        raise Refused(status, headers.get("x-ms-error-code", "InternalError"))
    if headers.get("x-ms-meta-hdi_isfolder") != "true":
        return "file", headers["etag"]
    FOLDERS.add(path)
    return "directory", headers["etag"]


def split(path):
    """/account/container, and the key."""
    parts = path.split("/", 3)
    return "/".join(parts[:3]), parts[3] if len(parts) > 3 else ""


def below(path, most=5000):
    """Full paths of what a folder holds, on all levels."""
    container, key = split(path)
    query = {"restype": "container", "comp": "list", "prefix": key + "/" if key else "", "maxresults": str(most)}
    _, _, body = UP.ask("GET", container, query)
    return [container + "/" + each.text for each in xml.fromstring(body.decode("utf-8-sig")).iterfind("Blobs/Blob/Name")]


def make_folder(path):
    status, headers, _ = UP.ask("PUT", path, None, {"x-ms-blob-type": "BlockBlob", "x-ms-meta-hdi_isfolder": "true"})
    if status != 201:
        raise Refused(status, headers.get("x-ms-error-code", "InternalError"))
    FOLDERS.add(path)
    return headers


def parents(path):
    container, key = split(path)
    names = key.split("/")[:-1]
    return [container + "/" + "/".join(names[:i + 1]) for i in range(len(names))]


def check_parents(path):
    for each in parents(path):
        if each not in FOLDERS and kind(each)[0] == "file":
            raise Refused(409, "PathConflict")


def make_parents(path):
    for each in parents(path):
        if each not in FOLDERS and not kind(each)[0]:
            make_folder(each)


def remove(path, headers=None):
    FOLDERS.discard(path)
    status, told, _ = UP.ask("DELETE", path, None, headers)
    if status >= 300:
        raise Refused(status, told.get("x-ms-error-code", "InternalError"))


def move(source, target):
    status, told, _ = UP.ask("PUT", target, None, {"x-ms-copy-source": f"http://127.0.0.1:{Upstream.port}" + urllib.parse.quote(source, safe="/~")})
    if status != 202:
        raise Refused(status, told.get("x-ms-error-code", "InternalError"))
    remove(source)


# ---- the DFS endpoint --------------------------------------------------------------------------------------------------------

def dfs_create(path, query, headers):
    there, _ = kind(path)
    if there and (headers.get("if-none-match") == "*" or there != query["resource"]):
        raise Refused(409, "PathAlreadyExists" if headers.get("if-none-match") == "*" else "PathConflict")
    check_parents(path)
    make_parents(path)
    if query["resource"] == "directory":
        told = make_folder(path) if not there else UP.ask("HEAD", path)[1]
    else:
        told = UP.ask("PUT", path, None, {"x-ms-blob-type": "BlockBlob"})[1]
    return 201, {"ETag": told["etag"], "Last-Modified": told["last-modified"]}, b""


def check_rename(source, path, there, headers):
    """Of one that begins, by the service's own list of refusals."""
    target, _ = kind(path)
    if target and headers.get("if-none-match") == "*":
        raise Refused(409, "PathAlreadyExists")
    if there == "directory" and (path + "/").startswith(source + "/"):
        raise Refused(409, "InvalidRenameSourcePath")
    if target and target != there:
        raise Refused(409, "InvalidSourceOrDestinationResourceType")
    if target == "directory" and below(path, 1):
        raise Refused(409, "PathAlreadyExists")
    check_parents(path)
    if parents(path) and not kind(parents(path)[-1])[0]:
        raise Refused(404, "RenameDestinationParentPathNotFound")


def dfs_rename(path, query, headers):
    source = f"/{ACCOUNT}" + urllib.parse.unquote(headers["x-ms-rename-source"].split("?")[0])
    there, etag = kind(source)
    if not there:
        raise Refused(404, "SourcePathNotFound")
    if headers.get("x-ms-source-if-match", etag) != etag:
        raise Refused(412, "SourceConditionNotMet")
    if "continuation" not in query:
        check_rename(source, path, there, headers)
    if source == path:
        return 201, {}, b""
    names = below(source) if there == "directory" else []
    for each in names[:PAGE]:
        move(each, path + each[len(source):])
    if len(names) > PAGE:
        return 201, {"x-ms-continuation": f"{len(names) - PAGE} left"}, b""
    move(source, path)
    return 201, {}, b""


def dfs_patch(path, query, body):
    if query["action"] == "append":
        held = PENDING.setdefault(path, UP.ask("GET", path)[2])
        if int(query["position"]) != len(held):
            raise Refused(400, "InvalidFlushPosition")
        PENDING[path] = held + body
        return 202, {}, b""
    if query["action"] != "flush":
        raise Refused(400, "InvalidQueryParameterValue")
    told = UP.ask("PUT", path, None, {"x-ms-blob-type": "BlockBlob"}, PENDING.pop(path, b""))[1]
    return 200, {"ETag": told["etag"], "Last-Modified": told["last-modified"]}, b""


def dfs_delete(path, query, headers):
    there, _ = kind(path)
    if not there:
        raise Refused(404, "PathNotFound")
    if there == "file":
        remove(path, {"if-match": headers["if-match"]} if "if-match" in headers else None)
        return 200, {}, b""
    if "recursive" not in query:
        raise Refused(400, "MissingRequiredQueryParameter")
    names = below(path)
    if names and query["recursive"] != "true":
        raise Refused(409, "DirectoryNotEmpty")
    now = names[:PAGE] if query.get("paginated") == "true" else names
    for each in reversed(now):
        remove(each)
    if len(now) < len(names):
        return 200, {"x-ms-continuation": f"{len(names) - len(now)} left"}, b""
    remove(path)
    return 200, {}, b""


def dfs_list(path, query):
    folder = path + "/" + query["directory"] if query.get("directory") else path
    rows = []
    for each in below(folder):
        rest = each[len(folder) + 1:]
        if query.get("recursive") == "true" or "/" not in rest:
            status, headers, _ = UP.ask("HEAD", each)
            if status == 200:
                rows.append({"name": each[len(path) + 1:], "contentLength": headers["content-length"], "etag": headers["etag"],
                             "lastModified": headers["last-modified"],
                             **({"isDirectory": "true"} if headers.get("x-ms-meta-hdi_isfolder") else {})})
    return 200, {"Content-Type": "application/json"}, json.dumps({"paths": rows}).encode()


def dfs(method, path, query, headers, body):
    """The answer to a request that only the DFS endpoint has, or None."""
    if "x-ms-rename-source" in headers:
        return dfs_rename(path, query, headers)
    if method == "PUT" and query.get("resource") in ("directory", "file"):
        return dfs_create(path, query, headers)
    if method == "PATCH":
        return dfs_patch(path, query, body)
    if method == "GET" and query.get("resource") == "filesystem":
        return dfs_list(path, query)
    if method == "HEAD" and query.get("action") == "getAccessControl":
        return 200, {"x-ms-owner": "$superuser", "x-ms-acl": "user::rwx"}, b""
    if method == "DELETE" and split(path)[1]:
        return dfs_delete(path, query, headers)
    return None


# ---- the blob endpoint ---------------------------------------------------------------------------------------------------------

def is_write(method, query, headers):
    return method == "PUT" and ("x-ms-blob-type" in headers or query.get("comp") == "blocklist" or
                                ("x-ms-copy-source" in headers and not query.get("comp")))


def is_folder(blob):
    metadata = blob.find("Metadata")
    return metadata is not None and metadata.findtext("hdi_isfolder") == "true"


def azurite_list(container, query):
    """All pages of a listing as one document; a refusal as it came."""
    root, more = None, query
    while more:
        status, headers, body = UP.ask("GET", container, more)
        if status != 200:
            return status, headers, body
        page = xml.fromstring(body.decode("utf-8-sig"))
        if root is None:
            root = page
        else:
            root.find("Blobs").extend(page.find("Blobs"))
        marker = page.findtext("NextMarker")
        more = {**query, "marker": marker} if marker and "delimiter" in query else None
    return 200, root, b""


def one_level(root, query):
    """Folders are prefixes, whether anything is in them or not; a page of all that."""
    blobs, rows = root.find("Blobs"), {}
    for each in list(blobs):
        blobs.remove(each)
        name = each.findtext("Name")
        if each.tag == "Blob" and is_folder(each):
            name += "/"
            each = xml.Element("BlobPrefix")
            xml.SubElement(each, "Name").text = name
        rows.setdefault(name, each)
    names = sorted(name for name in rows if name > query.get("marker", "") and name != query.get("prefix", ""))
    most = int(query.get("maxresults", 5000))
    blobs.extend(rows[name] for name in names[:most])
    if root.find("NextMarker") is None:
        xml.SubElement(root, "NextMarker")
    root.find("NextMarker").text = names[most - 1] if len(names) > most else ""


def blob_list(container, query):
    """Azurite's, with what an account with folders tells of each."""
    asked = query.get("include", "").split(",")
    own = {name: value for name, value in query.items() if name not in ("marker", "maxresults") or "delimiter" not in query}
    status, root, body = azurite_list(container, {**own, "include": ",".join({*asked, "metadata"} - {""})})
    if status != 200:
        return status, {"x-ms-error-code": root.get("x-ms-error-code", ""), "Content-Type": "application/xml"}, body
    if "delimiter" in query:
        one_level(root, query)
    for blob in root.iterfind("Blobs/Blob"):
        xml.SubElement(blob.find("Properties"), "ResourceType").text = "directory" if is_folder(blob) else "file"
        if blob.find("Metadata") is not None and "metadata" not in asked:
            blob.remove(blob.find("Metadata"))
    return 200, {"Content-Type": "application/xml"}, xml.tostring(root, encoding="utf-8", xml_declaration=True)


def blob(method, target, path, query, headers, body):
    key = split(path)[1]
    if query.get("comp") == "list" and query.get("restype") == "container":
        return blob_list(path, query)
    write = key and is_write(method, query, headers)
    if write:
        if kind(path)[0] == "directory":
            raise Refused(409, "ResourceTypeMismatch")
        check_parents(path)
    if key and method == "DELETE" and kind(path)[0] == "directory" and below(path, 1):
        raise Refused(409, "DirectoryIsNotEmpty")
    passed = {name: value for name, value in headers.items() if name not in ("host", "connection", "expect", "accept-encoding")}
    if "x-ms-copy-source" in passed:
        passed["x-ms-copy-source"] = re.sub("^http://127.0.0.1:[0-9]+", f"http://127.0.0.1:{Upstream.port}", passed["x-ms-copy-source"])
        passed["authorization"] = f"SharedKey {ACCOUNT}:" + signature(method, target.split("?")[0], query, passed)
    status, told, content = UP.send(method, target, passed, body)
    if method == "DELETE" and not key:
        FOLDERS.clear()
    if write and status < 300:
        make_parents(path)
    told = dict(told)
    if key and method in ("GET", "HEAD") and not query.get("comp") and status < 300:
        told["x-ms-resource-type"] = "directory" if told.get("x-ms-meta-hdi_isfolder") == "true" else "file"
    return status, told, content


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def log_message(self, *_):
        pass

    def authorized(self, path, query, headers):
        """What is not Azurite's to look at is looked at here."""
        wanted = f"SharedKey {ACCOUNT}:" + signature(self.command, path, query, headers)
        if headers.get("authorization") != wanted:
            raise Refused(403, "AuthenticationFailed")

    def outcome(self, headers, body):
        quoted, _, tail = self.path.partition("?")
        query = dict(urllib.parse.parse_qsl(tail, keep_blank_values=True))
        path = urllib.parse.unquote(quoted)
        if query.get("restype") == "account":
            self.authorized(quoted, query, headers)
            return 200, {"x-ms-sku-name": "Standard_LRS", "x-ms-account-kind": "StorageV2", "x-ms-is-hns-enabled": "true"}, b""
        if query.get("comp") == "batch":
            raise Refused(400, "FeatureNotSupported")
        if self.server.is_dfs and (told := self.dfs_outcome(quoted, path, query, headers, body)):
            return told
        return blob(self.command, self.path, path, query, headers, body)

    def dfs_outcome(self, quoted, path, query, headers, body):
        if self.command in ("PATCH", "DELETE") or query.keys() & {"resource", "action"} or "x-ms-rename-source" in headers:
            self.authorized(quoted, query, headers)
            return dfs(self.command, path.rstrip("/"), query, headers, body)
        return None

    def serve(self):
        headers = {name.lower(): value for name, value in self.headers.items()}
        size = int(headers.get("content-length", 0))
        body = self.rfile.read(size)
        if len(body) < size:  # whoever sent it is gone
            self.close_connection = True
            return
        try:
            with LOCK:
                status, told, content = self.outcome(headers, body)
        except Refused as refused:
            status, told = refused.status, {"x-ms-error-code": refused.code, "Content-Type": "application/json"}
            content = json.dumps({"error": {"code": refused.code, "message": refused.code}}).encode()
        self.send_response_only(status)
        self.send_header("Date", email.utils.formatdate(usegmt=True))
        for name, value in told.items():
            if name.lower() not in ("server", "date", "connection", "keep-alive", "transfer-encoding", "content-length"):
                self.send_header(name, value)
        length = {name.lower(): value for name, value in told.items()}.get("content-length") if self.command == "HEAD" else str(len(content))
        if status not in (204, 304):
            self.send_header("Content-Length", length or "0")
        self.end_headers()
        if self.command != "HEAD" and status not in (204, 304):
            self.wfile.write(content)

    do_GET = do_HEAD = do_PUT = do_POST = do_DELETE = do_PATCH = serve


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 512


def main():
    Upstream.port, *ports = map(int, sys.argv[1:])
    for port, is_dfs in zip(ports, (False, True)):
        server = Server(("127.0.0.1", port), Handler)
        server.is_dfs = is_dfs
        threading.Thread(target=server.serve_forever).start()


if __name__ == "__main__":
    main()
