FROM a
WORKDIR /app
COPY --chown=1:2 --chmod=0755 --link --exclude=*.pyc --exclude=x a b ./
COPY ["with space", "b", "dir/"]
COPY a b/../c
COPY a ..
COPY a /
COPY --parents=false src/* .
ADD --checksum=sha256:abc https://example.com/x.tgz /tmp/
ADD --unpack=true archive.tar /x
