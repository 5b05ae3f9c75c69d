FROM a
COPY --from=7 x y
