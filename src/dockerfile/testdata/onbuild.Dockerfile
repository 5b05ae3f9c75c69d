FROM a AS base
ONBUILD COPY . /app
ONBUILD RUN make $MODE
FROM base
ENV MODE=fast
RUN last
