"""Signing written pictures as C2PA asks: a manifest in the file that any C2PA reader can check.

Signatures hold random numbers, so a signed picture's bytes differ from run to run; its pixels do
not. No time stamp is asked for: nothing here uses the network.
"""

import hashlib
import io
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from genmix import __version__
from genmix.errors import MissingExtraError, OutputError
from genmix.images import encode_png

_FORMATS = {".jpg": "image/jpeg", ".png": "image/png"}

_CURVES = {"secp256r1": "es256", "secp384r1": "es384", "secp521r1": "es512"}

# No thumbnails: they would show the photo that a composite was made of.
_SETTINGS = {
    "builder": {
        "thumbnail": {"enabled": False},
        "actions": {"auto_opened_action": {"enabled": False}},
    },
    "verify": {"verify_after_sign": False},
}


@dataclass(frozen=True)
class Signing:
    """A certificate and its key, ready to sign; picklable, and never written anywhere.

    Attributes:
        certificate: The chain in PEM, the signer's own first.
        key: Its private key in PEM.
        algorithm: As C2PA calls it.
    """

    certificate: bytes
    key: bytes = field(repr=False)
    algorithm: str

    @property
    def fingerprint(self) -> str:
        """SHA-256 of the certificate, which is public."""
        return hashlib.sha256(self.certificate).hexdigest()

    def sign(self, data: bytes, suffix: str, *, source_sha256: str, source_type: str) -> bytes:
        """Return a picture with its C2PA manifest.

        It says that a photo was opened, known by its hash alone, and edited, and how.

        Args:
            data: The encoded picture.
            suffix: ".jpg" or ".png".
            source_sha256: Of the photo's encoded bytes.
            source_type: As `genmix.provenance.metadata.digital_source_type` gives it.
        """
        import c2pa

        told = _told(_FORMATS[suffix], source_sha256, source_type)
        signed = io.BytesIO()
        with c2pa.Builder(told, context=self._context) as builder:
            builder.sign(self._signer, _FORMATS[suffix], io.BytesIO(data), signed)
        return signed.getvalue()

    @cached_property
    def _context(self) -> Any:
        import c2pa

        return c2pa.Context.from_dict(_SETTINGS)

    @cached_property
    def _signer(self) -> Any:
        import c2pa

        about = c2pa.C2paSignerInfo(self.algorithm, self.certificate, self.key, None)
        return c2pa.Signer.from_info(about)

    def __getstate__(self) -> dict[str, Any]:
        """Leave behind what a process opens for itself."""
        return {k: v for k, v in vars(self).items() if not k.startswith("_")}


def open_signing(certificate: Path, key: Path) -> Signing:
    """Read a certificate and its key, and try them.

    Args:
        certificate: The chain in PEM, the signer's own certificate first.
        key: Its private key in PEM, not encrypted: RSA, P-256, P-384, P-521 or Ed25519.

    Raises:
        OutputError: If they cannot be read, do not belong together, or C2PA does not accept them.
        MissingExtraError: If the extra `sign` is not installed.
    """
    try:
        import c2pa
    except ModuleNotFoundError as error:
        raise MissingExtraError("signing pictures", "sign") from error
    try:
        chain, private = certificate.read_bytes(), key.read_bytes()
    except OSError as error:
        raise OutputError(f"cannot read {error.filename}: {error.strerror}") from error
    signing = Signing(chain, *_understood(private, key))
    blank = encode_png(np.zeros((8, 8, 3), np.uint8))
    try:
        signed = signing.sign(blank, ".png", source_sha256="", source_type=_ANY_TYPE)
        with c2pa.Reader("image/png", io.BytesIO(signed)) as reader:
            failures = _failures(reader.get_validation_results())
    except c2pa.C2paError as error:
        failures = [str(error)]
    if failures:
        raise OutputError(
            f"{certificate} and {key} cannot sign: {failures[0]}; C2PA wants a certificate in "
            "force, for signing, with its chain, and the key that belongs to it"
        )
    return signing


_ANY_TYPE = "http://cv.iptc.org/newscodes/digitalsourcetype/composite"


def _told(kind: str, source_sha256: str, source_type: str) -> dict[str, Any]:
    original = f"sha256:{source_sha256}"
    opened = {"action": "c2pa.opened", "parameters": {"ingredientIds": [original]}}
    edited = {"action": "c2pa.edited", "digitalSourceType": source_type}
    return {
        "claim_generator_info": [{"name": "genmix", "version": __version__}],
        "title": "composite",
        "format": kind,
        "ingredients": [
            {"title": original, "instance_id": original, "relationship": "parentOf"},
        ],
        "assertions": [{"label": "c2pa.actions.v2", "data": {"actions": [opened, edited]}}],
    }


def _understood(private: bytes, path: Path) -> tuple[bytes, str]:
    """Return a private key as c2pa reads it, and the algorithm that suits it."""
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

    try:
        key = serialization.load_pem_private_key(private, password=None)
    except (ValueError, TypeError) as error:
        raise OutputError(
            f"{path} is no private key in PEM, or is encrypted: give one that is neither"
        ) from error
    if isinstance(key, ec.EllipticCurvePrivateKey) and key.curve.name in _CURVES:
        algorithm = _CURVES[key.curve.name]
    elif isinstance(key, rsa.RSAPrivateKey):
        algorithm = "ps256"
    elif isinstance(key, ed25519.Ed25519PrivateKey):
        algorithm = "ed25519"
    else:
        raise OutputError(f"{path}: C2PA signs with RSA, P-256, P-384, P-521 or Ed25519 keys alone")
    plain = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    return plain, algorithm


def _failures(results: dict[str, Any] | None) -> list[str]:
    """Return what a reader finds wrong, but for not knowing who issued the certificate."""
    found = (results or {}).get("activeManifest", {}).get("failure", [])
    return [f["explanation"] for f in found if f["code"] != "signingCredential.untrusted"]
