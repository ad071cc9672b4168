"""Starts a fake Google server (see google_settings.py) for tests. It has two accounts with which tests can sign in."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from tests.databases import ROOT
from tests.processes import Program

CLIENT, SECRET, PASSWORD = "our-client", "our-secret", "known-to-the-provider"
_FILL = """
import os, django
django.setup()
from django.core.management import call_command
call_command("migrate", verbosity=0)
from allauth.account.models import EmailAddress
from allauth.idp.oidc.models import Client
from django.contrib.auth.models import User
for name, email, verified in [("gina", "gina@example.org", True), ("loose", "alice@example.org", False)]:
    user = User.objects.create_user(name, email, "known-to-the-provider", first_name="Gina", last_name="Google")
    EmailAddress.objects.create(user=user, email=email, verified=verified, primary=True)
scopes = "openid\\nprofile\\nemail"
client = Client(id="our-client", name="Messenger", scopes=scopes, redirect_uris=os.environ["CALLBACK"])
client.set_secret("our-secret")
client.save()
"""


class Google(Program):
    name = "google"

    def __init__(self, folder: Path, callback: str):
        folder.mkdir(parents=True, exist_ok=True)
        super().__init__(folder)
        self.callback, self.url = callback, f"http://localhost:{self.port}"
        key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        encoding = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        (folder / "key.pem").write_bytes(key.private_bytes(*encoding))

    def environment(self) -> dict[str, str]:
        return {
            **os.environ,
            "DJANGO_SETTINGS_MODULE": "tests.providers.google_settings",
            "PROVIDER_DIR": str(self.folder),
            "PYTHONPATH": str(ROOT),
            "CALLBACK": self.callback,
        }

    def command(self):
        return [sys.executable, "-m", "django", "runserver", "--noreload", "--skip-checks", f"localhost:{self.port}"]

    def popen_options(self) -> dict:
        return {"cwd": self.folder}

    def fill(self) -> None:
        subprocess.run([sys.executable, "-c", _FILL], env=self.environment(), cwd=ROOT, check=True, timeout=60)

    def our_settings(self) -> dict[str, str]:
        """Returns the environment variables with which a messenger server uses this fake server instead of Google."""
        return {
            "GOOGLE_CLIENT_ID": CLIENT,
            "GOOGLE_CLIENT_SECRET": SECRET,
            "GOOGLE_AUTHORIZE_URL": f"{self.url}/identity/o/authorize",
            "GOOGLE_TOKEN_URL": f"{self.url}/identity/o/api/token",
            "GOOGLE_IDENTITY_URL": f"{self.url}/identity/o/api/userinfo",
            "GOOGLE_CERTS_URL": f"{self.url}/.well-known/jwks.json",
            "GOOGLE_ISSUER": self.url,
        }
