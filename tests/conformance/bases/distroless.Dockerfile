# gcr.io/distroless: the files of Debian's packages and nothing else, without a shell or a package manager.
ARG BASE
FROM ${BASE} AS packages
ARG PACKAGES=""
RUN mkdir /rootfs /debs && cd /debs && apt-get update \
    && if [ -n "${PACKAGES}" ]; then apt-get download ${PACKAGES}; fi \
    && for file in *.deb; do if [ -e "$file" ]; then dpkg -x "$file" /rootfs; fi; done \
    && mkdir -p /rootfs/etc/ssl/certs /rootfs/root /rootfs/tmp /rootfs/home/nonroot \
    && cp /etc/ssl/certs/ca-certificates.crt /rootfs/etc/ssl/certs/ \
    && chmod 700 /rootfs/root /rootfs/home/nonroot && chmod 1777 /rootfs/tmp && chown 65532:65532 /rootfs/home/nonroot
COPY <<'END' /rootfs/etc/passwd
root:x:0:0:root:/root:/sbin/nologin
nobody:x:65534:65534:nobody:/nonexistent:/sbin/nologin
nonroot:x:65532:65532:nonroot:/home/nonroot:/sbin/nologin
END
COPY <<'END' /rootfs/etc/group
root:x:0:
nobody:x:65534:
nonroot:x:65532:
END
FROM scratch
COPY --from=packages /rootfs /
ENV PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt
WORKDIR /
