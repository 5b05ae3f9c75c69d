FROM a
COPY a b /dest
