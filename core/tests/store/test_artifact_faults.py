"""The artifact store under attack and on a failing disk: what is not as it was written is never handed out."""

from __future__ import annotations

import errno
import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from dovetail.errors import ArtifactCorrupt, ArtifactNotFound, StoreError, StoreUnwritable
from dovetail.spec import Blob
from dovetail.store import ArtifactStore

ORIGINAL = bytes(range(256)) * 8


def rewrite(path: Path, data: bytes) -> None:
    path.chmod(0o644)
    path.write_bytes(data)


def keep_times(path: Path, change: Callable[[Path], None]) -> None:
    before = path.stat()
    change(path)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


@pytest.mark.parametrize("position", [0, 1, 100, 1023, len(ORIGINAL) - 1])
@pytest.mark.parametrize("bit", [0, 7])
def test_every_flipped_bit_is_found(artifacts: ArtifactStore, position: int, bit: int) -> None:
    blob = artifacts.add_bytes(ORIGINAL, "data.bin")
    path = artifacts.open_path(blob)
    data = bytearray(ORIGINAL)
    data[position] ^= 1 << bit
    keep_times(path, lambda p: rewrite(p, bytes(data)))  # same size, and the old modification time
    with pytest.raises(ArtifactCorrupt) as caught:
        artifacts.open_path(blob)
    assert caught.value.details["expected"] == blob.digest
    assert caught.value.details["actual"] not in (None, blob.digest)
    assert blob.digest in str(caught.value) and "rm " in (caught.value.fix or "")


@pytest.mark.parametrize("size", [0, 1, len(ORIGINAL) // 2, len(ORIGINAL) - 1, len(ORIGINAL) + 1])
def test_a_file_of_another_length_is_found(artifacts: ArtifactStore, size: int, tmp_path: Path) -> None:
    blob = artifacts.add_bytes(ORIGINAL, "data.bin")
    rewrite(artifacts.open_path(blob), (ORIGINAL + b"+")[:size])
    for reader in (artifacts, ArtifactStore(tmp_path / "artifacts")):
        with pytest.raises(ArtifactCorrupt, match="not what was written"):
            reader.open_path(blob)


def test_two_swapped_files_are_found(artifacts: ArtifactStore) -> None:
    one, two = artifacts.add_bytes(b"a" * 99, "a"), artifacts.add_bytes(b"b" * 99, "b")
    path_one, path_two = artifacts.open_path(one), artifacts.open_path(two)
    spare = path_one.with_name("spare")
    path_one.rename(spare)
    path_two.rename(path_one)
    spare.rename(path_two)
    for blob in (one, two):
        with pytest.raises(ArtifactCorrupt):
            artifacts.open_path(blob)


def test_a_removed_file_is_named(artifacts: ArtifactStore) -> None:
    blob = artifacts.add_bytes(b"abc", "data.bin")
    artifacts.open_path(blob).unlink()
    with pytest.raises(ArtifactNotFound) as caught:
        artifacts.open_path(blob)
    assert blob.digest in str(caught.value) and caught.value.fix


def test_a_lying_size_is_found(artifacts: ArtifactStore) -> None:
    blob = artifacts.add_bytes(b"abc", "data.bin")
    with pytest.raises(ArtifactCorrupt):
        artifacts.open_path(Blob(blob.name, blob.digest, 4))


def test_storing_the_bytes_again_heals_a_damaged_file(artifacts: ArtifactStore) -> None:
    blob = artifacts.add_bytes(ORIGINAL, "data.bin")
    rewrite(artifacts.open_path(blob), b"damaged")
    artifacts.add_bytes(ORIGINAL, "data.bin")
    assert artifacts.open_path(blob).read_bytes() == ORIGINAL


# -- names and kinds of files -------------------------------------------------------------------------


@pytest.mark.parametrize(
    "digest",
    [
        "../../etc/passwd",
        "/etc/passwd",
        "%2e%2e%2f%2e%2e%2fetc",
        "..%5c..%5cetc",
        "",
        "a" * 63,
        "a" * 65,
        "A" * 64,
        "g" * 64,
        "../" * 21 + "a",
        "a" * 63 + "\n",
        "a" * 64 + "\n",
        "٣" * 64,
        None,
        7,
    ],
)
def test_what_is_no_digest_never_becomes_a_path(
    artifacts: ArtifactStore, digest: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for call in ("open", "lstat", "stat"):
        monkeypatch.setattr(os, call, lambda *_, **__: pytest.fail("the file system was touched"))
    with pytest.raises(ArtifactNotFound, match="there is no artifact"):
        artifacts.open_path(Blob("x", digest, 1))


@pytest.mark.parametrize("kind", ["symlink", "hard link", "fifo", "directory", "device link"])
def test_only_a_regular_file_of_its_own_is_read(artifacts: ArtifactStore, tmp_path: Path, kind: str) -> None:
    outside = tmp_path / "outside"
    outside.write_bytes(b"abc")
    blob = artifacts.add_bytes(b"abc", "data.bin")
    path = artifacts.open_path(blob)
    path.unlink()
    if kind == "symlink":
        path.symlink_to(outside)
    elif kind == "hard link":
        path.hardlink_to(outside)
    elif kind == "fifo":
        os.mkfifo(path)  # must not hang either
    elif kind == "directory":
        path.mkdir()
    else:
        path.symlink_to("/dev/zero")
    with pytest.raises(ArtifactCorrupt, match="not what was written"):
        artifacts.open_path(blob)


def test_a_linked_folder_does_not_lead_out_of_the_store(artifacts: ArtifactStore, tmp_path: Path) -> None:
    blob = artifacts.add_bytes(b"abc", "data.bin")
    folder = artifacts.open_path(blob).parent
    folder.rename(tmp_path / "elsewhere")
    folder.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(StoreError, match="is a link"):
        artifacts.open_path(blob)
    with pytest.raises(StoreError, match="is a link"):
        artifacts.add_bytes(b"abc", "data.bin")


@pytest.mark.parametrize("kind", ["symlink", "hard link", "fifo"])
def test_only_a_regular_file_of_its_own_is_taken_over(artifacts: ArtifactStore, tmp_path: Path, kind: str) -> None:
    outside = tmp_path / "secret"
    outside.write_bytes(b"secret")
    path = artifacts.temporary()
    if kind == "fifo":
        os.mkfifo(path)
    elif kind == "symlink":
        path.symlink_to(outside)
    else:
        path.hardlink_to(outside)
    with pytest.raises(StoreError, match="can't be stored"):
        artifacts.add_file(path, "data.bin")
    assert outside.stat().st_mode & 0o200  # not made read-only through the link


# -- a failing disk -----------------------------------------------------------------------------------


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EMFILE, errno.EIO])
@pytest.mark.parametrize("call", ["open", "write"])
def test_a_refused_write_says_what_to_do_and_leaves_nothing(
    artifacts: ArtifactStore, code: int, call: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    artifacts.temporary()

    def refuse(*_: object, **__: object) -> None:
        raise OSError(code, os.strerror(code))

    with monkeypatch.context() as patch, pytest.raises(StoreUnwritable) as caught:
        patch.setattr(os, call, refuse)
        artifacts.add_bytes(b"abc", "data.bin")
    assert errno.errorcode[code] in (caught.value.why or "") and caught.value.fix
    assert isinstance(caught.value.__cause__, OSError)
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []
    assert artifacts.open_path(artifacts.add_bytes(b"abc", "data.bin")).read_bytes() == b"abc"


FULL_DISK = """
import resource, signal, sys
sys.dont_write_bytecode = True  # a half-written one would stay behind
from pathlib import Path
from dovetail.errors import StoreUnwritable
from dovetail.store import ArtifactStore
store = ArtifactStore(Path(sys.argv[1]))
resource.setrlimit(resource.RLIMIT_FSIZE, (4096, resource.RLIM_INFINITY))
try:
    store.add_bytes(b"x" * 100_000, "big.bin")
except StoreUnwritable as error:
    print(type(error.__cause__).__name__)
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
print(store.open_path(store.add_bytes(b"x" * 100_000, "big.bin")).stat().st_size)
print(len(list(Path(sys.argv[1], "tmp").iterdir())))
"""


def test_a_write_that_the_system_cuts_short(child: Callable[..., subprocess.Popen[str]], tmp_path: Path) -> None:
    out, err = child(FULL_DISK, tmp_path / "store").communicate(timeout=60)
    assert out.split() == ["OSError", "100000", "0"], err


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can mount a small file system")
def test_a_full_disk_then_space_again(artifacts: ArtifactStore, small_disk: Path) -> None:
    store = ArtifactStore(small_disk / "artifacts")
    filler = small_disk / "filler"
    with pytest.raises(StoreUnwritable, match="ENOSPC"):
        for number in range(100):
            store.add_bytes(bytes([number]) * 20_000, "part.bin")
    kept = list((small_disk / "artifacts" / "blobs").rglob("??????*"))
    assert kept and not filler.exists()
    for path in kept[:5]:
        path.unlink()
    assert store.open_path(store.add_bytes(b"after", "x")).read_bytes() == b"after"
    assert list((small_disk / "artifacts" / "tmp").iterdir()) == []
