"""Signed pictures are what a C2PA reader trusts, and a key that cannot sign is told of at once."""

import io
import json
import pickle
import subprocess
from pathlib import Path
from typing import Any

import c2pa
import numpy as np
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

from genmix.errors import MissingExtraError, OutputError
from genmix.images import decode, encode_jpeg, encode_png, without_metadata
from genmix.provenance.metadata import digital_source_type, linked_item
from genmix.provenance.signing import open_signing
from tests.provenance.certificates import Key, write_chain
from tests.provenance.test_metadata import ITEM, PACKET, scene

EDITED = digital_source_type(generative=False, blended=True)


def read(data: bytes, kind: str, root: str) -> tuple[str, dict[str, Any]]:
    """Read a signed picture: whether the reader trusts it, and its manifest."""
    context = c2pa.Context.from_dict(
        {"trust": {"trust_anchors": root}, "verify": {"verify_trust": True}}
    )
    with c2pa.Reader(kind, io.BytesIO(data), context=context) as reader:
        store = json.loads(reader.json())
        state = reader.get_validation_state()
    return str(state), store["manifests"][store["active_manifest"]]


def test_a_signed_picture_is_trusted_and_says_what_was_done(tmp_path: Path) -> None:
    chain, key, root = write_chain(tmp_path)
    signing = open_signing(chain, key)
    for encode, suffix, kind in (
        (encode_jpeg, ".jpg", "image/jpeg"),
        (encode_png, ".png", "image/png"),
    ):
        plain = encode(scene(), xmp=PACKET)
        signed = signing.sign(plain, suffix, source_sha256="ab" * 32, source_type=EDITED)
        state, manifest = read(signed, kind, root)
        assert state == "Trusted"
        actions = manifest["assertions"][0]["data"]["actions"]
        assert [action["action"] for action in actions] == ["c2pa.opened", "c2pa.edited"]
        assert actions[1]["digitalSourceType"] == EDITED
        (original,) = manifest["ingredients"]
        assert original["title"] == "sha256:" + "ab" * 32
        assert original["relationship"] == "parentOf"
        assert "thumbnail" not in original
        assert "thumbnail" not in manifest
        assert manifest["claim_generator_info"][0]["name"] == "genmix"
        assert np.array_equal(decode(signed), decode(plain))
        assert without_metadata(signed) == without_metadata(plain)
        assert linked_item(signed) == ITEM


def test_a_picture_that_was_changed_after_signing_is_not_valid(tmp_path: Path) -> None:
    chain, key, root = write_chain(tmp_path)
    signed = bytearray(
        open_signing(chain, key).sign(
            encode_jpeg(scene()), ".jpg", source_sha256="", source_type=EDITED
        )
    )
    signed[-20] ^= 1
    state, _ = read(bytes(signed), "image/jpeg", root)
    assert state == "Invalid"


@pytest.mark.parametrize(
    ("key", "algorithm"),
    [
        (ec.generate_private_key(ec.SECP384R1()), "es384"),
        (ed25519.Ed25519PrivateKey.generate(), "ed25519"),
        (rsa.generate_private_key(65537, 2048), "ps256"),
    ],
)
def test_the_kinds_of_key_that_c2pa_knows_sign(tmp_path: Path, key: Key, algorithm: str) -> None:
    signing = open_signing(*write_chain(tmp_path, key)[:2])
    assert signing.algorithm == algorithm


def test_workers_sign_with_a_copy_and_the_key_is_not_shown(tmp_path: Path) -> None:
    chain, key, root = write_chain(tmp_path)
    signing = pickle.loads(pickle.dumps(open_signing(chain, key)))
    signed = signing.sign(encode_jpeg(scene()), ".jpg", source_sha256="", source_type=EDITED)
    assert read(signed, "image/jpeg", root)[0] == "Trusted"
    assert "PRIVATE" not in repr(signing)


def test_a_key_as_openssl_writes_it_is_understood(tmp_path: Path) -> None:
    chain, key, _ = write_chain(tmp_path)
    older = tmp_path / "sec1.pem"
    subprocess.run(
        ["openssl", "ec", "-in", str(key), "-out", str(older)], check=True, capture_output=True
    )
    assert older.read_text().startswith("-----BEGIN EC PRIVATE KEY")
    assert open_signing(chain, older).algorithm == "es256"


def test_what_cannot_sign_is_refused_in_one_line(tmp_path: Path) -> None:
    chain, key, _ = write_chain(tmp_path / "mine")
    _, others, _ = write_chain(tmp_path / "other")
    expired, its_key, _ = write_chain(tmp_path / "old", days=-1)
    for pair, message in (
        ((chain, others), "chain.pem and .*key.pem cannot sign"),
        ((expired, its_key), "cannot sign"),
        ((key, key), "cannot sign"),
        ((chain, chain), "is no private key in PEM, or is encrypted"),
        ((tmp_path / "none.pem", key), r"cannot read .*none.pem: No such file"),
    ):
        with pytest.raises(OutputError, match=message) as caught:
            open_signing(*pair)
        assert "\n" not in str(caught.value)


def test_without_the_extra_the_pip_command_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(__import__("sys").modules, "c2pa", None)
    with pytest.raises(MissingExtraError, match=r"genmix\[sign\]"):
        open_signing(tmp_path / "a", tmp_path / "b")
