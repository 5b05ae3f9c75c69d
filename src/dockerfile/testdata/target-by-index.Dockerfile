FROM a
RUN one
FROM b
RUN two
# test: target 0
