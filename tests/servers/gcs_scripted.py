# SPDX-License-Identifier: Apache-2.0
"""A scripted Google Cloud Storage: the JSON API and the XML API's multipart uploads, with what fake-gcs-server lacks.

gcs_scripted.py PORT
Generations and conditions on every write, read and removal, compose, rewrites in rounds, batches, uploads that tell how far they
came, checksums that are looked at. Objects are kept in memory; one request at a time, so that a condition and what it is about are
one step. google-cloud-storage passes it (tests/gcs/scripted_client_test.py). Whoever asks may do everything, but remove below
buckets whose names end in -keeps: rights that are missing are tested there.
"""
import base64
import copy
import email.utils
import hashlib
import http.server
import json
import re
import sys
import threading
import time
import urllib.parse
import xml.etree.ElementTree as xml
from xml.sax.saxutils import escape

import google_crc32c

CHUNK = 256 << 10  # resumable uploads take multiples of it
PART_MIN = 5 << 20  # bytes of a part of the XML API that is not the last
REWRITE_BYTES = 1 << 20  # of one call
COMPOSE_MAX = 32
XMLNS = "http://s3.amazonaws.com/doc/2006-03-01/"
LOCK = threading.Lock()
BUCKETS = {}
SESSIONS = {}  # resumable uploads by id
UPLOADS = {}  # of the XML API by id
REWRITES = {}  # by token: which generation goes where, and how far it is
LAST = [0]


class Refused(Exception):
    def __init__(self, status, reason, message):
        super().__init__(message)
        self.status, self.reason, self.message = status, reason, message


class XmlRefused(Refused):
    pass


def precondition():
    return Refused(412, "conditionNotMet", "At least one of the pre-conditions you specified did not hold.")


def number():
    """A new generation, or an id: microseconds, and never the same twice."""
    LAST[0] = max(LAST[0] + 1, time.time_ns() // 1000)
    return LAST[0]


def stamp(seconds=None):
    now = time.time() if seconds is None else seconds
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(now)) + f".{int(now * 1000) % 1000:03d}Z"


def crc32c(data):
    return base64.b64encode(google_crc32c.value(data).to_bytes(4, "big")).decode()


def md5(data):
    return base64.b64encode(hashlib.md5(data).digest()).decode()


def check_hashes(data, wanted_crc, wanted_md5, refusal):
    if wanted_crc and wanted_crc != crc32c(data):
        raise refusal(f"Provided CRC32C \"{wanted_crc}\" doesn't match calculated CRC32C \"{crc32c(data)}\".")
    if wanted_md5 and wanted_md5 != md5(data):
        raise refusal(f"Provided MD5 hash \"{wanted_md5}\" doesn't match calculated MD5 hash \"{md5(data)}\".")


def goog_hash(headers):
    """crc32c and md5 of the header x-goog-hash."""
    rows = dict(each.strip().split("=", 1) for each in headers.get("x-goog-hash", "").split(",") if "=" in each)
    return rows.get("crc32c"), rows.get("md5")


# ---- objects -----------------------------------------------------------------------------------------------------------

class Bucket:
    def __init__(self, name, resource):
        self.name, self.created = name, stamp()
        self.resource = resource
        self.objects = {}  # name: generations, from the oldest on; the last may be live

    def live(self, name):
        rows = self.objects.get(name)
        return rows[-1] if rows and "timeDeleted" not in rows[-1].resource else None

    def find(self, name, generation=None):
        if not generation:
            found = self.live(name)
        else:
            found = next((each for each in self.objects.get(name, []) if each.resource["generation"] == generation), None)
        if not found:
            raise Refused(404, "notFound", f"No such object: {self.name}/{name}")
        return found

    def keeps_versions(self):
        return self.resource.get("versioning", {}).get("enabled") is True

    def drop_live(self, name):
        there = self.live(name)
        if there and self.keeps_versions():
            there.resource["timeDeleted"] = stamp()
        elif there:
            self.drop(name, there)

    def drop(self, name, each):
        self.objects[name].remove(each)
        if not self.objects[name]:
            del self.objects[name]

    def put(self, name, data, resource, composite=False):
        """The commit: conditions were checked by who asks."""
        self.drop_live(name)
        made = Object(self.name, name, data, resource, composite)
        self.objects.setdefault(name, []).append(made)
        return made


class Object:
    WRITABLE = ("contentType", "metadata", "storageClass", "cacheControl", "contentDisposition", "contentEncoding", "contentLanguage",
                "customTime", "kmsKeyName")

    def __init__(self, bucket, name, data, resource, composite):
        self.data = data
        kept = {key: resource[key] for key in self.WRITABLE if resource.get(key)}
        generation, now = str(number()), stamp()
        self.resource = {"kind": "storage#object", "id": f"{bucket}/{name}/{generation}", "name": name, "bucket": bucket, "generation": generation,
                         "metageneration": "1", "size": str(len(self.data)), "crc32c": crc32c(self.data), "timeCreated": now, "updated": now,
                         "storageClass": "STANDARD", **kept}
        self.resource["etag"] = base64.b64encode(generation.encode()).decode()
        if not composite:
            self.resource["md5Hash"] = md5(self.data)
        if len(json.dumps(kept.get("metadata", {}))) > 10000:
            raise Refused(400, "invalid", "The metadata is too large.")


def bucket_of(name):
    if name not in BUCKETS:
        raise Refused(404, "notFound", "The specified bucket does not exist.")
    return BUCKETS[name]


def check(query, there, prefix="if", reading=False):
    """Conditions of a request about what is there, an Object or None."""
    generation = there.resource["generation"] if there else "0"
    metageneration = there.resource["metageneration"] if there else "0"
    for name, value, same in (("GenerationMatch", generation, True), ("MetagenerationMatch", metageneration, True),
                              ("GenerationNotMatch", generation, False), ("MetagenerationNotMatch", metageneration, False)):
        wanted = query.get(prefix + name)
        if wanted is not None and (wanted == value) != same:
            raise Refused(304, "notModified", "") if reading and not same else precondition()


# ---- bodies of several parts --------------------------------------------------------------------------------------------

def split_parts(content_type, body):
    """(headers by their names in lower case, bytes) of each part."""
    found = re.search("boundary=\"?([^\";]+)", content_type)
    if not found:
        raise Refused(400, "badContent", "The boundary is missing.")
    line = b"--" + found[1].encode()
    for piece in (b"\r\n" + body).split(b"\r\n" + line)[1:]:
        if piece.startswith(b"--"):
            return
        head, _, data = piece.partition(b"\r\n\r\n")
        rows = (each.split(":", 1) for each in head.decode().split("\r\n") if ":" in each)
        yield {name.strip().lower(): value.strip() for name, value in rows}, data


def answer_batch(headers, body):
    out = b""
    body = body.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")  # it is text, and Google's library ends lines otherwise
    for part, data in split_parts(headers["content-type"], body):
        head, _, content = data.partition(b"\r\n\r\n")
        first, *rest = head.decode().lstrip().split("\r\n")
        method, target, _ = first.split(" ")
        own = {name.strip().lower(): value.strip() for name, value in (each.split(":", 1) for each in rest if ":" in each)}
        status, told, text = answer(method, re.sub("^https?://[^/]*", "", target), own, content.strip(b"\r\n"))
        told = {"Content-Type": "application/json", **told, "Content-Length": str(len(text))}
        out += f"--batch_of_answers\r\nContent-Type: application/http\r\nContent-ID: <response-{part.get('content-id', '').strip('<>')}>\r\n\r\n".encode()
        out += f"HTTP/1.1 {status} -\r\n".encode() + "".join(f"{name}: {value}\r\n" for name, value in told.items()).encode()
        out += b"\r\n" + text + b"\r\n"
    return 200, {"Content-Type": "multipart/mixed; boundary=batch_of_answers"}, out + b"--batch_of_answers--\r\n"


# ---- uploads ------------------------------------------------------------------------------------------------------------

def told_json(value, status=200):
    return status, {"Content-Type": "application/json; charset=UTF-8"}, json.dumps(value).encode()


def commit(bucket, name, data, resource, query):
    data = bytes(data)
    def refusal(message):
        return Refused(400, "invalid", message)
    if not name or len(name.encode()) > 1024:
        raise Refused(400, "invalid", "The name of the object is missing or too long.")
    check(query, bucket.live(name))
    check_hashes(data, resource.get("crc32c"), resource.get("md5Hash"), refusal)
    return bucket.put(name, data, resource)


def upload(method, bucket, query, headers, body):
    kind = query.get("uploadType")
    if "upload_id" in query:
        return upload_session(method, query["upload_id"], headers, body)
    if kind == "resumable":
        resource = json.loads(body or b"{}")
        resource.setdefault("contentType", headers.get("x-upload-content-type"))
        name = str(number())
        SESSIONS[name] = {"bucket": bucket, "name": query.get("name") or resource.get("name"), "query": query, "resource": resource,
                          "data": bytearray(), "done": None}
        where = f"http://{headers['host']}/upload/storage/v1/b/{bucket.name}/o?uploadType=resumable&upload_id={name}"
        return 200, {"Location": where}, b""
    if kind == "multipart":
        (_, first), (part, data) = list(split_parts(headers.get("content-type", ""), body))
        resource = json.loads(first)
        resource.setdefault("contentType", part.get("content-type"))
    else:
        resource, data = {"contentType": headers.get("content-type")}, body
    made = commit(bucket, query.get("name") or resource.get("name"), data, resource, query)
    return told_json(made.resource)


def upload_session(method, upload_id, headers, body):
    session = SESSIONS.get(upload_id)
    if not session:
        raise Refused(404, "notFound", "There is no such upload.")
    if method == "DELETE":
        del SESSIONS[upload_id]
        return 499, {}, b""
    found = re.fullmatch(r"bytes (\*|(\d+)-(\d+))/(\*|\d+)", headers.get("content-range", ""))
    data, total = session["data"], str(len(session["data"]) + len(body)) if not found else found[4]
    if session["done"] is None and found and found[2]:
        first, last = int(found[2]), int(found[3])
        if first > len(data) or last - first + 1 != len(body):
            raise Refused(400, "invalid", "The range begins behind what is held, or is not as long as the body.")
        new = body[len(data) - first:]
        if total == "*":
            new = new[:(len(data) + len(new)) // CHUNK * CHUNK - len(data)]
        data += new
    elif session["done"] is None and not found:
        data += body
    if session["done"] is None and total != "*" and int(total) == len(data):
        resource = dict(session["resource"])
        crc, digest = goog_hash(headers)
        resource["crc32c"] = crc or resource.get("crc32c")
        resource["md5Hash"] = digest or resource.get("md5Hash")
        session["done"] = commit(session["bucket"], session["name"], data, resource, session["query"])
        session["data"] = bytearray()
    if session["done"] is not None:
        return told_json(session["done"].resource)
    return 308, {"Range": f"bytes=0-{len(data) - 1}"} if data else {}, b""


# ---- objects of the JSON API ---------------------------------------------------------------------------------------------

def media(there, query, headers):
    data, total = there.data, len(there.data)
    told = {"Content-Type": there.resource.get("contentType", "application/octet-stream"), "x-goog-generation": there.resource["generation"],
            "x-goog-metageneration": there.resource["metageneration"], "x-goog-storage-class": there.resource["storageClass"],
            "x-goog-hash": f"crc32c={there.resource['crc32c']}", "x-goog-stored-content-encoding": "identity",
            "x-goog-stored-content-length": str(total), "Last-Modified": email.utils.formatdate(int(there.resource["generation"]) / 1e6, usegmt=True),
            "ETag": there.resource["etag"]}
    if "md5Hash" in there.resource:
        told["x-goog-hash"] += ",md5=" + there.resource["md5Hash"]
    found = re.fullmatch(r"bytes=(\d*)-(\d*)", headers.get("range", ""))
    if not found or not any(found.groups()):
        return 200, told, data
    first = int(found[1]) if found[1] else max(0, total - int(found[2]))
    last = min(int(found[2]) if found[1] and found[2] else total - 1, total - 1)
    if first >= total or last < first:
        return 416, {"Content-Range": f"bytes */{total}", "Content-Type": "text/plain"}, b"The requested range cannot be satisfied."
    return 206, {**told, "Content-Range": f"bytes {first}-{last}/{total}"}, data[first:last + 1]


def change(there, resource, whole):
    """PATCH, where null removes, or PUT."""
    own = there.resource
    for key in Object.WRITABLE:
        if key == "metadata" and not whole and isinstance(resource.get(key), dict):
            merged = {**own.get("metadata", {}), **resource[key]}
            own["metadata"] = {name: value for name, value in merged.items() if value is not None}
        elif resource.get(key) is not None:
            own[key] = resource[key]
        elif (key in resource or whole) and key not in ("storageClass", "kmsKeyName"):
            own.pop(key, None)
    own["metageneration"] = str(int(own["metageneration"]) + 1)
    own["updated"] = stamp()
    return told_json(own)


def compose(bucket, name, query, body):
    asked = json.loads(body)
    sources = asked.get("sourceObjects", [])
    if not 1 <= len(sources) <= COMPOSE_MAX:
        raise Refused(400, "invalid", f"The number of source components provided ({len(sources)}) is not between 1 and {COMPOSE_MAX}.")
    data = b""
    for each in sources:
        there = bucket.find(each["name"], str(each["generation"]) if each.get("generation") else None)
        wanted = each.get("objectPreconditions", {}).get("ifGenerationMatch")
        if wanted is not None and str(wanted) != there.resource["generation"]:
            raise precondition()
        data += there.data
    check(query, bucket.live(name))
    made = bucket.put(name, data, asked.get("destination") or {}, composite=True)
    made.resource["componentCount"] = len(sources)
    return told_json(made.resource)


def rewrite(source_bucket, source, target_bucket, target, query, body, at_once=False):
    there = source_bucket.find(source, query.get("sourceGeneration"))
    check(query, there, "ifSource")
    check(query, target_bucket.live(target))
    token = query.get("rewriteToken")
    key = (source_bucket.name, source, there.resource["generation"], target_bucket.name, target)
    if token and REWRITES.get(token, (None, 0))[0] != key:
        raise Refused(400, "invalid", "The rewrite token does not belong to this request.")
    total = len(there.data)
    moved = total if at_once else min(total, (REWRITES.pop(token)[1] if token else 0) + REWRITE_BYTES)
    told = {"kind": "storage#rewriteResponse", "totalBytesRewritten": str(moved), "objectSize": str(total), "done": moved == total}
    if moved < total:
        told["rewriteToken"] = f"token-{number()}"
        REWRITES[told["rewriteToken"]] = (key, moved)
        return told_json(told)
    resource = json.loads(body) if body.strip() else {}
    if not set(resource) & set(Object.WRITABLE):
        resource = copy.deepcopy(there.resource)
    told["resource"] = target_bucket.put(target, there.data, resource, composite="md5Hash" not in there.resource).resource
    return told_json(told["resource"] if at_once else told)


def listing(bucket, query):
    """Rows in the order of their bytes; a page counts prefixes too."""
    prefix, delimiter = query.get("prefix", ""), query.get("delimiter", "")
    start, end = query.get("startOffset", ""), query.get("endOffset")
    most = int(query.get("maxResults", "1000"))
    after = json.loads(base64.urlsafe_b64decode(query["pageToken"])) if query.get("pageToken") else None
    rows, seen = [], set()
    for name in sorted(bucket.objects, key=str.encode):
        cut = name.find(delimiter, len(prefix)) if delimiter else -1
        if not name.startswith(prefix) or name.encode() < start.encode() or (end and name.encode() >= end.encode()):
            continue
        if cut >= 0 and (query.get("versions") == "true" or bucket.live(name)):
            folder = name[:cut + len(delimiter)]
            rows += [(folder, None)] if folder not in seen else []
            seen.add(folder)
        elif query.get("versions") == "true":
            rows += [(name, each) for each in bucket.objects[name]]
        elif bucket.live(name):
            rows.append((name, bucket.live(name)))
    marks = [[name, each.resource["generation"] if each else ""] for name, each in rows]
    first = marks.index(after) + 1 if after in marks else sum(1 for name, _ in rows if after and name.encode() <= after[0].encode())
    page = rows[first:first + most]
    told = {"kind": "storage#objects"}
    if any(each for _, each in page):
        told["items"] = [each.resource for _, each in page if each]
    if any(not each for _, each in page):
        told["prefixes"] = [name for name, each in page if not each]
    if first + most < len(rows):
        told["nextPageToken"] = base64.urlsafe_b64encode(json.dumps(marks[first + most - 1]).encode()).decode()
    return told_json(told)


def json_object(method, bucket, name, query, headers, body):
    generation = query.get("generation")
    if method == "DELETE":
        there = bucket.find(name, generation)
        check(query, there)
        if generation:
            bucket.drop(name, there)
        else:
            bucket.drop_live(name)
        return 204, {}, b""
    there = bucket.find(name, generation)
    check(query, there, reading=method == "GET")
    if method == "GET":
        return media(there, query, headers) if query.get("alt") == "media" else told_json(there.resource)
    return change(there, json.loads(body), method == "PUT")


# ---- buckets --------------------------------------------------------------------------------------------------------------

def bucket_resource(bucket):
    return {"kind": "storage#bucket", "id": bucket.name, "name": bucket.name, "timeCreated": bucket.created, "updated": bucket.created,
            "location": "US", "storageClass": "STANDARD", "metageneration": "1", **bucket.resource}


def json_buckets(method, query, body):
    if method == "GET":
        rows = [bucket_resource(BUCKETS[name]) for name in sorted(BUCKETS) if name.startswith(query.get("prefix", ""))]
        return told_json({"kind": "storage#buckets", "items": rows})
    resource = json.loads(body)
    if resource["name"] in BUCKETS:
        raise Refused(409, "conflict", "Your previous request to create the named bucket succeeded and you already own it.")
    BUCKETS[resource["name"]] = Bucket(resource["name"], resource)
    return told_json(bucket_resource(BUCKETS[resource["name"]]))


def json_bucket(method, bucket, body):
    if method == "DELETE":
        if bucket.objects:
            raise Refused(409, "conflict", "The bucket you tried to delete is not empty.")
        del BUCKETS[bucket.name]
        return 204, {}, b""
    if method == "PATCH":
        bucket.resource.update(json.loads(body))
    return told_json(bucket_resource(bucket))


def may(method, bucket):
    if method == "DELETE" and bucket.name.endswith("-keeps"):
        raise Refused(403, "forbidden", "The caller does not have storage.objects.delete access to the Google Cloud Storage object.")


def answer_json(method, parts, query, headers, body):
    """@parts: of the path behind /storage/v1/b, each without its escapes."""
    if not parts:
        return json_buckets(method, query, body)
    bucket = bucket_of(parts[0])
    rest = parts[1:]
    if not rest:
        return json_bucket(method, bucket, body)
    if rest == ["o"]:
        return listing(bucket, query)
    name, rest = rest[1], rest[2:]
    if rest == ["compose"]:
        return compose(bucket, name, query, body)
    if rest and rest[0] in ("rewriteTo", "copyTo"):
        return rewrite(bucket, name, bucket_of(rest[2]), rest[4], query, body, rest[0] == "copyTo")
    may(method, bucket)
    return json_object(method, bucket, name, query, headers, body)


# ---- the XML API: uploads in parts -----------------------------------------------------------------------------------------

def told_xml(root, text, headers=None):
    return 200, {"Content-Type": "application/xml; charset=UTF-8", **(headers or {})}, \
        f"<?xml version='1.0' encoding='UTF-8'?><{root} xmlns='{XMLNS}'>{text}</{root}>".encode()


def element(name, value):
    return f"<{name}>{escape(str(value))}</{name}>"


def upload_of(query, bucket, key):
    found = UPLOADS.get(query["uploadId"])
    if not found or (found["bucket"], found["key"]) != (bucket.name, key):
        raise XmlRefused(404, "NoSuchUpload", "The requested upload was not found.")
    return found


def xml_start(bucket, key, headers):
    if any(name.startswith("x-goog-if-") for name in headers):
        raise XmlRefused(400, "InvalidArgument", "Preconditions are not supported by multipart uploads.")
    resource = {"contentType": headers.get("content-type"), "storageClass": headers.get("x-goog-storage-class"),
                "cacheControl": headers.get("cache-control"), "contentDisposition": headers.get("content-disposition"),
                "contentEncoding": headers.get("content-encoding"), "contentLanguage": headers.get("content-language"),
                "metadata": {name[12:]: value for name, value in headers.items() if name.startswith("x-goog-meta-")}}
    name = f"upload-{number()}"
    UPLOADS[name] = {"bucket": bucket.name, "key": key, "resource": resource, "parts": {}, "begun": stamp()}
    return told_xml("InitiateMultipartUploadResult", element("Bucket", bucket.name) + element("Key", key) + element("UploadId", name))


def xml_part(found, query, headers, body):
    def refusal(message):
        return XmlRefused(400, "BadDigest", message)
    check_hashes(body, *goog_hash(headers), refusal)
    if not 1 <= int(query["partNumber"]) <= 10000:
        raise XmlRefused(400, "InvalidArgument", "The part number is not between 1 and 10000.")
    etag = '"' + hashlib.md5(body).hexdigest() + '"'
    found["parts"][int(query["partNumber"])] = (etag, body, stamp())
    return 200, {"ETag": etag, "x-goog-hash": f"crc32c={crc32c(body)},md5={md5(body)}"}, b""


def xml_complete(bucket, key, upload_id, found, body):
    root = xml.fromstring(body)
    asked = [(int(part.findtext("{*}PartNumber")), part.findtext("{*}ETag")) for part in root.iterfind("{*}Part")]
    if not asked or [number for number, _ in asked] != sorted({number for number, _ in asked}):
        raise XmlRefused(400, "InvalidPartOrder", "The list of parts is empty or not in ascending order.")
    for part, etag in asked:
        if part not in found["parts"] or found["parts"][part][0].strip('"') != etag.strip('"'):
            raise XmlRefused(400, "InvalidPart", f"Part {part} is not there, or has another ETag.")
    pieces = [found["parts"][part][1] for part, _ in asked]
    if any(len(piece) < PART_MIN for piece in pieces[:-1]):
        raise XmlRefused(400, "EntityTooSmall", "A part that is not the last has fewer than 5 MiB.")
    made = bucket.put(key, b"".join(pieces), found["resource"], composite=True)
    del UPLOADS[upload_id]
    rows = element("Bucket", bucket.name) + element("Key", key) + element("ETag", '"' + made.resource["etag"] + '"')
    return told_xml("CompleteMultipartUploadResult", rows, {"x-goog-generation": made.resource["generation"],
                                                            "x-goog-hash": "crc32c=" + made.resource["crc32c"]})


def xml_parts(found, query):
    marker, most = int(query.get("part-number-marker", "0")), int(query.get("max-parts", "1000"))
    rows = sorted(number for number in found["parts"] if number > marker)
    text = element("IsTruncated", "true" if len(rows) > most else "false")
    for each in rows[:most]:
        etag, data, when = found["parts"][each]
        text += f"<Part>{element('PartNumber', each)}{element('ETag', etag)}{element('Size', len(data))}{element('LastModified', when)}</Part>"
    return told_xml("ListPartsResult", text)


def xml_uploads(bucket, query):
    after = (query.get("key-marker", "").encode(), query.get("upload-id-marker", ""))
    most = int(query.get("max-uploads", "1000"))
    rows = sorted((found["key"].encode(), name) for name, found in UPLOADS.items()
                  if found["bucket"] == bucket.name and found["key"].startswith(query.get("prefix", "")))
    rows = [each for each in rows if each > after]
    text = element("IsTruncated", "true" if len(rows) > most else "false")
    if len(rows) > most:
        key, name = rows[most - 1]
        text += element("NextKeyMarker", urllib.parse.quote(key)) + element("NextUploadIdMarker", name)
    for key, name in rows[:most]:
        text += f"<Upload>{element('Key', urllib.parse.quote(key))}{element('UploadId', name)}{element('Initiated', UPLOADS[name]['begun'])}</Upload>"
    return told_xml("ListMultipartUploadsResult", element("EncodingType", "url") + text)


def answer_xml(method, path, query, headers, body):
    name, _, key = path.lstrip("/").partition("/")
    if name not in BUCKETS:
        raise XmlRefused(404, "NoSuchBucket", "The specified bucket does not exist.")
    bucket = BUCKETS[name]
    if method == "GET" and "uploads" in query and not key:
        return xml_uploads(bucket, query)
    if method == "POST" and "uploads" in query:
        return xml_start(bucket, key, headers)
    if "uploadId" not in query:
        raise XmlRefused(405, "MethodNotAllowed", "Only uploads in parts are known of the XML API.")
    found = upload_of(query, bucket, key)
    if method == "PUT":
        return xml_part(found, query, headers, body)
    if method == "POST":
        return xml_complete(bucket, key, query["uploadId"], found, body)
    if method == "GET":
        return xml_parts(found, query)
    del UPLOADS[query["uploadId"]]
    return 204, {}, b""


# ---- HTTP -----------------------------------------------------------------------------------------------------------------

def outcome(method, target, headers, body):
    quoted, _, tail = target.partition("?")
    query = dict(urllib.parse.parse_qsl(tail, keep_blank_values=True))
    if quoted == "/batch/storage/v1":
        return answer_batch(headers, body)
    for root in ("/upload/storage/v1/b", "/download/storage/v1/b", "/storage/v1/b"):
        if quoted == root or quoted.startswith(root + "/"):
            parts = [urllib.parse.unquote(each) for each in quoted[len(root):].split("/")[1:]]
            if root.startswith("/upload"):
                return upload(method, bucket_of(parts[0]), query, headers, body)
            return answer_json(method, parts, query, headers, body)
    if quoted == "/":
        return 200, {}, b""
    return answer_xml(method, urllib.parse.unquote(quoted), query, headers, body)


def answer(method, target, headers, body):
    try:
        return outcome(method, target, headers, body)
    except XmlRefused as refused:
        text = f"<?xml version='1.0' encoding='UTF-8'?><Error>{element('Code', refused.reason)}{element('Message', refused.message)}<Details></Details></Error>"
        return refused.status, {"Content-Type": "application/xml; charset=UTF-8"}, text.encode()
    except Refused as refused:
        if refused.status == 304:
            return 304, {}, b""
        error = {"code": refused.status, "message": refused.message,
                 "errors": [{"message": refused.message, "domain": "global", "reason": refused.reason}]}
        return told_json({"error": error}, refused.status)


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1

    def log_message(self, *_):
        pass

    def body(self, headers):
        if headers.get("transfer-encoding", "").lower() != "chunked":
            return self.rfile.read(int(headers.get("content-length", 0)))
        data = b""
        while size := int(self.rfile.readline().split(b";")[0], 16):
            data += self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()
        return data

    def serve(self):
        headers = {name.lower(): value for name, value in self.headers.items()}
        body = self.body(headers)
        with LOCK:
            status, told, content = answer(self.command, self.path, headers, body)
        self.send_response_only(status)
        self.send_header("X-GUploader-UploadID", "scripted")
        self.send_header("Date", email.utils.formatdate(usegmt=True))
        for name, value in told.items():
            self.send_header(name, value)
        if status not in (204, 304):
            self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if self.command != "HEAD" and status not in (204, 304):
            self.wfile.write(content)
        self.wfile.flush()

    do_GET = do_HEAD = do_PUT = do_POST = do_DELETE = do_PATCH = serve


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 512


if __name__ == "__main__":
    Server(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
