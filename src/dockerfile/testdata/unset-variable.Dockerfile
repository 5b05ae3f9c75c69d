FROM python:$VERSON
ENV CERT_DIR=/certs
WORKDIR $CERTDIR/x
COPY $NOTHING/file /dest
# test: base-env LANG=C
