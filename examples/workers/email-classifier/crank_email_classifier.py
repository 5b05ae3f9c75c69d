"""The e-mail classifier as a service: HTTPS on port 8501 with the certificate of its mount.

    GET  /health    {"status": "ok", "labels": [...]}
    POST /classify  {"subject": "...", "text": "..."}
                 -> {"label": "billing", "confidence": 0.98, "probabilities": {...}}

Environment: CERT_DIR (default ~/.crank/certs) holds cert.pem and key.pem; HOST and PORT say where
it listens (default 0.0.0.0 and 8501). SIGTERM ends it once the requests under way are answered.
"""

import os
import signal
import sys
from pathlib import Path

# Before the slow imports: a worker that is stopped while it starts ends at once, and uvicorn, which
# raises the signal again after its shutdown, ends here with status 0.
signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))

import uvicorn  # noqa: E402
from fastapi import FastAPI  # noqa: E402
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


def make_app(model):
    app = FastAPI(title=NAME)

    @app.get("/health")
    async def health():
        return {"status": "ok", "labels": list(model.priors)}

    @app.post("/classify")
    async def classify(email: Email) -> Classification:
        probabilities = model.classify(email.subject, email.text)
        label, confidence = next(iter(probabilities.items()))
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
    certificate, key = certificates()
    uvicorn.run(
        make_app(load_model()),
        host=os.environ.get("HOST") or "0.0.0.0",
        port=port(),
        ssl_certfile=str(certificate),
        ssl_keyfile=str(key),
        timeout_graceful_shutdown=DRAIN_SECONDS,
    )


if __name__ == "__main__":
    main()
