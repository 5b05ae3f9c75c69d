# busybox: Debian's static one, with its applets and the users of the official image.
ARG BASE
FROM ${BASE} AS debian
RUN apt-get update && apt-get install -y --no-install-recommends busybox-static
FROM scratch
COPY --from=debian /bin/busybox /bin/busybox
RUN ["/bin/busybox", "sh", "-c", "for name in $(/bin/busybox --list); do [ -e /bin/$name ] || /bin/busybox ln -s busybox /bin/$name; done"]
RUN mkdir -p /bin /etc /home /root /tmp /usr/sbin /var/spool/mail /var/www && chmod 1777 /tmp && chmod 700 /root
COPY <<'END' /etc/passwd
root:x:0:0:root:/root:/bin/sh
daemon:x:1:1:daemon:/usr/sbin:/bin/false
www-data:x:33:33:www-data:/var/www:/bin/false
nobody:x:65534:65534:nobody:/home:/bin/false
END
COPY <<'END' /etc/group
root:x:0:
daemon:x:1:
www-data:x:33:
nobody:x:65534:
END
CMD ["sh"]
