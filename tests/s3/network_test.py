# SPDX-License-Identifier: Apache-2.0
"""Networks that are not as they should be: a blackhole (F06), clocks (F22), TLS (F49), names (F50), proxies (F51).

network_test.py FOLDER-OF-PROGRAMS    as root: it makes namespaces of its own
"""
import os
import socket
import ssl
import subprocess
import sys
import tempfile
import threading
import time
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "../servers"))
import servers  # noqa: E402

BIN = ""
NEEDED = {"nft": "nftables", "ip": "iproute2", "faketime": "faketime", "unshare": "util-linux", "openssl": "openssl"}


class Listener:
    """Answers every connection by a function of the test's; keeps what came over it."""

    def __init__(self, serve, address="127.0.0.1"):
        self.serve, self.heard = serve, []
        self.listener = socket.create_server((address, 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.loop, daemon=True).start()

    def loop(self):
        while True:
            sock, _ = self.listener.accept()
            threading.Thread(target=self.one, args=(sock,), daemon=True).start()

    def one(self, sock):
        try:
            self.heard.append(self.serve(sock))
        except OSError:
            pass
        finally:
            sock.close()


def tls_server(certificate, key, newest=None):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    if newest:
        context.minimum_version, context.maximum_version = ssl.TLSVersion.TLSv1, newest
        context.set_ciphers("ALL:@SECLEVEL=0")

    def serve(sock):
        with context.wrap_socket(sock, server_side=True) as inner:
            return inner.recv(65536)
    return serve


class Network(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        for program, package in NEEDED.items():
            servers.need(program, package)
        cls.temp = tempfile.TemporaryDirectory(prefix="polyfs-network-")
        cls.authority = servers.certificates(os.path.join(cls.temp.name, "certs"))
        cls.env = {"PATH": BIN + ":" + os.environ["PATH"], "HOME": cls.temp.name, "AWS_ACCESS_KEY_ID": servers.KEY,
                   "AWS_SECRET_ACCESS_KEY": servers.SECRET, "AWS_REGION": "us-east-1", "AWS_EC2_METADATA_DISABLED": "true"}

    @classmethod
    def tearDownClass(cls):
        cls.temp.cleanup()

    def run_in(self, words, code, most_s, **env):
        began = time.monotonic()
        done = subprocess.run(words, env={**self.env, **env}, capture_output=True, text=True, check=False, cwd=self.temp.name)
        took = time.monotonic() - began
        self.assertEqual(code, done.returncode, done.stderr)
        self.assertLessEqual(took, most_s, done.stderr)
        return done.stderr

    def certificate(self, name, subject, days="2", signed=True):
        """Of an own authority, below it or self-signed; its two files."""
        folder = os.path.join(self.temp.name, "certs")
        key, request, out = (os.path.join(folder, name + end) for end in (".key", ".csr", ".pem"))
        with open(os.path.join(folder, name), "w", encoding="utf-8") as file:
            file.write(f"subjectAltName={subject}\n")

        def openssl(*words):
            subprocess.run(["openssl", *words], check=True, capture_output=True)
        openssl("req", "-newkey", "rsa:2048", "-nodes", "-keyout", key, "-out", request, "-subj", "/CN=test")
        signer = ["-CA", self.authority, "-CAkey", os.path.join(folder, "ca.key"), "-CAcreateserial"] if signed else ["-signkey", key]
        openssl("x509", "-req", "-in", request, *signer, "-out", out, "-days", days, "-extfile", file.name)
        return out, key

    # ---- F06 ----

    def test_blackhole(self):
        script = ("ip link set lo up; nft add table ip t; nft add chain ip t c '{ type filter hook output priority 0; }'; "
                  "nft add rule ip t c tcp dport 9 drop; exec polyfs stat s3://bucket/key -o connect_timeout=1s")
        told = self.run_in(["unshare", "-n", "sh", "-c", script], 5, 4, AWS_ENDPOINT_URL="http://127.0.0.1:9")
        self.assertIn("127.0.0.1:9", told)

    # ---- F22 ----

    def test_clocks(self):
        for server in (servers.Minio, servers.Versitygw):
            with tempfile.TemporaryDirectory(prefix="polyfs-clock-") as folder:
                running = server(folder).start()
                try:
                    env = running.settings()
                    self.run_in(["polyfs", "mb", "s3://clock"], 0, 20, **env)
                    for shift in ("+20m", "-20m", "+2h"):
                        self.run_in(["faketime", "-f", shift, "polyfs", "ls", "s3://clock"], 0, 20, **env)
                        self.run_in(["faketime", "-f", shift, "polyfs", "touch", f"s3://clock/{shift}"], 0, 20, **env)
                finally:
                    running.stop()

    # ---- F49 ----

    def refuse(self, serve, word, **env):
        listener = Listener(serve)
        told = self.run_in(["polyfs", "stat", "s3://bucket/key"], 5, 8, AWS_ENDPOINT_URL=f"https://127.0.0.1:{listener.port}",
                           AWS_CA_BUNDLE=self.authority, **env)
        self.assertIn(word, told)
        self.assertEqual([], [heard for heard in listener.heard if heard], "nothing was sent over it")

    def test_certificates(self):
        self.refuse(tls_server(*self.certificate("expired", "IP:127.0.0.1", days="-1")), "certificate")
        self.refuse(tls_server(*self.certificate("elsewhere", "DNS:elsewhere.example.org")), "certificate")
        self.refuse(tls_server(*self.certificate("own", "IP:127.0.0.1", signed=False)), "certificate")

    def test_old_tls(self):
        self.refuse(tls_server(*self.certificate("old", "IP:127.0.0.1"), newest=ssl.TLSVersion.TLSv1_1), "TLS")

    def test_closed_in_the_handshake(self):
        self.refuse(lambda sock: sock.recv(10) and None, "TLS")

    # ---- F50 ----

    def test_first_address_is_dead(self):
        """Two addresses of one name; nothing listens at the first."""
        with tempfile.TemporaryDirectory(prefix="polyfs-names-") as folder:
            running = servers.Minio(folder).start()
            try:
                hosts = os.path.join(folder, "hosts")
                with open(hosts, "w", encoding="utf-8") as file:
                    file.write("127.0.0.2 twofold\n127.0.0.1 twofold\n")
                script = f"mount --bind {hosts} /etc/hosts && exec polyfs mb s3://names"
                env = running.settings()
                self.run_in(["unshare", "-m", "sh", "-c", script], 0, 8, **{**env, "AWS_ENDPOINT_URL": f"http://twofold:{running.port}"})
            finally:
                running.stop()

    def test_no_such_name(self):
        with tempfile.TemporaryDirectory(prefix="polyfs-names-") as folder:
            resolv = os.path.join(folder, "resolv.conf")
            with open(resolv, "w", encoding="utf-8") as file:
                file.write("nameserver 127.0.0.1\noptions timeout:1 attempts:1\n")
            script = f"ip link set lo up; mount --bind {resolv} /etc/resolv.conf && exec polyfs stat s3://bucket/key"
            told = self.run_in(["unshare", "-mn", "sh", "-c", script], 5, 6, AWS_ENDPOINT_URL="https://no-such-host.invalid")
            self.assertIn("no-such-host.invalid", told)

    # ---- F51 ----

    def test_proxies(self):
        told = self.run_in(["polyfs", "stat", "s3://bucket/key"], 5, 4, HTTPS_PROXY="http://127.0.0.1:1")
        self.assertIn("127.0.0.1:1", told)
        refusing = Listener(lambda sock: (sock.recv(65536), sock.sendall(b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n"))[0])
        told = self.run_in(["polyfs", "stat", "s3://bucket/key"], 5, 4, HTTPS_PROXY=f"http://127.0.0.1:{refusing.port}")
        self.assertIn("proxy", told)

    def test_through_a_proxy(self):
        """CONNECT, and TLS to the server behind it."""
        with tempfile.TemporaryDirectory(prefix="polyfs-proxy-") as folder:
            running = servers.Minio(folder, tls=servers.certificates(os.path.join(folder, "certs"))).start()
            asked = []

            def tunnel(sock):
                asked.append(sock.recv(65536).split(b"\r\n")[0])
                upstream = socket.create_connection(("127.0.0.1", running.port))
                sock.sendall(b"HTTP/1.1 200 Connection established\r\nProxy-Agent: test\r\n\r\n")

                def pump(a, b):
                    try:
                        while data := a.recv(65536):
                            b.sendall(data)
                        b.shutdown(socket.SHUT_WR)
                    except OSError:
                        pass
                other = threading.Thread(target=pump, args=(upstream, sock), daemon=True)
                other.start()
                pump(sock, upstream)
                other.join()
            proxy = Listener(tunnel)
            try:
                env = {**running.settings(), "HTTPS_PROXY": f"http://127.0.0.1:{proxy.port}"}
                self.run_in(["polyfs", "mb", "s3://proxied"], 0, 8, **env)
                self.assertEqual(f"CONNECT 127.0.0.1:{running.port} HTTP/1.1".encode(), asked[0])
                self.run_in(["polyfs", "ls", "s3://proxied"], 0, 8, **{**env, "NO_PROXY": "127.0.0.1"})
                self.assertEqual(1, len(asked))
            finally:
                running.stop()


if __name__ == "__main__":
    BIN = sys.argv.pop()
    unittest.main(argv=sys.argv)
