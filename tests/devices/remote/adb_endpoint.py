"""A device endpoint on loopback that speaks adb's wire protocol, for the real client to talk to.

It follows Android's description of the protocol (packages/modules/adb: protocol.txt, SERVICES.TXT,
SYNC.TXT, shell_protocol.h). Commands run in this machine's shell, with /data/local/tmp in a
folder of the test and with stand-ins for getprop and dumpsys. Faults are switched on by name.
"""

from __future__ import annotations

import contextlib
import queue
import socket
import struct
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

CNXN, AUTH, OPEN, OKAY, CLSE, WRTE = (
    int.from_bytes(name, "little")
    for name in (b"CNXN", b"AUTH", b"OPEN", b"OKAY", b"CLSE", b"WRTE")
)
VERSION = 0x01000001
MAX_PAYLOAD = 256 * 1024
BANNER = b"device::ro.product.name=stand_in;ro.product.model=Stand_In;features=shell_v2,cmd\0"
STDOUT, STDERR, EXIT = 1, 2, 3
SHARED = "/data/local/tmp"

GETPROP = """case "$1" in
ro.product.model) echo 'Stand-in 9' ;; ro.soc.model) echo SM8750 ;;
ro.build.version.release) echo 15 ;; esac
"""
DUMPSYS = """case "$1" in
battery) printf 'Current Battery Service state:\\n  AC powered: false\\n  level: 83\\n' &&
  printf '  temperature: %s\\n' "$(cat {state}/tenths)" ;;
thermalservice) printf 'IsStatusOverride: false\\nThermal Status: %s\\n' "$(cat {state}/thermal)" ;;
esac
"""


class Endpoint:
    """One device; `serial` is what adb calls it once it is connected."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.faults: set[str] = set()
        self.commands: list[str] = []
        self.shared.mkdir(parents=True)
        self._write_stand_ins()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.serial = f"127.0.0.1:{self._listener.getsockname()[1]}"
        self._connections: list[socket.socket] = []
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def shared(self) -> Path:
        """Where /data/local/tmp lies on this machine."""
        return self.folder / SHARED.removeprefix("/")

    def set_state(self, tenths: int, thermal: int) -> None:
        (self.folder / "tenths").write_text(str(tenths))
        (self.folder / "thermal").write_text(str(thermal))

    def vanish(self) -> None:
        """Go away as a phone does whose cable is pulled."""
        self._listener.close()
        for connection in self._connections:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
            connection.close()

    def local(self, text: str) -> str:
        """Return a command or path with the device's folder replaced by this machine's."""
        return text.replace(SHARED, str(self.shared))

    def environment(self) -> dict[str, str]:
        return {"PATH": f"{self.folder / 'bin'}:/usr/bin:/bin"}

    def _write_stand_ins(self) -> None:
        (self.folder / "bin").mkdir()
        self.set_state(tenths=295, thermal=0)
        for name, body in (("getprop", GETPROP), ("dumpsys", DUMPSYS.format(state=self.folder))):
            path = self.folder / "bin" / name
            path.write_text("#!/bin/sh\n" + body)
            path.chmod(0o755)

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self._listener.accept()
                self._connections.append(connection)
                threading.Thread(target=_Link(self, connection).serve, daemon=True).start()


class _Link:
    """One connection of adb's server, with its streams."""

    def __init__(self, endpoint: Endpoint, connection: socket.socket) -> None:
        self._endpoint, self._connection = endpoint, connection
        self._streams: dict[int, _Stream] = {}
        self._lock = threading.Lock()

    def serve(self) -> None:
        with contextlib.suppress(OSError, EOFError):
            while True:
                self._answer(*self._receive())

    def send(self, command: int, first: int, second: int, data: bytes = b"") -> None:
        head = struct.pack("<6I", command, first, second, len(data), 0, command ^ 0xFFFFFFFF)
        with self._lock:
            self._connection.sendall(head + data)

    def _receive(self) -> tuple[int, int, int, bytes]:
        command, first, second, length, _, _ = struct.unpack("<6I", self._exactly(24))
        return command, first, second, self._exactly(length)

    def _exactly(self, count: int) -> bytes:
        data = b""
        while len(data) < count:
            piece = self._connection.recv(count - len(data))
            if not piece:
                raise EOFError
            data += piece
        return data

    def _answer(self, command: int, first: int, second: int, data: bytes) -> None:
        if command in (CNXN, AUTH):
            if "unauthorized" not in self._endpoint.faults:
                self.send(CNXN, VERSION, MAX_PAYLOAD, BANNER)
            elif not (command == AUTH and first == 3):
                # A public key stays unanswered: nobody has touched the phone's dialog yet.
                self.send(AUTH, 1, 0, b"t" * 20)
        elif command == OPEN:
            stream = _Stream(self, len(self._streams) + 1, first)
            self._streams[stream.own] = stream
            threading.Thread(
                target=stream.serve, args=(self._endpoint, data.rstrip(b"\0").decode()), daemon=True
            ).start()
        elif second in self._streams:
            self._streams[second].take(command, data)


class _Stream:
    """One service that runs: a shell command, or the copying of files."""

    def __init__(self, link: _Link, own: int, other: int) -> None:
        self.own, self._other, self._link = own, other, link
        self._ready: queue.Queue[None] = queue.Queue()
        self._data: queue.Queue[bytes | None] = queue.Queue()
        self._rest = b""

    def take(self, command: int, data: bytes) -> None:
        if command == OKAY:
            self._ready.put(None)
        elif command == WRTE:
            self._data.put(data)
            self._link.send(OKAY, self.own, self._other)
        elif command == CLSE:
            self._data.put(None)
            self._ready.put(None)

    def serve(self, endpoint: Endpoint, service: str) -> None:
        self._link.send(OKAY, self.own, self._other)
        with contextlib.suppress(OSError, EOFError):
            if service.startswith("shell"):
                self._shell(endpoint, service.partition(":")[2])
            elif service.startswith("sync"):
                self._sync(endpoint)
            self._link.send(CLSE, self.own, self._other)

    def _write(self, data: bytes) -> None:
        for start in range(0, len(data), MAX_PAYLOAD // 2):
            self._link.send(WRTE, self.own, self._other, data[start : start + MAX_PAYLOAD // 2])
            self._ready.get(timeout=60)

    def _read(self, count: int) -> bytes:
        while len(self._rest) < count:
            piece = self._data.get(timeout=60)
            if piece is None:
                raise EOFError
            self._rest += piece
        found, self._rest = self._rest[:count], self._rest[count:]
        return found

    def _shell(self, endpoint: Endpoint, command: str) -> None:
        endpoint.commands.append(command)
        if "vanish" in endpoint.faults and "benchmark_model --graph" in command:
            endpoint.vanish()
            return
        if "kill" in endpoint.faults and "benchmark_model --graph" in command:
            command = "( sh -c 'kill -9 $$' ); echo edge-imgq-exit:$?"
        done = subprocess.run(
            ["/bin/sh", "-c", endpoint.local(command)],
            env=endpoint.environment(),
            capture_output=True,
            check=False,
        )
        for where, said in ((STDOUT, done.stdout), (STDERR, done.stderr)):
            for start in range(0, len(said), 4096):
                piece = said[start : start + 4096]
                self._write(struct.pack("<BI", where, len(piece)) + piece)
        self._write(struct.pack("<BIB", EXIT, 1, done.returncode & 0xFF))

    def _sync(self, endpoint: Endpoint) -> None:
        while True:
            kind, length = struct.unpack("<4sI", self._read(8))
            if kind == b"QUIT":
                return
            name = self._read(length).decode()
            if kind == b"STAT":
                self._stat(Path(endpoint.local(name)))
            elif kind == b"SEND":
                self._send(endpoint, name)
            elif kind == b"RECV":
                self._receive(Path(endpoint.local(name)))

    def _stat(self, path: Path) -> None:
        found = path.stat() if path.exists() else None
        fields = (found.st_mode, found.st_size, int(found.st_mtime)) if found else (0, 0, 0)
        self._write(b"STAT" + struct.pack("<3I", *fields))

    def _send(self, endpoint: Endpoint, name: str) -> None:
        path, _, mode = name.rpartition(",")
        contents = b"".join(self._pieces())
        if "full" in endpoint.faults:
            words = b"couldn't write: No space left on device"
            self._write(b"FAIL" + struct.pack("<I", len(words)) + words)
            return
        target = Path(endpoint.local(path))
        target.write_bytes(contents)
        target.chmod(int(mode) & 0o777)
        self._write(b"OKAY" + struct.pack("<I", 0))

    def _pieces(self) -> Iterator[bytes]:
        while True:
            kind, length = struct.unpack("<4sI", self._read(8))
            if kind == b"DONE":
                return
            yield self._read(length)

    def _receive(self, path: Path) -> None:
        if not path.is_file():
            words = b"No such file or directory"
            self._write(b"FAIL" + struct.pack("<I", len(words)) + words)
            return
        contents = path.read_bytes()
        for start in range(0, len(contents), 64 * 1024):
            piece = contents[start : start + 64 * 1024]
            self._write(b"DATA" + struct.pack("<I", len(piece)) + piece)
        self._write(b"DONE" + struct.pack("<I", 0))
