"""What counts as a secret. The samples are put together from pieces, so that no scanner takes this file for a leak."""

from __future__ import annotations

import pytest

from codeassist.post.secrets import inside_private_key, looks_random, secret_like

RANDOM = "q7Zr2Kf9Xw4Lp8Vd1Nb6Ts3Hy5Jc0Gm7Qa2Ue4"
BASE32 = "Q7ZR2KF5XW4LPVDN"
BEGIN = "-----BEGIN {}PRIVATE KEY-----"


@pytest.mark.parametrize(
    "text",
    [
        BEGIN.format("RSA ") + "\nMIIEpAIBAAKCAQEAwJbq",
        'key = "' + BEGIN.format("") + '\\nMIIEpAIBAAKCAQEAwJbq"',
        "AK" + "IA" + BASE32,
        f'token = "gh{"p"}_{RANDOM[:36]}"',
        f"github{'_pat'}_{RANDOM[:22]}_{RANDOM}{RANDOM[:20]}",
        f"glp{'at'}-{RANDOM[:20]}",
        f"xo{'xb'}-123456789012-{RANDOM[:24]}",
        f"https://hooks.sl{'ack'}.com/services/T0{BASE32[:8]}/B0{BASE32[:8]}/{RANDOM[:24]}",
        f"AI{'za'}{RANDOM[:35]}",
        f"sk_{'live'}_{RANDOM[:24]}",
        f"s{'k'}-proj-{RANDOM}",
        f"ey{'J'}hbGciOiJIUzI1NiJ9.eyJpc3MiOiJqb2UifQ.{RANDOM[:30]}",
        "postgres://app:hT9$kq2LmZ4w@db.internal/app",
        "password = 'hT9$kq2LmZ4w'",
        '"client_secret": "3f7a9c1be20d4e58a6b1c9d2e3f40516"',
        f"API_KEY={RANDOM}",
        f"db_password: {RANDOM[:20]}",
    ],
)
def test_secrets(text: str) -> None:
    assert secret_like(text)
    assert secret_like(f"x = 1\n{text}\ny = 2")


@pytest.mark.parametrize(
    "text",
    [
        f'if line.startswith("{BEGIN.format("RSA ")}"):',
        "-----BEGIN PUBLIC KEY-----\nMIIEpAIBAAKCAQEAwJbq",
        "AK" + "IAIOSFODNN7EXAMPLE",
        'aws_secret_access_key = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"',
        'api_key = "your-api-key-4f9c2d1e8b"',
        'token = "xxxxxxxxxxxxxxxx"',
        'password = "changeme-Now-42-7f3a"',
        "password = os.environ['DB_PASSWORD_4X7Q2Z9K']",
        "const token = process.env.API_TOKEN_V2;",
        'token = "${API_TOKEN_7f3a9c1b}"',
        'password: "{{ vault_db_password_9x2k4m }}"',
        'grant_token = "urn:ietf:params:oauth:token-type:access_token"',
        'token_url = "https://login.host/a1b2c3d4e5f6/oauth2/v2.0/token"',
        'secret_name = "projects/my-project/secrets/db-password"',
        'token_id = "3f7a9c1b-e20d-4e58-a6b1-c9d2e3f40516"',
        'token_hash = "sha256:3f7a9c1be20d4e58a6b1c9d2e3f40516"',
        'resolved = "git+https://host/x.git#3f7a9c1be20d4e58a6b1c9d2e3f405163f7a9c1b"',
        'integrity = "sha512-' + RANDOM + '"',
        'password = "correct horse battery"',
        'password_field = "UserPasswordConfirmation1"',
        f"sk_{'test'}_{RANDOM[:24]}",
        "ey"
        + "JhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIiwibmFtZSI6IkpvaG4gRG9lIn0.dozjgNryP4J3jVmNHl0w5N_XgL0n3I9P",
        "git://user:password@host/x",
        "token = parser.next_token_or_end_of_file",
        "sk-skeleton-loading-placeholder-wide-block-element",
    ],
)
def test_what_is_none(text: str) -> None:
    assert not secret_like(text)


def test_only_what_is_added_counts() -> None:
    typed = "call(password='hT9$kq2LmZ4w', "
    assert secret_like(typed)
    assert not secret_like(typed + "retries=3)", len(typed))
    assert secret_like("key = 'AK" + "IAQ7ZR" + BASE32[4:] + "'", len("key = 'AKIAQ7"))


def test_inside_a_private_key() -> None:
    assert inside_private_key(BEGIN.format("") + "\n")
    assert inside_private_key(f"x\n{BEGIN.format('EC ')}\nMIIE\n")
    assert not inside_private_key(f"{BEGIN.format('')}\nMIIE\n-----END PRIVATE KEY-----\n")
    assert not inside_private_key("-----BEGIN CERTIFICATE-----\n")
    assert not inside_private_key(f'HEADER = "{BEGIN.format("")}"\n\ndef f():\n')
    assert not inside_private_key("")


def test_random_or_made_by_hand() -> None:
    assert looks_random("hT9$kq2LmZ4w")
    assert not looks_random("v1.2.3-rc.4")
    assert not looks_random("aaaaaaaaaa1")
    assert not looks_random("1029384756102")
