FROM a AS deps
FROM a
ARG DIR=/root/.cache
RUN --mount=type=cache,target=$DIR,sharing=locked --mount=from=deps,source=/x,target=/y --network=none build
RUN --mount=type=secret,id=token,required --mount=type=tmpfs,target=/tmp,size=64m --security=sandbox x
