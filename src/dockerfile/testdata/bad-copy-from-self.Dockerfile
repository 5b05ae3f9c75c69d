FROM a AS me
COPY --from=me x y
