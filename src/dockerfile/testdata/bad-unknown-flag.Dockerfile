FROM a
COPY --chwon=worker:worker . .
