FROM a
COPY --from=$STAGE x y
