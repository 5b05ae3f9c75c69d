FROM crank-worker-base:latest

# Worker-specific dependencies
COPY requirements.txt .
RUN pip install -r requirements.txt

# Worker code
COPY --chown=worker:worker . .

CMD ["python", "crank_email_classifier.py"]
