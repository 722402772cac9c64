# SPDX-License-Identifier: Apache-2.0
"""An HTTP proxy that fails as it is told, in front of a real server, and keeps a journal of what it saw.

proxy.py run SERVER [--tls] [--chaos SEED [--spare TARGET]] -- COMMAND…
                          starts server and proxy, runs a command in their settings; chaos() but for those targets

A request is forwarded with its Host as it is, so that signatures stay good. Control (port in POLYFS_FAULT_CONTROL): one
JSON object a line, one back.
    {"do": "rules", "rules": [RULE…]}    instead of those before; also empties the journal
    {"do": "journal"}                    {"requests": [{method, target, headers, body_bytes, connection, listener, rule, applied, status}…]}
    {"do": "server", "what": "kill"}     also "start", "stop"
    {"do": "held"}                       answers when a request is held; "release" lets all go that are
    {"do": "quiet"}                      answers when no client is connected: what one sent before it died has been dealt with
A rule is the first that matches a request: "method" and "target" are regular expressions, "header" one for a line
`name: value`; "from" (1) is the first match that it acts on, "count" (1; 0: no end) how many, "chance" (1.0) how likely.
What it does, in this order:
    deaf_ms       stops reading in front of the body
    delay_ms      waits
    hold          true: waits until control releases it
    flip_request  the byte at this place of the request's body is another
    kill          a process gets SIGKILL, of this number: with "apply": false before the server sees the request, else after
                  its answer, which the client does not get
    apply         false: the server never sees it (the default with "status" or "raw"); true: it does, whatever comes back
    status, headers [[name, value]…], body    this answer instead of the server's; Content-Length is added
    raw           these bytes instead (latin-1)
    set           {header: value or null}: changes headers of the server's answer
    flip          the byte at this place of the answer's body is another
    cut           only so many bytes of the body ("half", "last": all but one), then "end"
    drip          bytes a second of the body
    end           "keep" (the default), "close", "reset", or "stall": nothing more for stall_ms (60,000)
A second listener ("foreign") answers 200 to everything; its address is POLYFS_FAULT_FOREIGN.
"""
import json
import os
import random
import re
import signal
import socket
import ssl
import struct
import subprocess
import sys
import tempfile
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../servers"))
import servers  # noqa: E402

SECRET_HEADERS = ("x-amz-security-token", "x-amz-server-side-encryption-customer-key")
HEAD_MAX = 256 << 10


class Gone(Exception):
    """The other side closed."""


class Stream:
    """A socket read by lines and sizes."""

    def __init__(self, sock):
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.sock, self.kept = sock, b""

    def more(self):
        try:
            data = self.sock.recv(1 << 18)
        except OSError as error:
            raise Gone from error
        if not data:
            raise Gone
        return data

    def head(self):
        while b"\r\n\r\n" not in self.kept:
            if len(self.kept) > HEAD_MAX:
                raise Gone
            self.kept += self.more()
        head, self.kept = self.kept.split(b"\r\n\r\n", 1)
        return head

    def some(self, most):
        if not self.kept:
            self.kept = self.more()
        data, self.kept = self.kept[:most], self.kept[most:]
        return data

    def exactly(self, size):
        pieces = []
        while size:
            pieces.append(self.some(size))
            size -= len(pieces[-1])
        return b"".join(pieces)

    def line(self):
        while b"\r\n" not in self.kept:
            self.kept += self.more()
        line, self.kept = self.kept.split(b"\r\n", 1)
        return line

    def send(self, data):
        try:
            self.sock.sendall(data)
        except OSError as error:
            raise Gone from error

    def close(self):
        self.sock.close()

    def reset(self):
        raw = self.sock
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        raw.close()


def parse_head(head):
    lines = head.decode("latin-1").split("\r\n")
    return lines[0], [tuple(part.strip() for part in line.split(":", 1)) for line in lines[1:]]


def value_of(headers, name):
    return next((value for key, value in headers if key.lower() == name), None)


def shown_value(name, value):
    """As the journal keeps it: signatures tell whom they are of and for where, and no more; tokens nothing."""
    value = re.sub(r"(Bearer |SharedKey \w+:)\S+", r"\1hidden", shown_target(value))
    return "hidden" if name in SECRET_HEADERS else value


def shown_target(text):
    """A URL, or part of one: a signature in it, or the name of an upload that is a right by itself, is nobody's business."""
    return re.sub(r"(?i)\b(sig|signature|upload_id)=[^&,\s]+", r"\1=hidden", text)


def make_head(first, headers):
    return "\r\n".join([first, *(f"{name}: {value}" for name, value in headers), "", ""]).encode("latin-1")


def pieces(stream, headers, has_body):
    """The body of a message, piece by piece, without its framing."""
    if not has_body:
        return
    if (value_of(headers, "transfer-encoding") or "").lower() == "chunked":
        while size := int(stream.line().split(b";")[0], 16):
            yield stream.exactly(size)
            stream.line()
        while stream.line():
            pass
        return
    left = int(value_of(headers, "content-length") or 0)
    while left:
        data = stream.some(min(left, 1 << 18))
        left -= len(data)
        yield data


def flipped(data, at):
    at = at if at >= 0 else len(data) + at
    return data[:at] + bytes([data[at] ^ 0x20]) + data[at + 1:] if 0 <= at < len(data) else data


class Rule:
    def __init__(self, fields):
        self.fields, self.seen = fields, 0
        self.chance = random.Random(fields.get("seed", 0))

    def get(self, name, default=None):
        return self.fields.get(name, default)

    def takes(self, method, target, headers):
        if not re.fullmatch(self.get("method", ".*"), method) or not re.search(self.get("target", ""), target):
            return False
        wanted = self.get("header")
        if wanted and not any(re.search(wanted, f"{name.lower()}: {value}") for name, value in headers):
            return False
        self.seen += 1
        first, count = self.get("from", 1), self.get("count", 1)
        return self.seen >= first and (not count or self.seen < first + count) and self.chance.random() < self.get("chance", 1.0)


class Proxy:
    def __init__(self, server, tls=None):
        self.server, self.tls = server, tls
        self.lock = threading.Lock()
        self.changed, self.clients, self.held = threading.Condition(self.lock), 0, 0
        self.rules, self.journal, self.connections = [], [], 0
        self.main, self.foreign, self.control = (self.listen(serve) for serve in (self.proxied, self.answered, self.controlled))

    def listen(self, serve):
        listener = socket.create_server(("127.0.0.1", 0), backlog=512)

        def loop():
            while True:
                sock, _ = listener.accept()
                self.count_clients(serve, 1)
                threading.Thread(target=self.guarded, args=(serve, sock), daemon=True).start()
        threading.Thread(target=loop, daemon=True).start()
        return listener.getsockname()[1]

    def guarded(self, serve, sock):
        try:
            serve(sock)
        except (Gone, OSError, ssl.SSLError, ValueError):
            pass
        finally:
            sock.close()
            self.count_clients(serve, -1)

    def count_clients(self, serve, more):
        with self.lock:
            self.clients += more if serve == self.proxied else 0
            self.changed.notify_all()

    def wait_until_quiet(self):
        """Connections are accepted in their order: when ours has been ended, all that came before it are counted."""
        with socket.create_connection(("127.0.0.1", self.main)) as ours:
            ours.shutdown(socket.SHUT_WR)
            ours.recv(1)
        with self.lock:
            self.changed.wait_for(lambda: not self.clients)

    def hold(self):
        with self.lock:
            self.held += 1
            self.changed.notify_all()
            self.changed.wait_for(lambda: not self.held)

    def wait_until_held(self):
        with self.lock:
            self.changed.wait_for(lambda: self.held)

    def release(self):
        with self.lock:
            self.held = 0
            self.changed.notify_all()

    # ---- what is asked ----

    def take_rule(self, listener, connection, method, target, headers):
        """The rule for a request and its entry in the journal."""
        with self.lock:
            at = next((i for i, rule in enumerate(self.rules) if listener == "main" and rule.takes(method, target, headers)), None)
            shown = {name.lower(): shown_value(name.lower(), value) for name, value in headers}
            entry = {"method": method, "target": shown_target(target), "headers": shown, "connection": connection, "listener": listener,
                     "body_bytes": 0, "rule": at, "applied": False, "status": 0, "time": time.monotonic()}
            self.journal.append(entry)
            return (self.rules[at] if at is not None else Rule({})), entry

    def new_connection(self):
        with self.lock:
            self.connections += 1
            return self.connections

    def answered(self, sock):
        client, connection = Stream(sock), self.new_connection()
        while True:
            first, headers = parse_head(client.head())
            method, target, _ = first.split(" ", 2)
            _, entry = self.take_rule("foreign", connection, method, target, headers)
            entry["body_bytes"] = sum(map(len, pieces(client, headers, True)))
            client.send(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")

    def controlled(self, sock):
        for line in sock.makefile("rb"):
            asked = json.loads(line)
            answer = {}
            if asked["do"] == "rules":
                with self.lock:
                    self.rules, self.journal = [Rule(fields) for fields in asked["rules"]], []
            elif asked["do"] == "journal":
                with self.lock:
                    answer["requests"] = list(self.journal)
            elif asked["do"] == "server":
                getattr(self.server, asked["what"])()
            elif asked["do"] in ("held", "release", "quiet"):
                {"held": self.wait_until_held, "release": self.release, "quiet": self.wait_until_quiet}[asked["do"]]()
            sock.sendall(json.dumps(answer).encode() + b"\n")

    # ---- passing on ----

    def proxied(self, sock):
        if self.tls:
            sock = self.tls.wrap_socket(sock, server_side=True)
        client, connection, upstream = Stream(sock), self.new_connection(), None
        try:
            while True:
                upstream = self.one_request(client, connection, upstream)
                if upstream == "end":
                    return
        finally:
            client.close()
            if isinstance(upstream, Stream):
                upstream.close()

    def one_request(self, client, connection, upstream):
        first, headers = parse_head(client.head())
        method, target, _ = first.split(" ", 2)
        rule, entry = self.take_rule("main", connection, method, target, headers)
        if value_of(headers, "expect"):
            client.send(b"HTTP/1.1 100 Continue\r\n\r\n")
        if rule.get("deaf_ms"):
            time.sleep(rule.get("deaf_ms") / 1000)
            return "end"
        body = b"".join(pieces(client, headers, True))
        entry["body_bytes"] = len(body)
        time.sleep(rule.get("delay_ms", 0) / 1000)
        if rule.get("hold"):
            self.hold()
        if rule.get("flip_request") is not None:
            body = flipped(body, rule.get("flip_request"))
        own = rule.get("status") or rule.get("raw") is not None
        if rule.get("apply", not own):
            upstream = self.forward(first, headers, body, upstream)
            status, answered = parse_head(upstream.head())
            entry["applied"], entry["status"] = True, int(status.split(" ")[1])
            content = pieces(upstream, answered, method != "HEAD" and entry["status"] not in (204, 304))
        else:
            status, answered, content = "HTTP/1.1 200 OK", [], iter(())
        if rule.get("kill"):
            os.kill(rule.get("kill"), signal.SIGKILL)
            return "end"
        if own or not entry["applied"]:
            for _ in content:
                pass
            return self.own_answer(client, rule, entry, method) or upstream
        return self.relay(client, rule, method, status, answered, content) or upstream

    def forward(self, first, headers, body, upstream):
        """On the connection that is there, or a new one; the server may have closed the old."""
        headers = [(name, value) for name, value in headers if name.lower() not in ("expect", "transfer-encoding")]
        if body and value_of(headers, "content-length") is None:
            headers.append(("Content-Length", str(len(body))))
        for attempt in range(2):
            if not upstream or attempt:
                try:
                    upstream = Stream(socket.create_connection(("127.0.0.1", self.server.port), 5))
                    upstream.sock.settimeout(None)
                except OSError as error:
                    raise Gone from error
            try:
                upstream.send(make_head(first, headers) + body)
                upstream.kept = upstream.more()
                return upstream
            except Gone:
                if attempt:
                    raise
        return upstream

    def own_answer(self, client, rule, entry, method):
        if rule.get("raw") is not None:
            client.send(rule.get("raw").encode("latin-1"))
        elif rule.get("status"):
            entry["status"] = rule.get("status")
            body = rule.get("body", "").encode("latin-1")
            headers = [*rule.get("headers", []), ["Content-Length", str(len(body))]]
            client.send(make_head(f"HTTP/1.1 {rule.get('status')} Told", headers) + (b"" if method == "HEAD" else body))
        return self.end(client, rule, "close" if not rule.get("status") and rule.get("raw") is None else "keep")

    def relay(self, client, rule, method, status, headers, content):
        changes = {name.lower(): value for name, value in (rule.get("set") or {}).items()}
        headers = [(name, value) for name, value in headers if name.lower() not in changes]
        headers += [(name, value) for name, value in changes.items() if value is not None]
        chunked = (value_of(headers, "transfer-encoding") or "").lower() == "chunked"
        changed = rule.get("flip") is not None or rule.get("cut") is not None or rule.get("drip")
        if not changed:
            client.send(make_head(status, headers))
            for data in content:
                client.send(b"%x\r\n%s\r\n" % (len(data), data) if chunked else data)
            if chunked and method != "HEAD":
                client.send(b"0\r\n\r\n")
            return self.end(client, rule, "keep")
        body = b"".join(content)
        if rule.get("flip") is not None:
            body = flipped(body, rule.get("flip"))
        if chunked:
            headers = [(name, value) for name, value in headers if name.lower() != "transfer-encoding"] + [("Content-Length", str(len(body)))]
        cut = {"half": len(body) // 2, "last": len(body) - 1}.get(rule.get("cut"), rule.get("cut"))
        client.send(make_head(status, headers))
        self.drip(client, body[:cut], rule.get("drip"))
        return self.end(client, rule, "keep" if cut is None else "close")

    @staticmethod
    def drip(client, body, rate):
        if not rate:
            client.send(body)
            return
        for at in range(len(body)):
            client.send(body[at:at + 1])
            time.sleep(1 / rate)

    @staticmethod
    def end(client, rule, default):
        end = rule.get("end", default)
        if end == "stall":
            time.sleep(rule.get("stall_ms", 60000) / 1000)
        if end == "reset":
            client.reset()
        return "end" if end != "keep" else None


def chaos(seed):
    """Of all requests 10 % are refused, 1 % reset, 1 % stalled."""
    refuse = {"count": 0, "seed": seed, "chance": 0.05}
    return [{**refuse, "status": 503, "body": "<Error><Code>SlowDown</Code><Message>told</Message></Error>"},
            {**refuse, "seed": seed + 1, "status": 500, "body": "<Error><Code>InternalError</Code><Message>told</Message></Error>"},
            {**refuse, "seed": seed + 2, "chance": 0.005, "apply": False, "end": "reset"},
            {**refuse, "seed": seed + 4, "chance": 0.005, "apply": True, "raw": "", "end": "reset"},
            {**refuse, "seed": seed + 3, "chance": 0.01, "apply": False, "end": "stall", "stall_ms": 3000}]


def main():
    if len(sys.argv) < 4 or sys.argv[1] != "run" or "--" not in sys.argv:
        sys.exit(__doc__)
    split = sys.argv.index("--")
    options, command = sys.argv[3:split], sys.argv[split + 1:]
    with tempfile.TemporaryDirectory(prefix="polyfs-fault-") as folder:
        tls = None
        if "--tls" in options:
            authority = servers.certificates(os.path.join(folder, "certs"))
            tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            tls.load_cert_chain(os.path.join(folder, "certs/public.crt"), os.path.join(folder, "certs/private.key"))
        server = servers.SERVERS[sys.argv[2]](folder).start()
        proxy = Proxy(server, tls)
        if "--chaos" in options:
            spared = [{"target": options[options.index("--spare") + 1], "count": 0}] if "--spare" in options else []
            proxy.rules = [Rule(fields) for fields in spared + chaos(int(options[options.index("--chaos") + 1]))]
        env = {**os.environ, **server.settings(f"http{'s' if tls else ''}://127.0.0.1:{proxy.main}"),
               "POLYFS_FAULT_CONTROL": str(proxy.control), "POLYFS_FAULT_DIRECT": server.endpoint(),
               "POLYFS_FAULT_FOREIGN": f"http://127.0.0.1:{proxy.foreign}"}
        if tls:
            env["AWS_CA_BUNDLE"] = authority
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
        try:
            sys.exit(subprocess.run(command, env=env, check=False).returncode)
        finally:
            server.stop()


if __name__ == "__main__":
    try:
        main()
    except (servers.Missing, RuntimeError, subprocess.CalledProcessError) as error:
        sys.exit(str(error))
