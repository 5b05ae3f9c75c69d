FROM a
HEALTHCHECK --retries=many CMD x
