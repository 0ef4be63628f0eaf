"""Canary secrets, the forms that a leak can have, and servers that repeat whatever they are sent."""

import base64
import http.client
import json
import secrets
import urllib.parse

from answering import Answering


def canary(kind, awkward=False):
    """A secret that stands nowhere else. awkward: with signs that URLs, JSON and XML write in other ways."""
    return f"cn{kind}" + ("/+%=&\"\\<é " if awkward else "") + secrets.token_hex(10)


def aligned_base64(text):
    """The digits that the text alone determines, at each of the three places where it can begin."""
    for before in range(3):
        digits = base64.b64encode(b"\0" * before + text)
        yield digits[(before * 8 + 5) // 6 : (before + len(text)) * 8 // 6]


def forms(secret):
    """Name and bytes of each form."""
    text = secret.encode()
    yield "raw", text
    yield "utf-16", secret.encode("utf-16-le")
    yield "json", json.dumps(secret)[1:-1].encode()
    yield "json with letters as they are", json.dumps(secret, ensure_ascii=False)[1:-1].encode()
    yield "url", urllib.parse.quote(secret, safe="").encode()
    yield "url path", urllib.parse.quote(secret).encode()
    yield "form", urllib.parse.quote_plus(secret).encode()
    yield "every byte url", "".join(f"%{b:02X}" for b in text).encode()
    yield "hex", text.hex().encode()
    yield "upper hex", text.hex().upper().encode()
    for i, digits in enumerate(aligned_base64(text)):
        yield f"base64 {i}", digits
        yield f"base64url {i}", digits.replace(b"+", b"-").replace(b"/", b"_")


def leaks(content, planted):
    """What of {kind: secret} can be found in the bytes, with the words around it."""
    found = []
    for kind, secret in planted.items():
        for form, pattern in forms(secret):
            at = content.find(pattern)
            if at >= 0:
                found.append((kind, form, content[max(0, at - 120) : at + len(pattern) + 40]))
                break
    return found


def echo(*texts):
    """An error message that repeats the texts in every form."""
    words = []
    for text in texts:
        raw = text.encode()
        words += [text, urllib.parse.quote(text, safe=""), raw.hex(), raw.hex().upper()]
        words += [base64.b64encode(b"u:"[:n] + raw).decode() for n in range(3)]
        words.append(base64.urlsafe_b64encode(raw).decode())
    return "you sent " + " | ".join(words)


class Hostile(Answering):
    """In front of a workspace: answer(request) says (status, headers, bytes), or None to pass the request on."""

    def __init__(self, port, answer=None):
        self.behind = port
        self.answer = answer or (lambda request: None)
        super().__init__(lambda request: self.answer(request) or self.pass_on(request))

    def pass_on(self, request):
        connection = http.client.HTTPConnection("127.0.0.1", self.behind, timeout=60)
        headers = {k: v for k, v in request.headers.items() if k.lower() not in ("host", "connection")}
        connection.request(request.command, request.path, request.body, headers)
        reply = connection.getresponse()
        content = reply.read()
        connection.close()
        content = content.replace(f"127.0.0.1:{self.behind}".encode(), self.url[7:].encode())
        return reply.status, {"Content-Type": reply.headers.get("Content-Type", "")}, content


def sent(request):
    """The credentials and the body of a request, as texts."""
    header = request.headers.get("Authorization", "")
    scheme, _, value = header.partition(" ")
    texts = [header, value]
    if scheme == "Basic":
        pair = base64.b64decode(value).decode()
        texts += [pair, pair.partition(":")[2]]
    return [text for text in [*texts, request.body.decode("utf-8", "replace")[:300]] if text]


def refuse(status, shape="json", headers=None):
    """An answer() that repeats what it was sent."""

    def answer(request):
        if request.path.startswith(("/.well-known", "/oidc")) and shape != "oauth":
            return None
        words = echo(*sent(request))
        if shape == "html":
            return status, {"Content-Type": "text/html"}, f"<html><title>{words}</title><pre>{words}</pre></html>".encode()
        if shape == "plain":
            return status, {"Content-Type": "text/plain"}, words.encode()
        if shape == "broken":
            return status, {"Content-Type": "application/json"}, f'{{"message": "{words}'.encode()
        if shape == "redirect":
            return status, {"Location": f"https://other.invalid/{urllib.parse.quote(words)}?{urllib.parse.quote(words)}"}, b""
        if shape == "statement":
            document = {"statement_id": words, "status": {"state": "FAILED", "error": {"error_code": "BAD_REQUEST",
                        "message": words}}}
            return 200, {"Content-Type": "application/json"}, json.dumps(document).encode()
        document = {"error_code": "BAD_REQUEST", "message": words, "error": "invalid_client", "error_description": words,
                    "details": [{"request_id": words[:60]}]}
        return status, {"Content-Type": "application/json", **(headers or {})}, json.dumps(document).encode()

    return answer
