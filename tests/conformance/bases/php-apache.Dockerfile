# php:*-apache: Debian's PHP in Debian's Apache, with the paths and the foreground script of the official image.
ARG BASE
FROM ${BASE}
RUN apt-get update && apt-get install -y --no-install-recommends apache2 libapache2-mod-php && rm -rf /var/lib/apt/lists/* \
    && rm -rf /var/www/html && mkdir -p /var/www/html && chown www-data:www-data /var/www/html \
    && mkdir -p /usr/local/etc/php && for kind in production development; do \
        cp /usr/lib/php/*/php.ini-$kind /usr/local/etc/php/php.ini-$kind; done \
    && ln -sf /dev/stdout /var/log/apache2/access.log && ln -sf /dev/stderr /var/log/apache2/error.log
COPY --chmod=755 <<'END' /usr/local/bin/apache2-foreground
#!/bin/sh
set -e
. /etc/apache2/envvars
mkdir -p "$APACHE_RUN_DIR" "$APACHE_LOCK_DIR"
rm -f "$APACHE_PID_FILE"
exec apache2 -DFOREGROUND "$@"
END
ENV PHP_INI_DIR=/usr/local/etc/php
WORKDIR /var/www/html
EXPOSE 80
STOPSIGNAL SIGWINCH
CMD ["apache2-foreground"]
