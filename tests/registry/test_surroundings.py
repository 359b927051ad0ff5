"""Proxies, the scheme of a registry, and what the client must not read: .netrc, the disk, new modules."""

from __future__ import annotations

import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from ci_builder.errors import RegistryUnreachable
from ci_builder.oci.reference import Reference
from ci_builder.registry.connections import Connections
from ci_builder.request import RegistryOptions
from tests.registry.images import AMD64, Recorder, connect, make_image, read_layers
from tests.servers.certificates import make_certificates
from tests.servers.forward_proxy import serve_proxy
from tests.servers.registry import start_registry


def test_loopback_is_plain_http_or_tls_as_it_answers(tmp_path: Path) -> None:
    tls = make_certificates(tmp_path)
    with start_registry(tmp_path) as plain, start_registry(tmp_path, tls=tls) as secure:
        options = RegistryOptions(
            certificates=((secure.host, str(tls.authority)), (plain.host, str(tls.authority)))
        )
        connections = Connections(options, {})
        assert connections.base(plain.host) == f"http://{plain.host}"
        assert connections.base(secure.host) == f"https://{secure.host}"
        connections.close()
        everyone = Connections(RegistryOptions(insecure=("*",), skip_tls_verify=("*",)), {})
        assert everyone.base(plain.host) == f"http://{plain.host}"
        assert everyone.base(secure.host) == f"https://{secure.host}"
        everyone.close()


def test_other_hosts_are_tls_without_being_asked() -> None:
    connections = Connections(RegistryOptions(insecure=("plain.example.com",)), {})
    assert connections.base("docker.io") == "https://registry-1.docker.io"
    assert connections.base("registry.example.com:5000") == "https://registry.example.com:5000"
    assert connections.plain_allowed("plain.example.com")
    assert not connections.plain_allowed("registry.example.com")
    connections.close()


def test_through_a_proxy(tmp_path: Path) -> None:
    image = make_image()
    tls = make_certificates(tmp_path)
    with (
        start_registry(tmp_path) as plain,
        start_registry(tmp_path, tls=tls) as secure,
        serve_proxy({"plain.test": plain.host, "secure.test": secure.host}) as proxy,
    ):
        environment = {"HTTP_PROXY": proxy.url, "HTTPS_PROXY": proxy.url, "NO_PROXY": "other.test"}
        options = RegistryOptions(
            insecure=("plain.test:5000",), skip_tls_verify=("secure.test:5001", "plain.test:5000")
        )
        with connect(tmp_path, options=options, environment=environment) as registry:
            for name in ("plain.test:5000", "secure.test:5001"):
                reference = Reference.parse(f"{name}/app")
                registry.push(image, [reference])
                assert read_layers(registry.image(reference, AMD64)) == read_layers(image)
            direct = Reference.parse(f"{plain.host}/app")
            before = len(proxy.seen)
            registry.image(direct, AMD64)
            assert len(proxy.seen) == before, "loopback went through the proxy"
        assert "CONNECT secure.test:5001" in proxy.seen
        assert all("s3cret" not in line for line in proxy.seen)


def test_a_proxy_that_is_not_there(tmp_path: Path) -> None:
    environment = {"HTTPS_PROXY": "http://user:s3cret@127.0.0.1:1"}
    recorder = Recorder()
    with connect(tmp_path, environment=environment, recorder=recorder) as registry:
        with pytest.raises(RegistryUnreachable, match="through the proxy: connection refused") as caught:
            registry.image(Reference.parse("registry.example.com/app"), AMD64)
        assert "s3cret" not in str(caught.value) + recorder.text()


def test_a_proxy_that_refuses(tmp_path: Path) -> None:
    reference = Reference.parse("secure.test:5001/app")
    with serve_proxy({"secure.test": "127.0.0.1:1"}) as proxy:
        proxy.wants_login = True
        with connect(tmp_path, environment={"HTTPS_PROXY": proxy.url}, recorder=Recorder()) as registry:
            with pytest.raises(RegistryUnreachable, match="refuses to connect: 407 Proxy Auth") as caught:
                registry.image(reference, AMD64)
            assert "USER:PASSWORD" in caught.value.hint
        assert proxy.seen == ["CONNECT secure.test:5001"]
        wrong = {"HTTPS_PROXY": proxy.url.replace("http:", "https:")}
        with connect(tmp_path, environment=wrong, recorder=Recorder()) as registry:
            with pytest.raises(RegistryUnreachable, match="through the proxy: TLS failed") as caught:
                registry.image(reference, AMD64)
            assert "http://HOST:PORT" in caught.value.hint


def test_a_name_that_only_the_proxy_knows(tmp_path: Path) -> None:
    image = make_image()
    with start_registry(tmp_path) as plain, serve_proxy({"plain.invalid": plain.host}) as proxy:
        options = RegistryOptions(insecure=("plain.invalid:5000",))
        reference = Reference.parse("plain.invalid:5000/app")
        with connect(tmp_path, options=options, environment={"HTTP_PROXY": proxy.url}) as registry:
            registry.push(image, [reference])
            assert read_layers(registry.image(reference, AMD64)) == read_layers(image)


@pytest.mark.parametrize("by", ["option", "variable"])
def test_no_netrc_no_import_no_file_after_the_start(tmp_path: Path, by: str) -> None:
    """In place, ``/`` is another root file system after the unpack: nothing may be read from it then."""
    tls = make_certificates(tmp_path)
    (tmp_path / ".netrc").write_text("machine localhost login bad password bad\n")
    with start_registry(tmp_path, "token", tls) as server:
        assert server.tls is not None
        name = server.host.replace("127.0.0.1", "localhost")
        program = f"""
            import importlib, os, pathlib, sys
            from ci_builder.build.settle import LATE
            from ci_builder.oci.reference import Reference
            from ci_builder.registry.client import Registry
            from ci_builder.registry.credentials import load
            from ci_builder.request import Login, RegistryOptions
            from ci_builder.progress import silent
            from tests.registry.images import AMD64, make_image, read_layers
            image = make_image()
            authority = {str(tls.authority)!r}
            options = RegistryOptions(certificates=(({name!r}, authority),) if {by == "option"} else ())
            variables = {{}} if {by == "option"} else {{"SSL_CERT_FILE": authority}}
            login = Login({name!r}, {server.user!r}, {server.password!r})
            blobs = pathlib.Path({str(tmp_path / "blobs")!r})
            registry = Registry(load({{}}, [login]), options, variables, silent, blobs)
            for module in LATE:
                importlib.import_module(module)
            registry.settle()
            pathlib.Path({str(tls.authority)!r}).unlink()
            allowed = ({str(tmp_path)!r}, "/etc/", "/proc/", "/dev/")
            watching = True
            def watch(event, arguments):
                what = arguments[0] if arguments else ""
                late = event == "import" or (
                    event == "open" and isinstance(what, str) and not what.startswith(allowed)
                )
                if late and watching:
                    print(f"late {{event}}: {{what}}", flush=True)
                    os._exit(1)
            sys.addaudithook(watch)
            reference = Reference.parse("{name}/app:1")
            registry.check_push(reference)
            registry.push(image, [reference])
            assert read_layers(registry.image(reference, AMD64)) == read_layers(image)
            registry.close()
            watching = False
            print("done")
        """
        done = subprocess.run(
            [sys.executable, "-W", "error", "-c", textwrap.dedent(program)],
            capture_output=True,
            text=True,
            env={
                "HOME": str(tmp_path),
                "PYTHONPATH": str(Path(__file__).parents[2]),
                "PYTHONDONTWRITEBYTECODE": "1",
            },
            check=False,
        )
    assert done.stdout == "done\n", done.stderr
