FROM a AS one
RUN one
FROM one AS two
RUN two
FROM b AS three
COPY --from=two /x /
# test: target Two
