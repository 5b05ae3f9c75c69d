FROM python:3.11-slim

# Common dependencies
RUN pip install fastapi uvicorn pydantic httpx

# Security setup
RUN useradd -m -u 1000 worker
USER worker

# Certificate paths
ENV CERT_DIR=/home/worker/.crank/certs

WORKDIR /app
