ARG VERSION=3.11
ARG REGISTRY
FROM ${REGISTRY:-docker.io}/python:${VERSION}-slim AS Build
ARG VERSION
RUN echo $VERSION > /version
FROM debian AS tools
RUN apt-get update
FROM build AS test
RUN pytest
FROM scratch
COPY --from=BUILD /version /
COPY --from=0 /version /second
COPY --from=alpine:3 /etc/os-release /
# test: build-arg VERSION=3.12
# test: build-arg UNUSED=1
