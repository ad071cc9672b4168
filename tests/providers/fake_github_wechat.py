"""GitHub and WeChat, small and local: the addresses, checks and oddities of the real ones, in a thread of the test."""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
import threading
from html import escape
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlencode, urlsplit

CLIENT, SECRET = "our-client", "our-secret"


class Provider:
    """`person` is who says yes on its page. `calls` are the addresses that were asked for, in order."""

    def __init__(self) -> None:
        provider = self

        class Handler(_Handler):
            pass

        Handler.provider = provider
        self._server = ThreadingHTTPServer(("localhost", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://localhost:{self._server.server_port}"
        self.codes: dict[str, dict[str, str]] = {}
        self.tokens: dict[str, dict] = {}
        self.calls: list[str] = []
        self.person: dict = {}
        self.broken = False
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def our_settings(self) -> dict[str, str]:
        raise NotImplementedError

    def answer(self, path: str, asked: dict[str, str], headers) -> tuple[int, str, bytes]:
        """Status, content type, body."""
        raise NotImplementedError

    # ── The page where somebody says yes or no ──
    def page(self, asked: dict[str, str], no: dict[str, str]) -> tuple[int, str, bytes]:
        code = secrets.token_hex(8)
        self.codes[code] = asked
        links = "".join(
            f'<p><a id="{name}" href="{escape(self._back(asked, **answer))}">{name}</a>'
            for name, answer in (("yes", {"code": code}), ("no", no), ("oops", {"error": "server_error"}))
        )
        return 200, "text/html", f"<!doctype html><title>A provider</title>{links}".encode()

    def _back(self, asked: dict[str, str], **answer: str) -> str:
        return f"{asked['redirect_uri']}?{urlencode({**answer, 'state': asked.get('state', '')})}"

    def redeem(self, asked: dict[str, str]) -> str | None:
        """A token for a code, once."""
        known = self.codes.pop(asked.get("code", ""), None)
        if known is None:
            return None
        token = secrets.token_hex(8)
        self.tokens[token] = self.person
        return token


class GitHub(Provider):
    def __init__(self) -> None:
        super().__init__()
        self.person = {"id": 583231, "login": "octo-cat", "name": "Mona Octo", "email": None}
        self.emails = [
            {"email": "mona@example.org", "primary": True, "verified": True},
            {"email": "alice@example.org", "primary": False, "verified": False},
        ]

    def our_settings(self) -> dict[str, str]:
        return {"GITHUB_CLIENT_ID": CLIENT, "GITHUB_CLIENT_SECRET": SECRET, "GITHUB_URL": self.url}

    def answer(self, path, asked, headers):
        if path == "/login/oauth/authorize":
            assert asked["client_id"] == CLIENT and asked["state"] and asked["code_challenge_method"] == "S256"
            return self.page(asked, {"error": "access_denied"})
        if path == "/login/oauth/access_token":
            known = self.codes.get(asked.get("code", ""), {})
            digest = hashlib.sha256(asked.get("code_verifier", "").encode()).digest()
            right = (
                asked.get("client_secret") == SECRET
                and known.get("code_challenge") == base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
                and asked.get("redirect_uri") == known.get("redirect_uri")
            )
            token = self.redeem(asked)
            if self.broken or not (right and token):
                return _json({"error": "bad_verification_code"})
            return _json({"access_token": token, "token_type": "bearer", "scope": "read:user,user:email"})
        person = self.tokens.get(headers.get("Authorization", "").removeprefix("token "))
        if person is None:
            return _json({"message": "Bad credentials"}, 401)
        return _json(person if path == "/api/v3/user" else self.emails)


class WeChat(Provider):
    """Errors with status 200, JSON as text/plain without a charset, no PKCE, no e-mail."""

    def __init__(self) -> None:
        super().__init__()
        self.person = {"openid": "oLVPpjqs9BhvzwPj5A-vTYAX3GLc", "nickname": "小明🎉", "sex": 1, "city": "Guangzhou"}

    def our_settings(self) -> dict[str, str]:
        return {
            "WEIXIN_CLIENT_ID": CLIENT,
            "WEIXIN_CLIENT_SECRET": SECRET,
            "WEIXIN_AUTHORIZE_URL": f"{self.url}/connect/qrconnect",
            "WEIXIN_API_URL": self.url,
        }

    def answer(self, path, asked, headers):
        if path == "/connect/qrconnect":
            assert asked["appid"] == CLIENT and asked["scope"] == "snsapi_login" and asked["state"]
            return self.page(asked, {})  # whoever says no comes back without a code
        if path == "/sns/oauth2/access_token":
            token = self.redeem(asked) if asked.get("secret") == SECRET else None
            if self.broken or not token:
                return _json({"errcode": 40029, "errmsg": "invalid code"}, kind="text/plain")
            openid = self.person["openid"]
            return _json({"access_token": token, "expires_in": 7200, "openid": openid}, kind="text/plain")
        person = self.tokens.get(asked.get("access_token", ""))
        return _json(person or {"errcode": 40001, "errmsg": "invalid credential"}, kind="text/plain")


def _json(data, status: int = 200, kind: str = "application/json") -> tuple[int, str, bytes]:
    return status, kind, json.dumps(data, ensure_ascii=False).encode()


class _Handler(BaseHTTPRequestHandler):
    provider: Provider

    def _do(self, asked: dict[str, str]) -> None:
        url = urlsplit(self.path)
        asked = {name: values[0] for name, values in parse_qs(url.query).items()} | asked
        self.provider.calls.append(url.path)
        if url.path == "/favicon.ico":
            status, kind, body = 200, "image/x-icon", b""
        else:
            status, kind, body = self.provider.answer(url.path, asked, self.headers)
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self) -> None:
        self._do({})

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0))).decode()
        self._do({name: values[0] for name, values in parse_qs(body).items()})

    def log_message(self, *_: object) -> None:
        pass
