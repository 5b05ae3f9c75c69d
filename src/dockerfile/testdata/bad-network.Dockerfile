FROM a
RUN --network=bridge y
