FROM a
COPY --chmod=rwx x y
