"""Certificates and keys as a company that signs would have them, made for one test."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

Key = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey | ed25519.Ed25519PrivateKey


def write_chain(folder: Path, key: Key | None = None, *, days: int = 30) -> tuple[Path, Path, str]:
    """Write a certificate chain and its key.

    Args:
        folder: Where to.
        key: The signer's; P-256 when left out.
        days: For how long the signer's certificate is in force; negative for one that has expired.

    Returns:
        The chain's file, the key's file, and the root certificate in PEM, to trust.
    """
    folder.mkdir(parents=True, exist_ok=True)
    authority = ec.generate_private_key(ec.SECP256R1())
    key = key or ec.generate_private_key(ec.SECP256R1())
    root = _root(authority)
    leaf = _leaf(key, authority, days)
    pem = serialization.Encoding.PEM
    (folder / "chain.pem").write_bytes(leaf.public_bytes(pem) + root.public_bytes(pem))
    (folder / "key.pem").write_bytes(
        key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return folder / "chain.pem", folder / "key.pem", root.public_bytes(pem).decode()


def _name(common: str) -> x509.Name:
    return x509.Name(
        [
            x509.NameAttribute(NameOID.COUNTRY_NAME, "JP"),
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, "A company"),
            x509.NameAttribute(NameOID.COMMON_NAME, common),
        ]
    )


def _begun(subject: str, days: int) -> x509.CertificateBuilder:
    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(_name(subject))
        .issuer_name(_name("root"))
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=60))
        .not_valid_after(now + timedelta(days=days))
    )


def _usage(*, signs: bool, issues: bool) -> x509.KeyUsage:
    no = dict.fromkeys(
        ("content_commitment", "key_encipherment", "data_encipherment", "key_agreement"), False
    )
    rest = {"encipher_only": False, "decipher_only": False}
    return x509.KeyUsage(
        digital_signature=signs, key_cert_sign=issues, crl_sign=issues, **no, **rest
    )


def _root(authority: ec.EllipticCurvePrivateKey) -> x509.Certificate:
    public = authority.public_key()
    return (
        _begun("root", 365)
        .public_key(public)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .add_extension(_usage(signs=False, issues=True), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
        .sign(authority, hashes.SHA256())
    )


def _leaf(key: Key, authority: ec.EllipticCurvePrivateKey, days: int) -> x509.Certificate:
    public, issuer = key.public_key(), authority.public_key()
    mail = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.EMAIL_PROTECTION])
    return (
        _begun("signer", days)
        .public_key(public)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(signs=True, issues=False), critical=True)
        .add_extension(mail, critical=False)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer), critical=False)
        .sign(authority, hashes.SHA256())
    )
