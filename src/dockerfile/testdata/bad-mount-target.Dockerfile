FROM a
RUN --mount=type=cache y
