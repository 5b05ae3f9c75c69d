"""The e-mail classifier as a service: HTTPS on port 8501 with the certificate of its mount.

    GET  /health    {"status": "ok", "labels": [...]}
    POST /classify  {"subject": "...", "text": "..."}
                 -> {"label": "billing", "confidence": 0.98, "probabilities": {...}}

Environment: CERT_DIR (default ~/.crank/certs) holds cert.pem and key.pem; HOST and PORT say where
it listens (default 0.0.0.0 and 8501). PLAIN_HTTP=1 is for a worker that only a gateway reaches.
TOKEN_FILE: /classify is for those who send what it holds, as "Authorization: Bearer ...".
SETTINGS_FILE: {"least_confidence": 0.4}: what it is less sure of it labels "unsure". SIGTERM ends it
once the requests under way are answered.
"""

import hmac
import json
import os
import signal
import sys
from pathlib import Path
from typing import Annotated

# Before the slow imports: a worker that is stopped while it starts ends at once, and uvicorn, which
# raises the signal again after its shutdown, ends here with status 0.
signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))

import uvicorn  # noqa: E402
from fastapi import Depends, FastAPI, Header, HTTPException  # noqa: E402
from pydantic import BaseModel, Field  # noqa: E402

from model import Model  # noqa: E402

NAME = "email-classifier"
HERE = Path(__file__).resolve().parent
DRAIN_SECONDS = 8  # below the ten seconds that `stop` waits


class Email(BaseModel):
    subject: str = Field(default="", max_length=1_000)
    text: str = Field(max_length=100_000)


class Classification(BaseModel):
    label: str
    confidence: float
    probabilities: dict[str, float]


def make_app(model, token=None, least_confidence=0):
    app = FastAPI(title=NAME)

    async def is_known(authorization: Annotated[str, Header()] = ""):
        if token and not hmac.compare_digest(authorization.encode(), f"Bearer {token}".encode()):
            raise HTTPException(401, "Authorization: Bearer TOKEN is wanted",
                                {"WWW-Authenticate": "Bearer"})

    @app.get("/health")
    async def health():
        return {"status": "ok", "labels": list(model.priors)}

    @app.post("/classify", dependencies=[Depends(is_known)])
    async def classify(email: Email) -> Classification:
        probabilities = model.classify(email.subject, email.text)
        label, confidence = next(iter(probabilities.items()))
        if confidence < least_confidence:
            label = "unsure"
        return Classification(label=label, confidence=confidence, probabilities=probabilities)

    return app


def certificates():
    """The paths of certificate and key, or the end of the program with what to do."""
    home = Path(os.environ.get("CERT_DIR") or Path.home() / ".crank" / "certs")
    paths = home / "cert.pem", home / "key.pem"
    for path in paths:
        try:
            path.open("rb").close()
        except OSError as problem:
            sys.exit(
                f"{NAME}: no certificate: {path}: {problem.strerror}\n"
                f"hint: crank certs issue {NAME} --dir ~/.crank/certs, and run the worker with "
                f"-v ~/.crank/certs:{home}:ro"
            )
    return paths


def tls():
    if os.environ.get("PLAIN_HTTP") == "1":
        return {}
    certificate, key = certificates()
    return {"ssl_certfile": str(certificate), "ssl_keyfile": str(key)}


def read_file(variable):
    """The text of the file that it names, or None where it names none."""
    path = os.environ.get(variable)
    if not path:
        return None
    try:
        return Path(path).read_text(encoding="utf-8")
    except OSError as problem:
        sys.exit(f"{NAME}: {variable}: {path}: {problem.strerror}")


def token():
    text = read_file("TOKEN_FILE")
    if text is not None and not text.strip():
        sys.exit(f"{NAME}: TOKEN_FILE: {os.environ['TOKEN_FILE']} is empty: it would let in everybody")
    return text and text.strip()


def least_confidence():
    try:
        return float(json.loads(read_file("SETTINGS_FILE") or "{}").get("least_confidence", 0))
    except (ValueError, AttributeError, TypeError) as problem:
        sys.exit(f"{NAME}: SETTINGS_FILE: {os.environ['SETTINGS_FILE']}: {problem}")


def load_model():
    path = HERE / "data" / "model.json"
    if not path.exists():
        sys.exit(f"{NAME}: no model: {path} does not exist\nhint: python train.py")
    return Model.load(path)


def port():
    text = os.environ.get("PORT") or "8501"
    if not text.isascii() or not text.isdigit() or not 0 < int(text) < 65536:
        sys.exit(f"{NAME}: PORT is not a port: {text}")
    return int(text)


def main():
    uvicorn.run(
        make_app(load_model(), token(), least_confidence()),
        host=os.environ.get("HOST") or "0.0.0.0",
        port=port(),
        timeout_graceful_shutdown=DRAIN_SECONDS,
        **tls(),
    )


if __name__ == "__main__":
    main()
