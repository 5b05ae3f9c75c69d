FROM a
COPY --chown=a --chown=b x y
