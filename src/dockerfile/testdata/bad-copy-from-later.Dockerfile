FROM a
COPY --from=later x y
FROM b AS later
